//! How many workers a pool has, and what happens when they cannot start.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ringpool::{BuildError, Pool};
use ringpool_tests::{Gate, Plan, Refused, StartFailed, Tally, TestSpawner, Tracker, watchdog};

use super::assert_is_a_sentence;

// S1
#[test]
fn default_size_is_the_cpus_the_process_may_use() {
    let _watch = watchdog();
    let pool = Pool::new().unwrap();
    assert_eq!(
        pool.worker_count(),
        thread::available_parallelism().unwrap().get()
    );
    assert_eq!(pool.broadcast(|_| ()).unwrap().len(), pool.worker_count());
}

// S1
#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn default_size_follows_the_affinity_of_the_building_thread() {
    const WORDS: usize = 128;
    unsafe extern "C" {
        fn sched_getaffinity(pid: i32, bytes: usize, mask: *mut u64) -> i32;
        fn sched_setaffinity(pid: i32, bytes: usize, mask: *const u64) -> i32;
    }
    let _watch = watchdog();
    let here = thread::spawn(|| {
        let mut mask = [0_u64; WORDS];
        // SAFETY: the mask is as long as we say; pid 0 is the calling thread.
        assert!(unsafe { sched_getaffinity(0, size_of_val(&mask), mask.as_mut_ptr()) } >= 0);
        let word = mask
            .iter()
            .position(|word| *word != 0)
            .expect("the thread may run somewhere");
        let lowest = mask[word] & mask[word].wrapping_neg();
        mask = [0; WORDS];
        mask[word] = lowest;
        // SAFETY: the mask is as long as we say; it names a CPU that the thread may use.
        let set = unsafe { sched_setaffinity(0, size_of_val(&mask), mask.as_ptr()) };
        assert_eq!(set, 0);
        Pool::new().unwrap().worker_count()
    });
    assert_eq!(here.join().unwrap(), 1);
    assert_eq!(
        Pool::new().unwrap().worker_count(),
        thread::available_parallelism().unwrap().get()
    );
}

// S2
#[test]
fn zero_workers_are_an_error() {
    let _watch = watchdog();
    let error = Pool::builder().workers(0).build().err().unwrap();
    assert!(matches!(error, BuildError::ZeroWorkers), "{error:?}");
    assert!(error.to_string().contains('0'));
    assert_is_a_sentence(&error);
}

// S2
#[test]
fn a_capacity_of_zero_is_an_error() {
    let _watch = watchdog();
    let error = Pool::builder()
        .workers(1)
        .capacity(0)
        .build()
        .err()
        .unwrap();
    assert!(matches!(error, BuildError::ZeroCapacity), "{error:?}");
    assert!(error.to_string().contains('0'));
    assert_is_a_sentence(&error);
}

// S2
#[test]
fn a_capacity_without_memory_is_an_error() {
    let _watch = watchdog();
    let error = Pool::builder()
        .workers(1)
        .capacity(usize::MAX)
        .build()
        .err()
        .unwrap();
    assert!(
        matches!(
            error,
            BuildError::CapacityTooLarge {
                capacity: usize::MAX
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains(&usize::MAX.to_string()));
    assert_is_a_sentence(&error);
}

// S2
#[test]
fn more_workers_than_memory_can_hold_are_an_error() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::RefuseStart(0));
    let error = Pool::builder()
        .spawner(spawner)
        .workers(usize::MAX)
        .build()
        .err()
        .unwrap();
    assert!(
        matches!(
            error,
            BuildError::TooManyWorkers {
                workers: usize::MAX
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains(&usize::MAX.to_string()));
    assert_is_a_sentence(&error);
}

// S3
#[test]
fn build_waits_for_every_initializer() {
    let _watch = watchdog();
    let gate = Gate::new();
    let built = Arc::new(AtomicBool::new(false));
    let opener = {
        let (gate, built) = (gate.clone(), Arc::clone(&built));
        thread::spawn(move || {
            gate.wait_for_arrivals(4);
            assert!(
                !built.load(Ordering::SeqCst),
                "build returned before the initializers did"
            );
            gate.open();
        })
    };
    let done = Tally::new();
    let pool = {
        let done = done.clone();
        Pool::builder().workers(4).initializer(move |_| {
            gate.pass();
            done.add();
        })
    };
    let pool = pool.build().unwrap();
    built.store(true, Ordering::SeqCst);
    assert_eq!(done.get(), 4);
    assert_eq!(pool.worker_count(), 4);
    opener.join().unwrap();
}

// S4
#[test]
fn a_refused_start_shuts_the_others_down_and_tells_why() {
    let _watch = watchdog();
    for refused in 0..4 {
        let spawner = TestSpawner::new(Plan::RefuseStart(refused));
        let ledger = spawner.ledger();
        let tracker = Tracker::new();
        let (begun, left) = (Tally::new(), Tally::new());
        let error = {
            let (begun, left) = (begun.clone(), left.clone());
            let builder = Pool::builder().spawner(spawner).workers(4);
            let builder = builder.initializer(move |_| {
                begun.add();
                tracker.make()
            });
            builder
                .exit_hook(move |_, _| {
                    left.add();
                })
                .build()
                .err()
                .unwrap()
        };
        let BuildError::Spawn { worker, source } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*worker, refused);
        let source = source
            .downcast_ref::<StartFailed>()
            .expect("the platform's own error");
        assert!(matches!(source, StartFailed::Refused(Refused(number)) if *number == refused));
        assert!(error.source().is_some());
        assert_is_a_sentence(&error);

        assert_eq!(
            ledger.started(),
            ledger.reclaimed(),
            "every thread was joined"
        );
        assert_eq!(begun.get(), left.get(), "every worker that began has left");
        assert_eq!(tracker.alive(), 0, "every state is dropped");
        tracker.assert_none_dropped_twice();
    }
}

// S4
#[test]
fn a_lost_start_is_an_error_and_nothing_waits_for_it() {
    let _watch = watchdog();
    for lost in 0..3 {
        let spawner = TestSpawner::new(Plan::LoseStart(lost));
        let ledger = spawner.ledger();
        let error = Pool::builder()
            .spawner(spawner)
            .workers(3)
            .build()
            .err()
            .unwrap();
        assert_is_a_sentence(&error);
        assert_eq!(ledger.started(), ledger.reclaimed());
    }
}

// S7
#[test]
fn zero_jobs_per_worker_are_an_error() {
    let _watch = watchdog();
    let error = Pool::builder()
        .workers(1)
        .max_jobs_per_worker(0)
        .build()
        .err()
        .unwrap();
    assert!(matches!(error, BuildError::ZeroJobsPerWorker), "{error:?}");
    assert!(error.to_string().contains('0'));
    assert_is_a_sentence(&error);
}

// S8
#[test]
fn the_spawner_starts_every_worker_and_gets_every_one_back() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let pool = Pool::builder().spawner(spawner).workers(3).build().unwrap();
    assert_eq!((ledger.started(), ledger.reclaimed()), (3, 0));
    let mut placements: Vec<_> = ledger
        .placements()
        .into_iter()
        .map(|at| (at.index, at.workers, at.generation))
        .collect();
    placements.sort_unstable();
    assert_eq!(placements, [(0, 3, 0), (1, 3, 0), (2, 3, 0)]);
    drop(pool);
    assert_eq!(ledger.reclaimed(), 3);
}

// S8, S1
#[test]
fn the_spawner_decides_the_default_size() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .spawner(TestSpawner::new(Plan::Obey).default_of(5))
        .build()
        .unwrap();
    assert_eq!(pool.worker_count(), 5);
}

//! Making a pool.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ringpool::{BuildError, JobError, Pool};
use ringpool_tests::{
    Gate, Log, Plan, Refused, StartFailed, Tally, TestSpawner, Tracker, boom, hold, hold_at, pool,
    watchdog,
};

/// What a text of ours must look like: one lower-case sentence without a full stop.
fn assert_is_a_sentence(error: &dyn Error) {
    let text = error.to_string();
    assert!(text.starts_with(char::is_lowercase), "{text:?}");
    assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
}

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

// S51
#[test]
fn a_participating_caller_replaces_one_thread() {
    let _watch = watchdog();
    for (workers, threads) in [(1, 1), (2, 1), (4, 3)] {
        let spawner = TestSpawner::new(Plan::Obey);
        let ledger = spawner.ledger();
        let pool = Pool::builder()
            .spawner(spawner)
            .workers(workers)
            .caller_participates()
            .build()
            .unwrap();
        assert_eq!(ledger.started(), threads, "of {workers} workers");
        assert_eq!(
            pool.map(0..100, |x| x + 1).unwrap(),
            (1..101).collect::<Vec<_>>()
        );
    }
}

// S51, S9
#[test]
fn a_participating_caller_runs_its_own_unstarted_work() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(3)
        .caller_participates()
        .build()
        .unwrap();
    let gate = hold(&pool, 2);
    let me = thread::current().id();

    assert_eq!(pool.apply(|| thread::current().id()).unwrap(), me);
    assert_eq!(
        pool.map(0..10, |_| thread::current().id()).unwrap(),
        [me; 10]
    );
    let mut places = [None; 10];
    pool.for_each(&mut places, |place| *place = Some(thread::current().id()))
        .unwrap();
    assert_eq!(places, [Some(me); 10]);
    assert_eq!(pool.reduce(0..10, 0, |x| x, |a, b| a + b).unwrap(), 45);
    let mut by = None;
    pool.scope(|s| {
        s.apply_async(|| by = Some(thread::current().id()));
    })
    .unwrap();
    assert_eq!(by, Some(me));
    gate.open();
}

// S51
#[test]
fn a_participating_caller_is_worker_zero_and_holds_its_state() {
    let _watch = watchdog();
    let exits = Log::new();
    let builder = Pool::builder()
        .workers(3)
        .initializer(|info| info.index() * 10);
    let hook = exits.clone();
    let builder = builder.exit_hook(move |info, state| hook.push((info.index(), state)));
    let pool = builder.caller_participates().build().unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 2);
    let seen = pool.with_worker().apply(|w| {
        *w.state += 1;
        (w.index(), *w.state)
    });
    assert_eq!(seen.unwrap(), (0, 1));
    assert_eq!(
        pool.with_worker().map(0..3, |w, _| *w.state).unwrap(),
        [1; 3]
    );
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(exits.take_sorted(), [(0, 1), (1, 10), (2, 20)]);
}

// S51
#[test]
fn a_second_caller_does_not_participate() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let at_worker = hold(&pool, 1);
    let (first_runs, second_ran) = (Tally::new(), Gate::new());
    thread::scope(|s| {
        let first = s.spawn(|| {
            pool.apply(|| {
                first_runs.add();
                second_ran.pass();
                thread::current().id()
            })
        });
        first_runs.wait_for(1);
        let second = s.spawn(|| {
            (
                thread::current().id(),
                pool.apply(|| thread::current().id()).unwrap(),
            )
        });
        at_worker.open();
        let (caller, by) = second.join().unwrap();
        assert_ne!(by, caller, "only one caller at a time is worker 0");
        second_ran.open();
        let first_id = first.thread().id();
        assert_eq!(first.join().unwrap().unwrap(), first_id);
        assert_ne!(by, first_id);
    });
}

// S51
#[test]
fn without_participation_no_caller_runs_jobs() {
    let _watch = watchdog();
    let pool = pool(1);
    let worker = pool.apply(|| thread::current().id()).unwrap();
    assert_ne!(worker, thread::current().id());
    let gate = hold(&pool, 1);
    thread::scope(|s| {
        let apply = s.spawn(|| vec![pool.apply(|| thread::current().id()).unwrap()]);
        let map = s.spawn(|| pool.map(0..10, |_| thread::current().id()).unwrap());
        let scope = s.spawn(|| {
            let by = Mutex::new(Vec::new());
            pool.scope(|s| {
                s.apply_async(|| by.lock().unwrap().push(thread::current().id()));
            })
            .unwrap();
            by.into_inner().unwrap()
        });
        let later = s.spawn(|| {
            gate.open();
            Vec::new()
        });
        for thread in [apply, map, scope, later] {
            assert!(thread.join().unwrap().iter().all(|by| *by == worker));
        }
    });
}

// S5
#[test]
fn an_initializer_runs_once_in_every_worker_and_makes_its_state() {
    let _watch = watchdog();
    let infos = Log::new();
    let log = infos.clone();
    let builder = Pool::builder()
        .workers(3)
        .name("cook")
        .initializer(move |info| {
            log.push((
                info.index(),
                info.name().to_owned(),
                info.workers(),
                info.generation(),
            ));
            (info.index(), thread::current().id())
        });
    let pool = builder.build().unwrap();
    let expected: Vec<_> = (0..3)
        .map(|index| (index, "cook".to_owned(), 3, 0))
        .collect();
    assert_eq!(infos.take_sorted(), expected);

    let seen = pool
        .broadcast(|w| (w.index(), *w.state, thread::current().id()))
        .unwrap();
    for (index, (of_worker, (of_state, made_on), runs_on)) in seen.into_iter().enumerate() {
        assert_eq!((of_worker, of_state), (index, index));
        assert_eq!(
            made_on, runs_on,
            "the state was made on the worker's own thread"
        );
    }
    assert!(infos.is_empty(), "an initializer ran again");
}

// S5
#[test]
fn worker_state_is_mutable_and_needs_neither_send_nor_sync() {
    let _watch = watchdog();
    let left = Log::new();
    let log = left.clone();
    let builder = Pool::builder()
        .workers(2)
        .initializer(|_| Rc::new(Cell::new(0_usize)));
    let pool = builder
        .exit_hook(move |_, state| log.push(state.get()))
        .build()
        .unwrap();
    let shared: &Pool<Rc<Cell<usize>>> = &pool;
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                shared.with_worker().for_each(0..100, |w, _| {
                    let state = Rc::clone(w.state);
                    state.set(state.get() + 1);
                })
            });
        }
    });
    pool.close();
    pool.join().unwrap();
    let counts = left.take();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (2, 200));
}

// S5
#[test]
fn every_stateful_verb_reaches_the_state() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_usize)
        .build()
        .unwrap();
    pool.with_worker().apply(|w| *w.state += 1).unwrap();
    pool.with_worker()
        .apply_async(|w| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    pool.with_worker()
        .try_apply_async(|w| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    pool.with_worker().map(0..2, |w, _| *w.state += 1).unwrap();
    pool.with_worker()
        .starmap([(1, 2)], |w, _, _| *w.state += 1)
        .unwrap();
    pool.with_worker()
        .for_each(0..2, |w, _| *w.state += 1)
        .unwrap();
    pool.with_worker()
        .map_async(0..2, |w, _| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    pool.with_worker()
        .starmap_async([(1, 2)], |w, _, _| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    assert_eq!(
        pool.with_worker()
            .imap(0..2, |w, _| *w.state += 1)
            .map(Result::unwrap)
            .count(),
        2
    );
    assert_eq!(
        pool.with_worker()
            .imap_unordered(0..2, |w, _| *w.state += 1)
            .map(Result::unwrap)
            .count(),
        2
    );
    pool.broadcast(|w| *w.state += 1).unwrap();
    assert_eq!(pool.broadcast(|w| *w.state).unwrap(), [16]);
}

// S5
#[test]
fn an_exit_hook_mirrors_the_initializer() {
    let _watch = watchdog();
    let exits = Log::new();
    let log = exits.clone();
    let builder = Pool::builder()
        .workers(3)
        .initializer(|info| (info.index(), thread::current().id()));
    let builder = builder.exit_hook(move |info, (index, made_on)| {
        assert_eq!(made_on, thread::current().id());
        log.push((info.index(), index));
    });
    let pool = builder.build().unwrap();
    assert!(exits.is_empty());
    pool.close();
    pool.join().unwrap();
    assert_eq!(exits.take_sorted(), [(0, 0), (1, 1), (2, 2)]);
}

// S5
#[test]
fn state_without_an_exit_hook_is_dropped_on_its_worker() {
    let _watch = watchdog();
    let tracker = Tracker::new();
    let pool = Pool::builder()
        .workers(3)
        .initializer(move |_| tracker.make())
        .build()
        .unwrap();
    let threads = pool
        .broadcast(|w| (w.state.id(), thread::current().id()))
        .unwrap();
    assert_eq!(tracker.alive(), 3);
    drop(pool);
    tracker.assert_all_dropped_once();
    for (id, thread) in threads {
        assert_eq!(tracker.dropped_on(id), Some(thread));
    }
}

// S6
#[test]
fn a_panicking_initializer_fails_the_build() {
    let _watch = watchdog();
    for bad in 0..3 {
        let spawner = TestSpawner::new(Plan::Obey);
        let ledger = spawner.ledger();
        let tracker = Tracker::new();
        let exits = Tally::new();
        let hook = exits.clone();
        let builder = Pool::builder()
            .spawner(spawner)
            .workers(3)
            .initializer(move |info| {
                if info.index() == bad {
                    boom("no licence");
                }
                tracker.make()
            });
        let error = builder
            .exit_hook(move |_, _| {
                hook.add();
            })
            .build()
            .err()
            .unwrap();
        let BuildError::Initializer { worker, panic } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*worker, panic.message()), (bad, Some("no licence")));
        assert_is_a_sentence(&error);
        assert_eq!(ledger.started(), ledger.reclaimed());
        assert_eq!((tracker.alive(), exits.get()), (0, tracker.made()));
        tracker.assert_none_dropped_twice();
    }
}

// S6
#[test]
fn a_failing_initializer_fails_the_build_with_its_own_error() {
    let _watch = watchdog();
    let builder = Pool::builder().workers(3);
    let error = builder.try_initializer(|info| {
        if info.index() == 1 {
            Err(Refused(7))
        } else {
            Ok(())
        }
    });
    let error = error.build().err().unwrap();
    let BuildError::InitializerFailed { worker, source } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*worker, source.downcast_ref()), (1, Some(&Refused(7))));
    assert_is_a_sentence(&error);
}

// S5
#[test]
fn a_fallible_initializer_makes_state_too() {
    let _watch = watchdog();
    let builder = Pool::builder().workers(2);
    let pool = builder
        .try_initializer(|info| Ok::<_, Refused>(info.index() + 5))
        .build()
        .unwrap();
    assert_eq!(pool.broadcast(|w| *w.state).unwrap(), [5, 6]);
}

/// A pool of one worker, whose replacement cannot be initialised; with the gate at which its worker
/// stands.
fn about_to_break(plan: Plan) -> (Pool, Gate) {
    let begun = AtomicUsize::new(0);
    let builder = Pool::builder()
        .spawner(TestSpawner::new(plan))
        .workers(1)
        .max_jobs_per_worker(1);
    let builder = builder.initializer(move |_| {
        if begun.fetch_add(1, Ordering::SeqCst) > 0 {
            boom("the replacement is broken");
        }
    });
    let pool = builder.build().unwrap();
    let gate = hold(&pool, 1);
    (pool, gate)
}

// S6, S12, S14
#[test]
fn a_replacement_that_cannot_begin_breaks_the_pool() {
    let _watch = watchdog();
    for plan in [Plan::Obey, Plan::NoRespawn] {
        let (pool, gate) = about_to_break(plan);
        let tracker = Tracker::new();
        let queued: Vec<_> = tracker
            .make_vec(5)
            .into_iter()
            .map(|t| pool.apply_async(move || drop(t)).unwrap())
            .collect();
        let batch = pool.map_async(0..100, |x| x).unwrap();
        thread::scope(|s| {
            let blocked = s.spawn(|| pool.apply(|| 1));
            let mapped = s.spawn(|| pool.map(0..100, |x| x));
            gate.open();
            for result in queued {
                assert!(matches!(result.get(), Err(JobError::Broken)), "{plan:?}");
            }
            assert!(matches!(batch.get(), Err(JobError::Broken)), "{plan:?}");
            assert!(
                matches!(blocked.join().unwrap(), Err(JobError::Broken)),
                "{plan:?}"
            );
            assert!(
                matches!(mapped.join().unwrap(), Err(JobError::Broken)),
                "{plan:?}"
            );
        });
        tracker.assert_all_dropped_once();

        assert!(matches!(pool.apply(|| 1), Err(JobError::Broken)));
        let refused = pool.apply_async(|| 2).err().unwrap();
        assert!(matches!(refused.reason(), JobError::Broken));
        assert_eq!(refused.into_inner()(), 2);
        assert!(matches!(pool.map(0..3, |x| x), Err(JobError::Broken)));
        assert!(matches!(pool.broadcast(|_| ()), Err(JobError::Broken)));
        assert!(matches!(
            pool.imap(0..3, |x| x).next(),
            Some(Err(JobError::Broken))
        ));
        pool.close();
        assert!(
            matches!(pool.apply(|| 1), Err(JobError::Broken)),
            "the first reason stays"
        );
        pool.join().unwrap();
    }
}

// S6
#[test]
fn a_broken_pool_can_be_joined_without_being_closed() {
    let _watch = watchdog();
    let (pool, gate) = about_to_break(Plan::Obey);
    let queued = pool.apply_async(|| ()).unwrap();
    gate.open();
    assert!(matches!(queued.get(), Err(JobError::Broken)));
    pool.join().unwrap();
}

// S6
#[test]
fn a_lazy_iterator_over_a_pool_that_breaks_ends() {
    let _watch = watchdog();
    let (pool, gate) = about_to_break(Plan::Obey);
    let mut items = pool.with().chunk_size(1).imap(0.., |x: u64| x);
    gate.open();
    let first = items.next().unwrap();
    assert!(matches!(first, Err(JobError::Broken)), "{first:?}");
    assert!(items.all(|item| matches!(item, Err(JobError::Broken))));
}

/// A pool of one worker with a limit of three jobs, whose state is what `WorkerInfo` says, and the
/// events of its workers' lives.
fn mortal(
    plan: Plan,
) -> (
    Pool<(usize, thread::ThreadId)>,
    Log<(&'static str, usize)>,
    ringpool_tests::Ledger,
) {
    let spawner = TestSpawner::new(plan);
    let ledger = spawner.ledger();
    let log = Log::new();
    let (at_begin, at_end) = (log.clone(), log.clone());
    let builder = Pool::builder()
        .spawner(spawner)
        .workers(1)
        .max_jobs_per_worker(3);
    let builder = builder.initializer(move |info| {
        at_begin.push(("begin", info.generation()));
        (info.generation(), thread::current().id())
    });
    let builder = builder.exit_hook(move |_, (generation, _)| at_end.push(("end", generation)));
    (builder.build().unwrap(), log, ledger)
}

// S7, S5
#[test]
fn a_worker_is_replaced_after_its_jobs() {
    let _watch = watchdog();
    let (pool, log, ledger) = mortal(Plan::Obey);
    let seen: Vec<_> = (0..10)
        .map(|_| pool.with_worker().apply(|w| *w.state).unwrap())
        .collect();
    let generations: Vec<_> = seen.iter().map(|(generation, _)| *generation).collect();
    assert_eq!(generations, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
    for (i, (_, thread)) in seen.iter().enumerate() {
        assert_eq!(
            *thread == seen[0].1,
            i < 3,
            "each generation has a thread of its own"
        );
    }
    pool.close();
    pool.join().unwrap();
    assert_eq!(ledger.started(), ledger.reclaimed());
    let placements = ledger.placements();
    assert!(
        placements
            .iter()
            .enumerate()
            .all(|(i, at)| (at.index, at.workers, at.generation) == (0, 1, i))
    );
    let mut events = log.take();
    assert_eq!(
        events.iter().filter(|(what, _)| *what == "begin").count(),
        ledger.started()
    );
    events.sort_by_key(|(what, generation)| (*generation, *what == "end"));
    let expected =
        (0..ledger.started()).flat_map(|generation| [("begin", generation), ("end", generation)]);
    assert_eq!(
        events,
        expected.collect::<Vec<_>>(),
        "each state is given to the exit hook once"
    );
}

// S7
#[test]
fn a_worker_whose_replacement_is_refused_stays() {
    let _watch = watchdog();
    for plan in [Plan::RefuseReplacements, Plan::PanicOnReplacement] {
        let (pool, log, ledger) = mortal(plan);
        let first = pool.apply(|| thread::current().id()).unwrap();
        let threads: Vec<_> = (0..20)
            .map(|_| pool.apply(|| thread::current().id()).unwrap())
            .collect();
        assert!(threads.iter().all(|thread| *thread == first), "{plan:?}");
        assert!(ledger.asked() > 1, "a replacement was asked for");
        pool.close();
        pool.join().unwrap();
        assert_eq!((ledger.started(), ledger.reclaimed()), (1, 1));
        let events = log.take();
        assert_eq!(
            events.iter().filter(|(what, _)| *what == "end").count() * 2,
            events.len()
        );
    }
}

// S7
#[test]
fn a_worker_that_cannot_be_replaced_recycles_in_place() {
    let _watch = watchdog();
    let (pool, log, ledger) = mortal(Plan::NoRespawn);
    let seen: Vec<_> = (0..7)
        .map(|_| pool.with_worker().apply(|w| *w.state).unwrap())
        .collect();
    let thread = seen[0].1;
    let expected: Vec<_> = [0, 0, 0, 1, 1, 1, 2]
        .map(|generation| (generation, thread))
        .into();
    assert_eq!(seen, expected);
    pool.close();
    pool.join().unwrap();
    let expected: Vec<_> = (0..3)
        .flat_map(|generation| [("begin", generation), ("end", generation)])
        .collect();
    assert_eq!(log.take(), expected);
    assert_eq!((ledger.asked(), ledger.reclaimed()), (1, 1));
}

// S7
#[test]
fn a_chunk_counts_as_one_job() {
    let _watch = watchdog();
    let builder = Pool::builder()
        .workers(1)
        .max_jobs_per_worker(2)
        .initializer(|info| info.generation());
    let pool = builder.build().unwrap();
    let generations = pool
        .with_worker()
        .chunk_size(5)
        .map(0..20, |w, _| *w.state)
        .unwrap();
    let expected: Vec<_> = (0..20).map(|i| i / 10).collect();
    assert_eq!(generations, expected);
}

// S7
#[test]
fn no_worker_runs_more_than_its_jobs_and_none_is_lost() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let builder = Pool::builder()
        .spawner(spawner)
        .workers(3)
        .max_jobs_per_worker(2);
    let pool = builder
        .initializer(|info| (info.index(), info.generation(), 0_usize))
        .build()
        .unwrap();
    let served = pool.with_worker().chunk_size(1).map(0..200, |w, _| {
        w.state.2 += 1;
        *w.state
    });
    let served = served.unwrap();
    assert_eq!(served.len(), 200);
    assert!(served.iter().all(|(_, _, nth)| *nth <= 2), "{served:?}");
    let mut workers: Vec<_> = served
        .iter()
        .map(|(index, generation, _)| (*index, *generation))
        .collect();
    workers.sort_unstable();
    workers.dedup();
    assert!(workers.len() >= 100);
    let queued: Vec<_> = (0..50)
        .map(|i| pool.apply_async(move || i).unwrap())
        .collect();
    let values: Vec<_> = queued
        .into_iter()
        .map(|result| result.get().unwrap())
        .collect();
    assert_eq!(values, (0..50).collect::<Vec<_>>());
    pool.close();
    pool.join().unwrap();
    assert_eq!(ledger.started(), ledger.reclaimed());
}

// S7, S44
#[test]
fn workers_of_one_job_finish_a_closed_queue() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(3)
        .max_jobs_per_worker(1)
        .build()
        .unwrap();
    let gate = hold(&pool, 3);
    let queued: Vec<_> = (0..20)
        .map(|i| pool.apply_async(move || i * i).unwrap())
        .collect();
    let batch = pool
        .with()
        .chunk_size(1)
        .map_async(0..20, |i| i + 1)
        .unwrap();
    pool.close();
    gate.open();
    pool.join().unwrap();
    for (i, result) in queued.into_iter().enumerate() {
        assert!(result.ready());
        assert_eq!(result.get().unwrap(), i * i);
    }
    assert_eq!(batch.get().unwrap(), (1..21).collect::<Vec<_>>());
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

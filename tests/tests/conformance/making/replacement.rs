//! Workers that are replaced after their jobs, and replacements that fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, Log, Plan, TestSpawner, Tracker, boom, hold, watchdog};

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

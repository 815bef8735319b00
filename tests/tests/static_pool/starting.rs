//! Workers that a spawner starts.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::platform::{Placement, SharedSpawner, Spawner};
use ringpool::{JobError, JoinError, SeatError, StartError, StaticPool, Std, Threads};
use ringpool_tests::{Plan, TestSpawner, boom, watchdog};

// S3, S8, S46
#[test]
fn started_workers_have_their_states_work_and_are_reclaimed() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static POOL: StaticPool<3, 8, 64, Std, usize> = StaticPool::new().initializer(|worker| {
        // Late, so that a start which does not wait is noticed.
        std::thread::yield_now();
        MADE.fetch_add(1, Ordering::Relaxed);
        worker.index() + 10
    });
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let running = POOL.start(spawner).unwrap();
    assert_eq!(MADE.load(Ordering::Relaxed), 3);
    let placed: Vec<_> = ledger.placements();
    let place = |at: &Placement| (at.index, at.workers, at.generation);
    let expected = [(0, 3, 0), (1, 3, 0), (2, 3, 0)];
    assert!(placed.iter().map(place).eq(expected));
    assert_eq!(
        POOL.broadcast(|worker| *worker.state).unwrap(),
        [10, 11, 12]
    );
    assert_eq!(POOL.seat(1).unwrap_err(), SeatError::Taken { index: 1 });

    let (error, running) = running.join().map(drop).unwrap_err();
    assert_eq!((error, ledger.reclaimed()), (JoinError::StillRunning, 0));
    let queued = POOL.apply_async(|| 7).unwrap();
    POOL.close();
    drop(running.join().map_err(|(error, _)| error).unwrap());
    assert_eq!((ledger.started(), ledger.reclaimed()), (3, 3));
    assert_eq!(queued.get().unwrap(), 7);
}

// S4: whoever was started has left, and nobody waits for those who were not.
#[test]
fn a_worker_that_cannot_be_started_ends_the_pool() {
    let _watch = watchdog();
    for refused in 0..3 {
        let pool: &'static StaticPool<3, 8, 64, Std> = ringpool_tests::leak(StaticPool::default());
        let queued = pool.apply_async(|| ()).unwrap();
        let spawner = TestSpawner::new(Plan::RefuseStart(refused));
        let ledger = spawner.ledger();
        match pool.start(spawner).map(drop).unwrap_err() {
            error @ StartError::Spawn { worker, .. } => {
                assert_eq!(worker, refused);
                let source = error.source().expect("the spawner's error").to_string();
                assert_eq!(source, format!("start {refused} was refused by the test"));
                let text = format!(
                    "worker {refused} could not be started; remove the cause and start another pool: {source}"
                );
                assert_eq!(error.to_string(), text);
            }
            error => panic!("{error:?}"),
        }
        assert_eq!((ledger.started(), ledger.reclaimed()), (refused, refused));
        match queued.get() {
            Ok(()) => assert!(refused > 0, "nobody was there to run it"),
            Err(error) => assert!(matches!(error, JobError::Terminated)),
        }
        pool.join().unwrap();
        drop(pool.seat(2).unwrap());
    }
}

// S4
#[test]
fn a_start_token_that_is_dropped_is_noticed() {
    let _watch = watchdog();
    for lost in 0..2 {
        let pool: &'static StaticPool<2, 8, 64, Std> = ringpool_tests::leak(StaticPool::default());
        let spawner = TestSpawner::new(Plan::LoseStart(lost));
        let ledger = spawner.ledger();
        let error = pool.start(spawner).map(drop).unwrap_err();
        assert!(matches!(error, StartError::Lost { worker } if worker == lost));
        assert_eq!(ledger.started(), ledger.reclaimed());
        pool.join().unwrap();
    }
}

/// Drops every token on another thread, after it was told that all is well.
struct Forgetful;

impl Spawner for Forgetful {
    type Handle = std::thread::JoinHandle<()>;
    type Error = std::convert::Infallible;

    fn default_workers(&self) -> usize {
        1
    }

    fn spawn(
        &mut self,
        start: ringpool::platform::WorkerStart,
        _: Placement,
    ) -> Result<Self::Handle, Self::Error> {
        Ok(std::thread::spawn(move || {
            std::thread::yield_now();
            drop(start);
        }))
    }

    fn reclaim(&mut self, handle: Self::Handle) {
        handle.join().unwrap();
    }
}

// S4
#[test]
fn a_start_token_that_is_dropped_late_is_noticed() {
    let _watch = watchdog();
    let pool: &'static StaticPool<2, 8, 64, Std> = ringpool_tests::leak(StaticPool::default());
    let error = pool.start(Forgetful).map(drop).unwrap_err();
    assert!(matches!(error, StartError::Lost { .. }));
    pool.join().unwrap();
}

// S6
#[test]
fn a_stranger_in_a_seat_does_not_keep_a_failed_start() {
    static POOL: StaticPool<1, 8, 64, Std> = StaticPool::new().initializer(|_| boom("state"));

    /// Waits for its worker to leave, and takes the seat before `start` can look.
    struct Stranger;

    impl Spawner for Stranger {
        type Handle = ();
        type Error = std::convert::Infallible;

        fn default_workers(&self) -> usize {
            1
        }

        fn spawn(
            &mut self,
            start: ringpool::platform::WorkerStart,
            _: Placement,
        ) -> Result<(), Self::Error> {
            std::thread::spawn(move || start.run()).join().unwrap();
            // It is kept for ever.
            ringpool_tests::forget(POOL.seat_with(0, ()).unwrap());
            Ok(())
        }

        fn reclaim(&mut self, (): ()) {}
    }

    let _watch = watchdog();
    let error = POOL.start(Stranger).map(drop).unwrap_err();
    assert!(matches!(error, StartError::Lost { worker: 0 }));
}

// S6
#[test]
fn an_initializer_that_panics_ends_the_start() {
    static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new().initializer(|worker| {
        if worker.index() == 1 {
            boom("state")
        }
    });
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let error = POOL.start(spawner).map(drop).unwrap_err();
    assert!(matches!(error, StartError::Lost { worker: 1 }));
    assert_eq!(
        error.to_string(),
        "worker 1 did not come to life: its initializer panicked, or its start token was dropped; \
         mend that and start another pool"
    );
    assert_eq!(ledger.reclaimed(), 2);
    POOL.join().unwrap();
}

// S3: the pool is closed, so workers leave before the start that has brought them ends.
#[test]
fn two_starts_at_once_do_not_mix() {
    let _watch = watchdog();
    for _ in 0..if cfg!(miri) { 3 } else { 200 } {
        let pool: &'static StaticPool<2, 1, 64, Std> = ringpool_tests::leak(StaticPool::default());
        pool.close();
        let started = std::thread::scope(|scope| {
            let start = || match pool.start(Threads::new()) {
                Ok(running) => running.join().is_ok(),
                Err(error) => {
                    assert!(matches!(error, StartError::Seat(_)), "{error:?}");
                    false
                }
            };
            let starts = [scope.spawn(start), scope.spawn(start)];
            starts.map(|start| start.join().unwrap())
        });
        assert!(started.contains(&true));
    }
}

// S3, S8, S46
#[test]
fn several_pools_may_share_a_spawner() {
    static SPAWNER: SharedSpawner<Threads> = SharedSpawner::new(Threads::new());
    static POOLS: [StaticPool<2, 8, 64, Std>; 3] = [const { StaticPool::new() }; 3];
    let _watch = watchdog();
    std::thread::scope(|scope| {
        for (number, pool) in POOLS.iter().enumerate() {
            scope.spawn(move || {
                let running = pool.start(&SPAWNER).unwrap();
                assert_eq!(pool.apply(|| number).unwrap(), number);
                pool.close();
                assert!(running.join().is_ok());
            });
        }
    });
    let spawner = SharedSpawner::new(TestSpawner::new(Plan::RefuseStart(1)));
    {
        let mut shared = &spawner;
        assert_eq!(shared.default_workers(), 2);
        assert!(shared.can_respawn());
        shared.reclaim(None);
    }
    let ledger = spawner.into_inner().ledger();
    assert_eq!((ledger.asked(), ledger.reclaimed()), (0, 0));
}

// S5
#[test]
fn a_pool_with_a_worker_is_not_started() {
    static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(1).unwrap();
    let error = POOL.start(TestSpawner::new(Plan::Obey)).map(drop);
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "seat 1 is taken; whoever has it must leave it first"
    );
    // Nothing has changed.
    let job = POOL.apply_async(|| 1).unwrap();
    assert!(seat.run_one());
    assert_eq!(job.get().unwrap(), 1);
    drop(seat);
    // The next in the seat is another generation.
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let running = POOL.start(spawner).unwrap();
    let generations: Vec<_> = ledger.placements().iter().map(|at| at.generation).collect();
    assert_eq!(generations, [0, 1]);
    POOL.close();
    assert!(running.join().is_ok());
}

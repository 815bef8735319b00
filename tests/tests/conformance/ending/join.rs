//! Joining.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringpool::{JoinError, Pool};
use ringpool_tests::{Gate, Plan, Tally, TestSpawner, hold, hold_at, pool, watchdog};

use super::A_MOMENT;

// S46
#[test]
fn join_before_close_is_an_error() {
    let _watch = watchdog();
    let pool = pool(2);
    assert_eq!(pool.join(), Err(JoinError::StillRunning));
    assert_eq!(
        pool.join_timeout(Duration::ZERO),
        Err(JoinError::StillRunning)
    );
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S46
#[test]
fn join_returns_when_every_thread_is_reclaimed() {
    let _watch = watchdog();
    for terminate in [false, true] {
        let spawner = TestSpawner::new(Plan::Obey);
        let ledger = spawner.ledger();
        let left = Tally::new();
        let hook = left.clone();
        let builder = Pool::builder()
            .spawner(spawner)
            .workers(4)
            .initializer(|_| ());
        let pool = builder
            .exit_hook(move |_, ()| {
                hook.add();
            })
            .build()
            .unwrap();
        let gate = Gate::new();
        hold_at(&pool, &gate, 2);
        if terminate {
            pool.terminate();
        } else {
            pool.close();
        }
        thread::scope(|s| {
            let joiners: Vec<_> = (0..4)
                .map(|_| {
                    s.spawn(|| {
                        pool.join().unwrap();
                        (
                            left.get(),
                            ledger.started(),
                            ledger.reclaimed(),
                            gate.is_open(),
                        )
                    })
                })
                .collect();
            gate.open();
            for joiner in joiners {
                assert_eq!(joiner.join().unwrap(), (4, 4, 4, true));
            }
        });
        pool.join().unwrap();
        assert_eq!(ledger.reclaimed(), 4, "each thread is reclaimed once");
    }
}

// S46
#[test]
fn join_from_a_worker_is_an_error() {
    let _watch = watchdog();
    let pool = pool(2);
    let other = self::pool(1);
    pool.close();
    let (own, timed) = {
        let pool = self::pool(2);
        let tried = pool.apply(|| {
            pool.close();
            (pool.join(), pool.join_timeout(Duration::MAX))
        });
        tried.unwrap()
    };
    assert_eq!(
        (own, timed),
        (Err(JoinError::FromWorker), Err(JoinError::FromWorker))
    );
    assert_eq!(
        other.apply(|| pool.join()).unwrap(),
        Ok(()),
        "another pool's worker may join"
    );
}

// S47
#[test]
fn join_timeout_tells_whether_all_left_and_may_be_called_again() {
    let _watch = watchdog();
    let spawner = TestSpawner::new(Plan::Obey);
    let ledger = spawner.ledger();
    let pool = Pool::builder().spawner(spawner).workers(2).build().unwrap();
    let gate = hold(&pool, 1);
    pool.close();
    assert_eq!(pool.join_timeout(Duration::ZERO), Ok(false));
    assert_eq!(pool.join_timeout(A_MOMENT), Ok(false));
    thread::scope(|s| {
        let timed = s.spawn(|| pool.join_timeout(Duration::MAX));
        let untimed = s.spawn(|| pool.join());
        assert_eq!(pool.join_timeout(A_MOMENT), Ok(false));
        gate.open();
        assert_eq!(timed.join().unwrap(), Ok(true));
        assert_eq!(untimed.join().unwrap(), Ok(()));
    });
    assert_eq!(pool.join_timeout(Duration::ZERO), Ok(true));
    assert_eq!(pool.join(), Ok(()));
    assert_eq!((ledger.started(), ledger.reclaimed()), (2, 2));
}

// S46, S48
#[test]
fn pools_come_and_go_without_leaving_threads() {
    let _watch = watchdog();
    let alive = Arc::new(Mutex::new(0));
    for round in 0..100 {
        let (begin, end) = (Arc::clone(&alive), Arc::clone(&alive));
        let builder = Pool::builder()
            .workers(4)
            .initializer(move |_| *begin.lock().unwrap() += 1);
        let pool = builder
            .exit_hook(move |_, ()| *end.lock().unwrap() -= 1)
            .build()
            .unwrap();
        assert_eq!(*alive.lock().unwrap(), 4);
        assert_eq!(pool.map(0..round, |x| x).unwrap().len(), round);
        drop(pool);
        assert_eq!(*alive.lock().unwrap(), 0);
    }
}

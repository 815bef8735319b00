//! Scopes, whose jobs lie in the pool's slots and borrow from the stack.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::{JobError, StaticPool, Std};
use ringpool_tests::{Gate, Tracker, boom, watchdog};

use super::with_workers;

// S42
#[test]
fn a_scope_ends_when_all_its_jobs_have_ended() {
    static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        for _ in 0..if cfg!(miri) { 3 } else { 200 } {
            let mut parts = [0; 5];
            let text = String::from("lent");
            let length = POOL
                .scope(|scope| {
                    for part in &mut parts {
                        drop(scope.apply_async(|| *part += text.len()).unwrap());
                    }
                    let handle = scope.try_apply_async(|| text.len()).unwrap();
                    handle.get().unwrap()
                })
                .unwrap();
            assert_eq!((parts, length), ([4; 5], 4));
        }
        let tracker = Tracker::new();
        let ran = AtomicUsize::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            POOL.scope(|scope| {
                let value = tracker.make();
                let job = || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    value
                };
                drop(scope.apply_async(job).unwrap());
                boom("in the scope")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(ran.into_inner(), 1);
        tracker.assert_all_dropped_once();
    });
}

// S42: the first panic that nobody has seen.
#[test]
fn a_panic_whose_handle_was_dropped_is_the_scopes() {
    static POOL: StaticPool<1, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let result = POOL.scope(|scope| {
            let seen = scope.apply_async(|| boom("seen")).unwrap();
            drop(scope.apply_async(|| boom("first")).unwrap());
            drop(scope.apply_async(|| boom("second")).unwrap());
            assert!(seen.get().map(|(): ()| ()).is_err());
        });
        match result.unwrap_err() {
            JobError::Panicked(panic) => assert_eq!(panic.message(), Some("first")),
            error => panic!("{error:?}"),
        }
        // The slots are vacant again.
        let all = POOL.scope(|scope| (0..8).all(|_| scope.apply_async(|| ()).is_ok()));
        assert!(all.unwrap());
    });
}

// S12, S13
#[test]
fn a_scope_hands_back_what_the_pool_refuses() {
    static POOL: StaticPool<1, 1, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    seat.participate(|| {
        let number = 7;
        POOL.scope(|scope| {
            let queued = scope.apply_async(|| number + 1).unwrap();
            let refused = scope.apply_async(|| number).unwrap_err();
            assert!(refused.is_full());
            assert_eq!(refused.into_inner()(), 7);
            assert_eq!(queued.get().unwrap(), 8);
            POOL.close();
            let refused = scope.apply_async(|| number).unwrap_err();
            assert!(matches!(refused.reason(), JobError::Closed));
        })
        .unwrap();
    });
    drop(seat);
    let refused = POOL.scope(|_| boom("the pool is closed"));
    assert!(matches!(refused, Err(JobError::Closed)));
}

// S41: nobody else is there to run them. More jobs than slots pass through, for a scope lets go of those that ended.
#[test]
fn a_scope_on_a_worker_runs_its_own_jobs() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let sum = AtomicUsize::new(0);
    let add = |number| {
        let sum = &sum;
        move || _ = sum.fetch_add(number, Ordering::Relaxed)
    };
    seat.participate(|| {
        POOL.scope(|scope| {
            for number in 0..100 {
                scope.apply_async(add(number)).unwrap().get().unwrap();
            }
            // These are run when the scope ends.
            for number in 0..4 {
                drop(scope.apply_async(add(number)).unwrap());
            }
        })
        .unwrap();
    });
    assert_eq!(sum.into_inner(), 100 * 99 / 2 + 6);
}

// S42, S45
#[test]
fn a_scope_of_a_terminated_pool_ends() {
    static POOL: StaticPool<1, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let gate = Gate::new();
    std::thread::scope(|threads| {
        threads.spawn(|| POOL.run_worker(0).unwrap());
        let handles = POOL.scope(|scope| {
            let running = scope.apply_async(|| gate.pass()).unwrap();
            gate.wait_for_arrivals(1);
            let queued = scope.apply_async(|| ()).unwrap();
            assert_eq!(POOL.terminate(), 1);
            gate.open();
            [running.get(), queued.get()].map(|result| result.is_ok())
        });
        assert_eq!(handles.unwrap(), [true, false]);
    });
}

//! Submitting to a pool that has ended.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::{JobError, Pool};
use ringpool_tests::{Tracker, pool, watchdog};

/// A pool that was closed, one that was terminated, and one that was both, in either order, with
/// what each must answer.
fn ended_pools() -> Vec<(Pool, fn(&JobError) -> bool)> {
    let closed: fn(&JobError) -> bool = |e| matches!(e, JobError::Closed);
    let terminated: fn(&JobError) -> bool = |e| matches!(e, JobError::Terminated);
    let pools: Vec<Pool> = (0..4).map(|_| pool(2)).collect();
    pools[0].close();
    pools[1].terminate();
    pools[2].close();
    pools[2].terminate();
    pools[3].terminate();
    pools[3].close();
    pools
        .into_iter()
        .zip([closed, terminated, closed, terminated])
        .collect()
}

// S12
#[test]
fn refused_detached_calls_hand_everything_back() {
    let _watch = watchdog();
    for (pool, expected) in ended_pools() {
        let tracker = Tracker::new();
        let (a, b) = (tracker.make(), tracker.make());
        let refused = pool.apply_async(move || a.id()).err().unwrap();
        assert!(expected(refused.reason()) && !refused.is_full());
        assert_eq!(refused.into_inner()(), 0);
        let refused = pool.try_apply_async(move || b.id()).err().unwrap();
        let (reason, f) = refused.into_parts();
        assert!(expected(&reason));
        assert_eq!(f(), 1);

        let refused = pool
            .map_async(tracker.make_vec(3), |t| t.id())
            .err()
            .unwrap();
        assert!(expected(refused.reason()));
        let (items, f) = refused.into_inner();
        assert_eq!(items.into_iter().map(f).collect::<Vec<_>>(), [2, 3, 4]);

        let refused = pool
            .starmap_async([(1, 2)], |a: i32, b: i32| a + b)
            .err()
            .unwrap();
        assert!(expected(refused.reason()));
        let ([(a, b)], f) = refused.into_inner();
        assert_eq!(f(a, b), 3);
        tracker.assert_all_dropped_once();
    }
}

// S12
#[test]
fn refused_blocking_calls_drop_what_was_given_and_leave_what_was_lent() {
    let _watch = watchdog();
    for (pool, expected) in ended_pools() {
        let tracker = Tracker::new();
        let given = tracker.make();
        assert!(expected(&pool.apply(move || given.id()).unwrap_err()));
        assert_eq!(tracker.alive(), 0);

        let mut lent = tracker.make_vec(3);
        assert!(expected(&pool.map(&lent, |t| t.id()).unwrap_err()));
        assert!(expected(
            &pool
                .for_each(&mut lent, |t| *t = tracker.make())
                .unwrap_err()
        ));
        assert_eq!(lent.iter().map(|t| t.id()).collect::<Vec<_>>(), [1, 2, 3]);
        drop(lent);

        assert!(expected(&pool.map(tracker.make_vec(3), |t| t).unwrap_err()));
        assert!(expected(&pool.starmap([(1, 2)], |a, b| a + b).unwrap_err()));
        assert!(expected(
            &pool.try_map([1], |x| Ok::<_, ()>(x)).unwrap_err()
        ));
        let mut out = [7; 3];
        assert!(expected(
            &pool.map_into(0..3, &mut out[..], |x| x).unwrap_err()
        ));
        assert_eq!(out, [7; 3]);
        assert!(expected(
            &pool.reduce(0..3, 0, |x| x, |a, b| a + b).unwrap_err()
        ));
        assert!(expected(&pool.for_each_chunk(0..3, |_| ()).unwrap_err()));
        assert!(expected(&pool.broadcast(|_| ()).unwrap_err()));
        let scope = pool.scope(|_| unreachable!("the body of a refused scope is not called"));
        assert!(expected(&scope.unwrap_err()));
        assert!(expected(
            &pool.imap(0..3, |x| x).next().unwrap().unwrap_err()
        ));
        tracker.assert_all_dropped_once();
        pool.join().unwrap();
    }
}

// S12, S42
#[test]
fn a_scope_whose_pool_closes_resolves_its_jobs_at_once() {
    let _watch = watchdog();
    let pool = pool(1);
    let ran = AtomicUsize::new(0);
    let scope = pool.scope(|s| {
        let accepted = s.apply_async(|| ran.fetch_add(1, Ordering::SeqCst));
        pool.close();
        let refused = s.apply_async(|| ran.fetch_add(1, Ordering::SeqCst));
        assert!(refused.ready());
        assert!(matches!(refused.get(), Err(JobError::Closed)));
        let refused = s
            .try_apply_async(|| ran.fetch_add(10, Ordering::SeqCst))
            .err()
            .unwrap();
        assert!(matches!(refused.reason(), JobError::Closed));
        refused.into_inner()();
        assert!(accepted.get().is_ok());
    });
    scope.unwrap();
    assert_eq!(ran.into_inner(), 11);
}

// S12
#[test]
fn errors_travel_with_the_question_mark() {
    fn tries(pool: &Pool) -> Result<i32, Box<dyn Error + Send + Sync>> {
        let shared = std::rc::Rc::new(0);
        let result = pool.apply_async(|| 1)?;
        let value = result.get()? + pool.apply(|| *Arc::new(2))?;
        drop(shared);
        Ok(value + pool.map_async(vec![3], |x| x)?.get()?[0])
    }
    fn as_job_error(pool: &Pool) -> Result<i32, JobError> {
        pool.apply_async(|| 1)?.get()
    }
    let _watch = watchdog();
    let pool = pool(1);
    assert_eq!(tries(&pool).unwrap(), 6);
    assert_eq!(as_job_error(&pool).unwrap(), 1);
    pool.close();
    assert!(tries(&pool).unwrap_err().to_string().contains("closed"));
    assert!(matches!(as_job_error(&pool), Err(JobError::Closed)));
}

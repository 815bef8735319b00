//! Awaiting.

use std::sync::Arc;
use std::task::Poll;
use std::thread;

use ringpool::{AsyncResult, JobError, Pool};
use ringpool_tests::{FlagWaker, Tally, Tracker, block_on, boom, hold, poll_once, pool, watchdog};

// S21
#[test]
fn a_result_can_be_awaited() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let results: Vec<_> = (0..20)
        .map(|i| pool.apply_async(move || i).unwrap())
        .collect();
    thread::scope(|s| {
        s.spawn(|| gate.open());
        let sum = block_on(async {
            let mut sum = 0;
            for result in results {
                sum += result.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 190);
    });
    let error = block_on(pool.apply_async(|| boom("awaited")).unwrap()).unwrap_err();
    assert!(matches!(error, JobError::Panicked(_)));
}

// S21
#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let (first, second) = (FlagWaker::new(), FlagWaker::new());
    let done = Tally::new();
    let mut result = pool.apply_async(|| 5).unwrap();
    assert!(poll_once(&mut result, &first).is_pending());
    assert!(poll_once(&mut result, &second).is_pending());
    assert!(poll_once(&mut result, &second).is_pending());
    assert_eq!(second.wakes(), 0);
    let count = done.clone();
    let after = pool.apply_async(move || count.add()).unwrap();
    gate.open();
    // The job after it has begun, so the worker is through with the wake.
    done.wait_for(1);
    assert_eq!(second.wakes(), 1);
    assert!(matches!(poll_once(&mut result, &first), Poll::Ready(Ok(5))));
    after.wait();
}

// S21, S22
#[test]
fn dropping_the_future_does_not_cancel_the_job() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let (ran, tracker) = (Tally::new(), Tracker::new());
    let (count, value) = (ran.clone(), tracker.make());
    let mut result = pool
        .apply_async(move || {
            count.add();
            value
        })
        .unwrap();
    let waker = FlagWaker::new();
    assert!(poll_once(&mut result, &waker).is_pending());
    drop(result);
    gate.open();
    ran.wait_for(1);
    drop(pool);
    tracker.assert_all_dropped_once();
    assert_eq!(
        Arc::strong_count(&waker),
        1,
        "the waker is dropped with the job"
    );
}

// S21, S18
#[test]
fn a_polled_result_can_still_be_waited_for() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let waker = FlagWaker::new();
    let mut result = pool.apply_async(|| 5).unwrap();
    assert!(poll_once(&mut result, &waker).is_pending());
    thread::scope(|s| {
        s.spawn(|| result.wait());
        s.spawn(|| gate.open());
    });
    assert_eq!(result.get().unwrap(), 5);
}

// S21, S41
#[test]
fn awaiting_on_a_worker_runs_the_queued_job() {
    let _watch = watchdog();
    let pool = pool(1);
    let threads = pool.apply(|| {
        let queued = pool.apply_async(|| thread::current().id()).unwrap();
        (thread::current().id(), block_on(queued).unwrap())
    });
    let (outer, inner) = threads.unwrap();
    assert_eq!(outer, inner);
}

// S21
#[test]
fn awaiting_a_batch_gives_all_its_values() {
    let _watch = watchdog();
    let pool = pool(2);
    assert_eq!(
        block_on(pool.map_async(0..50, |i| i * 2).unwrap())
            .unwrap()
            .len(),
        50
    );
    assert_eq!(
        pool.apply(|| block_on(pool.map_async(0..50, |i| i * 2).unwrap())
            .unwrap()
            .len())
            .unwrap(),
        50
    );
}

// S21
#[test]
fn handles_have_the_auto_traits_their_values_allow() {
    fn shared<T: Send + Sync + Unpin>() {}
    fn unpin<T: Unpin>() {}
    shared::<AsyncResult<Vec<u8>>>();
    unpin::<AsyncResult<std::marker::PhantomPinned>>();
    shared::<Pool>();
    shared::<Pool<std::rc::Rc<()>>>();
    shared::<JobError>();
    shared::<ringpool::SubmitError<std::cell::Cell<()>>>();
}

//! One job.

use std::thread;

use ringpool::JobError;
use ringpool_tests::{Tracker, boom, watchdog};

// S9
#[test]
fn apply_runs_on_a_worker_and_may_borrow() {
    let _watch = watchdog();
    pool!(pool: 2);
    let text = String::from("borrowed");
    let mut seen = None;
    let length = pool.apply(|| {
        seen = Some(thread::current().id());
        text.len()
    });
    assert_eq!(length.unwrap(), 8);
    assert_ne!(seen.unwrap(), thread::current().id());
}

// S9
#[test]
fn apply_takes_and_returns_values_that_cannot_be_cloned() {
    let _watch = watchdog();
    pool!(pool: 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let back = pool.apply(move || value).unwrap();
    assert_eq!((back.id(), tracker.alive()), (0, 1));
    drop(back);
    tracker.assert_all_dropped_once();
}

// S9
#[test]
fn apply_on_a_worker_runs_right_there() {
    let _watch = watchdog();
    pool!(pool: 3);
    let threads = pool.apply(|| {
        let outer = thread::current().id();
        let inner = pool
            .apply(|| pool.apply(|| thread::current().id()).unwrap())
            .unwrap();
        (outer, inner)
    });
    let (outer, inner) = threads.unwrap();
    assert_eq!(outer, inner);
}

// S9, S30
#[test]
fn a_panic_in_apply_is_its_error() {
    let _watch = watchdog();
    pool!(pool: 1);
    let error = pool.apply(|| -> u32 { boom("no value") }).unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!((panic.message(), panic.index()), (Some("no value"), None));
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S9
#[test]
fn a_panic_keeps_its_payload() {
    let _watch = watchdog();
    pool!(pool: 1);
    let error = pool
        .apply(|| std::panic::resume_unwind(Box::new(77_u64)))
        .unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.message(), None);
    assert_eq!(*panic.into_payload().downcast::<u64>().unwrap(), 77);
}

// S9
#[test]
fn a_name_appears_in_the_panic() {
    let _watch = watchdog();
    pool!(pool: 1);
    let error = pool
        .with()
        .name("resize")
        .apply(|| boom("too large"))
        .unwrap_err();
    assert!(error.to_string().contains("resize"), "{error}");
    let JobError::Panicked(panic) = error else {
        panic!("{error:?}")
    };
    assert_eq!(panic.job_name(), Some("resize"));
    let result = pool
        .with()
        .name("later")
        .apply_async(|| boom("too late"))
        .unwrap();
    let JobError::Panicked(panic) = result.get().unwrap_err() else {
        panic!()
    };
    assert_eq!(panic.job_name(), Some("later"));
}

// S10
#[test]
fn apply_async_returns_before_the_job_runs() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let result = pool.apply_async(|| 6 * 7).unwrap();
    assert!(!result.ready());
    gate.open();
    assert_eq!(result.get().unwrap(), 42);
}

//! Callbacks.

use std::thread;
use std::time::Duration;

use ringpool::{GetError, JobError};
use ringpool_tests::{Gate, Log, Tracker, boom, watchdog};

/// Counts of success and error callbacks.
fn callbacks() -> (Log<String>, impl Fn(&Log<String>) -> Vec<String>) {
    (Log::new(), |log: &Log<String>| log.take())
}

// S23
#[test]
fn exactly_one_callback_runs_before_the_result_is_ready() {
    let _watch = watchdog();
    pool!(pool: 1);
    let (log, taken) = callbacks();
    let with = || {
        let (good, bad) = (log.clone(), log.clone());
        pool.with()
            .on_success(move |value: &i32| good.push(format!("value {value}")))
            .on_error(move |error| bad.push(format!("error {error}")))
    };
    with().apply_async(|| 5).unwrap().wait();
    assert_eq!(taken(&log), ["value 5"]);
    let result = with().apply_async(|| boom("it went wrong")).unwrap();
    result.wait();
    let entries = taken(&log);
    assert!(
        entries.len() == 1 && entries[0].contains("it went wrong"),
        "{entries:?}"
    );
    assert!(
        result.get().is_err(),
        "the error is still there to be taken"
    );
    drop(with().apply_async(|| 6).unwrap());
    pool.apply(|| ()).unwrap();
    assert_eq!(taken(&log), ["value 6"], "also without a handle");
}

// S23
#[test]
fn a_result_is_not_ready_while_its_callback_runs() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = Gate::new();
    let at = gate.clone();
    let mut result = pool
        .with()
        .on_success(move |_| at.pass())
        .apply_async(|| 1)
        .unwrap();
    gate.wait_for_arrivals(1);
    assert!(!result.ready());
    assert_eq!(result.successful(), None);
    assert!(matches!(
        result.get_timeout(Duration::ZERO),
        Err(GetError::TimedOut)
    ));
    gate.open();
    assert_eq!(result.get().unwrap(), 1);
}

// S23, S12
#[test]
fn callbacks_tell_every_way_to_end_and_nothing_of_refusals() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let (log, taken) = callbacks();
    let submit = || {
        let (good, bad) = (log.clone(), log.clone());
        let with = pool
            .with()
            .on_success(move |()| good.push("success".into()));
        with.on_error(move |error| bad.push(format!("{error:?}")))
            .apply_async(|| ())
    };
    submit().unwrap().cancel();
    assert_eq!(taken(&log), ["Cancelled"]);
    let left = submit().unwrap();
    pool.terminate();
    left.wait();
    assert_eq!(taken(&log), ["Terminated"]);
    let refused = submit().err().unwrap();
    assert!(matches!(refused.reason(), JobError::Terminated));
    drop(refused);
    assert!(log.is_empty());
    gate.open();
}

// S24
#[test]
fn a_panicking_callback_is_the_jobs_error() {
    let _watch = watchdog();
    pool!(pool: 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let with = pool
        .with()
        .on_success(|_| boom("in on_success"))
        .on_error(|_| unreachable!("one callback only"));
    let JobError::Panicked(panic) = with.apply_async(move || value).unwrap().get().unwrap_err()
    else {
        panic!()
    };
    assert_eq!(panic.message(), Some("in on_success"));
    tracker.assert_all_dropped_once();

    let with = pool.with().on_error(|_| boom("in on_error"));
    let JobError::Panicked(panic) = with
        .apply_async(|| boom("in the job"))
        .unwrap()
        .get()
        .unwrap_err()
    else {
        panic!()
    };
    assert_eq!(panic.message(), Some("in on_error"));

    let gate = hold!(pool, 1);
    let cancelled = pool
        .with()
        .on_error(|_| boom("on cancel"))
        .apply_async(|| ())
        .unwrap();
    cancelled.cancel();
    assert!(matches!(cancelled.get(), Err(JobError::Panicked(_))));
    gate.open();
    assert_eq!(pool.apply(|| 4).unwrap(), 4, "the pool goes on");
}

// S25, S41
#[test]
fn blocking_in_a_job_cannot_deadlock() {
    let _watch = watchdog();
    pool!(pool: 1);
    let values = pool.apply(|| {
        let queued: Vec<_> = (0..5)
            .map(|i| pool.apply_async(move || i).unwrap())
            .collect();
        queued
            .into_iter()
            .rev()
            .map(|result| result.get().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(values.unwrap(), [4, 3, 2, 1, 0]);
}

// S23, S15
#[test]
fn a_callback_that_does_not_run_is_dropped_before_the_result_is_ready() {
    let _watch = watchdog();
    pool!(pool: 1);
    for fails in [false, true] {
        let tracker = Tracker::new();
        let (a, b) = (tracker.make(), tracker.make());
        let with = pool
            .with()
            .on_success(move |(): &()| drop(a))
            .on_error(move |_| drop(b));
        let result = with
            .apply_async(move || {
                if fails {
                    boom("fails")
                }
            })
            .unwrap();
        while !result.ready() {
            thread::yield_now();
        }
        tracker.assert_all_dropped_once();
    }
}

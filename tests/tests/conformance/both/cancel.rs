//! Cancelling.

use std::thread;

use ringpool::{CancelOutcome, JobError};
use ringpool_tests::{Gate, Log, Tally, Tracker, watchdog};

// S20
#[test]
fn a_cancelled_queued_job_never_runs() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let ran = Tally::new();
    let count = ran.clone();
    let result = pool.apply_async(move || count.add()).unwrap();
    assert_eq!(result.cancel(), CancelOutcome::NeverRan);
    assert_eq!(result.cancel(), CancelOutcome::AlreadyDone);
    assert!(result.ready());
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(ran.get(), 0);
}

// S20
#[test]
fn cancel_drops_captures_and_calls_back_on_the_cancelling_thread() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let called_on = Log::new();
    let log = called_on.clone();
    let with = pool.with().on_error(move |error| {
        log.push((matches!(error, JobError::Cancelled), thread::current().id()));
    });
    let result = with.apply_async(move || value.id()).unwrap();
    let me = thread::scope(|s| {
        let canceller = s.spawn(|| {
            result.cancel();
            assert_eq!(tracker.alive(), 0, "the captures are dropped now");
            thread::current().id()
        });
        canceller.join().unwrap()
    });
    assert_eq!(tracker.dropped_on(0), Some(me));
    assert_eq!(called_on.take(), [(true, me)]);
    tracker.assert_all_dropped_once();
    gate.open();
}

// S20
#[test]
fn a_cancelled_running_job_sees_its_token_and_goes_on() {
    let _watch = watchdog();
    pool!(pool: 1);
    let (begun, cancelled) = (Gate::new(), Gate::new());
    let (at_begin, at_cancel) = (begun.clone(), cancelled.clone());
    begun.open();
    let result = pool.with_worker().apply_async(move |w| {
        let before = w.is_cancelled();
        at_begin.pass();
        at_cancel.pass();
        (before, w.is_cancelled())
    });
    let result = result.unwrap();
    begun.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    assert!(!result.ready());
    cancelled.open();
    result.wait();
    assert_eq!(result.cancel(), CancelOutcome::AlreadyDone);
    assert_eq!(result.get().unwrap(), (false, true), "its value counts");
    assert!(
        !pool.with_worker().apply(|w| w.is_cancelled()).unwrap(),
        "the token is the job's, not the worker's"
    );
}

// S20, S14
#[test]
fn cancel_races_with_the_worker_and_one_of_them_wins() {
    let _watch = watchdog();
    pool!(pool: 2);
    for _ in 0..2000 {
        let tracker = Tracker::new();
        let value = tracker.make();
        let result = pool.apply_async(move || value).unwrap();
        let outcome = result.cancel();
        match (outcome, result.get()) {
            (CancelOutcome::NeverRan, Err(JobError::Cancelled)) => {}
            (CancelOutcome::StillRuns | CancelOutcome::AlreadyDone, Ok(value)) => drop(value),
            other => panic!("{other:?}"),
        }
        tracker.assert_all_dropped_once();
    }
}

//! Watching and cancelling a batch.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::{CancelOutcome, Control, JobError};
use ringpool_tests::{Gate, Log, hold, pool, watchdog};

// S40
#[test]
fn progress_of_a_running_batch_is_told_through_its_handle() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let result = pool.with().chunk_size(1).map_async(0..10, move |i| {
        if i == 4 {
            at.pass();
        }
    });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    let progress = result.progress();
    assert_eq!((progress.done, progress.total), (4, Some(10)));
    gate.open();
    result.wait();
    let progress = result.progress();
    assert_eq!((progress.done, progress.total), (10, Some(10)));
}

// S40
#[test]
fn progress_of_a_blocking_batch_is_told_through_its_control() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let control = Control::new();
    thread::scope(|s| {
        let mapper = s.spawn(|| {
            let with = pool.with().chunk_size(2).control(&control);
            with.map(0..10, |i| {
                if i == 6 {
                    gate.pass();
                }
            })
        });
        gate.wait_for_arrivals(1);
        let progress = control.progress();
        assert_eq!((progress.done, progress.total), (6, Some(10)));
        gate.open();
        mapper.join().unwrap().unwrap();
        assert_eq!(control.progress().done, 10);
    });
}

// S40
#[test]
fn progress_of_a_single_job_is_zero_or_one() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let result = pool.apply_async(|| ()).unwrap();
    assert_eq!(
        (result.progress().done, result.progress().total),
        (0, Some(1))
    );
    gate.open();
    result.wait();
    assert_eq!(
        (result.progress().done, result.progress().total),
        (1, Some(1))
    );
}

// S20, S40
#[test]
fn a_control_cancels_a_blocking_batch() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let control = Control::new();
    let ran = AtomicUsize::new(0);
    thread::scope(|s| {
        let mapper = s.spawn(|| {
            pool.with().chunk_size(1).control(&control).map(0..10, |_| {
                ran.fetch_add(1, Ordering::SeqCst);
                gate.pass();
            })
        });
        gate.wait_for_arrivals(1);
        assert!(!control.is_cancelled());
        control.clone().cancel();
        assert!(control.is_cancelled());
        gate.open();
        assert!(matches!(mapper.join().unwrap(), Err(JobError::Cancelled)));
    });
    assert_eq!(ran.into_inner(), 1);
}

// S20
#[test]
fn a_control_cancelled_before_the_call_lets_nothing_run() {
    let _watch = watchdog();
    let pool = pool(1);
    let control = Control::new();
    control.cancel();
    let error = pool
        .with()
        .control(&control)
        .map(0..10, |_| unreachable!("cancelled"))
        .map(|_: Vec<()>| ());
    assert!(matches!(error, Err(JobError::Cancelled)), "{error:?}");
}

// S20, S40
#[test]
fn the_jobs_of_a_cancelled_batch_see_their_token() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let seen = Log::new();
    let log = seen.clone();
    let result = pool
        .with_worker()
        .chunk_size(1)
        .map_async(0..3, move |w, _| {
            log.push(w.is_cancelled());
            at.pass();
            log.push(w.is_cancelled());
        });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    gate.open();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    assert_eq!(seen.take(), [false, true]);
}

// S20, S40
#[test]
fn a_control_ends_a_blocking_call_that_is_still_queued() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let control = Control::new();
    thread::scope(|s| {
        let apply = s.spawn(|| {
            pool.with()
                .control(&control)
                .apply(|| unreachable!("cancelled"))
        });
        let map = s.spawn(|| pool.with().control(&control).map(0..9, |_| ()));
        control.cancel();
        assert!(matches!(apply.join().unwrap(), Err(JobError::Cancelled)));
        assert!(matches!(map.join().unwrap(), Err(JobError::Cancelled)));
        assert!(!gate.is_open(), "neither had to wait for the worker");
    });
    gate.open();
}

// S20
#[test]
fn a_job_sees_that_its_control_was_cancelled() {
    let _watch = watchdog();
    let pool = pool(1);
    let control = Control::new();
    let seen = pool.with_worker().control(&control).apply(|w| {
        let before = w.is_cancelled();
        control.cancel();
        (before, w.is_cancelled())
    });
    assert_eq!(seen.unwrap(), (false, true));
}

//! A bounded queue that is full.

use std::rc::Rc;

use super::fake::{expect, log, on_park, set_clock};
use super::stage::{bounded, until};
use crate::error::JobError;
use crate::job::PlainFn;
use crate::result::CancelOutcome;
use crate::submit;

// S13
#[test]
fn a_submission_that_may_not_wait_gets_its_closure_back() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let refused = submit::apply_async(&stage, PlainFn(|| 7), (), false);
    let Err((JobError::Full, PlainFn(f))) = refused else {
        panic!("there is no room");
    };
    assert_eq!(f(), 7);
    assert!(stage.step(0));
    first.get().unwrap();
    expect(["first runs"]);
}

// S13
#[test]
fn a_place_that_comes_free_wakes_who_waits_for_room() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    stage.falls_asleep(0);
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    let second = stage.submit_named("second");
    // The place is free before the job runs, and a submission that waited wakes a worker like any other.
    expect([
        "waiter parks",
        "unpark waiter",
        "first runs",
        "unpark worker 0",
    ]);
    assert!(first.ready() && !second.ready());
    assert!(stage.step(0));
    expect(["second runs"]);
}

// S13, S20
#[test]
fn a_cancelled_job_at_the_head_makes_room() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    on_park(move || assert_eq!(first.cancel(), CancelOutcome::NeverRan));
    let second = stage.submit_named("second");
    expect(["waiter parks", "unpark waiter"]);
    assert!(stage.step(0));
    second.get().unwrap();
    expect(["second runs"]);
}

// S13, S41
#[test]
fn a_job_that_is_run_in_place_makes_room() {
    let stage = bounded(2, 1);
    let first = stage.submit_named("first");
    let there = Rc::clone(&stage);
    on_park(move || there.on(0, |_| first.get().unwrap()));
    let second = stage.submit_named("second");
    expect(["waiter parks", "unpark waiter", "first runs"]);
    assert!(stage.step(0));
    second.get().unwrap();
    expect(["second runs"]);
}

// S13
#[test]
fn a_place_that_another_takes_first_is_waited_for_again() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let there = Rc::clone(&stage);
    on_park(move || {
        assert!(there.step(0));
        drop(there.submit_named("overtakes"));
    });
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    let second = stage.submit_named("second");
    expect([
        "waiter parks",
        "unpark waiter",
        "first runs",
        "waiter parks",
        "unpark waiter",
        "overtakes runs",
    ]);
    assert!(stage.step(0));
    expect(["second runs"]);
    drop((first, second));
}

// S13
#[test]
fn a_worker_that_finds_no_room_runs_its_submission_in_place() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let there = Rc::clone(&stage);
    let second = stage.on(0, |_| {
        let second = there.submit_named("second");
        assert!(second.ready());
        second
    });
    expect(["second runs"]);
    assert!(stage.step(0));
    expect(["first runs"]);
    drop((first, second));
}

// S12, S13, S14
#[test]
fn the_wait_for_room_ends_when_the_pool_does() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let there = Rc::clone(&stage);
    on_park(move || there.close());
    let refused = stage.submit_with(PlainFn(|| log("runs")), ());
    assert!(matches!(refused, Err(JobError::Closed)));
    expect(["waiter parks", "unpark waiter"]);
    assert!(stage.step(0));
    first.get().unwrap();
    expect(["first runs"]);
}

// S12, S45
#[test]
fn terminate_ends_the_wait_for_room_before_it_drains() {
    let stage = bounded(1, 1);
    let capture = super::stage::Traced("captures");
    let first = stage.submit(move || drop(capture));
    let there = Rc::clone(&stage);
    on_park(move || assert_eq!(there.terminate(), 1));
    let refused = stage.submit_with(PlainFn(|| log("runs")), ());
    assert!(matches!(refused, Err(JobError::Terminated)));
    expect(["waiter parks", "unpark waiter", "captures dropped"]);
    assert!(matches!(first.get(), Err(JobError::Terminated)));
}

// S13, S50
#[test]
fn the_wait_for_room_ends_at_the_calls_deadline() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    on_park(|| set_clock(50));
    let refused = stage.submit_with(PlainFn(|| log("runs")), until(50));
    assert!(matches!(refused, Err(JobError::DeadlineExpired)));
    // Nobody is left to be woken when the place comes free.
    assert!(stage.step(0));
    first.get().unwrap();
    expect(["waiter parks until 50", "first runs"]);
}

//! What cuts a blocking batch short: `terminate`, a deadline, a control.

use std::rc::Rc;

use super::fake::{before_clock, expect, log, on_park, set_clock};
use super::stage::{Traced, chunks, for_each, pool, until, workers_come};
use crate::batch::work::Plain;
use crate::control::Control;
use crate::error::JobError;
use crate::job::Options;
use crate::source::Source;
use crate::verbs::{self, How};

fn one_by_one(options: Options) -> How {
    How {
        options,
        ..chunks(1)
    }
}

// S45, S30, S15
#[test]
fn no_chunk_starts_after_terminate_and_the_batch_counts_once() {
    let stage = pool(2);
    workers_come(&stage, [0, 1]);
    let inner = Rc::clone(&stage);
    let items = ["a", "b", "c", "d"].map(Traced);
    let call = Plain(move |item: Traced| {
        log(format!("{} runs", item.0));
        if item.0 == "b" {
            assert_eq!(inner.terminate(), 1);
        }
        Traced("value")
    });
    let outcome = verbs::map(&stage, items.into_feed(), call, chunks(1));
    assert!(matches!(outcome, Err(JobError::Terminated)));
    expect([
        "waiter parks",
        "a runs",
        "a dropped",
        "b runs",
        "b dropped",
        "unpark waiter",
        "c dropped",
        "d dropped",
        "value dropped",
        "value dropped",
    ]);
    assert_eq!(stage.never_started(), 1);
}

// S45
#[test]
fn no_chunk_starts_after_terminate_where_no_ticket_was_left_to_drain() {
    let stage = pool(1);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    let outcome = for_each(&stage, 4, chunks(1), |item| {
        log(format!("item {item}"));
        if item == 1 {
            assert_eq!(inner.terminate(), 1);
        }
    });
    assert!(matches!(outcome, Err(JobError::Terminated)));
    expect(["waiter parks", "item 0", "item 1", "unpark waiter"]);
    assert_eq!(stage.never_started(), 1);
}

// S45
#[test]
fn a_last_chunk_that_is_claimed_when_terminate_has_counted_its_batch_does_not_start() {
    let stage = pool(1);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    // A deadline far away makes the claim look at the clock after it has looked at the pool.
    let outcome = for_each(&stage, 2, one_by_one(until(50)), move |item| {
        log(format!("item {item}"));
        let inner = Rc::clone(&inner);
        before_clock(move || assert_eq!(inner.terminate(), 1));
    });
    assert!(matches!(outcome, Err(JobError::Terminated)));
    expect(["waiter parks until 50", "item 0", "unpark waiter"]);
}

// S45
#[test]
fn a_batch_whose_last_chunk_runs_at_terminate_succeeds() {
    let stage = pool(1);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    for_each(&stage, 2, chunks(1), |item| {
        if item == 1 {
            assert_eq!(inner.terminate(), 0);
        }
    })
    .unwrap();
    expect(["waiter parks", "unpark waiter"]);
}

// S45, S14
#[test]
fn terminate_ends_a_batch_that_nobody_has_begun() {
    let stage = pool(2);
    let there = Rc::clone(&stage);
    on_park(move || assert_eq!(there.terminate(), 1));
    let outcome = for_each(&stage, 2, chunks(1), |_| log("runs"));
    assert!(matches!(outcome, Err(JobError::Terminated)));
    expect(["waiter parks", "unpark waiter"]);
}

// S50
#[test]
fn a_blocked_caller_cuts_its_batch_at_the_deadline() {
    let stage = pool(2);
    on_park(|| set_clock(50));
    let outcome = for_each(&stage, 2, one_by_one(until(50)), |_| log("runs"));
    assert!(matches!(outcome, Err(JobError::DeadlineExpired)));
    assert_eq!(stage.queued(), 0);
    expect(["waiter parks until 50"]);
    assert_eq!(stage.terminate(), 0);
}

// S50
#[test]
fn no_chunk_starts_after_the_deadline_and_what_runs_is_waited_for() {
    let stage = pool(2);
    workers_come(&stage, [0]);
    let outcome = for_each(&stage, 4, one_by_one(until(50)), |item| {
        log(format!("item {item}"));
        set_clock(if item == 1 { 50 } else { 10 });
    });
    assert!(matches!(outcome, Err(JobError::DeadlineExpired)));
    expect(["waiter parks until 50", "item 0", "item 1", "unpark waiter"]);
}

// S20
#[test]
fn a_control_ends_a_batch_that_nobody_has_begun() {
    let stage = pool(2);
    let control = Control::new();
    let options = Options {
        control: Some(control.clone()),
        ..Options::default()
    };
    on_park(move || control.cancel());
    let outcome = for_each(&stage, 2, one_by_one(options), |_| log("runs"));
    assert!(matches!(outcome, Err(JobError::Cancelled)));
    assert_eq!(stage.queued(), 0);
    expect(["waiter parks", "unpark waiter"]);
}

//! `get` and `wait`: in place, blocked, and until a time.

use std::rc::Rc;
use std::time::Duration;

use super::fake::{expect, log, on_park, set_clock};
use super::stage::{Block, Handle, Traced, pool, until};
use crate::error::{GetError, JobError};
use crate::job::{Annotated, PlainFn};
use crate::result::AsyncResult;
use crate::submit;

const fn nanos(n: u64) -> Duration {
    Duration::from_nanos(n)
}

// S41
#[test]
fn a_wait_on_a_worker_runs_the_awaited_job_and_no_other() {
    let stage = pool(1);
    let awaited = Handle::empty();
    let inner = awaited.clone();
    let outer = stage.submit(move || {
        log("outer begins");
        inner.take().get().unwrap();
        log("outer ends");
    });
    let before = stage.submit_named("before");
    awaited.put(stage.submit_named("awaited"));
    let after = stage.submit_named("after");
    assert!(stage.step(0));
    expect(["outer begins", "awaited runs", "outer ends"]);
    assert!(!before.ready() && !after.ready());
    assert!(stage.step(0) && stage.step(0) && !stage.step(0));
    expect(["before runs", "after runs"]);
    outer.get().unwrap();
}

// S41
#[test]
fn nested_waits_of_any_depth_finish_on_one_worker() {
    fn depth(stage: &Rc<super::stage::Stage>, left: u32) -> u32 {
        log(format!("{left} begins"));
        if left == 0 {
            return 0;
        }
        let inner = Rc::clone(stage);
        let job = stage.submit(move || depth(&inner, left - 1));
        job.get().unwrap() + 1
    }
    let stage = pool(1);
    let inner = Rc::clone(&stage);
    let job = stage.submit(move || depth(&inner, 2));
    assert!(stage.step(0) && !stage.step(0));
    assert_eq!(job.get().unwrap(), 2);
    expect(["2 begins", "1 begins", "0 begins"]);
}

// S41, S11
#[test]
fn a_wait_on_a_worker_for_a_job_that_runs_elsewhere_runs_nothing() {
    let stage = pool(2);
    let awaited = stage.submit_named("awaited");
    let entry = stage.take().unwrap();
    let queued = stage.submit_named("queued");
    let there = Rc::clone(&stage);
    on_park(move || {
        // SAFETY: `take` has exchanged the entry out of its cell.
        there.on(1, |frame| unsafe { frame.execute(entry) });
    });
    stage.on(0, |_| awaited.get().unwrap());
    expect(["waiter parks", "awaited runs", "unpark waiter"]);
    assert!(stage.step(1));
    queued.get().unwrap();
    expect(["queued runs"]);
}

// S16, S9
#[test]
fn a_wait_outside_the_pool_runs_nothing() {
    let stage = pool(1);
    let job = stage.submit_named("job");
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    job.get().unwrap();
    expect(["waiter parks", "job runs", "unpark waiter"]);
}

// S16
#[test]
fn a_wait_for_a_job_that_has_ended_does_not_park() {
    let stage = pool(1);
    let job = stage.submit(|| 7);
    assert!(stage.step(0));
    job.wait();
    assert!(job.wait_timeout(Duration::ZERO));
    assert_eq!(job.get().unwrap(), 7);
    expect([]);
}

// S18
#[test]
fn every_waiter_is_woken_and_the_value_stays() {
    let stage = pool(1);
    let job = Rc::new(stage.submit(|| 7));
    let (there, second) = (Rc::clone(&stage), Rc::clone(&job));
    on_park(move || {
        on_park(move || assert!(there.step(0)));
        second.wait();
        log("the second goes on");
    });
    job.wait();
    log("the first goes on");
    expect([
        "waiter parks",
        "waiter parks",
        // Once through the seat in the word, and twice through the scan for the others.
        "unpark waiter",
        "unpark waiter",
        "unpark waiter",
        "the second goes on",
        "the first goes on",
    ]);
    let job = Rc::into_inner(job).expect("the script is over");
    assert_eq!(job.get().unwrap(), 7);
}

// S17
#[test]
fn a_timeout_of_zero_only_looks_even_on_a_worker() {
    let stage = pool(1);
    let mut job = stage.submit(|| log("runs"));
    stage.on(0, |_| {
        let outcome = job.get_timeout(Duration::ZERO);
        assert!(matches!(outcome, Err(GetError::TimedOut)));
        assert!(!job.wait_timeout(Duration::ZERO));
    });
    expect([]);
    assert!(stage.step(0));
    job.get_timeout(Duration::ZERO).unwrap();
    expect(["runs"]);
}

// S17
#[test]
fn a_timeout_leaves_the_handle_usable_and_nobody_to_wake() {
    let stage = pool(1);
    set_clock(10);
    let mut job = stage.submit(|| 7);
    on_park(|| set_clock(14));
    on_park(|| set_clock(15));
    let outcome = job.get_timeout(nanos(5));
    assert!(matches!(outcome, Err(GetError::TimedOut)));
    assert!(stage.step(0));
    expect(["waiter parks until 15"]);
    assert_eq!(job.get_timeout(nanos(5)).unwrap(), 7);
    expect([]);
}

// S17, S41
#[test]
fn a_timed_wait_on_a_worker_runs_the_awaited_job_in_place_and_overruns() {
    let stage = pool(1);
    let mut job = stage.submit(|| {
        set_clock(100);
        7
    });
    let value = stage.on(0, |_| job.get_timeout(nanos(5)));
    assert_eq!(value.unwrap(), 7);
    expect([]);
}

// S17
#[test]
fn the_longest_timeout_never_comes() {
    let stage = pool(1);
    set_clock(1000);
    let mut job = stage.submit(|| 7);
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    assert_eq!(job.get_timeout(Duration::MAX).unwrap(), 7);
    expect(["waiter parks until never", "unpark waiter"]);
}

/// A job with a deadline that tells of its end.
fn with_deadline(handle: &Handle<()>) -> impl crate::job::Body<super::fake::Fake, Value = ()> {
    let capture = handle.capture("captures");
    Annotated {
        body: PlainFn(move || {
            let _capture = capture;
            log("runs");
        }),
        callbacks: handle.callbacks(),
        name: None,
    }
}

// S50, S15, S23
#[test]
fn a_blocked_waiter_resolves_a_queued_job_at_its_deadline() {
    let stage = pool(1);
    let handle = Handle::empty();
    let body = with_deadline(&handle);
    handle.put(stage.submit_with(body, until(50)).unwrap());
    on_park(|| set_clock(49));
    on_park(|| set_clock(50));
    handle.with(AsyncResult::wait);
    expect([
        "waiter parks until 50",
        "captures dropped, pending",
        "on_error: the deadline passed before the job ran; it counts from the call, the wait in the queue included, pending",
        "unpark waiter",
    ]);
    assert_eq!(stage.queued(), 0);
    assert!(matches!(
        handle.take().get(),
        Err(JobError::DeadlineExpired)
    ));
}

// S50, S17
#[test]
fn a_waiter_parks_until_the_earlier_of_its_own_time_and_the_deadline() {
    let stage = pool(1);
    let mut job = stage
        .submit_with(PlainFn(|| log("runs")), until(50))
        .unwrap();
    on_park(|| set_clock(20));
    let outcome = job.get_timeout(nanos(20));
    assert!(matches!(outcome, Err(GetError::TimedOut)));
    on_park(|| set_clock(50));
    let outcome = job.get_timeout(nanos(100));
    assert!(matches!(
        outcome,
        Err(GetError::Job(JobError::DeadlineExpired))
    ));
    expect([
        "waiter parks until 20",
        "waiter parks until 50",
        "unpark waiter",
    ]);
}

// S50
#[test]
fn a_job_reached_after_its_deadline_does_not_start() {
    let stage = pool(1);
    let handle = Handle::empty();
    let body = with_deadline(&handle);
    handle.put(stage.submit_with(body, until(50)).unwrap());
    set_clock(50);
    assert!(!handle.with(AsyncResult::ready));
    assert!(stage.step(0));
    expect([
        "captures dropped, pending",
        "on_error: the deadline passed before the job ran; it counts from the call, the wait in the queue included, pending",
    ]);
    assert!(matches!(
        handle.take().get(),
        Err(JobError::DeadlineExpired)
    ));
    // It was drained neither by `terminate` nor by a breakdown.
    assert_eq!(stage.never_started(), 0);
}

// S50
#[test]
fn a_job_that_runs_at_its_deadline_sees_its_token_and_its_value_counts() {
    let stage = pool(2);
    let handle = Handle::empty();
    let (there, own) = (Rc::clone(&stage), handle.clone());
    let body = super::stage::on_worker(move |worker| {
        let before = worker.is_cancelled();
        set_clock(50);
        // A waiter, here another worker, cannot resolve it any more, and waits for its own time only.
        on_park(|| set_clock(60));
        there.on(1, |_| {
            assert!(!own.with(|job| job.wait_timeout(nanos(10))));
        });
        (before, worker.is_cancelled())
    });
    handle.put(stage.submit_with(body, until(50)).unwrap());
    assert!(stage.step(0));
    assert_eq!(handle.take().get().unwrap(), (false, true));
    expect(["waiter parks until 60"]);
}

// S50
#[test]
fn a_blocking_apply_ends_at_its_deadline() {
    let stage = pool(1);
    let captures = Traced("captures");
    let body = PlainFn(move || drop(captures));
    on_park(|| set_clock(50));
    let outcome = submit::apply(&stage, body, until(50));
    assert!(matches!(outcome, Err(JobError::DeadlineExpired)));
    expect(["waiter parks until 50", "captures dropped", "unpark waiter"]);
    assert_eq!(stage.queued(), 0);
}

// S22
#[test]
fn a_waiter_that_takes_the_value_frees_the_job() {
    let stage = pool(1);
    let job = stage
        .submit_with(PlainFn(|| Traced("value")), Block)
        .unwrap();
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    let value = job.get().unwrap();
    expect(["waiter parks", "unpark waiter", "block freed"]);
    drop(value);
    expect(["value dropped"]);
}

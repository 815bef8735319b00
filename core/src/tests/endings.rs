//! `close`, `terminate`, and what they do to what was accepted.

use std::rc::Rc;

use super::fake::{expect, log, on_park};
use super::stage::{Handle, Stage, Traced, on_worker, pool};
use crate::error::{JobError, Refusal};
use crate::job::{Annotated, OnError, PlainFn};
use crate::result::AsyncResult;
use crate::submit;
use crate::worker::Leave;

/// A job that never runs, and tells of its end.
fn submit_doomed(stage: &Rc<Stage>) -> AsyncResult<(), super::fake::Fake> {
    struct Destructor(Rc<Stage>);
    impl Drop for Destructor {
        fn drop(&mut self) {
            let asleep = self.0.anybody_sleeps();
            log(format!(
                "captures dropped, somebody sleeps: {asleep}, refused: {:?}",
                self.0.life.refusal()
            ));
        }
    }
    let capture = Destructor(Rc::clone(stage));
    let body = Annotated {
        body: PlainFn(move || {
            let _capture = capture;
            log("runs");
        }),
        callbacks: OnError {
            f: |error: &JobError| log(format!("on_error: {error}")),
            others: (),
        },
        name: None,
    };
    stage.submit_with(body, ()).unwrap()
}

// S45, S14, S15, S23
#[test]
fn terminate_wakes_every_worker_before_it_drains() {
    let stage = pool(2);
    let jobs = [submit_doomed(&stage), submit_doomed(&stage)];
    stage.falls_asleep(0);
    stage.falls_asleep(1);
    assert_eq!(stage.terminate(), 2);
    expect([
        "unpark worker 0",
        "unpark worker 1",
        "captures dropped, somebody sleeps: false, refused: Some(Terminated)",
        "on_error: the pool was terminated before the job ran; `close` lets queued jobs run",
        "captures dropped, somebody sleeps: false, refused: Some(Terminated)",
        "on_error: the pool was terminated before the job ran; `close` lets queued jobs run",
    ]);
    for job in jobs {
        assert!(matches!(job.get(), Err(JobError::Terminated)));
    }
    assert_eq!(stage.never_started(), 2);
    assert_eq!(stage.terminate(), 0);
    assert_eq!(stage.work(0), Leave::Closed);
    expect([]);
}

// S45
#[test]
fn what_a_worker_popped_before_terminate_does_not_start_after_it() {
    let stage = pool(1);
    let job = submit_doomed(&stage);
    let entry = stage.take().unwrap();
    assert_eq!(stage.terminate(), 0);
    expect([]);
    // SAFETY: `take` has exchanged the entry out of its cell.
    stage.on(0, |frame| unsafe { frame.execute(entry) });
    expect([
        "captures dropped, somebody sleeps: false, refused: Some(Terminated)",
        "on_error: the pool was terminated before the job ran; `close` lets queued jobs run",
    ]);
    assert!(matches!(job.get(), Err(JobError::Terminated)));
    assert_eq!(stage.never_started(), 1);
}

// S45
#[test]
fn a_running_job_sees_terminate_and_its_value_counts() {
    let stage = pool(1);
    let inner = Rc::clone(&stage);
    let queued = Handle::empty();
    let cut = queued.clone();
    let body = on_worker(move |worker| {
        let before = worker.is_cancelled();
        assert_eq!(inner.terminate(), 1);
        cut.log("the queued job");
        (before, worker.is_cancelled())
    });
    let job = stage.submit_with(body, ()).unwrap();
    queued.put(submit_doomed(&stage));
    assert!(stage.step(0));
    assert_eq!(job.get().unwrap(), (false, true));
    expect([
        "captures dropped, somebody sleeps: false, refused: Some(Terminated)",
        "on_error: the pool was terminated before the job ran; `close` lets queued jobs run",
        "the queued job, ready",
    ]);
}

// S14, S45
#[test]
fn terminate_ends_the_wait_for_a_job_that_never_starts() {
    let stage = pool(1);
    let job = stage.submit_named("job");
    let there = Rc::clone(&stage);
    on_park(move || assert_eq!(there.terminate(), 1));
    assert!(matches!(job.get(), Err(JobError::Terminated)));
    expect(["waiter parks", "unpark waiter"]);
}

// S44
#[test]
fn close_wakes_every_worker_and_leaves_what_was_accepted() {
    let stage = pool(2);
    let job = stage.submit_named("job");
    stage.falls_asleep(0);
    stage.falls_asleep(1);
    stage.close();
    expect(["unpark worker 0", "unpark worker 1"]);
    stage.close();
    assert!(!job.ready());
    assert!(stage.step(0));
    job.get().unwrap();
    expect(["job runs"]);
}

// S45
#[test]
fn terminate_may_follow_close_and_counts_what_close_would_have_run() {
    let stage = pool(1);
    let job = stage.submit_named("job");
    stage.close();
    assert_eq!(stage.terminate(), 1);
    assert!(matches!(job.get(), Err(JobError::Terminated)));
    let refused = stage.submit_with(PlainFn(|| ()), ());
    assert!(matches!(refused, Err(JobError::Closed)));
    expect([]);
}

// S12
#[test]
fn a_detached_submission_to_a_closed_pool_gives_the_closure_back() {
    for (end, why) in [
        (Stage::close_it as fn(&Stage), Refusal::Closed),
        (Stage::terminate_it, Refusal::Terminated),
        (Stage::break_it, Refusal::Broken),
    ] {
        let stage = pool(1);
        end(&stage);
        let traced = Traced("captures");
        let body = PlainFn(move || drop(traced));
        let Err((error, body)) = submit::apply_async(&stage, body, (), true) else {
            panic!("the pool is closed");
        };
        assert_eq!(format!("{error:?}"), format!("{why:?}"));
        expect([]);
        drop(body);
        expect(["captures dropped"]);
    }
}

impl Stage {
    fn close_it(&self) {
        self.close();
    }

    fn terminate_it(&self) {
        self.terminate();
    }

    fn break_it(&self) {
        self.break_down();
    }
}

// S12
#[test]
fn a_blocking_call_to_a_closed_pool_drops_what_it_was_given_by_value() {
    let stage = pool(1);
    stage.close();
    let traced = Traced("captures");
    let body = PlainFn(move || drop(traced));
    let error = submit::apply(&stage, body, crate::job::Options::default());
    assert!(matches!(error, Err(JobError::Closed)));
    expect(["captures dropped"]);
}

// S6, S14
#[test]
fn a_pool_that_breaks_wakes_every_worker_and_resolves_what_is_queued() {
    let stage = pool(2);
    let job = submit_doomed(&stage);
    stage.falls_asleep(0);
    stage.falls_asleep(1);
    stage.break_down();
    expect([
        "unpark worker 0",
        "unpark worker 1",
        "captures dropped, somebody sleeps: false, refused: Some(Broken)",
        "on_error: the pool is broken, as the initializer of a replacement failed; build a new pool",
    ]);
    assert!(matches!(job.get(), Err(JobError::Broken)));
    assert_eq!(stage.never_started(), 1);
}

// S9, S14
#[test]
fn a_blocking_apply_runs_on_a_worker_and_ends_when_it_does() {
    let stage = pool(1);
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    let lent = String::from("lent");
    let body = PlainFn(|| log(format!("{lent} to the job")));
    submit::apply(&stage, body, crate::job::Options::default()).unwrap();
    expect(["waiter parks", "lent to the job", "unpark waiter"]);
}

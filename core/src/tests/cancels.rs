//! `cancel`.

use super::fake::{expect, log};
use super::stage::{Block, Handle, on_worker, pool};
use crate::error::JobError;
use crate::job::{Annotated, PlainFn};
use crate::result::{AsyncResult, CancelOutcome};

// S20, S15, S23
#[test]
fn a_queued_job_is_resolved_on_the_spot_and_leaves_the_queue() {
    let stage = pool(1);
    let handle = Handle::<()>::empty();
    let capture = handle.capture("captures");
    let body = Annotated {
        body: PlainFn(move || {
            let _capture = capture;
            log("runs");
        }),
        callbacks: handle.callbacks(),
        name: None,
    };
    handle.put(stage.submit_with(body, Block).unwrap());
    assert_eq!(handle.with(AsyncResult::cancel), CancelOutcome::NeverRan);
    handle.log("after");
    assert_eq!(stage.queued(), 0);
    expect([
        "captures dropped, pending",
        "on_error: the job was cancelled; whoever has its handle, its stream or its `Control` asked for that, pending",
        "after, ready",
    ]);
    assert_eq!(handle.with(AsyncResult::cancel), CancelOutcome::AlreadyDone);
    assert!(!stage.step(0));
    assert!(matches!(handle.take().get(), Err(JobError::Cancelled)));
    expect(["block freed"]);
}

// S20
#[test]
fn cancelled_jobs_keep_their_places_only_behind_jobs_that_wait() {
    let stage = pool(1);
    let jobs = ["first", "second", "third"].map(|name| stage.submit_named(name));
    assert_eq!(jobs[1].cancel(), CancelOutcome::NeverRan);
    assert_eq!(stage.queued(), 3);
    assert_eq!(jobs[0].cancel(), CancelOutcome::NeverRan);
    assert_eq!(stage.queued(), 1);
    assert!(stage.step(0) && !stage.step(0));
    expect(["third runs"]);
}

// S20
#[test]
fn a_worker_goes_past_what_was_cancelled_behind_its_job() {
    let stage = pool(1);
    let jobs = ["first", "second", "third"].map(|name| stage.submit_named(name));
    assert_eq!(jobs[1].cancel(), CancelOutcome::NeverRan);
    assert!(stage.step(0) && stage.step(0) && !stage.step(0));
    expect(["first runs", "third runs"]);
}

// S20
#[test]
fn a_running_job_only_sees_its_token() {
    let stage = pool(1);
    let handle = Handle::empty();
    let own = handle.clone();
    let body = on_worker(move |worker| {
        let before = worker.is_cancelled();
        let outcome = own.with(AsyncResult::cancel);
        own.log("cancelled");
        (before, outcome, worker.is_cancelled())
    });
    handle.put(stage.submit_with(body, ()).unwrap());
    assert!(stage.step(0));
    expect(["cancelled, pending"]);
    assert!(stage.life.refusal().is_none());
    assert_eq!(
        handle.take().get().unwrap(),
        (false, CancelOutcome::StillRuns, true)
    );
}

// S20
#[test]
fn a_job_cancels_its_neighbour_on_the_worker() {
    let stage = pool(1);
    let neighbour = Handle::<()>::empty();
    let victim = neighbour.clone();
    let job = stage.submit(move || {
        log("runs");
        victim.with(AsyncResult::cancel)
    });
    let capture = neighbour.capture("captures");
    neighbour.put(stage.submit(move || drop(capture)));
    assert!(stage.step(0));
    assert_eq!(stage.queued(), 0);
    expect(["runs", "captures dropped, pending"]);
    assert_eq!(job.get().unwrap(), CancelOutcome::NeverRan);
    assert!(matches!(neighbour.take().get(), Err(JobError::Cancelled)));
}

// S20
#[test]
fn a_job_that_has_ended_keeps_its_value() {
    let stage = pool(1);
    let job = stage.submit(|| 7);
    assert!(stage.step(0));
    assert_eq!(job.cancel(), CancelOutcome::AlreadyDone);
    assert_eq!(job.get().unwrap(), 7);
}

// S20
#[test]
fn a_job_that_was_popped_but_has_not_begun_runs_with_its_token_set() {
    let stage = pool(1);
    let body = on_worker(|worker| worker.is_cancelled());
    let job = stage.submit_with(body, ()).unwrap();
    let entry = stage.take().unwrap();
    assert_eq!(job.cancel(), CancelOutcome::StillRuns);
    // SAFETY: `take` has exchanged the entry out of its cell.
    stage.on(0, |frame| unsafe { frame.execute(entry) });
    assert!(job.get().unwrap());
}

//! The end of a scope.

use std::rc::Rc;

use super::fake::{Fake, expect, fail, log, on_park, take_events};
use super::stage::{Block, Stage, Traced, bounded, pool};
use crate::error::JobError;
use crate::job::PlainFn;
use crate::result::AsyncResult;
use crate::scope_core::{ScopeCore, submit_in};

fn submit<T>(
    scope: &ScopeCore<Fake>,
    stage: &Stage,
    f: impl FnOnce() -> T,
) -> AsyncResult<T, Fake> {
    submit_in(scope, stage, PlainFn(f), Block, true)
        .map_err(|(error, _)| error)
        .expect("the pool is open")
}

fn submit_named(
    scope: &ScopeCore<Fake>,
    stage: &Stage,
    name: &'static str,
) -> AsyncResult<(), Fake> {
    submit(scope, stage, move || log(format!("{name} runs")))
}

// S41, S42
#[test]
fn a_scope_that_ends_on_a_worker_runs_its_own_queued_jobs_in_order_and_no_other() {
    let stage = pool(1);
    let other = stage.submit_named("other");
    stage.on(0, |_| {
        let scope = ScopeCore::new(true);
        drop(submit_named(&scope, &stage, "first"));
        let second = submit_named(&scope, &stage, "second");
        scope.finish(&stage).unwrap();
        assert!(second.ready());
        expect(["first runs", "block freed", "second runs"]);
    });
    expect(["block freed"]);
    assert!(!other.ready());
    assert!(stage.step(0) && !stage.step(0));
    expect(["other runs"]);
}

// S42
#[test]
fn a_scope_that_ends_outside_waits_for_its_last_job() {
    let stage = pool(1);
    let scope = ScopeCore::new(false);
    let lent = String::from("lent");
    for _ in 0..2 {
        drop(submit(&scope, &stage, || log(format!("{lent} to the job"))));
    }
    let there = Rc::clone(&stage);
    on_park(move || {
        assert!(there.step(0));
        log("one is left");
        assert!(there.step(0));
    });
    scope.finish(&stage).unwrap();
    expect([
        "waiter parks",
        "lent to the job",
        "block freed",
        "one is left",
        "lent to the job",
        "block freed",
        "unpark waiter",
    ]);
}

// S42
#[test]
fn a_scope_waits_for_a_job_that_runs_on_another_worker() {
    let stage = pool(2);
    stage.on(0, |_| {
        let scope = ScopeCore::new(true);
        drop(submit_named(&scope, &stage, "job"));
        let entry = stage.take().unwrap();
        let there = Rc::clone(&stage);
        on_park(move || {
            // SAFETY: `take` has exchanged the entry out of its cell.
            there.on(1, |frame| unsafe { frame.execute(entry) });
        });
        scope.finish(&stage).unwrap();
    });
    expect(["waiter parks", "job runs", "unpark waiter", "block freed"]);
}

// S41, S42
#[test]
fn a_scope_runs_what_nobody_has_begun_before_it_waits_for_what_somebody_has() {
    let stage = pool(2);
    stage.on(0, |_| {
        let scope = ScopeCore::new(true);
        drop(submit_named(&scope, &stage, "begun"));
        let entry = stage.take().unwrap();
        drop(submit_named(&scope, &stage, "queued"));
        let there = Rc::clone(&stage);
        on_park(move || {
            // SAFETY: `take` has exchanged the entry out of its cell.
            there.on(1, |frame| unsafe { frame.execute(entry) });
        });
        scope.finish(&stage).unwrap();
    });
    expect([
        "queued runs",
        "block freed",
        "waiter parks",
        "begun runs",
        "unpark waiter",
        "block freed",
    ]);
}

// S42
#[test]
fn a_job_of_a_scope_may_submit_to_it_and_the_scope_waits_for_that_one_too() {
    for lists_all in [false, true] {
        let stage = pool(1);
        let scope = ScopeCore::new(lists_all);
        let outer = submit(&scope, &stage, || {
            drop(submit_named(&scope, &stage, "inner"));
            log("outer runs");
        });
        drop(outer);
        if lists_all {
            stage.on(0, |_| scope.finish(&stage)).unwrap();
            // What is listed is freed by the scope when all of the list has ended.
            expect(["outer runs", "block freed", "inner runs", "block freed"]);
        } else {
            let there = Rc::clone(&stage);
            on_park(move || assert!(there.step(0) && there.step(0)));
            scope.finish(&stage).unwrap();
            expect([
                "waiter parks",
                "outer runs",
                "block freed",
                "inner runs",
                "block freed",
                "unpark waiter",
            ]);
        }
    }
}

// S42, S14
#[test]
fn the_first_panic_that_nobody_has_seen_ends_the_scope() {
    for lists_all in [false, true] {
        let stage = pool(1);
        let scope = ScopeCore::new(lists_all);
        let seen = submit(&scope, &stage, || fail("seen"));
        drop(submit(&scope, &stage, || fail("first")));
        drop(submit(&scope, &stage, || fail("second")));
        // Ended by the worker in order, or found in the list.
        while stage.step(0) {}
        let error = seen.get().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a job panicked: seen; mend it, or return a `Result` from it"
        );
        let error = scope.finish(&stage).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a job panicked: first; mend it, or return a `Result` from it"
        );
        expect(["block freed", "block freed", "block freed"]);
    }
}

// S42
#[test]
fn an_error_that_is_no_panic_does_not_end_a_scope() {
    let stage = pool(1);
    let scope = ScopeCore::new(false);
    let job = submit_named(&scope, &stage, "job");
    job.cancel();
    drop(job);
    scope.finish(&stage).unwrap();
    expect(["block freed"]);
}

// S42, S45
#[test]
fn terminate_ends_the_wait_of_a_scope() {
    let stage = pool(1);
    let scope = ScopeCore::new(false);
    let capture = Traced("captures");
    let job = submit(&scope, &stage, move || drop(capture));
    let there = Rc::clone(&stage);
    on_park(move || assert_eq!(there.terminate(), 1));
    scope.finish(&stage).unwrap();
    expect(["waiter parks", "captures dropped", "unpark waiter"]);
    assert!(matches!(job.get(), Err(JobError::Terminated)));
    expect(["block freed"]);
}

// S12, S13, S42
#[test]
fn a_job_that_is_refused_does_not_count_in_its_scope() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let scope = ScopeCore::new(false);
    let capture = Traced("captures");
    let body = PlainFn(move || drop(capture));
    let refused = submit_in(&scope, &stage, body, Block, false);
    assert!(matches!(refused, Err((JobError::Full, _))));
    scope.finish(&stage).unwrap();
    expect(["block freed"]);
    drop(refused);
    expect(["captures dropped"]);
    assert!(stage.step(0));
    first.get().unwrap();
    expect(["first runs"]);
}

// S42
#[test]
fn a_scope_lets_go_of_jobs_that_have_ended_while_it_submits_more() {
    let stage = pool(1);
    stage.on(0, |_| {
        let scope = ScopeCore::new(true);
        for _ in 0..64 {
            drop(submit(&scope, &stage, || ()));
            assert!(stage.step(0));
        }
        // The last one is listed after the look.
        assert_eq!(take_events(), ["block freed"; 63]);
        scope.finish(&stage).unwrap();
    });
    expect(["block freed"]);
}

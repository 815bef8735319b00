//! The order of a job's end: captures, callback, value.

use super::fake::{expect, fail, log};
use super::stage::{Grenade, Handle, Traced, pool};
use crate::error::JobError;
use crate::job::{Annotated, OnError, OnSuccess, PlainFn};

fn annotated<F, C>(f: F, callbacks: C) -> Annotated<PlainFn<F>, C> {
    Annotated {
        body: PlainFn(f),
        callbacks,
        name: Some("job"),
    }
}

// S15, S23
#[test]
fn captures_go_before_the_callback_and_the_callback_comes_before_the_value() {
    let stage = pool(1);
    let handle = Handle::empty();
    let capture = handle.capture("captures");
    let body = annotated(
        move || {
            let _capture = capture;
            log("runs");
            7
        },
        handle.callbacks(),
    );
    handle.put(stage.submit_with(body, ()).unwrap());
    expect([]);
    assert!(stage.step(0));
    handle.log("after");
    expect([
        "runs",
        "captures dropped, pending",
        "on_success, pending",
        "after, ready",
    ]);
    assert_eq!(handle.take().get().unwrap(), 7);
    expect([]);
}

// S14, S15, S23
#[test]
fn a_panic_drops_the_captures_and_becomes_the_error_that_the_callback_sees() {
    let stage = pool(1);
    let handle = Handle::<()>::empty();
    let capture = handle.capture("captures");
    let body = annotated(
        move || {
            let _capture = &capture;
            fail("why")
        },
        handle.callbacks(),
    );
    handle.put(stage.submit_with(body, ()).unwrap());
    assert!(stage.step(0));
    expect([
        "captures dropped, pending",
        r#"on_error: job "job" panicked: why; mend it, or return a `Result` from it, pending"#,
    ]);
    assert_eq!(handle.with(crate::AsyncResult::successful), Some(false));
    let error = handle.take().get().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"job "job" panicked: why; mend it, or return a `Result` from it"#
    );
}

// S14, S15
#[test]
fn a_captures_panicking_destructor_is_the_jobs_panic() {
    let stage = pool(1);
    let grenade = Grenade("captures");
    let job = stage.submit(move || {
        let _grenade = grenade;
        7
    });
    assert!(stage.step(0));
    let error = job.get().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a job panicked: in a destructor; mend it, or return a `Result` from it"
    );
    expect(["captures explodes"]);
}

// S24
#[test]
fn a_callback_that_panics_at_success_turns_the_value_into_its_panic() {
    let stage = pool(1);
    let callbacks = OnSuccess {
        f: |_: &Traced| fail("in the callback"),
        others: (),
    };
    let job = stage
        .submit_with(annotated(|| Traced("value"), callbacks), ())
        .unwrap();
    assert!(stage.step(0));
    expect(["value dropped"]);
    assert_eq!(job.successful(), Some(false));
    let error = job.get().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"job "job" panicked: in the callback; mend it, or return a `Result` from it"#
    );
    // The pool goes on.
    let next = stage.submit_named("next");
    assert!(stage.step(0));
    next.get().unwrap();
    expect(["next runs"]);
}

// S24
#[test]
fn a_callback_that_panics_at_an_error_replaces_it() {
    let stage = pool(1);
    let callbacks = OnError {
        f: |error: &JobError| {
            log(error.to_string());
            fail("in the callback")
        },
        others: (),
    };
    let job = stage
        .submit_with(annotated(|| log("runs"), callbacks), ())
        .unwrap();
    assert_eq!(stage.terminate(), 1);
    expect(["the pool was terminated before the job ran; `close` lets queued jobs run"]);
    let error = job.get().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"job "job" panicked: in the callback; mend it, or return a `Result` from it"#
    );
}

// S23
#[test]
fn only_the_callback_of_the_jobs_end_is_called() {
    let stage = pool(1);
    let callbacks = || OnError {
        f: |_: &JobError| log("on_error"),
        others: OnSuccess {
            f: |_: &i32| log("on_success"),
            others: (),
        },
    };
    let good = stage.submit_with(annotated(|| 1, callbacks()), ()).unwrap();
    let bad = stage
        .submit_with(annotated(|| fail("why"), callbacks()), ())
        .unwrap();
    assert!(stage.step(0));
    expect(["on_success"]);
    assert!(stage.step(0));
    expect(["on_error"]);
    assert!(good.get().is_ok() && bad.get().is_err());
}

// S12, S23
#[test]
fn a_refused_job_calls_no_callback() {
    let stage = pool(1);
    stage.close();
    let callbacks = OnError {
        f: |_: &JobError| log("on_error"),
        others: (),
    };
    let refused = stage.submit_with::<_, ()>(annotated(|| (), callbacks), ());
    assert!(matches!(refused, Err(JobError::Closed)));
    expect([]);
}

// S14, S15
#[test]
fn a_destructor_that_panics_while_the_job_is_refused_is_contained() {
    let stage = pool(1);
    let grenade = Grenade("captures");
    let job = stage.submit(move || drop(grenade));
    assert_eq!(stage.terminate(), 1);
    assert!(matches!(job.get(), Err(JobError::Terminated)));
    expect(["captures explodes"]);
}

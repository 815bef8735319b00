//! Who frees a job and its value, in whichever order its holders let go.

use super::fake::{Fake, expect, log};
use super::stage::{Block, Grenade, Handle, Stage, Traced, bounded, pool};
use crate::job::PlainFn;
use crate::result::AsyncResult;
use crate::submit;

fn submit_traced(stage: &Stage) -> AsyncResult<Traced, Fake> {
    let capture = Traced("captures");
    let body = PlainFn(move || {
        let _capture = capture;
        log("runs");
        Traced("value")
    });
    stage.submit_with(body, Block).unwrap()
}

// S22, S15
#[test]
fn a_job_whose_handle_is_gone_runs_and_its_worker_drops_the_value() {
    let stage = pool(1);
    drop(submit_traced(&stage));
    expect([]);
    assert!(stage.step(0));
    expect(["runs", "captures dropped", "value dropped", "block freed"]);
}

// S22
#[test]
fn a_handle_that_goes_after_the_end_drops_the_value() {
    let stage = pool(1);
    let job = submit_traced(&stage);
    assert!(stage.step(0));
    expect(["runs", "captures dropped"]);
    drop(job);
    expect(["value dropped", "block freed"]);
}

// S22
#[test]
fn a_handle_that_goes_while_the_job_runs_leaves_the_value_to_the_worker() {
    let stage = pool(1);
    let handle = Handle::empty();
    let own = handle.clone();
    let body = PlainFn(move || {
        drop(own.take());
        log("the handle is gone");
        Traced("value")
    });
    handle.put(stage.submit_with(body, Block).unwrap());
    assert!(stage.step(0));
    expect(["the handle is gone", "value dropped", "block freed"]);
}

// S16
#[test]
fn a_value_that_was_taken_is_dropped_by_who_took_it() {
    let stage = pool(1);
    let job = submit_traced(&stage);
    assert!(stage.step(0));
    let value = job.get().unwrap();
    expect(["runs", "captures dropped", "block freed"]);
    drop(value);
    expect(["value dropped"]);
}

// S15, S22, S45
#[test]
fn a_job_that_never_runs_is_freed_once_with_and_without_its_handle() {
    let stage = pool(1);
    let kept = submit_traced(&stage);
    drop(submit_traced(&stage));
    assert_eq!(stage.terminate(), 2);
    expect(["captures dropped", "captures dropped", "block freed"]);
    drop(kept);
    expect(["block freed"]);
}

// S14, S22
#[test]
fn a_value_whose_destructor_panics_is_contained_on_either_side() {
    let stage = pool(1);
    let body = || PlainFn(|| Grenade("value"));
    drop(stage.submit_with(body(), Block).unwrap());
    assert!(stage.step(0));
    expect(["value explodes", "block freed"]);
    let job = stage.submit_with(body(), Block).unwrap();
    assert!(stage.step(0));
    drop(job);
    expect(["value explodes", "block freed"]);
}

// S14
#[test]
fn a_destructor_that_panics_with_a_payload_that_panics_is_contained() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            log("payload explodes");
            // Without size, for this one is leaked.
            std::panic::resume_unwind(Box::new(()));
        }
    }
    struct Value;
    impl Drop for Value {
        fn drop(&mut self) {
            log("value explodes");
            std::panic::resume_unwind(Box::new(Payload));
        }
    }
    let stage = pool(1);
    drop(stage.submit_with(PlainFn(|| Value), Block).unwrap());
    assert!(stage.step(0));
    expect(["value explodes", "payload explodes", "block freed"]);
}

// S14
#[test]
fn a_payload_whose_destructor_panics_is_contained() {
    let stage = pool(1);
    let body = PlainFn(|| std::panic::resume_unwind(Box::new(Grenade("payload"))));
    let job: AsyncResult<(), Fake> = stage.submit_with(body, Block).unwrap();
    assert!(stage.step(0));
    assert_eq!(job.successful(), Some(false));
    drop(job);
    expect(["payload explodes", "block freed"]);
}

// S13
#[test]
fn a_job_that_is_refused_is_freed_without_its_body() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let capture = Traced("captures");
    let body = PlainFn(move || drop(capture));
    let refused = submit::apply_async(&stage, body, Block, false);
    expect(["block freed"]);
    drop(refused);
    expect(["captures dropped"]);
    assert!(stage.step(0));
    first.get().unwrap();
    expect(["first runs"]);
}

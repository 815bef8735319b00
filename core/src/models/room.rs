//! A submitter that waits for room, and what makes room.

use loom::thread;

use super::{Machine, Stage, Value, explore, join, shared};
use crate::job::PlainFn;
use crate::result::AsyncResult;
use crate::submit;

/// The only place of a queue is taken, and a submitter waits for it.
fn race<const N: usize>(others: [fn(&Stage, &AsyncResult<Value, Machine>); N]) {
    explore(2, move || {
        let [stage, submits] = shared(Stage::with(1, 1, |_| {}));
        let handle = std::sync::Arc::new(stage.submit_value());
        let threads = others.map(|other| {
            let (stage, handle) = (stage.clone(), handle.clone());
            thread::spawn(move || other(&stage, &handle))
        });
        join([thread::spawn(move || {
            drop(submit::apply_async(&submits, PlainFn(Value::new), (), true));
        })]);
        join(threads);
        while stage.step(0) {}
    });
}

// S13
#[test]
fn who_waits_for_room_is_told_that_a_worker_made_some() {
    race([|stage, _| _ = stage.step(0)]);
}

// S13, S20
#[test]
fn who_waits_for_room_is_told_that_a_cancelled_job_made_some() {
    race([|_, handle| _ = handle.cancel()]);
}

// S13, S20
#[test]
fn who_waits_for_room_is_told_whoever_finds_the_cancelled_job() {
    race([
        |_, handle| _ = handle.cancel(),
        |stage, _| _ = stage.step(0),
    ]);
}

// S12, S13
#[test]
fn who_waits_for_room_is_told_that_the_pool_closes() {
    race([|stage, _| stage.close()]);
}

// S20: each of two who cancel might take the other's entry for one that is still to run.
#[test]
fn two_jobs_that_are_cancelled_at_once_leave_nothing_queued() {
    explore(3, || {
        let [stage] = shared(Stage::with(1, 2, |_| {}));
        let cancellers = [(); 2]
            .map(|()| stage.submit_value())
            .map(|handle| thread::spawn(move || _ = handle.cancel()));
        join(cancellers);
        assert_eq!(stage.queued(), 0);
    });
}

//! Awaiting: which waker is called, when, and what becomes of it.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use super::fake::{Fake, expect, fail, log, on_park};
use super::stage::{Block, Handle, Traced, pool};
use crate::error::JobError;
use crate::job::PlainFn;
use crate::result::AsyncResult;

/// A task that tells when it is woken and when its last waker goes.
struct Task(&'static str);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        log(format!("{} woken by value", self.0));
    }

    fn wake_by_ref(self: &Arc<Self>) {
        log(format!("{} woken by reference", self.0));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        log(format!("waker of {} dropped", self.0));
    }
}

fn waker(name: &'static str) -> Waker {
    Arc::new(Task(name)).into()
}

/// Polls once. Only the job keeps the waker afterwards.
fn poll<T>(job: &mut AsyncResult<T, Fake>, waker: &Waker) -> Poll<Result<T, JobError>> {
    Pin::new(job).poll(&mut Context::from_waker(waker))
}

// S21
#[test]
fn a_task_is_woken_once_when_the_value_is_there() {
    let stage = pool(1);
    let mut job = stage.submit(|| 7);
    let task = waker("task");
    assert!(poll(&mut job, &task).is_pending());
    drop(task);
    expect([]);
    assert!(stage.step(0));
    expect(["task woken by reference"]);
    assert_eq!(
        poll(&mut job, &waker("second")).map(Result::unwrap),
        Poll::Ready(7)
    );
    expect(["waker of second dropped"]);
    drop(job);
    expect(["waker of task dropped"]);
}

// S21
#[test]
fn a_second_poll_replaces_the_waker_of_the_first() {
    let stage = pool(1);
    let mut job = stage.submit(|| 7);
    assert!(poll(&mut job, &waker("first")).is_pending());
    expect([]);
    assert!(poll(&mut job, &waker("second")).is_pending());
    expect(["waker of first dropped"]);
    assert!(stage.step(0));
    drop(job);
    expect(["second woken by reference", "waker of second dropped"]);
}

// S21
#[test]
fn a_second_poll_with_the_same_waker_keeps_the_one_that_is_there() {
    static TELLS: RawWakerVTable = RawWakerVTable::new(
        |_| {
            log("cloned");
            RawWaker::new(ptr::null(), &TELLS)
        },
        |_| log("woken by value"),
        |_| log("woken by reference"),
        |_| log("dropped"),
    );
    let stage = pool(1);
    let mut job = stage.submit(|| 7);
    // SAFETY: the functions of the table leave the pointer alone.
    let waker = unsafe { Waker::new(ptr::null(), &TELLS) };
    for _ in 0..3 {
        assert!(poll(&mut job, &waker).is_pending());
    }
    expect(["cloned"]);
    assert!(stage.step(0));
    expect(["woken by reference"]);
    drop(job);
    expect(["dropped"]);
}

// S21
#[test]
fn the_job_is_held_while_its_waker_is_called() {
    struct DropsTheHandle(Handle<Traced>);
    // SAFETY: the tests have one thread.
    unsafe impl Send for DropsTheHandle {}
    // SAFETY: as above.
    unsafe impl Sync for DropsTheHandle {}
    impl Wake for DropsTheHandle {
        fn wake(self: Arc<Self>) {
            unreachable!("jobs wake by reference");
        }
        fn wake_by_ref(self: &Arc<Self>) {
            self.0.log("woken");
            drop(self.0.take());
            log("the handle is gone");
        }
    }
    let stage = pool(1);
    let handle = Handle::empty();
    let mut job = stage
        .submit_with(PlainFn(|| Traced("value")), Block)
        .unwrap();
    let waker = Arc::new(DropsTheHandle(handle.clone())).into();
    assert!(poll(&mut job, &waker).is_pending());
    handle.put(job);
    assert!(stage.step(0));
    expect([
        "woken, ready",
        "the handle is gone",
        "value dropped",
        "block freed",
    ]);
}

// S14, S21
#[test]
fn a_waker_that_panics_is_contained_and_the_waiting_threads_are_woken_all_the_same() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {}
        fn wake_by_ref(self: &Arc<Self>) {
            log("the waker panics");
            fail("in a waker");
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            log("the waker panics again");
            fail("in the destructor of a waker");
        }
    }
    let stage = pool(1);
    let mut job = stage.submit_with(PlainFn(|| 7), Block).unwrap();
    assert!(poll(&mut job, &Arc::new(Panics).into()).is_pending());
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    assert_eq!(job.get().unwrap(), 7);
    expect([
        "waiter parks",
        "the waker panics",
        "unpark waiter",
        "the waker panics again",
        "block freed",
    ]);
}

// S21, S22
#[test]
fn a_future_that_is_dropped_does_not_cancel_the_job_and_wakes_nobody() {
    let stage = pool(1);
    let mut job = stage
        .submit_with(
            PlainFn(|| {
                log("runs");
                Traced("value")
            }),
            Block,
        )
        .unwrap();
    assert!(poll(&mut job, &waker("task")).is_pending());
    drop(job);
    expect([]);
    assert!(stage.step(0));
    expect([
        "runs",
        "waker of task dropped",
        "value dropped",
        "block freed",
    ]);
}

// S41
#[test]
fn a_poll_on_a_worker_runs_the_queued_job_and_no_other() {
    let stage = pool(1);
    let other = stage.submit_named("other");
    let mut job = stage.submit(|| {
        log("runs");
        7
    });
    let polled = stage.on(0, |_| poll(&mut job, &waker("task")));
    assert_eq!(polled.map(Result::unwrap), Poll::Ready(7));
    expect(["runs"]);
    drop(job);
    expect(["waker of task dropped"]);
    assert!(!other.ready());
    assert!(stage.step(0));
    expect(["other runs"]);
}

// S20, S21
#[test]
fn a_cancelled_job_wakes_its_task() {
    let stage = pool(1);
    let mut job = stage.submit_named("job");
    assert!(poll(&mut job, &waker("task")).is_pending());
    job.cancel();
    expect(["task woken by reference"]);
    let polled = poll(&mut job, Waker::noop());
    assert!(matches!(polled, Poll::Ready(Err(JobError::Cancelled))));
    drop(job);
    expect(["waker of task dropped"]);
}

#[test]
fn a_value_that_was_taken_is_not_there_twice() {
    let stage = pool(1);
    let mut job = stage.submit(|| Traced("value"));
    assert!(stage.step(0));
    let value = poll(&mut job, Waker::noop());
    assert!(matches!(value, Poll::Ready(Ok(_))));
    let again = poll(&mut job, Waker::noop());
    assert!(matches!(again, Poll::Ready(Err(JobError::Taken))));
    expect([]);
    drop((value, job));
    expect(["value dropped"]);
}

//! A single job: what its runner and its handle may do at the same time.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::{Machine, Stage, Value, explore, join, shared};
use crate::result::{AsyncResult, CancelOutcome};

type Handle = AsyncResult<Value, Machine>;

/// One job is queued; a worker takes it while another thread uses the handle.
fn race<T: 'static>(with_handle: fn(Handle, &Stage) -> T, at_the_end: fn(T, &Stage)) {
    explore(3, move || {
        let [stage, runs, uses] = shared(Stage::new(1));
        let handle = stage.submit_value();
        let runner = thread::spawn(move || _ = runs.step(0));
        let user = thread::spawn(move || with_handle(handle, &uses));
        join([runner]);
        let [left] = join([user]);
        at_the_end(left, &stage);
    });
}

/// Runs what the runner of the race has missed.
fn finish(stage: &Stage) {
    while stage.step(0) {}
}

// S14, S15, S16
#[test]
fn the_value_that_get_returns_is_complete() {
    race(|handle, _| handle.get().unwrap().read(), |(), _| ());
}

// S22
#[test]
fn a_handle_may_go_at_any_moment() {
    race(|handle, _| drop(handle), |(), _| ());
}

// S14, S20
#[test]
fn a_job_is_cancelled_or_run() {
    race(
        |handle, _| match handle.cancel() {
            CancelOutcome::NeverRan => assert!(handle.get().is_err()),
            CancelOutcome::AlreadyDone => assert!(handle.ready()),
            CancelOutcome::StillRuns => drop(handle),
        },
        |(), _| (),
    );
}

// S18
#[test]
fn several_threads_may_wait_for_one_job() {
    explore(2, || {
        let stage = Stage::new(1);
        let [first, second, last] = shared(stage.submit_value());
        let runner = thread::spawn(move || assert!(stage.step(0)));
        join([first, second].map(|handle| thread::spawn(move || handle.wait())));
        join([runner]);
        let handle = Arc::into_inner(last).unwrap();
        handle.get().unwrap().read();
    });
}

/// A waker of which every copy is a value of its own.
fn waker() -> Waker {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| raw(),
        // SAFETY: as `drop` below, after a read.
        |data| unsafe { Box::from_raw(data.cast::<Value>().cast_mut()) }.read(),
        // SAFETY: the copy is there.
        |data| unsafe { &*data.cast::<Value>() }.read(),
        // SAFETY: `raw` made the pointer from a box, and this is its end.
        |data| drop(unsafe { Box::from_raw(data.cast::<Value>().cast_mut()) }),
    );
    fn raw() -> RawWaker {
        RawWaker::new(Box::into_raw(Box::new(Value::new())).cast(), &VTABLE)
    }
    // SAFETY: the functions of the table need nothing but their copy; values may go to other threads.
    unsafe { Waker::from_raw(raw()) }
}

fn poll(handle: &mut Handle) -> bool {
    match Pin::new(handle).poll(&mut Context::from_waker(&waker())) {
        Poll::Ready(value) => {
            value.unwrap().read();
            true
        }
        Poll::Pending => false,
    }
}

// S21
#[test]
fn a_polled_job_is_woken_or_ready() {
    race(
        |mut handle, _| {
            let ready = poll(&mut handle);
            (handle, ready)
        },
        |(mut handle, ready), _| assert!(ready || poll(&mut handle)),
    );
}

// S21
#[test]
fn a_waker_is_replaced_or_called() {
    race(
        |mut handle, _| {
            let ready = poll(&mut handle) || poll(&mut handle);
            (handle, ready)
        },
        |(mut handle, ready), _| assert!(ready || poll(&mut handle)),
    );
}

// S21, S22
#[test]
fn a_polled_handle_may_go_at_any_moment() {
    race(
        |mut handle, _| {
            poll(&mut handle);
        },
        |(), _| (),
    );
}

// S14, S20
#[test]
fn of_two_cancellers_and_a_worker_one_resolves_the_job() {
    explore(2, || {
        let [stage, runs] = shared(Stage::new(1));
        let [first, second, last] = shared(stage.submit_value());
        let runner = thread::spawn(move || _ = runs.step(0));
        let [one, other] = join(
            [first, second]
                .map(|handle| thread::spawn(move || handle.cancel() == CancelOutcome::NeverRan)),
        );
        join([runner]);
        assert!(!(one && other));
        let handle = Arc::into_inner(last).unwrap();
        assert_eq!(handle.get().is_err(), one || other);
        finish(&stage);
    });
}

// S41
#[test]
fn a_waiting_worker_runs_its_job_or_another_has_it() {
    race(
        |handle, stage| stage.on(0, |_| handle.get().unwrap().read()),
        |(), _| (),
    );
}

/// What an executor sleeps on.
struct Alarm {
    rung: Mutex<bool>,
    rings: Condvar,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap() = true;
        self.rings.notify_one();
    }
}

// S21
#[test]
fn who_awaits_a_job_is_woken() {
    race(
        |handle, _| {
            let alarm = Arc::new(Alarm {
                rung: Mutex::new(false),
                rings: Condvar::new(),
            });
            let waker = Waker::from(Arc::clone(&alarm));
            let mut handle = pin!(handle);
            let value = loop {
                if let Poll::Ready(value) = handle.as_mut().poll(&mut Context::from_waker(&waker)) {
                    break value;
                }
                let mut rung = alarm.rung.lock().unwrap();
                while !std::mem::take(&mut *rung) {
                    rung = alarm.rings.wait(rung).unwrap();
                }
            };
            value.unwrap().read();
        },
        |(), _| (),
    );
}

/// A worker, perhaps of another pool as well at the moment, uses a handle whose job nobody else runs.
fn alone(use_handle: fn(Handle)) {
    explore(1, move || {
        let stage = Stage::new(1);
        let handle = stage.submit_value();
        stage.on(0, |_| use_handle(handle));
    });
}

// S41
#[test]
fn a_worker_that_waits_alone_runs_its_job() {
    alone(|handle| handle.get().unwrap().read());
}

// S21, S41
#[test]
fn a_poll_on_a_worker_runs_its_job() {
    alone(|mut handle| assert!(poll(&mut handle)));
}

// S41
#[test]
fn a_worker_of_two_pools_runs_its_job_of_the_outer_one() {
    alone(|handle| Stage::new(1).on(0, |_| handle.get().unwrap().read()));
}

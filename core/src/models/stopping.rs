//! `terminate`, and what others have in hand at that moment.

use std::sync::{Arc, Mutex};

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::thread;

use super::{Machine, Stage, Value, explore, join, shared};
use crate::error::JobError;
use crate::idle::Idle;
use crate::job::PlainFn;
use crate::result::AsyncResult;
use crate::submit;

// S45
#[test]
fn no_job_starts_after_terminate() {
    explore(2, || {
        let [stage, ends, works] = shared((Stage::new(1), AtomicUsize::new(0)));
        let [runs, ran] = shared(AtomicUsize::new(0));
        let handle = stage.0.submit(move || runs.store(1, Relaxed));
        let ender = thread::spawn(move || {
            ends.0.terminate();
            ends.1.store(1, Release);
        });
        join([thread::spawn(move || {
            works.0.on(0, |frame| {
                let Ok(entry) = works.0.take() else { return };
                let late = works.1.load(Acquire) == 1;
                // SAFETY: `take` has exchanged the entry out of its cell.
                unsafe { frame.execute_by_loop(entry) };
                assert!(
                    !late || ran.load(Relaxed) == 0,
                    "a job starts after the end"
                );
            });
        })]);
        join([ender]);
        // Whoever has refused it has counted it.
        let refused = handle.get().is_err();
        assert_eq!(stage.0.never_started(), usize::from(refused));
    });
}

// S12
#[test]
fn who_is_refused_by_terminate_is_told_so() {
    explore(3, || {
        let [ends, submits] = shared(Stage::new(1));
        join([
            thread::spawn(move || _ = ends.terminate()),
            thread::spawn(move || {
                let submitted = submit::apply_async(&submits, PlainFn(Value::new), (), true);
                if let Err((why, _)) = submitted {
                    assert!(matches!(why, JobError::Terminated));
                }
            }),
        ]);
    });
}

// S12, S45
#[test]
fn nothing_is_let_in_after_a_terminate_that_was_not_the_first() {
    explore(2, || {
        let [first, second] = shared(Stage::new(1));
        join([
            thread::spawn(move || _ = first.terminate()),
            thread::spawn(move || {
                second.terminate();
                let submitted = submit::apply_async(&second, PlainFn(Value::new), (), true);
                let refused = submitted.map(drop).map_err(|(why, _)| why);
                assert!(matches!(refused, Err(JobError::Terminated)), "{refused:?}");
            }),
        ]);
    });
}

/// A capture whose destructor waits for a job that is submitted later.
struct Waits(Arc<Mutex<Option<AsyncResult<(), Machine>>>>);

impl Drop for Waits {
    fn drop(&mut self) {
        let later = self.0.lock().unwrap().take();
        if let Some(later) = later {
            later.wait();
        }
    }
}

// S45
#[test]
fn what_terminate_drops_may_wait_for_a_worker() {
    explore(2, || {
        let [stage, ends, works] = shared(Stage::new(1));
        let later = Arc::new(Mutex::new(None));
        let waits = Waits(Arc::clone(&later));
        drop(stage.submit(move || drop(waits)));
        *later.lock().unwrap() = Some(stage.submit(|| ()));
        // Nobody has told the worker of these.
        stage.idle.announce(stage.slots(), 0, false);
        join([
            thread::spawn(move || _ = ends.terminate()),
            thread::spawn(move || {
                Idle::park(works.slots(), 0);
                while works.step(0) {}
            }),
        ]);
    });
}

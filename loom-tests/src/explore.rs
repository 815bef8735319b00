//! How a model is run: with which bound, and on which part of its life.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::platform::{Stage, set_stage};

/// From here on every interleaving is explored.
///
/// A pool is built and ended outside of the race in question, in the one order in which each thread goes on
/// until it blocks: loom would multiply the interleavings of those phases with the race's own.
pub fn begin_race() {
    loom::explore();
}

/// From here on each thread goes on until it blocks.
pub fn end_race() {
    loom::stop_exploring();
}

/// What an exploration did.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// How many interleavings there were.
    pub interleavings: usize,
    /// With at most how many preemptions.
    pub preemptions: usize,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} interleavings, {} preemptions, {:.1} s",
            self.interleavings,
            self.preemptions,
            self.took.as_secs_f32()
        )
    }
}

/// Explores every interleaving of `f` with at most `preemptions` preemptions inside the race.
/// `LOOM_MAX_PREEMPTIONS` lowers that, never raises it.
///
/// # Panics
///
/// If `f` fails in one of them, or there was only one, which proves nothing.
pub fn explore(preemptions: usize, f: impl Fn() + Send + Sync + 'static) -> Report {
    let mut builder = loom::model::Builder::new();
    let preemptions = builder
        .preemption_bound
        .unwrap_or(preemptions)
        .min(preemptions);
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    // An exploration that was cut short shows nothing.
    (builder.max_duration, builder.max_permutations) = (None, None);
    builder.expect_explicit_explore = true;
    let interleavings = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let counted = Arc::clone(&interleavings);
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        let stage = Box::into_raw(Box::new(Stage::new()));
        set_stage(stage);
        f();
        set_stage(std::ptr::null());
        // SAFETY: the model has joined its threads, so nobody is on the stage any more.
        drop(unsafe { Box::from_raw(stage) });
    });
    let interleavings = interleavings.load(Relaxed);
    assert!(interleavings > 1, "the model has no race");
    Report {
        interleavings,
        preemptions,
        took: begun.elapsed(),
    }
}

#[cfg(test)]
mod tests {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::*;

    /// A reader that sees a flag, and so thinks that it may read what the writer wrote before.
    fn publish(order: std::sync::atomic::Ordering) {
        explore(1, move || {
            // Leaked, for destructors that run while a failure unwinds may not use loom.
            let shared: &(UnsafeCell<u8>, AtomicBool) =
                Box::leak(Box::new((UnsafeCell::new(0), AtomicBool::new(false))));
            begin_race();
            let writer = thread::spawn(move || {
                shared.0.with_mut(|_| ());
                shared.1.store(true, order);
            });
            let reader = thread::spawn(move || {
                if shared.1.load(std::sync::atomic::Ordering::Acquire) {
                    shared.0.with(|_| ());
                }
            });
            writer.join().expect("a failure ends the model");
            reader.join().expect("a failure ends the model");
        });
    }

    #[test]
    fn a_publication_passes() {
        publish(std::sync::atomic::Ordering::Release);
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn a_publication_without_release_is_found() {
        publish(Relaxed);
    }

    #[test]
    #[should_panic(expected = "the model has no race")]
    fn a_model_of_one_interleaving_is_none() {
        explore(1, begin_race);
    }
}

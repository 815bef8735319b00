//! Regions: work for every worker, published by an epoch.

use loom::thread;

use super::{Checked, Stage, explore, join, shared};
use crate::batch::everyone;
use crate::job::Options;

/// A stage, and a place that belongs to its only worker.
struct Yard {
    stage: Stage,
    place: Checked,
}

impl Yard {
    fn new() -> Self {
        Self {
            stage: Stage::new(1),
            place: Checked::new(),
        }
    }

    /// Lets the worker use what this thread has made, and looks at what it did.
    fn broadcast(&self) -> bool {
        let made = Checked::new();
        let use_both = |_: &mut crate::Worker<'_, _, ()>| {
            self.place.write();
            made.write();
        };
        // SAFETY: the state of a stage is the unit.
        let visited =
            unsafe { everyone::broadcast_to_vec(&*self.stage, use_both, &Options::default()) };
        made.write();
        visited.is_ok()
    }
}

// S43
#[test]
fn a_worker_that_falls_asleep_does_not_miss_a_broadcast() {
    explore(3, || {
        let [yard, calls, works] = shared(Yard::new());
        let worker = thread::spawn(move || works.stage.work(0));
        join([thread::spawn(move || assert!(calls.broadcast()))]);
        yard.stage.close();
        join([worker]);
        yard.place.write();
    });
}

// S43
#[test]
fn broadcasts_follow_one_another() {
    explore(2, || {
        let [yard, first, second, works] = shared(Yard::new());
        let worker = thread::spawn(move || works.stage.work(0));
        join([first, second].map(|yard| thread::spawn(move || assert!(yard.broadcast()))));
        yard.stage.close();
        join([worker]);
    });
}

// S43, S44
#[test]
fn a_broadcast_is_refused_by_a_closed_pool_or_visited() {
    explore(2, || {
        let [calls, closes, works] = shared(Yard::new());
        let worker = thread::spawn(move || works.stage.work(0));
        join([
            thread::spawn(move || _ = calls.broadcast()),
            thread::spawn(move || closes.stage.close()),
        ]);
        join([worker]);
    });
}

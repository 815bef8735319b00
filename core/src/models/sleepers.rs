//! Idle workers: who publishes something and who goes to sleep.

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use super::{Stage, explore, join, shared};
use crate::idle::Idle;

// S11, S14
#[test]
fn a_worker_that_falls_asleep_does_not_miss_a_job() {
    explore(3, || {
        let [stage, works, submits] = shared(Stage::new(1));
        let worker = thread::spawn(move || works.work(0));
        join([thread::spawn(move || {
            submits.submit_value().get().unwrap().read()
        })]);
        stage.close();
        join([worker]);
    });
}

// S44
#[test]
fn a_worker_that_falls_asleep_does_not_miss_that_the_pool_closes() {
    explore(3, || {
        let [works, closes] = shared(Stage::new(1));
        join([
            thread::spawn(move || works.work(0)),
            thread::spawn(move || closes.close()),
        ]);
    });
}

/// Something to do for two workers, of which the first searches and the second sleeps.
struct Night {
    stage: Stage,
    work: AtomicUsize,
}

impl Night {
    fn new() -> Self {
        let stage = Stage::new(2);
        assert!(stage.idle.start_searching());
        stage.idle.announce(stage.slots(), 1, false);
        Self {
            stage,
            work: AtomicUsize::new(0),
        }
    }

    /// The searcher has found other work, and passes the wake on if there is more.
    fn stop_searching(&self) {
        if self.stage.idle.stop_searching() && self.work.load(Relaxed) == 1 {
            self.stage.idle.wake_one(self.stage.slots());
        }
    }

    /// The sleeper is the one who must come. What it was woken for it sees at the second look at the latest.
    fn sleep(&self) {
        let slots = self.stage.slots();
        Idle::park(slots, 1);
        while self.work.load(Relaxed) == 0 {
            self.stage.idle.announce(slots, 1, true);
            if self.work.load(Relaxed) == 0 {
                Idle::park(slots, 1);
            }
        }
    }

    fn publish(&self) {
        self.work.store(1, Relaxed);
    }
}

// S11
#[test]
fn a_submitter_that_relies_on_a_searcher_is_not_let_down() {
    explore(3, || {
        let [publishes, searches, sleeps] = shared(Night::new());
        join([
            thread::spawn(move || {
                publishes.publish();
                publishes.stage.idle.notify(publishes.stage.slots());
            }),
            thread::spawn(move || searches.stop_searching()),
            thread::spawn(move || sleeps.sleep()),
        ]);
    });
}

// S26
#[test]
fn one_who_publishes_for_many_and_relies_on_a_searcher_is_not_let_down() {
    explore(3, || {
        let [publishes, searches, sleeps] = shared(Night::new());
        join([
            thread::spawn(move || {
                publishes.publish();
                publishes.stage.idle.notify_many(publishes.stage.slots(), 1);
            }),
            thread::spawn(move || searches.stop_searching()),
            thread::spawn(move || sleeps.sleep()),
        ]);
    });
}

// S11
#[test]
fn a_submitter_that_relies_on_the_count_of_a_failed_wake_is_not_let_down() {
    explore(2, || {
        let night = Night {
            stage: Stage::new(2),
            work: AtomicUsize::new(0),
        };
        night.stage.idle.announce(night.stage.slots(), 0, false);
        let [ends, publishes, wakes, leaves] = shared(night);
        join([
            // The submitter knows that worker 1 sleeps; the others need not.
            thread::spawn(move || {
                let (idle, slots) = (&publishes.stage.idle, publishes.stage.slots());
                idle.announce(slots, 1, false);
                publishes.publish();
                idle.notify(slots);
            }),
            // For something else, whoever that reaches.
            thread::spawn(move || _ = wakes.stage.idle.wake_one(wakes.stage.slots())),
            // Worker 0 has found that by itself, and leaves what was published to worker 1.
            thread::spawn(move || {
                let _ = leaves.stage.idle.withdraw(leaves.stage.slots(), 0);
                leaves.stop_searching();
            }),
        ]);
        let asleep = ends.stage.slots()[0]
            .idle_bits
            .load(crate::sync::Ordering::Relaxed);
        assert_eq!(asleep & 0b10, 0, "worker 1 sleeps on");
    });
}

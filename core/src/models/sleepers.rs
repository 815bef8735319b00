//! Idle workers: who publishes something and who goes to sleep.

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::{Stage, before_the_race, explore, join, let_first_park_return, shared};
use crate::engine::{Settings, WaitPolicy};
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

// S11, S14
#[test]
fn a_worker_that_is_woken_for_no_reason_does_not_miss_a_job() {
    explore(2, || {
        let_first_park_return();
        let [stage, works, submits] = shared(Stage::new(1));
        let worker = thread::spawn(move || works.work(0));
        join([thread::spawn(move || {
            // The wait sits in a seat: whoever parks first has the park that returns.
            submits.submit_value().get().unwrap().read();
        })]);
        stage.close();
        join([worker]);
    });
}

/// Where two jobs meet, each of which needs a worker of its own.
struct Meeting {
    present: Mutex<usize>,
    arrives: Condvar,
}

impl Meeting {
    fn new() -> Self {
        Self {
            present: Mutex::new(0),
            arrives: Condvar::new(),
        }
    }

    fn attend(&self) {
        let mut present = self.present.lock().unwrap();
        *present += 1;
        self.arrives.notify_all();
        while *present < 2 {
            present = self.arrives.wait(present).unwrap();
        }
    }
}

// S11, S14
#[test]
fn two_jobs_that_wait_for_each_other_both_start() {
    explore(1, || {
        // A worker that finds nothing counts as a searcher before it sleeps. Without a limit, for the fence of a
        // bounded pool's popper would hide what workers need.
        let adjust = |settings: &mut Settings| {
            settings.wait_policy = WaitPolicy::Adaptive;
            settings.capacity = usize::MAX;
        };
        let [stage, searches, sleeps, submits] = shared(Stage::with(2, 2, adjust));
        let meetings = shared::<_, 2>(Meeting::new());
        let sleeper = before_the_race(|| {
            let sleeper = thread::spawn(move || sleeps.work(1));
            while stage.slots()[0].idle_bits.load(Relaxed) == 0 {
                thread::yield_now();
            }
            sleeper
        });
        let searcher = thread::spawn(move || searches.work(0));
        let [handles] = join([thread::spawn(move || {
            meetings.map(|meeting| {
                // The queue has models of its own.
                let handle = before_the_race(|| submits.submit_quietly(move || meeting.attend()));
                submits.idle.notify(submits.slots());
                handle
            })
        })]);
        // Whoever will be woken has been woken by now.
        loom::stop_exploring();
        for handle in handles {
            handle.get().unwrap();
        }
        stage.close();
        join([searcher, sleeper]);
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

/// A submitter relies on the count of a waker who then finds that its worker is awake.
fn rely_on_a_failed_wake(wake: fn(&Stage)) {
    explore(2, move || {
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
            thread::spawn(move || wake(&wakes.stage)),
            // Worker 0 has found that by itself, and leaves what was published to worker 1.
            thread::spawn(move || {
                let _ = leaves.stage.idle.withdraw(leaves.stage.slots(), 0);
                leaves.stop_searching();
            }),
        ]);
        let asleep = ends.stage.slots()[0].idle_bits.load(Relaxed);
        assert_eq!(asleep & 0b10, 0, "worker 1 sleeps on");
    });
}

// S11
#[test]
fn a_submitter_that_relies_on_the_count_of_a_failed_wake_is_not_let_down() {
    rely_on_a_failed_wake(|stage| _ = stage.idle.wake_one(stage.slots()));
}

// S11
#[test]
fn a_submitter_that_relies_on_the_count_of_who_wakes_all_is_not_let_down() {
    rely_on_a_failed_wake(|stage| stage.idle.wake_all(stage.slots()));
}

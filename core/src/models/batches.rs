//! Batches: chunks, tickets, and what ends a batch early.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::thread;

use super::{Checked, Machine, Stage, Value, explore, join, shared};
use crate::batch::Schedule;
use crate::batch::detached::{self, Detached};
use crate::batch::work::Plain;
use crate::error::JobError;
use crate::idle::Idle;
use crate::job::{JobWord, Options};
use crate::result::AsyncResult;
use crate::source::Source;
use crate::verbs::{self, How};

/// A stage, and the items of one batch.
struct Row {
    stage: Stage,
    items: [Checked; 2],
}

impl Row {
    fn new(workers: usize) -> Self {
        Self {
            stage: Stage::new(workers),
            items: [Checked::new(), Checked::new()],
        }
    }

    fn how(chunk: usize) -> How {
        How {
            schedule: Schedule::Chunks(NonZeroUsize::new(chunk).unwrap()),
            options: Options::default(),
        }
    }

    /// Writes every item on some worker, and reads them all at the end.
    fn write_all(&self, chunk: usize) -> Result<(), JobError> {
        let write = |index: usize| self.items[index].write();
        let ended = verbs::for_each(
            &self.stage,
            (0..2_usize).into_feed(),
            Plain(write),
            Self::how(chunk),
        );
        self.items.iter().for_each(Checked::write);
        ended
    }
}

// S26
#[test]
fn a_caller_sees_what_the_workers_of_its_batch_did() {
    explore(2, || {
        let [row, calls, works] = shared(Row::new(1));
        let worker = thread::spawn(move || works.stage.work(0));
        join([thread::spawn(move || calls.write_all(1).unwrap())]);
        row.stage.close();
        join([worker]);
    });
}

// S7, S26
#[test]
fn a_worker_that_leaves_a_batch_leaves_its_ticket_to_its_replacement() {
    explore(2, || {
        let stage = Stage::with(1, 2, |settings| settings.jobs_per_worker = 1);
        let items = [Checked::new(), Checked::new()];
        let [row, calls, works] = shared(Row { stage, items });
        let workers = thread::spawn(move || works.stage.work_in_turns(0));
        join([thread::spawn(move || calls.write_all(1).unwrap())]);
        row.stage.close();
        join([workers]);
    });
}

// S26, S41
#[test]
fn a_caller_on_a_worker_sees_what_its_helper_did() {
    explore(2, || {
        let [row, calls, helps] = shared(Row::new(2));
        join([
            thread::spawn(move || calls.stage.on(0, |_| calls.write_all(1).unwrap())),
            thread::spawn(move || _ = helps.stage.step(1)),
        ]);
        // The helper may have come too early for the batch.
        drop(row);
    });
}

// S26
#[test]
fn a_ticket_that_is_queued_late_is_taken_back() {
    explore(2, || {
        let [calls, works] = shared(Row::new(2));
        // The worker comes for one ticket only. A second one would lie in the queue for ever.
        works.stage.idle.announce(works.stage.slots(), 0, false);
        join([
            thread::spawn(move || calls.write_all(1).unwrap()),
            thread::spawn(move || {
                let (idle, slots) = (&works.stage.idle, works.stage.slots());
                Idle::park(slots, 0);
                while !works.stage.step(0) {
                    idle.announce(slots, 0, true);
                    if !works.stage.has_news(0) {
                        Idle::park(slots, 0);
                    }
                }
            }),
        ]);
    });
}

// S45
#[test]
fn terminate_cuts_a_batch_or_comes_too_late() {
    explore(2, || {
        let [calls, works, ends] = shared(Row::new(1));
        let worker = thread::spawn(move || _ = works.stage.step(0));
        let ender = thread::spawn(move || ends.stage.terminate());
        let [ended] = join([thread::spawn(move || calls.write_all(2))]);
        let [never_started] = join([ender]);
        join([worker]);
        // Refused before it was accepted, it is nobody's to count.
        assert!(never_started <= 1);
        assert!(never_started == 0 || ended.is_err());
    });
}

// S45
#[test]
fn no_chunk_starts_after_terminate() {
    explore(2, || {
        let [calls, works, ends] = shared((Stage::new(1), AtomicUsize::new(0)));
        let caller = thread::spawn(move || {
            // Whether the chunk before ended after the pool did. One worker runs them all.
            let late = AtomicBool::new(false);
            let chunk = |_: usize| {
                assert!(!late.load(Relaxed), "a chunk starts after the end");
                late.store(calls.1.load(Acquire) == 1, Relaxed);
            };
            let items = (0..3_usize).into_feed();
            let _ = verbs::for_each(&calls.0, items, Plain(chunk), Row::how(1));
        });
        let worker = thread::spawn(move || _ = works.0.step(0));
        let ender = thread::spawn(move || {
            ends.0.terminate();
            ends.1.store(1, Release);
        });
        join([caller, worker, ender]);
    });
}

/// Submits a detached batch of two chunks.
fn map_async(stage: &Stage) -> AsyncResult<Vec<Value>, Machine> {
    let captured = Value::new();
    let parts = Detached {
        feed: (0..2_usize).into_feed(),
        call: Plain(move |_: usize| {
            captured.read();
            Value::new()
        }),
        values: Vec::with_capacity(2),
        callbacks: (),
        extra: (),
        len: 2,
        schedule: Row::how(1).schedule,
        options: Options::default(),
        word: JobWord::new(),
    };
    let submitted = detached::submit(stage, parts, |(), _| ());
    submitted.unwrap_or_else(|_| panic!("the pool takes the batch"))
}

// S33
#[test]
fn the_values_of_a_detached_batch_are_complete() {
    explore(2, || {
        let [submits, first, second] = shared(Stage::new(2));
        let handle = map_async(&submits);
        let steps = [(first, 0), (second, 1)];
        join(steps.map(|(stage, index)| thread::spawn(move || _ = stage.step(index))));
        while submits.step(0) {}
        handle.get().unwrap().iter().for_each(Value::read);
    });
}

// S14, S20, S33
#[test]
fn a_detached_batch_is_cancelled_or_ends() {
    explore(2, || {
        let [submits, works] = shared(Stage::new(1));
        let handle = map_async(&submits);
        let worker = thread::spawn(move || _ = works.step(0));
        join([thread::spawn(move || {
            handle.cancel();
            if let Ok(values) = handle.get() {
                values.iter().for_each(Value::read);
            }
        })]);
        join([worker]);
    });
}

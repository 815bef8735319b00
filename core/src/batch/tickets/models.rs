//! loom models of a batch's tickets.

extern crate std;

use std::sync::Arc;

use loom::thread;

use super::*;
use crate::batch::{BatchVTable, Plan, Schedule};
use crate::job::Options;
use crate::models::{Machine, Stage, explore, join};

const VTABLE: BatchVTable<Machine> = BatchVTable {
    run: |_, _, _| unreachable!("nobody works on the batch"),
    is_cancelled: |_| false,
    counts: false,
    ended: |_| (),
};

/// A batch on which nobody works.
struct Invitations {
    core: BatchCore<Machine>,
    stage: Stage,
}

// SAFETY: what a batch points to is the stage beside it.
unsafe impl Send for Invitations {}
// SAFETY: as above.
unsafe impl Sync for Invitations {}

impl Invitations {
    fn new() -> Arc<Self> {
        // Without a limit, for the fence of a bounded pool's popper would hide what the tickets need.
        let stage = Stage::with(3, 2, |settings| settings.capacity = usize::MAX);
        let plan = Plan::new(Schedule::Guided, 3, 3);
        Arc::new(Self {
            core: BatchCore::new(&VTABLE, &stage, 3, plan, Options::default(), 1, 3),
            stage,
        })
    }

    fn invite(&self) {
        self.core.invite_one((&self.core).into()).unwrap();
    }

    /// Takes what is queued, as a worker does.
    fn admit(&self) -> usize {
        let admitted = self.stage.take().map(|entry| {
            // SAFETY: only tickets are queued.
            unsafe { BatchCore::admit(entry) }
        });
        usize::from(admitted.is_ok())
    }

    fn take_back(&self) -> usize {
        // SAFETY: the pool is there.
        unsafe { self.core.take_tickets_back() }
    }
}

/// A ticket that is queued a second time, by another thread, is found where it was queued last.
fn a_ticket_is_found(take: fn(&Invitations) -> usize) {
    explore(2, move || {
        let batch = Invitations::new();
        let [first, second, takes] = [0; 3].map(|_| Arc::clone(&batch));
        let taker = thread::spawn(move || take(&takes));
        join([first, second].map(|batch| thread::spawn(move || batch.invite())));
        let [taken] = join([taker]);
        assert_eq!(taken + batch.take_back(), 2);
    });
}

// S26
#[test]
fn a_ticket_that_a_worker_took_is_found_where_it_is_queued_next() {
    a_ticket_is_found(Invitations::admit);
}

// S26
#[test]
fn a_ticket_that_was_taken_back_is_found_where_it_is_queued_next() {
    a_ticket_is_found(Invitations::take_back);
}

// S26
#[test]
fn a_ticket_that_another_thread_queued_is_complete_when_it_is_taken_out_of_its_cell() {
    explore(3, || {
        let batch = Invitations::new();
        let [invites, takes] = [0; 2].map(|_| Arc::clone(&batch));
        join([
            thread::spawn(move || invites.invite()),
            thread::spawn(move || {
                let entry = ticket_entry(&takes.core.tickets[0]);
                // SAFETY: the pool is there.
                if unsafe { Entry::take_back(entry) } {
                    // SAFETY: only tickets are queued.
                    let led_to = unsafe { BatchCore::admit(entry) };
                    assert_eq!(led_to, NonNull::from(&takes.core));
                }
            }),
        ]);
    });
}

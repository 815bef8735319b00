//! loom models of the table of seats, and of the visits that are announced in it.

extern crate std;

use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

use super::*;
use crate::models::{Checked, Machine, Token, explore, join, let_first_park_return, shared};

/// Takes a seat of the table, parks once, and gives it back.
fn sit(seats: &Seats<Token>) {
    let seat = seats.take(8);
    seat.seat.token.unpark();
    seat.seat.token.park(None);
}

#[test]
fn a_seat_goes_from_one_thread_to_the_next() {
    explore(3, || {
        join(shared::<_, 2>(Seats::new()).map(|seats| thread::spawn(move || sit(&seats))));
    });
}

#[test]
fn a_table_without_a_free_seat_grows() {
    explore(2, || {
        let [seats, first, second, wakes] = shared(Seats::<Token>::new());
        let full: [_; BLOCK] = core::array::from_fn(|_| seats.take(4));
        let sitters = [first, second].map(|seats| thread::spawn(move || sit(&seats)));
        join([thread::spawn(move || wakes.unpark_all(8))]);
        join(sitters);
        drop(full);
    });
}

/// A pool that is freed when its job is done and nobody visits it.
struct Visited {
    job_is_done: AtomicUsize,
    pool: Checked,
}

const POOL: usize = 64;

impl Visited {
    fn visit(&self) {
        let visit = Visit::<Machine>::begin(POOL);
        if self.job_is_done.load(Relaxed) == 0 {
            self.pool.read();
        }
        drop(visit);
    }

    fn end(&self) {
        self.job_is_done.store(1, Relaxed);
        wait_for_visitors::<Machine>(POOL);
        self.pool.write();
    }
}

fn visit_and_end(before: fn()) {
    explore(3, move || {
        before();
        let [visitor, leaver] = shared(Visited {
            job_is_done: AtomicUsize::new(0),
            pool: Checked::new(),
        });
        join([
            thread::spawn(move || visitor.visit()),
            thread::spawn(move || leaver.end()),
        ]);
    });
}

// S14, S20
#[test]
fn a_pool_is_not_freed_while_a_canceller_visits_it() {
    visit_and_end(|| ());
}

// S14, S20
#[test]
fn who_frees_a_pool_and_is_woken_for_no_reason_waits_on() {
    visit_and_end(let_first_park_return);
}

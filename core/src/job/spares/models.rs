//! loom models of the depot.

extern crate std;

use std::boxed::Box;
use std::vec::Vec;

use loom::thread;

use super::*;
use crate::models::{explore, join, shared};

/// A block of the model, by itself.
fn block(next: Option<NonNull<Spare>>) -> NonNull<Spare> {
    let next = UnsafeCell::new(next);
    NonNull::from(Box::leak(Box::new(Spare { next })))
}

/// Blocks that a thread has, to be used and freed by it.
#[derive(Default)]
struct Mine(Vec<NonNull<Spare>>);

// SAFETY: they are this thread's alone.
unsafe impl Send for Mine {}

impl Mine {
    /// Takes a block, as who submits does, and writes into it, as a job does.
    fn take<const N: usize>(&mut self, depot: &Depot<N>) {
        let Some((taken, rest)) = depot.take() else {
            return;
        };
        // SAFETY: the block is ours.
        unsafe { taken.as_ref() }.next.with_mut(|next| {
            // SAFETY: as above.
            unsafe { *next = None }
        });
        self.0.push(taken);
        self.keep(rest.err());
    }

    fn keep(&mut self, mut list: Option<NonNull<Spare>>) {
        while let Some(first) = list {
            // SAFETY: the list is ours.
            list = unsafe { split(first) };
            self.0.push(first);
        }
    }

    /// Frees the blocks and tells how many there were.
    fn end(self) -> usize {
        for block in &self.0 {
            // SAFETY: `block` leaked it, and it is ours.
            drop(unsafe { Box::from_raw(block.as_ptr()) });
        }
        self.0.len()
    }
}

/// Puts a list of so many blocks away; what there was no place for is ours.
fn put<const N: usize>(depot: &Depot<N>, count: usize) -> Mine {
    let mut mine = Mine::default();
    let list = (0..count).fold(None, |next, _| Some(block(next)));
    mine.keep(list.and_then(|list| depot.put(list).err()));
    mine
}

/// Everything that is in the depot.
fn rest<const N: usize>(depot: &Depot<N>) -> usize {
    let mut mine = Mine::default();
    for place in depot.places.iter() {
        mine.keep(NonNull::new(place.swap(null_mut(), Ordering::Acquire)));
    }
    mine.end()
}

#[test]
fn each_spare_block_goes_to_one_submitter() {
    explore(3, || {
        let [depot, worker, first, second] = shared(Depot::<1>::new());
        let full = thread::spawn(move || put(&worker, 3));
        let submitters = [first, second].map(|depot| {
            thread::spawn(move || {
                let mut mine = Mine::default();
                mine.take(&depot);
                mine
            })
        });
        let [one, other] = join(submitters);
        let [kept] = join([full]);
        let taken = one.end() + other.end() + kept.end();
        assert_eq!(
            taken + rest(&depot),
            3,
            "a block was lost, or given out twice"
        );
    });
}

#[test]
fn what_workers_and_submitters_put_away_at_the_same_time_is_all_there() {
    explore(3, || {
        let [depot, first, second, submits] = shared(Depot::<2>::new());
        let before = put(&depot, 2);
        let workers = [first, second].map(|depot| thread::spawn(move || put(&depot, 2)));
        let submitter = thread::spawn(move || {
            let mut mine = Mine::default();
            mine.take(&submits);
            mine
        });
        let had: usize = join(workers).map(Mine::end).iter().sum();
        let [submitter] = join([submitter]);
        let had = had + submitter.end() + before.end();
        assert_eq!(
            had + rest(&depot),
            6,
            "a block was lost, or given out twice"
        );
    });
}

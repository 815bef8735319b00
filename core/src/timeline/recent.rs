//! The latest records of one writer, in fixed memory, for readers who may come at any time.
//!
//! Neither side ever waits. The writer says which record it has *begun*, writes its words over those of the oldest,
//! and says that it is *done*. A reader copies what is done, and then looks how far the writer has begun: whatever
//! may have been overwritten meanwhile it throws away.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
use alloc::vec::Vec;

use crate::sync::{AtomicUsize, Ordering};

/// Records of `WORDS` words each.
#[derive(Debug)]
pub(crate) struct Recent<const WORDS: usize> {
    /// Records begun and done since the start; only the writer writes them.
    begun: AtomicUsize,
    done: AtomicUsize,
    places: Box<[[AtomicUsize; WORDS]]>,
}

impl<const WORDS: usize> Recent<WORDS> {
    /// Room for so many records.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub(crate) fn new(records: usize) -> Result<Self, TryReserveError> {
        let mut places = Vec::new();
        places.try_reserve_exact(records)?;
        let place = || core::array::from_fn(|_| AtomicUsize::new(0));
        places.extend(core::iter::repeat_with(place).take(records));
        Ok(Self {
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            places: places.into_boxed_slice(),
        })
    }

    /// Where a record lies; nowhere if there is no room at all.
    fn place(&self, number: usize) -> Option<&[AtomicUsize; WORDS]> {
        self.places.get(number.checked_rem(self.places.len())?)
    }

    /// Adds a record, over the oldest one if there is no room. One thread at a time may call it.
    pub(crate) fn push(&self, words: [usize; WORDS]) {
        // Relaxed, both: only the writer writes them, and each word carries the latter to its readers.
        let number = self.done.load(Ordering::Relaxed);
        self.begun.store(number.wrapping_add(1), Ordering::Relaxed);
        for (word, value) in self.place(number).into_iter().flatten().zip(words) {
            // Release: pairs with the Acquire of a word in `latest`. Who reads it sees that the record was begun.
            word.store(value, Ordering::Release);
        }
        // Release: pairs with the Acquire of `done` in `latest`. Who counts the record sees its words.
        self.done.store(number.wrapping_add(1), Ordering::Release);
    }

    /// The latest records, the oldest first, and how many there were before them.
    pub(crate) fn latest(&self) -> (usize, Vec<[usize; WORDS]>) {
        let room = self.places.len();
        // Acquire: pairs with the Release of `done` in `push`.
        let done = self.done.load(Ordering::Acquire);
        let first = done.saturating_sub(room);
        let places = (first..done).filter_map(|number| self.place(number));
        let mut records: Vec<[usize; WORDS]> = places
            // Acquire: pairs with the Release of a word in `push`.
            .map(|place| core::array::from_fn(|at| place[at].load(Ordering::Acquire)))
            .collect();
        // Relaxed: whoever has read a word of a later record sees by that word that it was begun.
        let begun = self.begun.load(Ordering::Relaxed);
        let intact = begun.saturating_sub(room).clamp(first, done);
        records.drain(..intact - first);
        (intact, records)
    }
}

#[cfg(all(test, ringpool_loom))]
mod models;

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_latest_records_are_kept_and_the_others_counted() {
        let recent = Recent::new(3).unwrap();
        assert_eq!(recent.latest(), (0, vec![]));
        for number in 0..3 {
            recent.push([number, number * 10]);
        }
        assert_eq!(recent.latest(), (0, vec![[0, 0], [1, 10], [2, 20]]));
        for number in 3..8 {
            recent.push([number, number * 10]);
        }
        assert_eq!(recent.latest(), (5, vec![[5, 50], [6, 60], [7, 70]]));
    }

    #[test]
    fn without_room_every_record_is_counted_and_none_kept() {
        let recent = Recent::new(0).unwrap();
        recent.push([1]);
        recent.push([2]);
        assert_eq!(recent.latest(), (2, vec![]));
    }

    #[test]
    fn room_that_no_machine_has_is_an_error() {
        assert!(Recent::<2>::new(usize::MAX / 2).is_err());
    }
}

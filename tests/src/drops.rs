//! Values whose drops are counted, watched, or explosive.

use std::fmt;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use crate::{leak, lock};

#[derive(Debug, Default)]
struct Record {
    /// For each value made: on which thread it was dropped.
    dropped_on: Vec<Option<ThreadId>>,
    twice: usize,
}

/// Makes values and knows which of them were dropped, on which thread, and whether one was dropped
/// twice.
///
/// The record is leaked, so that a second drop of a value, which is undefined behaviour elsewhere,
/// reaches nothing that was freed and is counted reliably.
#[derive(Debug, Clone, Copy)]
pub struct Tracker(&'static Mutex<Record>);

impl Tracker {
    /// A tracker that has made nothing yet.
    pub fn new() -> Self {
        Self(leak(Mutex::default()))
    }

    /// Makes a value.
    pub fn make(self) -> Tracked {
        let mut record = lock(self.0);
        record.dropped_on.push(None);
        Tracked {
            tracker: self,
            id: record.dropped_on.len() - 1,
        }
    }

    /// Makes `count` values.
    pub fn make_vec(self, count: usize) -> Vec<Tracked> {
        (0..count).map(|_| self.make()).collect()
    }

    /// How many values were made.
    pub fn made(self) -> usize {
        lock(self.0).dropped_on.len()
    }

    /// How many values live.
    pub fn alive(self) -> usize {
        lock(self.0)
            .dropped_on
            .iter()
            .filter(|on| on.is_none())
            .count()
    }

    /// The thread on which the value with this number, in the order of making, was dropped.
    pub fn dropped_on(self, id: usize) -> Option<ThreadId> {
        lock(self.0).dropped_on[id]
    }

    /// Fails unless every value made was dropped exactly once, and at least one was made.
    #[track_caller]
    pub fn assert_all_dropped_once(self) {
        assert!(
            self.made() > 0,
            "the tracker made nothing, so it proves nothing"
        );
        assert_eq!(self.alive(), 0, "values live on, of {} made", self.made());
        self.assert_none_dropped_twice();
    }

    /// Fails if a value was dropped more than once.
    #[track_caller]
    pub fn assert_none_dropped_twice(self) {
        let twice = lock(self.0).twice;
        assert_eq!(
            twice,
            0,
            "values were dropped twice, of {} made",
            self.made()
        );
    }
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new()
    }
}

/// A value made by a [`Tracker`].
pub struct Tracked {
    tracker: Tracker,
    id: usize,
}

impl Tracked {
    /// The number of the value, in the order of making.
    pub fn id(&self) -> usize {
        self.id
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        self.tracker.make()
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tracked({})", self.id)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let mut record = lock(self.tracker.0);
        let on = thread::current().id();
        if record.dropped_on[self.id].replace(on).is_some() {
            record.twice += 1;
        }
    }
}

/// A value whose destructor panics, unless the thread is panicking already. The drop is recorded
/// first.
#[derive(Debug)]
pub struct Grenade {
    /// Recorded even though the destructor around it panics.
    pub tracked: Tracked,
}

impl Grenade {
    /// A value of `tracker` with a pulled pin.
    pub fn new(tracker: Tracker) -> Self {
        Self {
            tracked: tracker.make(),
        }
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        if !thread::panicking() {
            crate::boom("a destructor panicked");
        }
    }
}

/// Calls its closure when it is dropped.
pub struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    /// Calls `f` when the value is dropped.
    pub fn new(f: F) -> Self {
        Self(Some(f))
    }
}

impl<F: FnOnce()> fmt::Debug for OnDrop<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDrop")
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forget;

    #[test]
    fn a_tracker_tells_lost_values_from_dropped_ones() {
        let tracker = Tracker::new();
        let (a, b) = (tracker.make(), tracker.make());
        drop(a);
        forget(b);
        assert_eq!((tracker.made(), tracker.alive()), (2, 1));
        assert_eq!(tracker.dropped_on(0), Some(thread::current().id()));
        assert_eq!(tracker.dropped_on(1), None);
    }

    #[test]
    #[should_panic(expected = "dropped twice")]
    fn a_tracker_sees_a_double_drop() {
        let tracker = Tracker::new();
        let value = std::mem::ManuallyDrop::new(tracker.make());
        for _ in 0..2 {
            drop(Tracked {
                tracker,
                id: value.id,
            });
        }
        tracker.assert_all_dropped_once();
    }

    #[test]
    #[should_panic(expected = "live on")]
    fn a_tracker_sees_a_leak() {
        let tracker = Tracker::new();
        forget(tracker.make());
        tracker.assert_all_dropped_once();
    }
}

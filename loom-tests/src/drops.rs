//! Values of which every one must be dropped exactly once.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use loom::cell::UnsafeCell;

/// The payload of a panic that a model's job makes on purpose. Any other panic is a finding.
#[derive(Debug)]
pub struct Boom;

impl Boom {
    /// Panics, without a word on stderr.
    pub fn go() -> ! {
        resume_unwind(Box::new(Self))
    }
}

/// Makes values and counts how often each was dropped.
///
/// Its lock is std's and never held across a step of the model, so it adds no interleaving.
#[derive(Debug, Clone, Default)]
pub struct Drops(Arc<Mutex<Vec<usize>>>);

impl Drops {
    /// A tracker that has made nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a value.
    pub fn make(&self) -> Tracked {
        let mut drops = self.0.lock().expect("nobody panics with the lock");
        drops.push(0);
        Tracked {
            drops: self.clone(),
            id: drops.len() - 1,
            touched: UnsafeCell::new(()),
        }
    }

    /// Fails unless every value made was dropped exactly once.
    #[track_caller]
    pub fn assert_each_dropped_once(&self) {
        let drops = self.0.lock().expect("nobody panics with the lock");
        assert!(
            drops.iter().all(|&times| times == 1),
            "how often each value was dropped: {drops:?}"
        );
    }
}

/// A value made by [`Drops`].
#[derive(Debug)]
pub struct Tracked {
    drops: Drops,
    id: usize,
    /// Read by who looks at the value and written by who drops it, so that loom sees both race.
    touched: UnsafeCell<()>,
}

// SAFETY: loom finds out whether accesses to the cell race.
unsafe impl Sync for Tracked {}

impl Tracked {
    /// Another value of the same tracker, as a job that returns one makes it.
    #[must_use]
    pub fn make(&self) -> Self {
        self.touched.with(|_| ());
        self.drops.make()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.touched.with_mut(|_| ());
        let mut drops = self.drops.0.lock().expect("nobody panics with the lock");
        drops[self.id] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "how often each value was dropped")]
    fn a_leak_is_seen() {
        loom::model(|| {
            let drops = Drops::new();
            std::mem::forget(drops.make());
            drops.assert_each_dropped_once();
        });
    }

    #[test]
    #[should_panic(expected = "how often each value was dropped")]
    fn a_double_drop_is_seen() {
        loom::model(|| {
            let drops = Drops::new();
            let value = drops.make();
            drop(Tracked {
                drops: drops.clone(),
                id: value.id,
                touched: UnsafeCell::new(()),
            });
            drop(value);
            drops.assert_each_dropped_once();
        });
    }
}

//! The ring, and queues with one fault each, behind one face.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::thread;

use ringpool::ring::{PopError, PushError, Ring};

/// A bounded queue that can be closed.
pub(crate) trait Queue: Sync {
    fn push(&self, value: u32) -> Result<(), PushError<u32>>;
    fn pop(&self) -> Result<u32, PopError>;
    fn close(&self);
    fn is_closed(&self) -> bool;
    fn is_empty(&self) -> bool;
}

impl<const N: usize> Queue for Ring<u32, N> {
    fn push(&self, value: u32) -> Result<(), PushError<u32>> {
        self.push(value)
    }

    fn pop(&self) -> Result<u32, PopError> {
        self.pop()
    }

    fn close(&self) {
        self.close();
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// What is wrong with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: the lock makes it right.
    None,
    /// The newest comes out first.
    Order,
    /// One place is never used.
    FullOneEarly,
    /// `pop` looks for a value, and then, as if nothing could come between, whether the queue is closed.
    ClosedBeforeEmpty,
    /// `push` looks whether the queue is closed, and then appends.
    PushAfterClose,
    /// `pop` reads the value, and then takes the place.
    TwiceTheSame,
    /// `push` looks for room, and then appends.
    MoreThanFits,
}

/// A queue behind a lock, which a faulty operation releases in the middle.
pub(crate) struct Locked {
    capacity: usize,
    fault: Fault,
    inside: Mutex<(VecDeque<u32>, bool)>,
}

impl Locked {
    pub(crate) fn new(capacity: usize, fault: Fault) -> Self {
        Self {
            capacity,
            fault,
            inside: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<u32>, bool)> {
        self.inside.lock().expect("nothing panics here")
    }

    /// Releases the lock for a moment, if this is where the fault is.
    fn gap<'a>(
        &'a self,
        here: Fault,
        inside: MutexGuard<'a, (VecDeque<u32>, bool)>,
    ) -> MutexGuard<'a, (VecDeque<u32>, bool)> {
        if self.fault != here {
            return inside;
        }
        drop(inside);
        thread::yield_now();
        self.lock()
    }
}

impl Queue for Locked {
    fn push(&self, value: u32) -> Result<(), PushError<u32>> {
        let inside = self.lock();
        if inside.1 {
            return Err(PushError::Closed(value));
        }
        let inside = self.gap(Fault::PushAfterClose, inside);
        let capacity = self.capacity - usize::from(self.fault == Fault::FullOneEarly);
        if inside.0.len() >= capacity {
            return Err(PushError::Full(value));
        }
        let mut inside = self.gap(Fault::MoreThanFits, inside);
        inside.0.push_back(value);
        Ok(())
    }

    fn pop(&self) -> Result<u32, PopError> {
        let mut inside = self.lock();
        if self.fault == Fault::Order {
            if let Some(value) = inside.0.pop_back() {
                return Ok(value);
            }
        } else if let Some(&value) = inside.0.front() {
            self.gap(Fault::TwiceTheSame, inside).0.pop_front();
            return Ok(value);
        }
        let inside = self.gap(Fault::ClosedBeforeEmpty, inside);
        Err(if inside.1 {
            PopError::Closed
        } else {
            PopError::Empty
        })
    }

    fn close(&self) {
        self.lock().1 = true;
    }

    fn is_closed(&self) -> bool {
        self.lock().1
    }

    fn is_empty(&self) -> bool {
        self.lock().0.is_empty()
    }
}

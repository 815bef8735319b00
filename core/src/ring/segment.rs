//! A link of the chain: places on the heap, and where the queue goes on.

use alloc::boxed::Box;
use core::ops::Deref;

use super::link::Link;
use super::memory::zeroed_slice;
use super::places::{Cell, Places};
use super::shape::Shape;
use crate::sync::AtomicUsize;

/// A queue of a fixed number of places, and the link to the one that continues it.
pub(super) struct Segment {
    places: Places<Box<[AtomicUsize]>, Box<[Cell]>>,
    /// The segment that goes on where this one is closed with [`Reason::Grown`](super::shape::Reason::Grown).
    pub(super) next: Link,
}

impl Segment {
    /// A segment of exactly `capacity` places; `None` if it would be too large or memory for its
    /// arrays is out.
    pub(super) fn new(capacity: usize) -> Option<Box<Self>> {
        let len = capacity
            .checked_next_power_of_two()
            .filter(|&len| len <= Shape::MAX_LEN)?;
        let shape = Shape::new(len);
        let surplus = len - capacity;
        let (free, ready, cells) = (zeroed_slice(len)?, zeroed_slice(len)?, zeroed_slice(len)?);
        Some(Box::new(Self {
            places: Places::new(shape, surplus, free, ready, cells),
            next: Link::new(),
        }))
    }
}

impl Deref for Segment {
    type Target = Places<Box<[AtomicUsize]>, Box<[Cell]>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.places
    }
}

//! Why a ring refused; a refused value comes back.

use core::error::Error;
use core::fmt;

/// Why a value was not pushed. The value is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError<T> {
    /// Every place is taken; there may be one later.
    Full(T),
    /// The ring is closed and stays so.
    Closed(T),
}

impl<T> PushError<T> {
    /// The value that was refused.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

// By hand, for a refused value need not be printable.
impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the ring is full; try again when a value was popped",
            Self::Closed(_) => "the ring is closed; it takes no value any more",
        })
    }
}

impl<T> Error for PushError<T> {}

/// Why there was nothing to pop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopError {
    /// Nothing now.
    Empty,
    /// Nothing ever again: the ring is closed and empty.
    Closed,
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the ring is empty; try again when a value was pushed",
            Self::Closed => "the ring is closed and empty; no value comes any more",
        })
    }
}

impl Error for PopError {}

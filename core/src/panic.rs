//! What a panic leaves behind.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, string::String};
#[cfg(feature = "alloc")]
use core::any::Any;

/// A panic that a worker caught: its payload, and which item of which job it came from.
///
/// It is one word, so that results stay small. Without an allocator there is no payload to keep and
/// no value of this type.
pub struct Panic(Inner);

#[cfg(not(feature = "alloc"))]
type Inner = core::convert::Infallible;
#[cfg(feature = "alloc")]
type Inner = Box<Record>;

#[cfg(feature = "alloc")]
struct Record {
    payload: Box<dyn Any + Send>,
    index: Option<usize>,
    name: Option<&'static str>,
}

// SAFETY: a shared reference reaches the payload only through `message`, which looks at it only as
// `&'static str` or `String`; both are `Sync`. Every other access takes the panic by value.
unsafe impl Sync for Panic {}

impl Panic {
    /// The index of the item whose function panicked, for batches.
    pub fn index(&self) -> Option<usize> {
        #[cfg(feature = "alloc")]
        return self.0.index;
        #[cfg(not(feature = "alloc"))]
        match self.0 {}
    }

    /// The name that [`With::name`](crate::With::name) gave the job or batch.
    pub fn job_name(&self) -> Option<&'static str> {
        #[cfg(feature = "alloc")]
        return self.0.name;
        #[cfg(not(feature = "alloc"))]
        match self.0 {}
    }

    /// The panic's message, where its payload is a string (as `panic!` makes it).
    pub fn message(&self) -> Option<&str> {
        #[cfg(feature = "alloc")]
        {
            let payload = &self.0.payload;
            payload
                .downcast_ref::<&'static str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        }
        #[cfg(not(feature = "alloc"))]
        match self.0 {}
    }

    /// The payload itself, to be resumed or downcast.
    #[cfg(feature = "alloc")]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.payload
    }

    /// Notes which item panicked.
    #[cfg(feature = "alloc")]
    pub(crate) fn at(mut self, index: usize) -> Self {
        self.0.index = Some(index);
        self
    }

    /// There is none.
    #[cfg(not(feature = "alloc"))]
    pub(crate) fn at(self, _: usize) -> Self {
        match self.0 {}
    }

    /// Notes the name of the job, where it has one.
    #[cfg(feature = "alloc")]
    pub(crate) fn named(mut self, name: Option<&'static str>) -> Self {
        self.0.name = name;
        self
    }

    /// There is none.
    #[cfg(not(feature = "alloc"))]
    pub(crate) fn named(self, _: Option<&'static str>) -> Self {
        match self.0 {}
    }
}

#[cfg(feature = "alloc")]
impl From<Box<dyn Any + Send>> for Panic {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        Self(Box::new(Record {
            payload,
            index: None,
            name: None,
        }))
    }
}

impl From<core::convert::Infallible> for Panic {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("message", &self.message())
            .field("index", &self.index())
            .field("job_name", &self.job_name())
            .finish_non_exhaustive()
    }
}

/// `job "resize" panicked at item 3: message`, with the parts that are known.
impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.job_name() {
            Some(name) => write!(f, "job {name:?} panicked")?,
            None => f.write_str("a job panicked")?,
        }
        if let Some(index) = self.index() {
            write!(f, " at item {index}")?;
        }
        match self.message() {
            Some(message) => write!(f, ": {message}"),
            None => f.write_str(" with a payload that is not a string"),
        }
    }
}

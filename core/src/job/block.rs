//! Memory for the jobs of a pool without an allocator.

use core::mem::MaybeUninit;

use super::{Job, JobCell};
use crate::job::{Body, Extra, Options};
use crate::platform::Platform;

/// The memory of one job, with room for `BYTES` bytes of its closure with its callbacks, or of its
/// result, whichever is larger.
#[repr(C, align(16))]
pub(crate) struct Block<P: Platform, const BYTES: usize> {
    job: MaybeUninit<Job<P>>,
    options: MaybeUninit<Options>,
    /// That of an `Annotated` body.
    name: MaybeUninit<Option<&'static str>>,
    room: [MaybeUninit<u8>; BYTES],
}

impl<P: Platform, const BYTES: usize> Block<P, BYTES> {
    /// Nothing in it.
    pub(crate) const VACANT: Self = Self {
        job: MaybeUninit::uninit(),
        options: MaybeUninit::uninit(),
        name: MaybeUninit::uninit(),
        room: [MaybeUninit::uninit(); BYTES],
    };

    /// Whether such a job fits.
    pub(super) const fn fits<B: Body<P>, X: Extra<P>>() -> bool {
        size_of::<JobCell<P, B, X>>() <= size_of::<Self>()
            && align_of::<JobCell<P, B, X>>() <= align_of::<Self>()
    }
}

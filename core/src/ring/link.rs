//! The word that leads from a full segment to the next.
//!
//! ```text
//!   UNSET ──reserve──▶ BUILDING ──install──▶ a segment
//!     └──────end──────────┴──────end───────▶ END
//! ```
//!
//! | Word | Set by | Cleared by |
//! |---|---|---|
//! | UNSET | construction | the one pusher that will build, or a closer |
//! | BUILDING | that pusher | whoever is first with a segment, or a closer |
//! | a segment | install | nobody before the chain is dropped |
//! | END | a closer | nobody |
//!
//! BUILDING keeps a crowd from building what one of them needs. It is a request and no lock: who
//! loses patience builds, too.

use alloc::boxed::Box;
use core::ptr::{null_mut, without_provenance_mut};

use super::segment::Segment;
use crate::sync::{AtomicPtr, Ordering};

/// A link, see the module's diagram.
pub(super) struct Link(AtomicPtr<Segment>);

/// What a link was seen to hold.
pub(super) enum Next<'a> {
    /// Nobody needed a next segment yet.
    Unset,
    /// A pusher is building it.
    Building,
    /// There will be none: the chain was closed here.
    End,
    /// Here it is, for as long as the chain lives.
    Installed(&'a Segment),
}

/// The marks are addresses that no segment can have.
const MARKS: usize = 2;
const _: () = assert!(align_of::<Segment>() > MARKS);

fn building() -> *mut Segment {
    without_provenance_mut(1)
}

fn end() -> *mut Segment {
    without_provenance_mut(MARKS)
}

impl Link {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// What the link holds.
    pub(super) fn look(&self) -> Next<'_> {
        // Acquire: pairs with the Release in `install`, for the segment's contents, and
        // with the Release in `end`.
        self.decode(self.0.load(Ordering::Acquire))
    }

    /// Announces that the caller builds the next segment; false if the link was set already.
    #[must_use = "only on true is it the caller that everybody waits for"]
    pub(super) fn reserve(&self) -> bool {
        // Relaxed: the mark carries nothing.
        self.0
            .compare_exchange(null_mut(), building(), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Puts a segment where it was announced. If another one or the end is there already, the
    /// caller's is freed. Returns what is in force.
    pub(super) fn install(&self, segment: Box<Segment>) -> Next<'_> {
        let segment = Box::into_raw(segment);
        // Release: pairs with the Acquire in `look`, and here for a loser: it goes on in the
        // winner's segment.
        let seen =
            self.0
                .compare_exchange(building(), segment, Ordering::Release, Ordering::Acquire);
        match seen {
            Ok(_) => self.decode(segment),
            Err(other) => {
                // SAFETY: the pointer came from the box above and was shown to nobody.
                drop(unsafe { Box::from_raw(segment) });
                self.decode(other)
            }
        }
    }

    /// Puts the end where no segment is yet. Returns what is in force: the end or a segment.
    pub(super) fn end(&self) -> Next<'_> {
        let mut seen = self.0.load(Ordering::Acquire);
        while seen.is_null() || seen == building() {
            // Release: pairs with the Acquire in `look`, so that what came before the close is
            // known to who answers Closed. Acquire: pairs with the Release in `install`.
            match self
                .0
                .compare_exchange(seen, end(), Ordering::Release, Ordering::Acquire)
            {
                Ok(_) => return Next::End,
                Err(other) => seen = other,
            }
        }
        self.decode(seen)
    }

    #[expect(clippy::unused_self, reason = "lends the segment its lifetime")]
    fn decode(&self, word: *mut Segment) -> Next<'_> {
        if word.is_null() {
            Next::Unset
        } else if word == building() {
            Next::Building
        } else if word == end() {
            Next::End
        } else {
            // SAFETY: the only other values are pointers of boxes, put here by `install` and freed
            // only when the link itself is dropped, which its borrow excludes.
            Next::Installed(unsafe { &*word })
        }
    }
}

/// Frees the rest of the chain. The depth is the number of doublings, fewer than a word has bits.
impl Drop for Link {
    fn drop(&mut self) {
        // Relaxed: whoever drops a chain is ordered after all its users, which sharing it safely demands.
        let word = self.0.load(Ordering::Relaxed);
        if let Next::Installed(_) = self.decode(word) {
            // SAFETY: the pointer came from a box, nothing can reach the segment any more, and the
            // link is dropped only once.
            drop(unsafe { Box::from_raw(word) });
        }
    }
}

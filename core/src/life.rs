//! The pool word: whether the pool takes work, whether it may start work, and how many batches still
//! have chunks to start.
//!
//! ```text
//!  high bits        bit 3     bit 2         bits 0–1
//! [ open batches | BROKEN | TERMINATED | reason of closing ]
//! ```
//!
//! | event      | effect                                                        |
//! |------------|---------------------------------------------------------------|
//! | close      | reason: 0 → Closed                                            |
//! | terminate  | TERMINATED; reason: 0 → Terminated                            |
//! | a worker that cannot be replaced | BROKEN; reason: 0 → Broken              |
//! | a batch is accepted | open batches + 1                                     |
//! | the last chunk of a batch is claimed | open batches − 1; if TERMINATED or BROKEN was set before, that chunk does not start |
//!
//! The word is written before the queue is closed, and read after every pop, at every claim of a chunk
//! and by every cancel token. Since the claim of a batch's last chunk and `terminate` change the same
//! word, `terminate` knows exactly which batches it cut short.
//!
//! Everything is Relaxed: the word carries nothing but itself. Who finds the queue closed sees the word as it was
//! written before, for the queue is closed with Release and found closed with Acquire. Who reads a reason without
//! that reads nothing else on its strength, and a reason never goes away.

use crate::error::Refusal;
use crate::sync::{AtomicUsize, CachePadded, Ordering, const_fn};

const REASON: usize = 0b11;
const CLOSED: usize = 1;
const BY_TERMINATE: usize = 2;
const BY_BREAKAGE: usize = 3;
const TERMINATED: usize = 1 << 2;
const BROKEN: usize = 1 << 3;
const ONE_BATCH: usize = 1 << 4;

/// The pool word.
#[derive(Debug)]
pub(crate) struct Life(CachePadded<AtomicUsize>);

impl Life {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(CachePadded(AtomicUsize::new(0)))
        }
    }

    fn stop(word: usize) -> Option<Refusal> {
        match word & (TERMINATED | BROKEN) {
            0 => None,
            BROKEN => Some(Refusal::Broken),
            _ => Some(Refusal::Terminated),
        }
    }

    /// Adds `bits`, and `reason` if none stands yet; tells the word as it was.
    fn end(&self, reason: usize, bits: usize) -> usize {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let first = if now & REASON == 0 { reason } else { 0 };
            match self.0.compare_exchange_weak(
                now,
                now | first | bits,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(old) => return old,
                Err(other) => now = other,
            }
        }
    }

    /// Refuses new work from now on.
    pub(crate) fn close(&self) {
        self.end(CLOSED, 0);
    }

    /// Starts no job from now on. Tells how many batches had chunks left, or `None` if the pool was
    /// terminated before.
    pub(crate) fn terminate(&self) -> Option<usize> {
        let old = self.end(BY_TERMINATE, TERMINATED);
        (old & TERMINATED == 0).then_some(if old & BROKEN == 0 {
            old / ONE_BATCH
        } else {
            0
        })
    }

    /// Starts no job from now on, because a worker could not be replaced. Tells how many batches had
    /// chunks left.
    pub(crate) fn break_down(&self) -> usize {
        let old = self.end(BY_BREAKAGE, BROKEN);
        if Self::stop(old).is_none() {
            old / ONE_BATCH
        } else {
            0
        }
    }

    /// Why accepted jobs may not start, if so.
    #[inline]
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        Self::stop(self.0.load(Ordering::Relaxed))
    }

    /// Why submissions are refused, whichever came first; `None` while the pool is open.
    pub(crate) fn closed_by(&self) -> Option<Refusal> {
        match self.0.load(Ordering::Relaxed) & REASON {
            0 => None,
            CLOSED => Some(Refusal::Closed),
            BY_TERMINATE => Some(Refusal::Terminated),
            _ => Some(Refusal::Broken),
        }
    }

    /// Counts a batch whose chunks are about to be shared out.
    ///
    /// # Errors
    ///
    /// Why the pool refuses, if it takes no more work.
    pub(crate) fn open_batch(&self) -> Result<(), Refusal> {
        let mut now = self.0.load(Ordering::Relaxed);
        while now & REASON == 0 {
            match self.0.compare_exchange_weak(
                now,
                now + ONE_BATCH,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(other) => now = other,
            }
        }
        Err(self.closed_by().unwrap_or(Refusal::Closed))
    }

    /// The last chunk of a batch was claimed, or will never be. Tells why that chunk may not start, if
    /// the pool was stopped before; whoever stopped it has counted the batch.
    pub(crate) fn close_batch(&self) -> Option<Refusal> {
        Self::stop(self.0.fetch_sub(ONE_BATCH, Ordering::Relaxed))
    }
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;

    // S12
    #[test]
    fn the_first_reason_stays() {
        let life = Life::new();
        assert_eq!(life.closed_by(), None);
        life.close();
        assert_eq!(life.terminate(), Some(0));
        assert_eq!(life.closed_by(), Some(Refusal::Closed));
        assert_eq!(life.refusal(), Some(Refusal::Terminated));
        assert_eq!(life.terminate(), None);
    }

    // S45
    #[test]
    fn terminate_counts_batches_with_chunks_left_and_stops_their_last_chunk() {
        let life = Life::new();
        life.open_batch().unwrap();
        life.open_batch().unwrap();
        assert_eq!(life.close_batch(), None);
        assert_eq!(life.terminate(), Some(1));
        assert_eq!(life.close_batch(), Some(Refusal::Terminated));
        assert_eq!(life.open_batch(), Err(Refusal::Terminated));
    }
}

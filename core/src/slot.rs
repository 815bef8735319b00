//! One record for each worker: where it sleeps, what it has done, how it came to be.

use core::ptr::NonNull;

use crate::berth::Berth;
use crate::job::Entry;
#[cfg(feature = "alloc")]
use crate::job::Magazines;
use crate::latch::Latch;
use crate::platform::{Platform, contain};
use crate::spawner::{StartRecord, WorkerStart};
use crate::stats::{SlotStats, WokenAt};
use crate::submit::AbortOnUnwind;
use crate::sync::{AtomicPtr, AtomicUsize, CachePadded, Ordering, const_fn};
use crate::timeline::Track;

/// The record of one worker index. It outlives the workers that hold the index one after the other.
pub(crate) struct WorkerSlot<P: Platform> {
    /// Where the idle worker sleeps.
    pub(crate) berth: CachePadded<Berth<P>>,
    /// In every `usize::BITS`-th slot: one word of the idle bitmap, which `idle.rs` owns.
    pub(crate) idle_bits: CachePadded<AtomicUsize>,
    pub(crate) stats: CachePadded<SlotStats>,
    /// Written by whoever wakes the worker, which sleeps then.
    pub(crate) woken_at: WokenAt,
    /// What the worker did and when, if the pool keeps a timeline. Written by the worker, read by anyone.
    pub(crate) track: Track,
    /// Blocks of jobs that the worker has freed.
    #[cfg(feature = "alloc")]
    pub(crate) magazines: CachePadded<Magazines>,
    /// The last region that this index has worked on; `region.rs` owns it.
    pub(crate) region_seen: AtomicUsize,
    /// How often the index was started again.
    pub(crate) generation: AtomicUsize,
    /// One while a predecessor has not run its exit hook yet.
    pub(crate) predecessor: Latch,
    spawn: AtomicUsize,
    /// A batch ticket that the predecessor had in hand when it retired.
    handover: AtomicPtr<Entry<P>>,
}

/// What became of a spawner's worker. `H` is the spawner's handle for it.
pub(crate) enum Asked<H, E> {
    Started(H),
    /// The token was dropped unrun, or the spawner panicked.
    Unrun(Option<H>),
    Refused(E),
}

const SPAWNING: usize = 0;
const SPAWNED: usize = 1;
const DROPPED: usize = 2;

impl<P: Platform> WorkerSlot<P> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                berth: CachePadded(Berth::new()),
                idle_bits: CachePadded(AtomicUsize::new(0)),
                stats: CachePadded(SlotStats::new()),
                woken_at: WokenAt::new(),
                track: Track::off(),
                #[cfg(feature = "alloc")]
                magazines: CachePadded(Magazines::new()),
                region_seen: AtomicUsize::new(0),
                generation: AtomicUsize::new(0),
                predecessor: Latch::new(0, 0),
                spawn: AtomicUsize::new(SPAWNING),
                handover: AtomicPtr::new(core::ptr::null_mut()),
            }
        }
    }

    /// Asks a spawner for the worker of this index.
    ///
    /// # Safety
    ///
    /// As for `WorkerStart::new`, with a record of this index.
    pub(crate) unsafe fn ask<H, E>(
        &self,
        record: NonNull<StartRecord>,
        spawn: impl FnOnce(WorkerStart) -> Result<Result<H, E>, P::Payload>,
    ) -> Asked<H, E> {
        self.spawn_begins();
        // SAFETY: the caller's promise.
        let start = unsafe { WorkerStart::new(record) };
        let asked = match spawn(start) {
            Ok(Ok(handle)) if self.spawn_succeeds() => return Asked::Started(handle),
            Ok(Ok(handle)) => Asked::Unrun(Some(handle)),
            Ok(Err(error)) => Asked::Refused(error),
            Err(payload) => {
                contain::<P>(move || drop(payload));
                Asked::Unrun(None)
            }
        };
        if !self.was_dropped() {
            // The pool is about to forget a worker that could still be started: there is no safe way on.
            let _abort = AbortOnUnwind;
            panic!("a spawner refused a worker and kept its start token");
        }
        asked
    }

    /// A spawner is about to be given this index.
    pub(crate) fn spawn_begins(&self) {
        // Relaxed: the spawner's own hand-over carries it to whoever holds the token.
        self.spawn.store(SPAWNING, Ordering::Relaxed);
    }

    /// The spawner said yes. `false` if it has dropped the token all the same.
    pub(crate) fn spawn_succeeds(&self) -> bool {
        // Either we see that the token was dropped, or its `Drop` sees that we rely on it. Relaxed: the hand-over
        // of the token has shown its `Drop` the pool, and we look with `was_dropped` before we forget the worker.
        self.spawn
            .compare_exchange(SPAWNING, SPAWNED, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether the token was dropped unrun.
    pub(crate) fn was_dropped(&self) -> bool {
        // Acquire: pairs with the Release of its `Drop`, which may use the pool up to there.
        self.spawn.load(Ordering::Acquire) == DROPPED
    }

    /// The token was dropped unrun. `true` if somebody relies on the worker already.
    pub(crate) fn spawn_is_dropped(&self) -> bool {
        // Release: pairs with the Acquire in `was_dropped`.
        self.spawn.swap(DROPPED, Ordering::Release) == SPAWNED
    }

    /// Leaves a ticket for the replacement.
    pub(crate) fn hand_over(&self, entry: NonNull<Entry<P>>) {
        // Relaxed: the spawn of the replacement, which comes after it, carries it.
        self.handover.store(entry.as_ptr(), Ordering::Relaxed);
    }

    /// Takes the ticket that the predecessor left.
    pub(crate) fn take_over(&self) -> Option<NonNull<Entry<P>>> {
        if self.handover.load(Ordering::Relaxed).is_null() {
            return None;
        }
        NonNull::new(self.handover.swap(core::ptr::null_mut(), Ordering::Relaxed))
    }
}

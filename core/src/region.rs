//! Regions: work that every worker takes part in exactly once (`broadcast`, `Schedule::Static`).
//!
//! A shared queue cannot give part i to worker i, so a region stands beside it: one at a time, published by
//! an epoch that every worker compares with the last one it has seen, between jobs and before it looks at
//! the queue.
//!
//! 1. A caller takes the gate (others wait for it), notes its region, and raises the epoch, unless the
//!    gate is closed. Raising the epoch is the moment of acceptance.
//! 2. Each worker that sees a new epoch works on the region or, when the pool is stopped, skips it. The
//!    region cannot end before, so its pointer is valid for whoever has not seen the epoch.
//! 3. The last one wakes the caller, which opens the gate again.
//!
//! `close` closes the gate before it closes the queue. So a worker that finds the queue closed sees every
//! region that was accepted, and works on it before it leaves.

use core::ptr::NonNull;

use crate::engine::Engine;
use crate::error::Refusal;
use crate::event_count::EventCount;
use crate::frame::Frame;
use crate::job::Due;
use crate::latch::Latch;
use crate::life::Life;
use crate::platform::Platform;
use crate::seats::Look;
use crate::slot::WorkerSlot;
use crate::sync::{AtomicPtr, AtomicUsize, CachePadded, Ordering, const_fn};

/// One piece of work for every worker, on the stack of the thread that waits for it.
#[repr(C)]
pub(crate) struct Region<P: Platform> {
    /// Works as the frame's worker, and counts that as a job. Must not unwind.
    work: unsafe fn(NonNull<Region<P>>, &Frame<'_, P>),
    /// Notes that a worker will not take part.
    skip: unsafe fn(NonNull<Region<P>>, usize, Refusal),
    unstarted: AtomicUsize,
    unfinished: Latch,
    /// Has it begin a cache line.
    line: CachePadded<()>,
}

impl<P: Platform> Region<P> {
    /// Whether every index has visited it.
    pub(crate) fn is_over(&self) -> bool {
        self.unfinished.count() == 0
    }

    pub(crate) fn new(
        workers: usize,
        work: unsafe fn(NonNull<Region<P>>, &Frame<'_, P>),
        skip: unsafe fn(NonNull<Region<P>>, usize, Refusal),
    ) -> Self {
        Self {
            work,
            skip,
            unstarted: AtomicUsize::new(workers),
            unfinished: Latch::new(workers, 0),
            line: CachePadded(()),
        }
    }

    /// Takes part as worker `index`, on its thread, or skips: if the pool was stopped, or for the reason given.
    ///
    /// # Safety
    ///
    /// The region must be valid, and this must be the index's only visit.
    unsafe fn visit(
        this: NonNull<Self>,
        index: usize,
        life: &Life,
        how: Result<&Frame<'_, P>, Refusal>,
    ) {
        // SAFETY: a region lives until every worker has visited it.
        let region = unsafe { this.as_ref() };
        // Relaxed: the count says only who is the last to start.
        let last = region.unstarted.fetch_sub(1, Ordering::Relaxed) == 1;
        let stopped = if last {
            life.close_batch()
        } else {
            life.refusal()
        };
        match stopped.map_or(how, Err) {
            Ok(frame) => {
                // SAFETY: the region is valid.
                unsafe { (region.work)(this, frame) };
            }
            // SAFETY: the region is valid.
            Err(why) => unsafe { (region.skip)(this, index, why) },
        }
        // SAFETY: the region is valid until this count, our own, is lowered.
        let unfinished = unsafe { &raw const (*this.as_ptr()).unfinished };
        // SAFETY: as above.
        unsafe { Latch::down_at::<P>(unfinished) };
    }
}

const CLOSED: usize = 1;
const EPOCH: usize = 2;

/// The place where regions are published.
#[derive(Debug)]
pub(crate) struct RegionGate<P: Platform> {
    /// `[ epoch | CLOSED ]`
    word: AtomicUsize,
    current: AtomicPtr<Region<P>>,
}

/// Of callers that publish: one at a time. Apart from the gate, which workers look at between jobs.
#[derive(Debug)]
pub(crate) struct RegionLock {
    taken: AtomicUsize,
    free: EventCount,
}

impl RegionLock {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self { taken: AtomicUsize::new(0), free: EventCount::new() }
        }
    }
}

impl<P: Platform> RegionGate<P> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                word: AtomicUsize::new(0),
                current: AtomicPtr::new(core::ptr::null_mut()),
            }
        }
    }

    /// Publishes a region, calls `meanwhile`, and blocks until every index has visited it. When `due` says so, the
    /// indices whose workers have not come are skipped.
    ///
    /// # Errors
    ///
    /// Why the pool refuses; nobody has seen the region then.
    ///
    /// # Safety
    ///
    /// The region must be valid, and its pointer reach as far as its `work` and `skip` expect.
    pub(crate) unsafe fn pass(
        &self,
        this: NonNull<Region<P>>,
        engine: &Engine<P>,
        due: impl Fn() -> Due,
        meanwhile: impl FnOnce(),
    ) -> Result<(), Refusal> {
        let lock = &engine.region_lock;
        let entered = lock.free.wait::<P>(|| {
            // Acquire: pairs with the Release below, of the former region's owner.
            let taking = lock
                .taken
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            if taking.is_ok() {
                return Look::Done;
            }
            match due() {
                Due::Now(_) => Look::GiveUp,
                Due::At(deadline) => Look::Park(deadline),
            }
        });
        if !entered {
            return Err(match due() {
                Due::Now(why) => why,
                Due::At(_) => Refusal::Cancelled,
            });
        }
        let life = &engine.life;
        self.current.store(this.as_ptr(), Ordering::Relaxed);
        let accepted = life.open_batch().and_then(|()| {
            if self.raise_epoch() {
                return Ok(());
            }
            let _ = life.close_batch();
            Err(engine.refused())
        });
        if accepted.is_ok() {
            engine.wake_workers();
            meanwhile();
            // SAFETY: the caller's promise.
            self.wait_for_visits(unsafe { this.as_ref() }, engine, due);
            if engine.settings.in_place {
                engine.tell_joiners();
            }
        }
        // Release: pairs with the Acquire above.
        lock.taken.store(0, Ordering::Release);
        lock.free.notify::<P>();
        accepted
    }

    fn wait_for_visits(&self, region: &Region<P>, engine: &Engine<P>, due: impl Fn() -> Due) {
        let mut may_skip = true;
        let mut why = None;
        while !region.unfinished.wait::<P>(|| match due() {
            Due::Now(reason) if may_skip => {
                why = Some(reason);
                Look::GiveUp
            }
            Due::Now(_) => Look::Park(None),
            Due::At(deadline) => Look::Park(deadline),
        }) {
            may_skip = false;
            let why = why.unwrap_or(Refusal::Cancelled);
            for (index, slot) in engine.slots().iter().enumerate() {
                self.visit(slot, index, &engine.life, Err(why));
            }
        }
    }

    fn raise_epoch(&self) -> bool {
        let mut now = self.word.load(Ordering::Relaxed);
        while now & CLOSED == 0 {
            // Release: publishes the region to the Acquire in `visit`.
            match self.word.compare_exchange_weak(
                now,
                now.wrapping_add(EPOCH),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Lets no further region in.
    pub(crate) fn close(&self) {
        // Relaxed: the close of the queue, which comes after it, shows it to the workers, and with it every epoch
        // raised before. An exchange, so it passes on what `raise_epoch` has released.
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// Whether this index has yet to visit a region.
    #[inline]
    pub(crate) fn pending(&self, slot: &WorkerSlot<P>) -> bool {
        // Relaxed: `visit` reads the word again.
        self.word.load(Ordering::Relaxed) & !CLOSED != slot.region_seen.load(Ordering::Relaxed)
    }

    /// Whether every index has visited what was published. Who has seen the gate closed is told the truth, and sees what
    /// each visitor did before its visit, such as taking its seat.
    pub(crate) fn all_visited(&self, slots: &[WorkerSlot<P>]) -> bool {
        let epoch = self.word.load(Ordering::Relaxed) & !CLOSED;
        // Acquire: pairs with the Release in `visit`.
        let visited = |slot: &WorkerSlot<P>| slot.region_seen.load(Ordering::Acquire) == epoch;
        slots.iter().all(visited)
    }

    /// Visits the region that is pending, if nobody has for this index. `Err` skips it on behalf of a worker that is
    /// gone, or that the caller waits for no longer.
    pub(crate) fn visit(
        &self,
        slot: &WorkerSlot<P>,
        index: usize,
        life: &Life,
        how: Result<&Frame<'_, P>, Refusal>,
    ) {
        let seen = slot.region_seen.load(Ordering::Relaxed);
        // Acquire: pairs with the Release in `raise_epoch`, for `current`.
        let epoch = self.word.load(Ordering::Acquire) & !CLOSED;
        let Some(region) = NonNull::new(self.current.load(Ordering::Relaxed)) else {
            return;
        };
        // One visit for each index and epoch. Several threads may visit for one index, and what one of them sees of the
        // word may be older than what another has seen. Release: pairs with the Acquire in `all_visited`. Relaxed on
        // failure: nothing is visited then.
        let is_newer = epoch.wrapping_sub(seen).cast_signed() > 0;
        if is_newer
            && slot
                .region_seen
                .compare_exchange(seen, epoch, Ordering::Release, Ordering::Relaxed)
                .is_ok()
        {
            // SAFETY: the index had not visited this epoch, so the region waits for it.
            unsafe { Region::visit(region, index, life, how) };
        }
    }
}

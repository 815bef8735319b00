//! The part of a pool that jobs, workers and handles share, whatever the types of its state and storage.

use core::ptr::NonNull;

use crate::backoff::Backoff;
use crate::error::Refusal;
use crate::event_count::EventCount;
use crate::idle::Idle;
#[cfg(feature = "alloc")]
use crate::job::Depots;
use crate::job::{Due, Entry, Options, PoolHead};
use crate::latch::Latch;
use crate::life::Life;
use crate::participation::CallerSeat;
use crate::platform::Platform;
use crate::region::{RegionGate, RegionLock};
use crate::ring::{Cell, Popped, PushRefused};
use crate::seats::Look;
use crate::slot::WorkerSlot;
use crate::sync::{AtomicPtr, AtomicUsize, CachePadded, Ordering, const_fn};
use crate::time::Instant;

/// How an idle worker waits for work.
///
/// | policy | wakes in | costs |
/// |---|---|---|
/// | `Active` | well under a microsecond | a CPU for each worker, always |
/// | `Adaptive` | the same for about ten microseconds after the last job (one where other programs keep the CPUs busy), or up to 150 µs where callers take part, then as `Passive` | next to nothing while idle |
/// | `Passive` | what the system takes to wake a thread, some 20 µs | nothing while idle |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WaitPolicy {
    /// Spins, lets other threads run now and then, and never sleeps; so does a caller that takes part, for some fifteen
    /// milliseconds, while it waits for the others. In a pool with more workers than CPUs it is
    /// `Adaptive`: a worker that spins there keeps its CPU from the very worker that is waited for.
    Active,
    /// Spins for a microsecond, lets other threads run for about ten, or up to 150 where callers take part, then sleeps.
    /// On platforms without a clock it lets them run four times.
    #[default]
    Adaptive,
    /// Sleeps at once.
    Passive,
}

/// Where the arrays of a pool live: on the heap, or in a static.
pub(crate) trait Storage<P: Platform>: Send + Sync {
    fn slots(&self) -> &[WorkerSlot<P>];
    /// Appends to the queue; the cell is noted before the item can be popped.
    fn push(&self, item: NonNull<()>, cell: &AtomicPtr<Cell>) -> Result<(), PushRefused>;
    fn pop(&self) -> Popped;
    /// Frees places at the head whose cells are empty; tells whether there were any.
    fn pop_emptied(&self) -> bool;
    fn close(&self);
    fn queued(&self) -> usize;
    /// Whether a pop could find something: an item, or that the queue is closed.
    fn has_news(&self) -> bool;

    /// Takes a vacant block for a job, where the pool has blocks.
    fn take_block(&self) -> Option<NonNull<()>> {
        None
    }

    /// Gives back a block that [`take_block`](Self::take_block) gave out.
    fn give_block_back(&self, _block: NonNull<()>) {}
}

/// What a pool was built with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) jobs_per_worker: usize,
    pub(crate) wait_policy: WaitPolicy,
    /// How long a searching worker keeps its CPU.
    pub(crate) search: Backoff,
    /// Places in the queue; `usize::MAX` if it grows.
    pub(crate) capacity: usize,
    pub(crate) caller_participates: bool,
    /// Spans that each worker keeps; zero for no timeline.
    pub(crate) timeline: usize,
    /// Everything lies in the pool itself: nothing is allocated, and nobody waits for room.
    pub(crate) in_place: bool,
}

/// The shared part of a pool. Its tail is the storage; everyone but the builder sees it as `dyn`.
///
/// Cache lines decide what a region costs (`W4 region`), so what is written by different threads, or on different occasions,
/// lies apart: the searchers' count, the pool word with its open batches, the region, what only callers write.
#[repr(C)]
pub(crate) struct Engine<P: Platform, S: ?Sized = dyn Storage<P>> {
    /// First: jobs know the pool by this address.
    head: PoolHead,
    pub(crate) settings: Settings,
    pub(crate) idle: Idle,
    pub(crate) life: Life,
    pub(crate) regions: CachePadded<RegionGate<P>>,
    pub(crate) region_lock: CachePadded<RegionLock>,
    pub(crate) caller: CachePadded<CallerSeat>,
    /// Workers that have not left, plus one for the pool itself.
    pub(crate) live: Latch,
    /// Rung when a place in the queue comes free; in a pool in place for joiners and streams as well.
    room: EventCount,
    never_started: AtomicUsize,
    /// Blocks of jobs that workers have freed.
    #[cfg(feature = "alloc")]
    pub(crate) depots: Depots,
    /// Calls so far, where a timeline tells them apart.
    calls: AtomicUsize,
    storage: S,
}

// A panic never leaves a pool half-changed: user code runs on workers, under `CatchPanic`.
impl<P: Platform, S: ?Sized> core::panic::UnwindSafe for Engine<P, S> {}
impl<P: Platform, S: ?Sized> core::panic::RefUnwindSafe for Engine<P, S> {}

impl<P: Platform, S: Storage<P> + 'static> Engine<P, S> {
    const_fn! {
        pub(crate) const fn new(settings: Settings, idle: Idle, storage: S) -> Self {
            Self {
                head: PoolHead { tidy: Self::tidy, vacate: Self::vacate },
                settings,
                idle,
                life: Life::new(),
                regions: CachePadded(RegionGate::new()),
                region_lock: CachePadded(RegionLock::new()),
                caller: CachePadded(CallerSeat::new()),
                live: Latch::new(1, 1),
                room: EventCount::new(),
                never_started: AtomicUsize::new(0),
                #[cfg(feature = "alloc")]
                depots: Depots::new(),
                calls: AtomicUsize::new(0),
                storage,
            }
        }
    }

    /// # Safety
    ///
    /// `head` must be the head of a live engine with storage `S`.
    unsafe fn tidy(head: NonNull<PoolHead>) {
        // SAFETY: the caller's promise; the head is the engine's first field, and the pointer was made
        // from the whole engine.
        let engine: &Self = unsafe { head.cast().as_ref() };
        // Dekker pair with itself: of two who have emptied neighbouring cells, one sees both.
        crate::sync::fence_seq_cst();
        engine.storage.pop_emptied();
        // Also if there were none: joiners of a pool in place pop what was emptied as well, and ring for nobody.
        engine.room_came_free();
    }
}

impl<P: Platform, S: Storage<P> + 'static> Engine<P, S> {
    /// # Safety
    ///
    /// As for [`tidy`](Self::tidy); the block must be one of the engine's, and the caller's.
    unsafe fn vacate(head: NonNull<PoolHead>, block: NonNull<()>) {
        // SAFETY: the caller's promise, as in `tidy`.
        let engine: &Self = unsafe { head.cast().as_ref() };
        engine.storage.give_block_back(block);
    }
}

impl<P: Platform, S: Storage<P> + ?Sized> Engine<P, S> {
    /// The pool's name in jobs and seats.
    pub(crate) fn head(&self) -> NonNull<PoolHead> {
        NonNull::from(self).cast()
    }

    pub(crate) fn slots(&self) -> &[WorkerSlot<P>] {
        self.storage.slots()
    }

    pub(crate) fn storage(&self) -> &S {
        &self.storage
    }

    /// Entries in the queue. While others use it they are counted one part after the other, so one may be counted twice;
    /// more than it holds are never told.
    pub(crate) fn queued(&self) -> usize {
        self.storage.queued().min(self.settings.capacity)
    }

    /// Whether an offer might find room. A hint.
    pub(crate) fn may_have_room(&self) -> bool {
        let capacity = self.settings.capacity;
        capacity == usize::MAX || self.queued() < capacity
    }

    pub(crate) fn never_started(&self) -> usize {
        self.never_started.load(Ordering::Relaxed)
    }

    pub(crate) fn count_never_started(&self, jobs: usize) {
        if jobs > 0 {
            self.never_started.fetch_add(jobs, Ordering::Relaxed);
        }
    }

    /// The options of a call that was given none.
    pub(crate) fn options(&self) -> Options {
        let call = match self.settings.timeline {
            0 => 0,
            _ => self.calls.fetch_add(1, Ordering::Relaxed).wrapping_add(1),
        };
        Options {
            call,
            ..Options::default()
        }
    }

    fn room_came_free(&self) {
        if self.settings.capacity < usize::MAX {
            self.room.notify::<P>();
        }
    }

    /// Why the pool refuses submissions.
    pub(crate) fn refused(&self) -> Refusal {
        self.life.closed_by().unwrap_or(Refusal::Closed)
    }

    /// Queues an entry if there is room, and sees to it that a worker looks at it.
    ///
    /// # Errors
    ///
    /// `Full`, or why the pool is closed. The entry was not queued.
    pub(crate) fn offer(&self, entry: NonNull<Entry<P>>) -> Result<(), Refusal> {
        self.offer_quietly(entry)?;
        self.idle.notify(self.slots());
        Ok(())
    }

    /// Queues an entry if there is room. The caller wakes workers.
    pub(crate) fn offer_quietly(&self, entry: NonNull<Entry<P>>) -> Result<(), Refusal> {
        // SAFETY: the caller owns the entry until it is queued, and the cell is noted before.
        let cell = unsafe { entry.as_ref() }.cell();
        loop {
            match self.storage.push(entry.cast(), cell) {
                Ok(()) => return Ok(()),
                // Again only if that made room.
                Err(PushRefused::Full) if self.free_emptied() => {}
                Err(PushRefused::Full) => return Err(Refusal::Full),
                Err(PushRefused::Closed) => return Err(self.refused()),
            }
        }
    }

    /// Frees what was taken back behind others and has come to the head with the last pop; tells whether there was any.
    fn free_emptied(&self) -> bool {
        // With the fence in `tidy` nothing is overlooked that was taken back before. `Full` from an older look would be
        // allowed, but models of it have a hundred times as many interleavings, and who finds a queue full is in no hurry.
        crate::sync::fence_seq_cst();
        let freed = self.storage.pop_emptied();
        if freed {
            self.room_came_free();
        }
        freed
    }

    /// Takes a vacant block for a job.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) fn take_block(&self) -> Result<NonNull<()>, Refusal> {
        let full = || self.life.closed_by().unwrap_or(Refusal::Full);
        self.storage.take_block().ok_or_else(full)
    }

    /// Gives back a block that was not used.
    pub(crate) fn give_block_back(&self, block: NonNull<()>) {
        self.storage.give_block_back(block);
    }

    /// Blocks until `look` says so, which looks at the number of queued entries among other things.
    pub(crate) fn wait_as_joiner(&self, look: impl FnMut() -> Look) -> bool {
        self.room.wait::<P>(look)
    }

    /// Makes joiners look again, after something else than the queue has changed.
    pub(crate) fn tell_joiners(&self) {
        self.room.notify::<P>();
    }

    /// What streams of a pool in place wait at for any of their jobs.
    pub(crate) fn bell(&self) -> &EventCount {
        &self.room
    }

    /// Queues an entry, waiting for room until `due` forbids it. Not for workers of this pool, who might
    /// wait for themselves.
    ///
    /// # Errors
    ///
    /// Why the pool is closed, or what `due` says. The entry was not queued.
    pub(crate) fn offer_patiently(
        &self,
        entry: NonNull<Entry<P>>,
        due: impl Fn() -> Due,
    ) -> Result<(), Refusal> {
        match self.offer(entry) {
            Err(Refusal::Full) if !self.settings.in_place => {}
            other => return other,
        }
        let mut outcome = Err(Refusal::Full);
        self.room.wait::<P>(|| {
            outcome = self.offer(entry);
            match (outcome, due()) {
                (Err(Refusal::Full), Due::Now(why)) => {
                    outcome = Err(why);
                    Look::GiveUp
                }
                (Err(Refusal::Full), Due::At(deadline)) => Look::Park(deadline),
                _ => Look::Done,
            }
        });
        outcome
    }

    /// Takes the next entry out of the queue. `Err(true)` if the queue is closed and empty, `Err(false)` if
    /// there is nothing now.
    #[inline]
    pub(crate) fn take(&self) -> Result<NonNull<Entry<P>>, bool> {
        loop {
            match self.storage.pop() {
                Popped::Item(item) => {
                    self.room_came_free();
                    return Ok(item.cast());
                }
                Popped::Emptied => self.room_came_free(),
                Popped::Empty => return Err(false),
                Popped::Closed => return Err(true),
            }
        }
    }

    /// Whether a worker would find something to do, or that it may leave.
    #[inline]
    pub(crate) fn has_news(&self, index: usize) -> bool {
        self.storage.has_news() || self.regions.pending(&self.slots()[index])
    }

    /// Shuts the entrances and wakes everybody who has to know.
    fn shut(&self) {
        // The gate first: who finds the queue closed must see every region that was let in.
        self.regions.close();
        self.storage.close();
        // Dekker pair with W3 of `idle.rs`.
        crate::sync::fence_seq_cst();
        self.idle.wake_all(self.slots());
        self.room.notify::<P>();
    }

    /// Refuses new work; what was accepted is finished.
    pub(crate) fn close(&self) {
        self.life.close();
        self.shut();
    }

    /// Starts nothing from now on. Tells how many jobs and batches that cut short.
    pub(crate) fn terminate(&self) -> usize {
        let before = self.never_started();
        let Some(batches) = self.life.terminate() else {
            // Whoever was first may not have shut the entrances yet.
            self.shut();
            return 0;
        };
        // Workers are awake before anything is drained: a destructor may wait for them.
        self.shut();
        self.drain(batches, Refusal::Terminated);
        // With what workers have popped and refused meanwhile.
        self.never_started() - before
    }

    /// Stops the pool because a worker could not be replaced.
    pub(crate) fn break_down(&self) {
        let batches = self.life.break_down();
        self.shut();
        self.drain(batches, Refusal::Broken);
    }

    /// An index has no worker any more: the pool stops (S6).
    pub(crate) fn lose(&self, index: usize) {
        self.break_down();
        let slot = &self.slots()[index];
        if let Some(entry) = slot.take_over() {
            // SAFETY: the predecessor had taken the entry out of its cell.
            unsafe { Entry::refuse(entry, Refusal::Broken) };
        }
        while self.regions.pending(slot) {
            self.regions
                .visit(slot, index, &self.life, Err(Refusal::Broken));
        }
    }

    fn drain(&self, batches: usize, why: Refusal) {
        self.count_never_started(batches);
        while let Ok(entry) = self.take() {
            // SAFETY: `take` has exchanged the entry out of its cell.
            let counts = unsafe { Entry::refuse(entry, why) };
            self.count_never_started(usize::from(counts));
        }
    }

    /// Lets a caller that is worker 0, or a worker with a batch of its own, wait for the others as a worker waits for work,
    /// and then sleep. Not without an allocator, where nobody but workers takes part and every byte counts.
    pub(crate) fn await_others(&self, mut look: impl FnMut() -> bool) {
        if !cfg!(feature = "alloc") {
            return;
        }
        match self.settings.wait_policy {
            WaitPolicy::Passive => {}
            WaitPolicy::Adaptive => {
                let _ = self.settings.search.until::<P>(&mut look)
                    || Backoff::snooze(self.settings.caller_participates).until::<P>(look);
            }
            WaitPolicy::Active => {
                // Not for ever: who is waited for may have a lower priority, and need this very CPU.
                for _ in 0..Backoff::ACTIVE_ROUNDS {
                    if Backoff::active(self.settings.caller_participates).pause(&mut look) {
                        return;
                    }
                    P::yield_now();
                }
            }
        }
    }

    /// Wakes every worker, after something was published that all of them must see.
    pub(crate) fn wake_workers(&self) {
        // Dekker pair with W3 of `idle.rs`.
        crate::sync::fence_seq_cst();
        self.idle.wake_all(self.slots());
    }
}

impl<P: Platform> Engine<P> {
    /// Blocks until the queue may have room, or `until`; tells which.
    pub(crate) fn wait_for_room(&self, until: Option<Instant>) -> bool {
        self.room.wait::<P>(|| {
            if self.queued() < self.settings.capacity || self.life.closed_by().is_some() {
                Look::Done
            } else if until.is_some_and(|at| P::now().is_some_and(|now| now >= at)) {
                Look::GiveUp
            } else {
                Look::Park(until)
            }
        })
    }
}

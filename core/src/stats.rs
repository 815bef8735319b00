//! What a pool counts while it works, at the cost of a few stores to lines that nobody else writes.

use core::time::Duration;

use crate::sync::{AtomicUsize, Ordering, const_fn};
use crate::time::Instant;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// How far a job or batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Items done.
    pub done: usize,
    /// Items in all, where that is known.
    pub total: Option<usize>,
}

/// What one worker index has done since the pool was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Jobs and chunks started.
    pub jobs: usize,
    /// Items in them. A job that is no chunk counts as one, and so does a block of a reduction.
    pub items: usize,
    /// Time spent working, up to where the worker last ran out of work: what it works on now counts when it has
    /// nothing left to do.
    ///
    /// Zero on platforms without a clock, and of those whose time is their own: a caller that takes part, the seats of a
    /// `StaticPool`. To read the clock would cost a small call of theirs as much again.
    pub busy: Duration,
    /// Time spent searching and asleep, up to where the worker last found work; zero where `busy` is. The first
    /// microsecond of a gap between two jobs may count as busy, and both times stand still while gaps are
    /// shorter than that.
    pub idle: Duration,
    /// How often the worker went to sleep.
    pub parks: usize,
    /// The mean time from the moment when somebody began to wake the sleeping worker until it ran; zero if nobody
    /// has, and on platforms without a clock.
    pub wake_latency: Duration,
    /// How often the worker was replaced.
    pub replaced: usize,
}

/// What a pool has done so far. Numbers of one moment per field, not of one moment in all.
#[cfg(feature = "alloc")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// One entry for each worker, by index.
    pub workers: Vec<WorkerStats>,
    /// Entries in the queue.
    pub queued: usize,
    /// Accepted jobs and batches that `terminate`, or a failed replacement, kept from starting.
    pub never_started: usize,
}

/// A span of time that one thread adds to and others read, in words of any width.
#[derive(Debug)]
struct Span {
    secs: AtomicUsize,
    nanos: AtomicUsize,
}

impl Span {
    const_fn! {
        const fn new() -> Self {
            Self { secs: AtomicUsize::new(0), nanos: AtomicUsize::new(0) }
        }
    }

    /// Only the owner adds. Relaxed here and below: statistics order nothing.
    fn add(&self, span: Duration) {
        let sum = self.get().saturating_add(span);
        self.nanos
            .store(sum.subsec_nanos() as usize, Ordering::Relaxed);
        self.secs.store(
            usize::try_from(sum.as_secs()).unwrap_or(usize::MAX),
            Ordering::Relaxed,
        );
    }

    fn get(&self) -> Duration {
        let secs = self.secs.load(Ordering::Relaxed);
        let nanos = u32::try_from(self.nanos.load(Ordering::Relaxed)).unwrap_or(0);
        Duration::new(secs as u64, nanos)
    }
}

/// The counters of one worker. Written by the worker that holds the index, read by anyone.
#[derive(Debug)]
pub(crate) struct SlotStats {
    jobs: AtomicUsize,
    items: AtomicUsize,
    parks: AtomicUsize,
    wakes: AtomicUsize,
    /// From each wake until the worker ran, in all.
    waking: Span,
    idle: Span,
    /// From the start of the first worker to the end of the last one, as far as it is known.
    alive: Span,
}

impl SlotStats {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                jobs: AtomicUsize::new(0),
                items: AtomicUsize::new(0),
                parks: AtomicUsize::new(0),
                wakes: AtomicUsize::new(0),
                waking: Span::new(),
                idle: Span::new(),
                alive: Span::new(),
            }
        }
    }

    #[inline]
    pub(crate) fn count_job(&self, items: usize) {
        add(&self.jobs, 1);
        add(&self.items, items);
    }

    pub(crate) fn count_park(&self) {
        add(&self.parks, 1);
    }

    /// The worker runs again, so long after somebody began to wake it.
    pub(crate) fn count_wake(&self, latency: Duration) {
        add(&self.wakes, 1);
        self.waking.add(latency);
    }

    pub(crate) fn get(&self, replaced: usize) -> WorkerStats {
        let idle = self.idle.get();
        WorkerStats {
            jobs: self.jobs.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            busy: self.alive.get().saturating_sub(idle),
            idle,
            parks: self.parks.load(Ordering::Relaxed),
            wake_latency: mean(self.waking.get(), self.wakes.load(Ordering::Relaxed)),
            replaced,
        }
    }
}

/// A load and a store instead of an addition: only the worker writes its own counters.
#[inline]
fn add(counter: &AtomicUsize, more: usize) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(more);
    counter.store(sum, Ordering::Relaxed);
}

fn mean(sum: Duration, count: usize) -> Duration {
    let nanos = sum.as_nanos().checked_div(count as u128).unwrap_or(0);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// When somebody last began to wake a worker.
#[derive(Debug)]
pub(crate) struct WokenAt(AtomicUsize);

impl WokenAt {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Whoever is about to wake the worker calls it, where there is a clock.
    pub(crate) fn note(&self, now: Option<Instant>) {
        if let Some(now) = now {
            self.0.store(low_word(now), Ordering::Relaxed);
        }
    }

    /// How long ago that was, if it was the wake that the caller has just had. `now` is read afterwards, so that it
    /// is not before.
    pub(crate) fn ago(&self, now: impl FnOnce() -> Option<Instant>) -> Option<Duration> {
        let then = self.0.load(Ordering::Relaxed);
        let nanos = low_word(now()?).wrapping_sub(then);
        Some(Duration::from_nanos(nanos as u64))
    }
}

/// A word is enough for the difference of two moments that are close, whatever its width.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
fn low_word(at: Instant) -> usize {
    at.as_nanos() as usize
}

/// A worker's watch: reads the clock only when the worker runs out of work and when it finds some again.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Up to where the time is accounted for.
    mark: Option<Instant>,
    idle: bool,
}

impl Watch {
    pub(crate) fn start(now: Option<Instant>) -> Self {
        Self {
            mark: now,
            idle: false,
        }
    }

    /// Turns if the worker was not that already. The clock is read only then.
    #[inline]
    pub(crate) fn note(
        &mut self,
        stats: &SlotStats,
        now: impl FnOnce() -> Option<Instant>,
        idle: bool,
    ) {
        if self.idle != idle {
            self.turn(stats, now(), idle);
        }
    }

    /// Accounts for the time since the last call and notes what the worker does from now on.
    pub(crate) fn turn(&mut self, stats: &SlotStats, now: Option<Instant>, idle: bool) {
        if let (Some(mark), Some(now)) = (self.mark, now) {
            let span = now.saturating_since(mark);
            stats.alive.add(span);
            if self.idle {
                stats.idle.add(span);
            }
            self.mark = Some(now);
        }
        self.idle = idle;
    }
}

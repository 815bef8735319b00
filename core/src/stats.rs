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
    /// Time spent working; zero on platforms without a clock.
    pub busy: Duration,
    /// Time spent searching and asleep; zero on platforms without a clock. The first
    /// microsecond of a gap between two jobs may count as busy, and both times stand still while gaps are
    /// shorter than that.
    pub idle: Duration,
    /// How often the worker went to sleep.
    pub parks: usize,
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
    parks: AtomicUsize,
    idle: Span,
    /// From the start of the first worker to the end of the last one, as far as it is known.
    alive: Span,
}

impl SlotStats {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                jobs: AtomicUsize::new(0),
                parks: AtomicUsize::new(0),
                idle: Span::new(),
                alive: Span::new(),
            }
        }
    }

    #[inline]
    pub(crate) fn count_job(&self) {
        // A load and a store instead of an addition: only the worker writes.
        self.jobs.store(
            self.jobs.load(Ordering::Relaxed).wrapping_add(1),
            Ordering::Relaxed,
        );
    }

    pub(crate) fn count_park(&self) {
        self.parks.store(
            self.parks.load(Ordering::Relaxed).wrapping_add(1),
            Ordering::Relaxed,
        );
    }

    pub(crate) fn get(&self, replaced: usize) -> WorkerStats {
        let idle = self.idle.get();
        WorkerStats {
            jobs: self.jobs.load(Ordering::Relaxed),
            busy: self.alive.get().saturating_sub(idle),
            idle,
            parks: self.parks.load(Ordering::Relaxed),
            replaced,
        }
    }
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

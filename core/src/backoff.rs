//! How long to wait awake: the one place that knows.
//!
//! First pauses, which react in nanoseconds and keep the CPU; then yields, which give it to a thread that
//! waits for one, often the very thread whose work is waited for; then the waiter parks. Without the yields
//! three threads on two CPUs put each other to sleep, and a broadcast to two workers takes eight times as
//! long (`W4 region` in the report of `benches`).
//!
//! A thread that yields to a busy stranger stays behind it for a whole time slice, where a thread that has
//! parked is run as soon as it is woken. So a yield that comes back late is the last one, and it is remembered
//! if what was waited for has come meanwhile; `W1 cold` shows pools without such a rule.
//!
//! Who has just woken a worker does not pause but begins with the yields, and parks at once where those are left out: that
//! worker may need this very CPU, and a microsecond of pauses would be too short for it to come. The same goes for a worker
//! that was woken, for its waker may sleep by now.
//!
//! A worker that finds work with its first yield again and again may share its CPU with whoever gives it the work, and
//! keep the others idle: see [`Turns`].
//!
//! Where callers take part, workers wait for loops: those follow each other after some work of the caller's own, or
//! after the slowest worker's share, and whoever slept meanwhile comes late by a wake (`W7 Jacobi`). So there
//! they look more often, and yield longer.

use core::time::Duration;

use crate::platform::Platform;
use crate::sync::{AtomicUsize, Ordering, const_fn, spin_loop, thread_hint};
use crate::time::Instant;

/// Yields where there is no clock to tell a late one.
const YIELDS_WITHOUT_CLOCK: u32 = 4;
/// A yield that takes longer is taken to have gone to a stranger. A guess: it may have gone to the very worker that
/// is waited for, or only crossed a tick of a coarse clock. A wrong one costs a park for each of some later waits.
const LATE: Duration = Duration::from_micros(100);
/// Yields end after that, however many are left: each may have taken a turn of others.
const YIELDS_TAKE: Duration = Duration::from_micros(150);
/// Without an allocator every byte counts, and no thread remembers a wake.
const REMEMBERS: bool = cfg!(feature = "alloc") && !cfg!(ringpool_loom);
/// How many waits go without yields after a late one: at first, and at most.
const WAITS_AFTER_LATE: usize = 8;
const WAITS_AFTER_LATE_AT_MOST: usize = 1024;

/// A bounded busy wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    pauses: u32,
    yields: u32,
    /// The most pauses between two looks.
    stride: u32,
}

impl Backoff {
    /// Of a thread that waits for a result: about a microsecond, which covers a tiny job on a worker that is
    /// awake, and a few yields.
    pub(crate) const RESULT: Self = Self::new(64, 8);

    /// Of a worker before it sleeps: some ten microseconds, if nobody else wants the CPU. For loops as long as yields
    /// may take, 150.
    // Without an allocator no caller takes part, and every byte counts.
    pub(crate) const fn snooze(for_loops: bool) -> Self {
        Self::new(
            0,
            if cfg!(feature = "alloc") && for_loops {
                512
            } else {
                32
            },
        )
    }

    /// Of a worker that searches, and may keep its CPU from others meanwhile: about a microsecond, or less
    /// when workers outnumber CPUs.
    pub(crate) const fn searching(workers: usize, cpus: usize, for_loops: bool) -> Self {
        Self::new(if workers > cpus { 16 } else { 64 }, 0).keen_if(for_loops)
    }

    /// Of an active worker between two yields: some fifteen microseconds, so that loops which follow each other meet
    /// no yield.
    pub(crate) const fn active(for_loops: bool) -> Self {
        Self::new(1024, 0).keen_if(for_loops)
    }

    /// Of a caller in an active pool that has done its part: some fifteen milliseconds in all.
    pub(crate) const ACTIVE_ROUNDS: usize = 1024;

    /// Under loom each step would be a scheduling point, so there is none.
    pub(crate) const fn new(pauses: u32, yields: u32) -> Self {
        if cfg!(ringpool_loom) {
            return Self {
                pauses: 0,
                yields: 0,
                stride: 0,
            };
        }
        Self {
            pauses,
            yields,
            stride: 8,
        }
    }

    /// Looks after every other pause, to see a loop at once. Where many look for jobs at words that submitters must write,
    /// looks become rarer instead.
    const fn keen_if(self, for_loops: bool) -> Self {
        if for_loops && !cfg!(ringpool_loom) {
            Self { stride: 2, ..self }
        } else {
            self
        }
    }

    /// Waits until `look` says so, or the budget is used up; tells which.
    #[inline]
    pub(crate) fn until<P: Platform>(self, look: impl FnMut() -> bool) -> bool {
        self.yields_until::<P>(look).is_some()
    }

    /// As [`until`](Self::until), and tells how many yields it took.
    #[inline]
    pub(crate) fn yields_until<P: Platform>(self, mut look: impl FnMut() -> bool) -> Option<u32> {
        let pauses = if P::seats().crowded.forget_wake() {
            0
        } else {
            self.pauses
        };
        if (Self { pauses, ..self }).pause(&mut look) {
            Some(0)
        } else if self.yields > 0 {
            self.let_others_run::<P>(look)
        } else {
            None
        }
    }

    /// Looks, with pauses between that grow up to the stride.
    #[inline]
    pub(crate) fn pause(self, mut look: impl FnMut() -> bool) -> bool {
        let (mut left, mut step) = (self.pauses, 1);
        loop {
            if look() {
                return true;
            }
            if left == 0 {
                return false;
            }
            let pauses = left.min(step);
            for _ in 0..pauses {
                spin_loop();
            }
            left -= pauses;
            step = (step + 1).min(self.stride);
        }
    }

    /// Looks, with yields between; tells after how many it saw what it waited for.
    fn let_others_run<P: Platform>(self, mut look: impl FnMut() -> bool) -> Option<u32> {
        let crowded = &P::seats().crowded;
        if crowded.skip() {
            return None;
        }
        let begin = P::now();
        let (mut before, mut done, mut most) = (begin, 0, self.yields);
        while done < most {
            done += 1;
            P::yield_now();
            let after = P::now();
            let took = |since: Option<Instant>| Some(after?.saturating_since(since?));
            let late = took(before).is_some_and(|turn| turn > LATE);
            if late || took(begin).is_some_and(|all| all > YIELDS_TAKE) {
                most = done;
            } else if after.is_none() {
                most = most.min(YIELDS_WITHOUT_CLOCK);
            }
            before = after;
            if look() {
                crowded.note(late);
                return Some(done);
            }
        }
        crowded.note(false);
        None
    }
}

/// A worker's memory of waits that ended with the first yield: it may take turns with the very thread that it works for,
/// on one CPU, while another CPU is idle.
///
/// Two threads that yield to each other look busy to a scheduler, which then moves neither for tens of milliseconds. So
/// after a number of such turns in a row the worker wakes another, which last ran elsewhere perhaps, and sleeps itself. Each
/// time the number doubles, for where no CPU is idle that helps nobody.
#[derive(Debug)]
pub(crate) struct Turns {
    in_a_row: u16,
    limit: u16,
}

impl Turns {
    const LIMIT: u16 = 16;
    const LIMIT_AT_MOST: u16 = 4096;

    pub(crate) const fn new() -> Self {
        Self {
            in_a_row: 0,
            limit: Self::LIMIT,
        }
    }

    /// Notes after how many yields a wait has ended. A worker that waits in vain is not needed, and begins anew.
    pub(crate) fn note(&mut self, yields: Option<u32>) {
        match yields {
            Some(1) => self.in_a_row = self.in_a_row.saturating_add(1),
            Some(_) => self.in_a_row = 0,
            None => *self = Self::new(),
        }
    }

    /// Whether another worker should take over. Not without an allocator, where every byte counts.
    pub(crate) fn are_too_many(&self) -> bool {
        cfg!(feature = "alloc") && self.in_a_row >= self.limit
    }

    /// Another worker takes over.
    pub(crate) fn hand_over(&mut self) {
        self.in_a_row = 0;
        self.limit = (2 * self.limit).min(Self::LIMIT_AT_MOST);
    }
}

/// A platform's memory of late yields and of wakes.
///
/// A late yield that kept a waiter from what had come cost it a time slice, hundreds of times what a park costs. So each
/// doubles the number of waits without yields, and each wait that was not kept takes only one away. All pools of
/// a platform share the memory, for they share the machine; an update that is lost between a load and a store
/// changes nothing but a cost.
#[derive(Debug)]
pub(crate) struct Crowded {
    /// Waits without yields after the last late one, and how many of them are left.
    waits: AtomicUsize,
    left: AtomicUsize,
    /// Who has woken a worker, or was woken, since its last wait: a bit for each thread, which it may share.
    wakes: AtomicUsize,
}

impl Crowded {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self { waits: AtomicUsize::new(0), left: AtomicUsize::new(0), wakes: AtomicUsize::new(0) }
        }
    }

    /// Whether this wait goes without yields.
    fn skip(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
        }
        left > 0
    }

    /// Notes whether a wait was kept from what had come.
    fn note(&self, kept: bool) {
        let waits = self.waits.load(Ordering::Relaxed);
        if kept {
            let more = (2 * waits).clamp(WAITS_AFTER_LATE, WAITS_AFTER_LATE_AT_MOST);
            self.waits.store(more, Ordering::Relaxed);
            self.left.store(more, Ordering::Relaxed);
        } else if waits > 0 {
            self.waits.store(waits - 1, Ordering::Relaxed);
        }
    }

    /// Notes that this thread has woken another, or was woken.
    pub(crate) fn note_wake(&self) {
        if REMEMBERS && self.wakes.load(Ordering::Relaxed) & mine() == 0 {
            self.wakes.fetch_or(mine(), Ordering::Relaxed);
        }
    }

    /// Whether this thread has noted a wake since it was asked last.
    fn forget_wake(&self) -> bool {
        let noted = REMEMBERS && self.wakes.load(Ordering::Relaxed) & mine() != 0;
        if noted {
            self.wakes.fetch_and(!mine(), Ordering::Relaxed);
        }
        noted
    }
}

/// This thread's bit. A stack is usually 2 MiB long.
fn mine() -> usize {
    // A stack that lies across a border of 2 MiB has two bits. That costs a wait a microsecond, but would fail a test, once in a
    // few hundred runs.
    let hint = if cfg!(test) { 0 } else { thread_hint() };
    1 << ((hint >> 9) % usize::BITS as usize)
}

//! How long to wait awake: the one place that knows.
//!
//! First pauses, which react in nanoseconds and keep the CPU; then yields, which give it to a thread that
//! waits for one, often the very thread whose work is waited for; then the waiter parks. Without the yields
//! three threads on two CPUs put each other to sleep: a broadcast took 39 µs instead of 5.
//!
//! A thread that yields to a busy stranger stays behind it for a whole time slice, where a thread that has
//! parked is run as soon as it is woken. So a yield that comes back late is the last one, and a worker that
//! had one makes none in its next thousand gaps: beside two busy strangers, jobs that came every 100 µs
//! waited 4 ms without this rule, and 4 µs with it.

use core::time::Duration;

use crate::platform::Platform;
use crate::sync::spin_loop;

/// Pauses of a thread that waits for a result: about a microsecond, which covers a tiny job on a worker that
/// is awake.
const RESULT_PAUSES: u32 = 64;
/// Yields of a thread that waits for a result.
const RESULT_YIELDS: u32 = 8;
/// Pauses of a worker that searches for its next job: about a microsecond.
const SEARCH_PAUSES: u32 = 64;
/// The same when workers outnumber CPUs.
const SEARCH_PAUSES_OVERSUBSCRIBED: u32 = 16;
/// Yields of a worker before it sleeps: some ten microseconds, if nobody else wants the CPU.
const SEARCH_YIELDS: u32 = 32;
/// Yields where there is no clock to tell a late one.
const YIELDS_WITHOUT_CLOCK: u32 = 4;
/// A yield that takes longer went to a thread that does not wait for us.
const LATE: Duration = Duration::from_micros(100);
/// How many gaps a worker goes without yields after a late one.
const GAPS_AFTER_LATE: u32 = 1000;

/// How many pauses a searching worker makes.
pub(crate) fn search_pauses(workers: usize, cpus: usize) -> u32 {
    if workers > cpus {
        SEARCH_PAUSES_OVERSUBSCRIBED
    } else {
        SEARCH_PAUSES
    }
}

/// A worker's memory of late yields.
#[derive(Debug, Default)]
pub(crate) struct Crowded {
    gaps: u32,
}

impl Crowded {
    /// Lets other threads run for a moment between looks; `true` as soon as `look` says so.
    pub(crate) fn snooze<P: Platform>(&mut self, look: impl Fn() -> bool) -> bool {
        if self.gaps > 0 {
            self.gaps -= 1;
            return false;
        }
        let mut backoff = Backoff::new(0, SEARCH_YIELDS);
        let seen = backoff.until::<P>(look);
        if backoff.late {
            self.gaps = GAPS_AFTER_LATE;
        }
        seen
    }
}

/// A bounded busy wait whose pauses grow, so that looks at a contended word become rarer, and end in yields.
#[derive(Debug)]
pub(crate) struct Backoff {
    pauses: u32,
    step: u32,
    yields: u32,
    late: bool,
}

impl Backoff {
    /// Of a thread that waits for a result, before it parks.
    pub(crate) fn for_result() -> Self {
        Self::new(RESULT_PAUSES, RESULT_YIELDS)
    }

    /// Of a worker that searches, and may keep its CPU from others meanwhile.
    pub(crate) fn searching(pauses: u32) -> Self {
        Self::new(pauses, 0)
    }

    /// Under loom each step would be a scheduling point, so there is none.
    fn new(pauses: u32, yields: u32) -> Self {
        let unless_modelled = |n| if cfg!(ringpool_loom) { 0 } else { n };
        Self {
            pauses: unless_modelled(pauses),
            step: 1,
            yields: unless_modelled(yields),
            late: false,
        }
    }

    /// Waits until `look` says so, or the budget is used up; tells which.
    pub(crate) fn until<P: Platform>(&mut self, look: impl Fn() -> bool) -> bool {
        loop {
            if look() {
                return true;
            }
            if !self.again::<P>() {
                return false;
            }
        }
    }

    /// Pauses or yields, and says `true`; or says `false` when the budget is used up.
    #[inline]
    pub(crate) fn again<P: Platform>(&mut self) -> bool {
        if self.pauses > 0 {
            let pauses = self.step.min(self.pauses);
            for _ in 0..pauses {
                spin_loop();
            }
            self.pauses -= pauses;
            self.step = (self.step + 1).min(8);
            return true;
        }
        if self.yields > 0 {
            self.yields -= 1;
            self.yield_now::<P>();
            return true;
        }
        false
    }

    fn yield_now<P: Platform>(&mut self) {
        let before = P::now();
        P::yield_now();
        match (before, P::now()) {
            (Some(before), Some(after)) => {
                if after.saturating_since(before) > LATE {
                    self.late = true;
                    self.yields = 0;
                }
            }
            _ => self.yields = self.yields.min(YIELDS_WITHOUT_CLOCK),
        }
    }
}

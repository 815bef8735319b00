//! How long to wait awake: the one place that knows.
//!
//! First pauses, which react in nanoseconds and keep the CPU; then yields, which give it to a thread that
//! waits for one, often the very thread whose work is waited for; then the waiter parks. Without the yields
//! three threads on two CPUs put each other to sleep: a broadcast took 39 µs instead of 5.

use crate::platform::Platform;
use crate::sync::spin_loop;

/// Pauses of a thread that waits for a result: about a microsecond, which covers a tiny job on a worker that
/// is awake.
const RESULT_PAUSES: u32 = 64;
/// Yields of a thread that waits for a result. Few: behind an unrelated busy thread each may cost a time
/// slice, where a thread that parks is woken at once.
const RESULT_YIELDS: u32 = 8;
/// Pauses of a worker that searches for its next job: about a microsecond.
const SEARCH_PAUSES: u32 = 64;
/// The same when workers outnumber CPUs.
const SEARCH_PAUSES_OVERSUBSCRIBED: u32 = 16;
/// Yields of a worker before it sleeps: some ten microseconds, if nobody else wants the CPU.
const SEARCH_YIELDS: u32 = 32;

/// How many pauses a searching worker makes.
pub(crate) fn search_pauses(workers: usize, cpus: usize) -> u32 {
    if workers > cpus {
        SEARCH_PAUSES_OVERSUBSCRIBED
    } else {
        SEARCH_PAUSES
    }
}

/// A bounded busy wait whose steps grow, so that looks at a contended word become rarer.
#[derive(Debug)]
pub(crate) struct Spin {
    pauses: u32,
    step: u32,
    yields: u32,
}

impl Spin {
    /// Of a thread that waits for a result, before it parks.
    pub(crate) fn for_result() -> Self {
        Self::new(RESULT_PAUSES, RESULT_YIELDS)
    }

    /// Of a worker that searches, and may keep its CPU from others meanwhile.
    pub(crate) fn searching(pauses: u32) -> Self {
        Self::new(pauses, 0)
    }

    /// Of any worker before it sleeps.
    pub(crate) fn before_sleep() -> Self {
        Self::new(0, SEARCH_YIELDS)
    }

    /// Under loom each step would be a scheduling point, so there is none.
    fn new(pauses: u32, yields: u32) -> Self {
        let unless_modelled = |n| if cfg!(ringpool_loom) { 0 } else { n };
        Self {
            pauses: unless_modelled(pauses),
            step: 1,
            yields: unless_modelled(yields),
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
            P::yield_now();
            return true;
        }
        false
    }
}

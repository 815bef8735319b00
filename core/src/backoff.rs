//! How long to spin: the one place that knows.

use crate::sync::spin_loop;

/// A bounded busy wait whose steps grow, so that looks at a contended word become rarer.
#[derive(Debug)]
pub(crate) struct Spin {
    left: u32,
    step: u32,
}

impl Spin {
    /// Before a thread parks to wait for a result: about four microseconds, which covers a tiny job on a
    /// worker that is awake and costs a quarter of a wake-up.
    pub(crate) fn before_park() -> Self {
        Self::new(256)
    }

    /// At most `pauses` pauses. Under loom every pause is a scheduling point, so there is none.
    pub(crate) fn new(pauses: u32) -> Self {
        Self {
            left: if cfg!(ringpool_loom) { 0 } else { pauses },
            step: 1,
        }
    }

    /// Pauses and says `true`, or says `false` when the budget is used up.
    #[inline]
    pub(crate) fn again(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        let pauses = self.step.min(self.left);
        for _ in 0..pauses {
            spin_loop();
        }
        self.left -= pauses;
        self.step = (self.step + 1).min(8);
        true
    }
}

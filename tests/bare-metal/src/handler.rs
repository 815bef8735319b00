//! What the timer's handler does with the pool: it submits, hands results on, and cancels.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ringpool_core::ring::Ring;
use ringpool_core::{AsyncResult, CancelOutcome};

use crate::board::{CORES, add};
use crate::{POOLS, Platform, TASKS, planted};

/// Jobs that a tick offers while `OFFERING`: more than the pool has slots.
const BURST: u32 = 20;

pub static OFFERING: AtomicBool = AtomicBool::new(false);
pub static ACCEPTED: AtomicU32 = AtomicU32::new(0);
pub static REFUSED: AtomicU32 = AtomicU32::new(0);
/// Jobs that have run.
pub static RAN: AtomicU32 = AtomicU32::new(0);

/// Handles with the value that they should give, for the main program. Where they do not fit, the job is detached.
pub static HANDLES: Ring<(u32, AsyncResult<u32, Platform>), 8> = Ring::new();

/// Set by the job that the handler is to cancel, once it runs.
pub static RUNS: AtomicBool = AtomicBool::new(false);
pub static TO_CANCEL: Ring<AsyncResult<u32, Platform>, 1> = Ring::new();
pub static CANCELLED: Ring<AsyncResult<u32, Platform>, 1> = Ring::new();

/// How many jobs the handler has yet to submit to the pool of tasks, one at each tick.
pub static FOR_TASKS: AtomicU32 = AtomicU32::new(0);
/// Those that have run.
pub static BY_TASKS: AtomicU32 = AtomicU32::new(0);

/// Wakes a task that works; the last job ends its pool.
fn offer_to_tasks() {
    let left = FOR_TASKS.load(Ordering::Relaxed);
    if left == 0 {
        return;
    }
    FOR_TASKS.store(left - 1, Ordering::Relaxed);
    let job = move || {
        add(&BY_TASKS, 1);
        if left == 1 {
            TASKS.close();
        }
    };
    drop(TASKS.isr().try_apply_async(job).expect("there is room"));
}

pub fn on_tick() {
    offer_to_tasks();
    if OFFERING.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            offer();
        }
    }
    if RUNS.load(Ordering::Relaxed)
        && let Ok(handle) = TO_CANCEL.pop()
    {
        // Another core may end it before this one has looked.
        let outcome = handle.cancel();
        assert!(outcome == CancelOutcome::StillRuns || CORES > 1 && handle.ready());
        assert_ne!(outcome, CancelOutcome::NeverRan);
        assert!(CANCELLED.push(handle).is_ok());
    }
}

/// S13: a full pool hands the closure back.
fn offer() {
    let number = ACCEPTED.load(Ordering::Relaxed);
    let job = move || {
        add(&RAN, 1);
        number
    };
    match POOLS[0].isr().try_apply_async(job) {
        Ok(handle) => {
            add(&ACCEPTED, 1);
            drop(HANDLES.push((number, handle)));
        }
        Err(refused) => {
            assert!(refused.is_full());
            let _handed_back = refused.into_inner();
            add(&REFUSED, 1);
            if planted("refusal") {
                add(&ACCEPTED, 1);
            }
        }
    }
}

//! A worker's life on its thread: look for work, do it, sleep, be replaced, leave.

use crate::backoff::{Backoff, Turns};
use crate::engine::WaitPolicy;
use crate::frame::{Frame, Token};
use crate::idle::Idle;
use crate::platform::Platform;
use crate::stats::Watch;
use crate::timeline::{Began, Label, SpanKind};

/// The worker that a job runs on: its state, its index, and the job's cancel token.
///
/// Functions get it first when the call is made through `with_worker`. It stays on its thread: it is neither `Send` nor
/// `Sync`.
pub struct Worker<'w, P: Platform, W = ()> {
    /// What the initializer returned on this worker.
    pub state: &'w mut W,
    pub(crate) frame: &'w Frame<'w, P>,
    token: &'w dyn Token,
}

/// Nothing implements it. It is what the compiler misses when a [`Worker`] is to leave its thread; it would list the
/// fields within fields that are bound to the thread otherwise.
#[diagnostic::on_unimplemented(
    message = "a `Worker` stays on the thread of its job",
    label = "another thread cannot have it",
    note = "give the other thread what it needs of it, such as its `index()`, or another job: `worker.for_each(..)`"
)]
pub(crate) trait LeavesItsThread {}

// SAFETY: nothing implements the condition.
#[doc(hidden)]
unsafe impl<P: Platform + LeavesItsThread, W> Send for Worker<'_, P, W> {}

// SAFETY: as above.
#[doc(hidden)]
unsafe impl<P: Platform + LeavesItsThread, W> Sync for Worker<'_, P, W> {}

impl<P: Platform, W> core::fmt::Debug for Worker<'_, P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index())
            .finish_non_exhaustive()
    }
}

impl<'w, P: Platform, W> Worker<'w, P, W> {
    pub(crate) fn new(state: &'w mut W, frame: &'w Frame<'w, P>, token: &'w dyn Token) -> Self {
        Self {
            state,
            frame,
            token,
        }
    }

    /// The worker's index, from 0.
    pub fn index(&self) -> usize {
        self.frame.index
    }

    /// Whether this job should stop early: it was cancelled, its deadline has passed, or the pool was
    /// terminated. A job that goes on all the same keeps its value.
    pub fn is_cancelled(&self) -> bool {
        self.frame.engine.life.refusal().is_some() || self.token.is_cancelled()
    }
}

/// Why a worker's loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The queue is closed and empty.
    Closed,
    /// A replacement was started.
    Replaced,
    /// The replacement's initializer failed in place: the pool is broken.
    Broken,
}

/// What a spent worker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// Leave: another has the index.
    Started,
    /// Go on.
    Refused,
    /// Leave: there is no other, and the pool has stopped.
    Failed,
}

/// Works until the pool is closed or the worker is replaced.
pub(crate) fn work<P: Platform>(
    frame: &Frame<'_, P>,
    mut replace: impl FnMut(&Frame<'_, P>) -> Replacement,
) -> Leave {
    let engine = frame.engine;
    let slot = frame.slot();
    let mut watch = Watch::start(P::now());
    let mut searching = false;
    let mut turns = Turns::new();
    loop {
        if frame.is_spent() {
            match replace(frame) {
                Replacement::Started => {
                    watch.turn(&slot.stats, P::now(), false);
                    return Leave::Replaced;
                }
                Replacement::Failed => return Leave::Broken,
                Replacement::Refused => frame.renew(),
            }
        }
        if let Some(entry) = slot.take_over() {
            // SAFETY: the predecessor had taken the entry out of its cell.
            unsafe { frame.execute_by_loop(entry) };
            continue;
        }
        if engine.regions.pending(slot) {
            found_work(frame, &mut searching, &mut watch);
            engine
                .regions
                .visit(slot, frame.index, &engine.life, Ok(frame));
            continue;
        }
        match engine.take() {
            Ok(entry) => {
                found_work(frame, &mut searching, &mut watch);
                // SAFETY: `take` has exchanged the entry out of its cell.
                unsafe { frame.execute_by_loop(entry) };
            }
            Err(true) if engine.regions.pending(slot) => {}
            Err(true) => {
                watch.turn(&slot.stats, P::now(), false);
                if searching {
                    // Everybody is awake by now, so nobody needs the wake that we would pass on.
                    let _ = engine.idle.stop_searching();
                }
                return Leave::Closed;
            }
            Err(false) => searching = wait_for_work(frame, searching, &mut watch, &mut turns),
        }
    }
}

/// The worker has work, and notes the time.
#[inline]
fn found_work<P: Platform>(frame: &Frame<'_, P>, searching: &mut bool, watch: &mut Watch) {
    stop_searching(frame, searching);
    watch.note(&frame.slot().stats, P::now, false);
}

/// The worker has work: it stops searching and passes the wake on if it was the last searcher.
// Always, since a loop that never searches then needs none of it, 270 bytes on a Cortex-M4.
#[inline(always)]
pub(crate) fn stop_searching<P: Platform>(frame: &Frame<'_, P>, searching: &mut bool) {
    let engine = frame.engine;
    if core::mem::take(searching) && engine.idle.stop_searching() && engine.has_news(frame.index) {
        engine.idle.wake_one(engine.slots());
    }
}

/// Spins, lets others run, then sleeps, until there may be work. Tells whether the worker is counted as
/// searching.
fn wait_for_work<P: Platform>(
    frame: &Frame<'_, P>,
    searching: bool,
    watch: &mut Watch,
    turns: &mut Turns,
) -> bool {
    let (engine, index) = (frame.engine, frame.index);
    let stats = &frame.slot().stats;
    let policy = engine.settings.wait_policy;
    let for_loops = engine.settings.caller_participates;
    let news = || engine.has_news(index);
    let searching = searching || (policy != WaitPolicy::Passive && engine.idle.start_searching());
    // In a gap as short as this the clock is not read: it would cost a tenth of a round trip.
    if searching && engine.settings.search.until::<P>(news) {
        return true;
    }
    watch.note(stats, P::now, true);
    if policy == WaitPolicy::Active {
        // The searchers' limit leaves some active workers uncounted; they spin all the same. Without the yields
        // they would hold their CPUs, for a whole time slice, against whom they wait for, such as a caller that takes
        // no part.
        while !Backoff::active(for_loops).pause(news) {
            P::yield_now();
        }
        return searching;
    }
    // The limit is for those who keep a CPU from others, so uncounted workers yield as well.
    if policy == WaitPolicy::Adaptive {
        if turns.are_too_many() && engine.idle.wake_one(engine.slots()) {
            turns.hand_over();
        } else {
            let yields = Backoff::snooze(for_loops).yields_until::<P>(news);
            turns.note(yields);
            if yields.is_some() {
                return searching;
            }
        }
    }
    let falls_asleep = frame.slot().track.begin::<P>();
    engine.idle.announce(engine.slots(), index, searching);
    if news() {
        let _ = engine.idle.withdraw(engine.slots(), index);
        return true;
    }
    stats.count_park();
    Idle::park(engine.slots(), index);
    P::seats().crowded.note_wake();
    if let Some(latency) = frame.slot().woken_at.ago(P::now) {
        stats.count_wake(latency);
    }
    if let Began(Some(start)) = falls_asleep {
        let (kind, label) = (SpanKind::Asleep, Label::default());
        frame.slot().track.note::<P>(start, kind, label, 0..0);
    }
    true
}

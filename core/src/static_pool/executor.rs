//! A worker that is a task of an executor.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::seat::{Seat, Step};
use crate::engine::Engine;
use crate::platform::Platform;
use crate::submit::AbortOnUnwind;

/// A worker that shares its thread with the other tasks of an executor; made by [`Seat::run_async`].
///
/// Dropping it before its end leaves the seat with its owner, who may go on as a worker in any way. After a leak (by
/// [`core::mem::forget`]) as well.
#[must_use = "a future does nothing unless it is awaited"]
pub struct RunAsync<'a, 'p, P: Platform, W: 'static> {
    seat: &'a mut Seat<'p, P, W>,
}

/// What the idle workers' bitmap holds of a worker in an executor. It lies in the seat, as the future may be leaked.
#[derive(Debug)]
pub(super) struct Rest<P: Platform> {
    /// The worker has announced itself and left its waker.
    asleep: bool,
    /// What ends it, once there was a future. A pointer, so that a program without futures has no code for them.
    end: Option<End<P>>,
}

type End<P> = fn(&mut Rest<P>, &Engine<P>, usize);

impl<P: Platform, W> core::fmt::Debug for RunAsync<'_, '_, P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RunAsync").finish_non_exhaustive()
    }
}

impl<'a, 'p, P: Platform, W: 'static> RunAsync<'a, 'p, P, W> {
    pub(super) fn new(seat: &'a mut Seat<'p, P, W>) -> Self {
        seat.rest().end = Some(Rest::wake_up);
        Self { seat }
    }
}

impl<P: Platform> Rest<P> {
    pub(super) const fn new() -> Self {
        Self {
            asleep: false,
            end: None,
        }
    }

    /// Ends what a future has left behind, dropped or leaked: afterwards the worker is neither announced nor
    /// counted, and its berth is its own.
    pub(super) fn end(&mut self, engine: &Engine<P>, index: usize) {
        if let Some(end) = self.end.take() {
            end(self, engine, index);
        }
    }

    fn wake_up(&mut self, engine: &Engine<P>, index: usize) {
        let counted = self.asleep && self.withdraw(engine, index);
        // The next in the seat must not meet who is still waking us; that one has a few steps to go.
        while !engine.slots()[index].berth.is_mine() {
            P::yield_now();
        }
        // Others may have relied on us.
        if counted && engine.idle.stop_searching() && engine.has_news(index) {
            engine.idle.wake_one(engine.slots());
        }
    }

    /// Takes the announcement back; tells whether the worker is counted as searching now. Where somebody was faster,
    /// that one wakes us.
    fn withdraw(&mut self, engine: &Engine<P>, index: usize) -> bool {
        self.asleep = false;
        let mine = engine.idle.withdraw(engine.slots(), index);
        if mine {
            // SAFETY: this is the worker, and the bit was still there.
            unsafe { engine.slots()[index].berth.empty() };
        }
        mine
    }
}

impl<P: Platform, W> Future for RunAsync<'_, '_, P, W> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let (engine, index) = (this.seat.engine(), this.seat.index());
        let berth = &engine.slots()[index].berth;
        loop {
            // First, for it is user code.
            let waker = cx.waker().clone();
            let guard = AbortOnUnwind;
            // Counted only within a poll: when the next comes is not ours to say.
            let mut searching = this.seat.rest().asleep && this.seat.rest().withdraw(engine, index);
            let outcome = if berth.is_mine() {
                this.seat.step(&mut searching)
            } else {
                // Whoever has woken us is a few steps before the end.
                Step::Done
            };
            core::mem::forget(guard);
            match outcome {
                Step::Closed => return Poll::Ready(()),
                // The other tasks of the executor come first, then the next job.
                Step::Done => {
                    waker.wake();
                    return Poll::Pending;
                }
                Step::Nothing => {
                    // SAFETY: this is the worker, whose bit is clear, and the berth was its own above.
                    unsafe { berth.fill(waker) };
                    this.seat.rest().asleep = true;
                    engine.idle.announce(engine.slots(), index, searching);
                    if !engine.has_news(index) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<P: Platform, W: 'static> Drop for RunAsync<'_, '_, P, W> {
    fn drop(&mut self) {
        self.seat.end_rest();
    }
}

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
/// [`core::mem::forget`]) as well; until then the pool takes the worker for one that sleeps, and its wakes may be spent
/// on it.
#[must_use = "a future does nothing unless it is awaited"]
pub struct RunAsync<'a, 'p, P: Platform, W: 'static> {
    seat: &'a mut Seat<'p, P, W>,
}

/// What the idle workers' bitmap and count hold of a worker in an executor. It lies in the seat, as the future may be
/// leaked.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The worker has announced itself and left its waker.
    asleep: bool,
    /// The worker counts as searching: somebody has woken it for work that it must look for.
    pub(super) searching: bool,
}

impl<P: Platform, W> core::fmt::Debug for RunAsync<'_, '_, P, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RunAsync").finish_non_exhaustive()
    }
}

impl<'a, 'p, P: Platform, W: 'static> RunAsync<'a, 'p, P, W> {
    pub(super) fn new(seat: &'a mut Seat<'p, P, W>) -> Self {
        Self { seat }
    }
}

impl Rest {
    /// Takes the announcement back. Whoever was faster wakes us, and counts us as searching as well.
    fn withdraw<P: Platform>(&mut self, engine: &Engine<P>, index: usize) {
        if engine.idle.withdraw(engine.slots(), index) {
            // SAFETY: this is the worker, and the bit was still there.
            unsafe { engine.slots()[index].berth.empty() };
        }
        self.asleep = false;
        self.searching = true;
    }

    /// Ends what a future has left behind, dropped or leaked: afterwards the worker is neither announced nor
    /// counted, and its berth is its own.
    pub(super) fn end<P: Platform>(&mut self, engine: &Engine<P>, index: usize) {
        if self.asleep {
            self.withdraw(engine, index);
        }
        // The next in the seat must not meet who is still waking us; that one has a few steps to go.
        while !engine.slots()[index].berth.is_mine() {
            P::yield_now();
        }
        // Others may have relied on us.
        if core::mem::take(&mut self.searching)
            && engine.idle.stop_searching()
            && engine.has_news(index)
        {
            engine.idle.wake_one(engine.slots());
        }
    }
}

impl<P: Platform, W> Future for RunAsync<'_, '_, P, W> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // First, for it is user code.
        let waker = cx.waker().clone();
        let guard = AbortOnUnwind;
        let (engine, index) = (this.seat.engine(), this.seat.index());
        if this.seat.rest().asleep {
            this.seat.rest().withdraw(engine, index);
        }
        let berth = &engine.slots()[index].berth;
        let outcome = if berth.is_mine() {
            this.seat.step()
        } else {
            // Whoever has woken us is a few steps before the end.
            Step::Done
        };
        core::mem::forget(guard);
        match outcome {
            Step::Closed => return Poll::Ready(()),
            // The other tasks of the executor come first, then the next job.
            Step::Done => waker.wake(),
            Step::Nothing => {
                // SAFETY: this is the worker, whose bit is clear, and the berth was its own above.
                unsafe { berth.fill(waker) };
                let rest = this.seat.rest();
                rest.asleep = true;
                let searching = core::mem::take(&mut rest.searching);
                engine.idle.announce(engine.slots(), index, searching);
                if engine.has_news(index) {
                    this.seat.rest().withdraw(engine, index);
                    cx.waker().wake_by_ref();
                }
            }
        }
        Poll::Pending
    }
}

impl<P: Platform, W: 'static> Drop for RunAsync<'_, '_, P, W> {
    fn drop(&mut self) {
        self.seat.end_rest();
    }
}

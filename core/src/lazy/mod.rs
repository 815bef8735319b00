//! Lazy streams: `imap` and its kin.
//!
//! The consumer pulls the input and submits chunks, each a job of its own, until `window` items are under way;
//! then it waits for a chunk, the oldest one or the first to be done, yields its results and goes on. A consumer that is a
//! worker, or takes part, runs a chunk itself instead of waiting.
//! Nothing runs behind its back, so the input need not be `Send`, and an endless one blocks nobody else.

mod chunk;
mod flight;
mod window;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::FusedIterator;
use core::time::Duration;

use crate::batch::drop_each;
use crate::batch::work::Call;
use crate::engine::Engine;
use crate::error::{GetError, JobError};
use crate::frame::Frame;
use crate::job::Options;
use crate::platform::{Platform, Timed};
use crate::seats::sleep_until;
use crate::stats::Progress;
use crate::time::Instant;
use crate::verbs::Order;
use chunk::{Bunch, BunchIter, Results, ResultsIter};
pub(crate) use flight::Submitter;
use flight::{Flight, Ordered, TimedOut, Unordered};
use window::Window;

/// The results of a lazy stream, in order of the input (`imap`) or of completion (`imap_unordered`).
///
/// Each item is a `Result` of its own; after an error the stream goes on. It starts with the first `next`.
/// Dropping it cancels the chunks that have not started and waits for nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
/// let lengths: Result<Vec<_>, _> = pool.imap("a bb ccc".split(' '), str::len).collect();
/// assert_eq!(lengths?, [1, 2, 3]);
/// # Ok(()) }
/// ```
#[must_use = "iterators are lazy"]
pub struct IMap<'p, I: Iterator, R, P: Platform> {
    input: I,
    flight: Box<dyn Flight<I::Item, R, P> + Send + 'p>,
    engine: &'p Engine<P>,
    landed: ResultsIter<R>,
    /// A chunk that the full queue has refused; the next to be submitted.
    refused: Option<Bunch<I::Item>>,
    window: Window,
    /// Items pulled from the input and submitted.
    pulled: usize,
    /// Items whose results have landed. What is yielded follows from it, so that most calls of `next` count nothing.
    arrived: usize,
    /// Nothing more is pulled.
    input_ended: bool,
    /// Why, if the pool or the options ended it; yielded last.
    last: Option<JobError>,
    closed: bool,
}

impl<I: Iterator, R, P: Platform> core::fmt::Debug for IMap<'_, I, R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("IMap")
            .field("under_way", &self.under_way())
            .field("yielded", &self.yielded())
            .finish_non_exhaustive()
    }
}

/// The settings of a stream.
pub(crate) struct Settings {
    pub(crate) chunk_size: Option<usize>,
    pub(crate) window: Option<usize>,
    pub(crate) options: Options,
}

impl<'p, I: Iterator, R: Send + 'p, P: Platform> IMap<'p, I, R, P>
where
    I::Item: Send + 'p,
{
    pub(crate) fn new<S, G>(
        submitter: S,
        input: I,
        call: G,
        order: Order,
        settings: Settings,
    ) -> Self
    where
        S: Submitter<'p, P> + Send + 'p,
        G: Call<P, I::Item, Out = R> + Send + Sync + 'p,
    {
        let engine = submitter.engine();
        let Settings {
            chunk_size, window, ..
        } = settings;
        let last = match (chunk_size, window) {
            (Some(0), _) => Some(("chunk_size", 0)),
            (_, Some(0)) => Some(("window", 0)),
            _ => None,
        }
        .map(|(option, value)| JobError::InvalidOption { option, value });
        if let Some(control) = &settings.options.control {
            control.watch(crate::seats::unpark_everybody::<P>, 0);
        }
        let flight: Box<dyn Flight<I::Item, R, P> + Send + 'p> = match order {
            Order::Input => Box::new(Ordered::new(submitter, call, settings.options)),
            Order::Completion => Box::new(Unordered::new(submitter, call, settings.options)),
        };
        Self {
            input,
            flight,
            engine,
            landed: ResultsIter::NONE,
            refused: None,
            window: Window::new(window, chunk_size, engine.settings.workers),
            pulled: 0,
            arrived: 0,
            input_ended: last.is_some(),
            last,
            closed: false,
        }
    }
}

/// Makes the error for each item of a chunk that was refused, where the pool goes on to take others.
fn of_one_chunk(error: &JobError) -> Option<fn() -> JobError> {
    match error {
        JobError::StateLent => Some(|| JobError::StateLent),
        JobError::DeadlineExpired => Some(|| JobError::DeadlineExpired),
        JobError::Cancelled => Some(|| JobError::Cancelled),
        _ => None,
    }
}

/// Waits for what was begun when the input panics, so that the panic leaves nothing running (S28).
struct SettleOnUnwind<'a, T, R, P: Platform>(&'a mut (dyn Flight<T, R, P> + Send));

impl<T, R, P: Platform> Drop for SettleOnUnwind<'_, T, R, P> {
    fn drop(&mut self) {
        self.0.settle();
    }
}

impl<I: Iterator, R, P: Platform> IMap<'_, I, R, P> {
    /// Items pulled from the input and not yet yielded.
    fn under_way(&self) -> usize {
        self.pulled - self.yielded()
    }

    fn yielded(&self) -> usize {
        self.arrived - self.landed.len()
    }

    fn land(&mut self, results: Results<R>) {
        self.landed = results.into_iter();
        self.arrived += self.landed.len();
    }

    fn drop_refused(&mut self) {
        if let Some(refused) = self.refused.take() {
            drop_each::<P, _>(refused.into_iter());
        }
    }

    /// Drops what only the stream holds, and cancels the rest.
    fn abandon(&mut self) {
        self.flight.cancel();
        self.drop_refused();
        drop_each::<P, _>(&mut self.landed);
    }

    fn end(&mut self, error: JobError) {
        self.drop_refused();
        self.input_ended = true;
        self.closed = true;
        self.last = Some(error);
    }

    /// Pulls and submits until the window is full, or the queue while there is something else to wait for.
    fn fill(&mut self, until: Option<Instant>) {
        while self.refused.is_some() || !self.input_ended && self.window.has_room(self.under_way())
        {
            if let Some(why) = self.engine.life.closed_by() {
                return self.end(why.into());
            }
            let Some(items) = self.refused.take().or_else(|| self.pull()) else {
                return;
            };
            let count = items.len();
            let wait = self.under_way() == 0 && self.may_wait_for_room(until);
            match self.flight.launch(items, self.pulled, wait) {
                Ok(()) => self.pulled += count,
                Err((JobError::Full, items)) if !wait => {
                    self.refused = Some(items);
                    return;
                }
                Err((error, items)) => {
                    drop_each::<P, _>(items.into_iter());
                    let Some(error) = of_one_chunk(&error) else {
                        return self.end(error);
                    };
                    // Nothing is under way, so these are the next to be yielded.
                    self.pulled += count;
                    return self.land(Results::failed(count, error));
                }
            }
        }
    }

    /// Whether a submission may wait for room, however long that takes. On a worker it may unless it is only to
    /// look: there it does not wait but runs the chunk in place, as a wait for the chunk would (S41).
    fn may_wait_for_room(&self, until: Option<Instant>) -> bool {
        let Some(at) = until else { return true };
        Frame::<P>::is_worker_of(self.engine.head()) && P::now().is_some_and(|now| now < at)
    }

    /// Takes the next chunk out of the input. An input that has ended is not asked again.
    fn pull(&mut self) -> Option<Bunch<I::Item>> {
        let guard = SettleOnUnwind(&mut *self.flight);
        let chunk_size = self.window.chunk(|| self.input.size_hint().0);
        let bunch = if chunk_size == 1 {
            self.input.next().map(Bunch::One)
        } else {
            let mut items = Vec::new();
            while items.len() < chunk_size && !self.input_ended {
                // `extend` believes the input's hint, which must not make us reserve more than a little.
                let part = (chunk_size - items.len()).min(1024);
                let expected = items.len() + part;
                items.extend(self.input.by_ref().take(part));
                self.input_ended = items.len() < expected;
            }
            (!items.is_empty()).then_some(Bunch::Many(items))
        };
        core::mem::forget(guard);
        self.input_ended |= bunch.is_none();
        bunch
    }

    /// Runs a chunk instead of waiting for one, on a worker (S41) or where callers take part (S51). Tells whether one has
    /// ended.
    fn help(&mut self, until: Option<Instant>) -> bool {
        if until.is_some_and(|at| P::now().is_some_and(|now| now >= at)) {
            return false;
        }
        // In a job nothing but what is waited for may run (S41).
        let awaited = Frame::<P>::is_worker_of(self.engine.head());
        let flight = &mut self.flight;
        self.engine
            .as_participant(None, |frame| frame.is_some() && flight.help(awaited))
    }

    fn note_wait(&mut self) {
        if let Some(now) = P::now() {
            self.window.waited(now, self.yielded());
        }
    }

    /// Sleeps for a moment if results come so quickly that it is not worth while to be woken for each. Not on a worker,
    /// which has better things to do.
    fn nap(&mut self, until: Option<Instant>) {
        let (Some(nap), Some(now)) = (self.window.nap(self.under_way()), P::now()) else {
            return;
        };
        if Frame::<P>::is_worker_of(self.engine.head()) {
            return;
        }
        let end = now.saturating_add(nap);
        let end = until.map_or(end, |until| until.min(end));
        sleep_until::<P>(end);
        let slept = P::now().map_or(0, |then| then.as_nanos().saturating_sub(now.as_nanos()));
        self.window.napped(nap, slept);
    }

    #[inline(never)]
    fn advance(&mut self, until: Option<Instant>) -> Result<Option<Result<R, JobError>>, TimedOut> {
        loop {
            if let Some(result) = self.landed.next() {
                return Ok(Some(result));
            }
            self.fill(until);
            if self.refused.is_some() && self.under_way() == 0 {
                // Nothing of ours will free a place: somebody else's job must.
                if self.engine.wait_for_room(until) {
                    continue;
                }
                return Err(TimedOut);
            }
            if self.window.is_due(self.yielded())
                && let Some(now) = P::now()
            {
                self.window.look(now, self.yielded());
            }
            let waits = self.flight.must_wait();
            if waits && self.under_way() > 0 {
                if self.help(until) {
                    // It has not waited, but it would have.
                    self.note_wait();
                    continue;
                }
                self.nap(until);
            }
            let landed = self.flight.land(until)?;
            if waits {
                self.note_wait();
            }
            match landed {
                Some(results) => self.land(results),
                None if self.landed.len() > 0 => {}
                None => return Ok(self.last.take().map(Err)),
            }
        }
    }

    /// Items yielded so far, out of how many, where the input tells.
    pub fn progress(&self) -> Progress {
        let (lower, upper) = self.input.size_hint();
        let left = if self.input_ended {
            Some(0)
        } else {
            upper.filter(|upper| *upper == lower)
        };
        Progress {
            done: self.yielded(),
            total: left.map(|left| {
                let refused = self.refused.as_ref().map_or(0, Bunch::len);
                self.pulled.saturating_add(refused).saturating_add(left)
            }),
        }
    }

    /// Pulls nothing more and cancels what is under way: chunks that have not started yield
    /// [`JobError::Cancelled`] for each item, running ones see their cancel token. A chunk that was pulled and has
    /// found no room in the queue is dropped.
    pub fn cancel(&mut self) {
        self.drop_refused();
        self.input_ended = true;
        self.flight.cancel();
    }

    /// The input with what was not pulled from it. What is under way is dropped as by `drop`.
    pub fn into_input(self) -> I {
        let mut this = core::mem::ManuallyDrop::new(self);
        this.abandon();
        // SAFETY: `this` is never used or dropped again; each field with a destructor is read once.
        let input = unsafe { core::ptr::read(&raw const this.input) };
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.flight) });
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.landed) });
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.refused) });
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.last) });
        input
    }
}

impl<I: Iterator, R, P: Timed> IMap<'_, I, R, P> {
    /// The next result, waiting at most for `timeout`; `Ok(None)` at the end. Zero only looks. A consumer that is a worker, or
    /// takes part, may run a chunk meanwhile and overrun by it.
    ///
    /// # Errors
    ///
    /// [`GetError::TimedOut`], and the stream stays usable; or how the item ended.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<R>, GetError> {
        let until = P::now().map(|now| now.saturating_add(timeout));
        match self.advance(until) {
            Err(TimedOut) => Err(GetError::TimedOut),
            Ok(None) => Ok(None),
            Ok(Some(Ok(value))) => Ok(Some(value)),
            Ok(Some(Err(error))) => Err(GetError::Job(error)),
        }
    }
}

impl<I: Iterator, R, P: Platform> Iterator for IMap<'_, I, R, P> {
    type Item = Result<R, JobError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let landed = self.landed.next();
        landed.or_else(|| self.advance(None).ok().flatten())
    }

    // As by `next`, without a look at where the values come from for each.
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        let mut folded = init;
        loop {
            if let ResultsIter::Values(BunchIter::Many(values)) = &mut self.landed {
                for value in values {
                    folded = f(folded, Ok(value));
                }
            }
            match self.next() {
                Some(result) => folded = f(folded, result),
                None => return folded,
            }
        }
    }

    /// Exact when the input's is, until the pool closes.
    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.closed || !self.input_ended && self.engine.life.closed_by().is_some() {
            return (0, None);
        }
        let (lower, upper) = if self.input_ended {
            (0, Some(0))
        } else {
            self.input.size_hint()
        };
        let under_way = self.under_way()
            + self.refused.as_ref().map_or(0, Bunch::len)
            + usize::from(self.last.is_some());
        (
            lower.saturating_add(under_way),
            upper.and_then(|upper| upper.checked_add(under_way)),
        )
    }
}

impl<I: Iterator, R, P: Platform> FusedIterator for IMap<'_, I, R, P> where I: FusedIterator {}

impl<I: Iterator, R, P: Platform> Drop for IMap<'_, I, R, P> {
    fn drop(&mut self) {
        self.abandon();
    }
}

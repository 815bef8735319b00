//! Lazy streams: `imap` and its kin.
//!
//! The consumer pulls the input and submits chunks, each a job of its own, until `window` items are under way;
//! then it waits for a chunk, the oldest one or the first to be done, yields its results and goes on.
//! Nothing runs behind its back, so the input need not be `Send`, and an endless one blocks nobody else.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};
use core::iter::FusedIterator;
use core::ops::ControlFlow;
use core::time::Duration;

use crate::batch::work::Call;
use crate::engine::Engine;
use crate::error::{GetError, JobError, Refusal};
use crate::event_count::EventCount;
use crate::frame::{Frame, Token};
use crate::job::{Body, Due, Options, caught};
use crate::platform::{Platform, Timed, contain};
use crate::result::AsyncResult;
use crate::seats::Look;
use crate::stats::Progress;
use crate::sync::{AtomicPtr, Ordering};
use crate::time::Instant;

/// The items or results of one chunk; most chunks are single items and need no vector.
pub(crate) enum Bunch<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Bunch<T> {
    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(items) => items.len(),
        }
    }

    fn map<V>(self, mut f: impl FnMut(usize, T) -> V) -> Bunch<V> {
        match self {
            Self::One(item) => Bunch::One(f(0, item)),
            Self::Many(items) => Bunch::Many(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(at, item)| f(at, item))
                    .collect(),
            ),
        }
    }
}

impl<T> IntoIterator for Bunch<T> {
    type Item = T;
    type IntoIter = BunchIter<T>;

    fn into_iter(self) -> BunchIter<T> {
        match self {
            Self::One(item) => BunchIter::One(Some(item)),
            Self::Many(items) => BunchIter::Many(items.into_iter()),
        }
    }
}

/// What is left of a bunch.
pub(crate) enum BunchIter<T> {
    One(Option<T>),
    Many(vec::IntoIter<T>),
}

impl<T> Iterator for BunchIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::One(item) => item.take(),
            Self::Many(items) => items.next(),
        }
    }
}

type Results<R> = Bunch<Result<R, JobError>>;

/// A chunk of a stream: its items, where its first stands in the input, and the function.
pub(crate) struct ChunkBody<T, G> {
    items: Bunch<T>,
    first: usize,
    call: Arc<G>,
    name: Option<&'static str>,
}

impl<T, G> ChunkBody<T, G> {
    fn into_items(self) -> Bunch<T> {
        self.items
    }
}

impl<P: Platform, T, R, G: Call<P, T, Out = R>> Body<P> for ChunkBody<T, G> {
    type Value = Results<R>;
    const STATEFUL: bool = G::STATEFUL;

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<Results<R>, JobError> {
        let Self {
            items,
            first,
            call,
            name,
        } = self;
        let results = items.map(|at, item| {
            let mut value = None;
            let outcome = caught::<P, _>(|| {
                // SAFETY: a stateful job runs only where the pool's state is and is not lent.
                let _ = unsafe {
                    call.each(frame, token, &mut core::iter::once(item), |result| {
                        value = Some(result);
                        ControlFlow::Continue(())
                    })
                };
            });
            match (outcome, value) {
                (Ok(()), Some(value)) => Ok(value),
                (Err(JobError::Panicked(panic)), value) => {
                    contain::<P>(move || drop(value));
                    Err(JobError::Panicked(panic.at(first + at).named(name)))
                }
                (_, value) => {
                    contain::<P>(move || drop(value));
                    Err(JobError::Cancelled)
                }
            }
        });
        contain::<P>(move || drop(call));
        Ok(results)
    }

    fn refuse(self, why: Refusal) -> Result<Results<R>, JobError> {
        let results = self.items.map(|_, item| {
            contain::<P>(move || drop(item));
            Err(why.into())
        });
        let call = self.call;
        contain::<P>(move || drop(call));
        Ok(results)
    }
}

/// Results on their way to the consumer of an unordered stream.
struct Done<R> {
    place: usize,
    results: Results<R>,
    next: *mut Done<R>,
}

/// Where the chunks of an unordered stream put their results: a stack that the consumer takes whole.
struct Outbox<R> {
    top: AtomicPtr<Done<R>>,
    filled: EventCount,
}

impl<R> Outbox<R> {
    fn new() -> Self {
        Self {
            top: AtomicPtr::new(core::ptr::null_mut()),
            filled: EventCount::new(),
        }
    }

    fn put<P: Platform>(&self, place: usize, results: Results<R>) {
        let mut top = self.top.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Done {
            place,
            results,
            next: top,
        }));
        // Release: publishes the node to the Acquire in `take`.
        while let Err(now) =
            self.top
                .compare_exchange_weak(top, node, Ordering::Release, Ordering::Relaxed)
        {
            top = now;
            // SAFETY: the node is not on the stack yet.
            unsafe { (*node).next = top };
        }
        self.filled.notify::<P>();
    }

    /// Everything that was put, the latest first.
    fn take(&self, mut f: impl FnMut(usize, Results<R>)) {
        if self.top.load(Ordering::Relaxed).is_null() {
            return;
        }
        // Acquire: pairs with the Release in `put`.
        let mut rest = self.top.swap(core::ptr::null_mut(), Ordering::Acquire);
        while !rest.is_null() {
            // SAFETY: `put` made the pointer from a box, and the stack is ours.
            let done = *unsafe { Box::from_raw(rest) };
            rest = done.next;
            f(done.place, done.results);
        }
    }
}

impl<R> Drop for Outbox<R> {
    fn drop(&mut self) {
        self.take(|_, _| ());
    }
}

// SAFETY: results pass through it from one thread to another, hence `R: Send`.
unsafe impl<R: Send> Send for Outbox<R> {}
// SAFETY: as above.
unsafe impl<R: Send> Sync for Outbox<R> {}

/// A chunk of an unordered stream.
pub(crate) struct PostedChunk<T, G, R> {
    chunk: ChunkBody<T, G>,
    place: usize,
    outbox: Arc<Outbox<R>>,
}

impl<P: Platform, T, R, G: Call<P, T, Out = R>> Body<P> for PostedChunk<T, G, R> {
    type Value = ();
    const STATEFUL: bool = G::STATEFUL;

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<(), JobError> {
        let results = self.chunk.run(frame, token)?;
        self.outbox.put::<P>(self.place, results);
        Ok(())
    }

    fn refuse(self, why: Refusal) -> Result<(), JobError> {
        let results = Body::<P>::refuse(self.chunk, why)?;
        self.outbox.put::<P>(self.place, results);
        Ok(())
    }
}

/// How a stream's chunks are submitted; it knows the types of body and scope.
pub(crate) trait Submitter<'p, P: Platform> {
    /// Submits, waiting for room.
    ///
    /// # Errors
    ///
    /// Why the pool refused, and the body.
    fn submit<B>(
        &self,
        body: B,
        options: Options,
    ) -> Result<AsyncResult<B::Value, P>, (JobError, B)>
    where
        B: Body<P> + 'p,
        B::Value: 'p;
    fn engine(&self) -> &'p Engine<P>;
}

/// The part of a stream that depends on the order of its results.
trait Flight<T, R, P: Platform> {
    /// Submits a chunk.
    fn launch(&mut self, items: Bunch<T>, first: usize) -> Result<(), (JobError, Bunch<T>)>;
    /// Blocks until a chunk has landed, at most until the moment given. `Ok(None)` if none is under way.
    fn land(&mut self, until: Option<Instant>) -> Result<Option<Results<R>>, TimedOut>;
    /// Cancels every chunk under way.
    fn cancel(&self);
    /// Blocks until every chunk under way has ended.
    fn settle(&self);
}

struct TimedOut;

struct Ordered<S, G, R, P: Platform> {
    submitter: S,
    call: Arc<G>,
    options: Options,
    under_way: VecDeque<AsyncResult<Results<R>, P>>,
}

impl<'p, S, T, G, R, P> Flight<T, R, P> for Ordered<S, G, R, P>
where
    S: Submitter<'p, P>,
    G: Call<P, T, Out = R> + Send + Sync + 'p,
    T: Send + 'p,
    R: Send + 'p,
    P: Platform,
{
    fn launch(&mut self, items: Bunch<T>, first: usize) -> Result<(), (JobError, Bunch<T>)> {
        let body = ChunkBody {
            items,
            first,
            call: Arc::clone(&self.call),
            name: self.options.name,
        };
        let handle = self
            .submitter
            .submit(body, self.options.clone())
            .map_err(|(error, body)| (error, body.into_items()))?;
        self.under_way.push_back(handle);
        Ok(())
    }

    fn land(&mut self, until: Option<Instant>) -> Result<Option<Results<R>>, TimedOut> {
        let Some(oldest) = self.under_way.front() else {
            return Ok(None);
        };
        if !oldest.wait_until(until) {
            return Err(TimedOut);
        }
        let results = self.under_way.pop_front().map(AsyncResult::get);
        Ok(match results {
            Some(Ok(results)) => Some(results),
            // The worker's state is lent to this very job: the chunk cannot be waited for.
            Some(Err(error)) => Some(Bunch::One(Err(error))),
            None => None,
        })
    }

    fn cancel(&self) {
        for handle in &self.under_way {
            handle.cancel();
        }
    }

    fn settle(&self) {
        for handle in &self.under_way {
            handle.wait_until(None);
        }
    }
}

struct Unordered<S, G, R, P: Platform> {
    submitter: S,
    call: Arc<G>,
    options: Options,
    outbox: Arc<Outbox<R>>,
    /// By place; `None` where the place is free.
    under_way: Vec<Option<AsyncResult<(), P>>>,
    free: Vec<usize>,
    landed: VecDeque<Results<R>>,
}

impl<S, G, R, P: Platform> Unordered<S, G, R, P> {
    /// Takes what has landed out of the outbox, in order of completion.
    fn collect(&mut self) {
        let at = self.landed.len();
        let (landed, under_way, free) = (&mut self.landed, &mut self.under_way, &mut self.free);
        self.outbox.take(|place, results| {
            landed.insert(at, results);
            under_way[place] = None;
            free.push(place);
        });
    }

    fn handles(&self) -> impl Iterator<Item = &AsyncResult<(), P>> {
        self.under_way.iter().flatten()
    }
}

impl<'p, S, T, G, R, P> Flight<T, R, P> for Unordered<S, G, R, P>
where
    S: Submitter<'p, P>,
    G: Call<P, T, Out = R> + Send + Sync + 'p,
    T: Send + 'p,
    R: Send + 'p,
    P: Platform,
{
    fn launch(&mut self, items: Bunch<T>, first: usize) -> Result<(), (JobError, Bunch<T>)> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.under_way.push(None);
            self.under_way.len() - 1
        });
        let body = PostedChunk {
            chunk: ChunkBody {
                items,
                first,
                call: Arc::clone(&self.call),
                name: self.options.name,
            },
            place,
            outbox: Arc::clone(&self.outbox),
        };
        match self.submitter.submit(body, self.options.clone()) {
            Ok(handle) => {
                self.under_way[place] = Some(handle);
                Ok(())
            }
            Err((error, body)) => {
                self.free.push(place);
                Err((error, body.chunk.into_items()))
            }
        }
    }

    fn land(&mut self, until: Option<Instant>) -> Result<Option<Results<R>>, TimedOut> {
        self.collect();
        if let Some(results) = self.landed.pop_front() {
            return Ok(Some(results));
        }
        if self.handles().next().is_none() {
            return Ok(None);
        }
        if G::STATEFUL && self.handles().any(AsyncResult::needs_lent_state) {
            self.under_way.clear();
            self.free.clear();
            return Ok(Some(Bunch::One(Err(JobError::StateLent))));
        }
        // A worker of the pool runs what it would wait for, one chunk at a time (S41).
        for handle in self.handles() {
            if handle.help() {
                break;
            }
        }
        let is_over = || until.is_some_and(|at| P::now().is_some_and(|now| now >= at));
        let outbox = Arc::clone(&self.outbox);
        let mut may_withdraw = true;
        outbox.filled.wait::<P>(|| {
            if !outbox.top.load(Ordering::Relaxed).is_null() {
                return Look::Done;
            }
            if is_over() {
                return Look::GiveUp;
            }
            match self.options.due::<P>() {
                Due::Now(why) if may_withdraw => {
                    may_withdraw = false;
                    for handle in self.handles() {
                        handle.withdraw(why);
                    }
                    Look::Park(Some(Instant::from_nanos(0)))
                }
                Due::Now(_) => Look::Park(until),
                Due::At(deadline) => Look::Park([until, deadline].into_iter().flatten().min()),
            }
        });
        self.collect();
        self.landed.pop_front().map(Some).ok_or(TimedOut)
    }

    fn cancel(&self) {
        for handle in self.handles() {
            handle.cancel();
        }
    }

    fn settle(&self) {
        for handle in self.handles() {
            handle.wait_until(None);
        }
    }
}

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
    landed: BunchIter<Result<R, JobError>>,
    chunk_size: usize,
    window: usize,
    /// Items pulled from the input and not yet yielded.
    under_way: usize,
    pulled: usize,
    yielded: usize,
    /// Nothing more is pulled.
    input_ended: bool,
    /// Why, if the pool or the options ended it; yielded last.
    last: Option<JobError>,
    closed: bool,
}

impl<I: Iterator, R, P: Platform> core::fmt::Debug for IMap<'_, I, R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("IMap")
            .field("under_way", &self.under_way)
            .field("yielded", &self.yielded)
            .finish_non_exhaustive()
    }
}

/// The settings of a stream.
pub(crate) struct Settings {
    pub(crate) chunk_size: Option<usize>,
    pub(crate) window: Option<usize>,
    pub(crate) options: Options,
}

/// Whether results keep the order of the input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Input,
    Completion,
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
        let asked = settings.chunk_size.unwrap_or(1);
        let window = settings.window.unwrap_or_else(|| {
            engine
                .settings
                .workers
                .saturating_mul(4)
                .saturating_mul(asked)
        });
        let last = match (asked, window) {
            (0, _) => Some(("chunk_size", 0)),
            (_, 0) => Some(("window", 0)),
            _ => None,
        }
        .map(|(option, value)| JobError::InvalidOption { option, value });
        let call = Arc::new(call);
        if let Some(control) = &settings.options.control {
            control.watch(crate::seats::unpark_everybody::<P>, 0);
        }
        let flight: Box<dyn Flight<I::Item, R, P> + Send + 'p> = match order {
            Order::Input => Box::new(Ordered {
                submitter,
                call,
                options: settings.options,
                under_way: VecDeque::new(),
            }),
            Order::Completion => Box::new(Unordered {
                submitter,
                call,
                options: settings.options,
                outbox: Arc::new(Outbox::new()),
                under_way: Vec::new(),
                free: Vec::new(),
                landed: VecDeque::new(),
            }),
        };
        Self {
            input,
            flight,
            engine,
            landed: BunchIter::One(None),
            chunk_size: asked.min(window),
            window,
            under_way: 0,
            pulled: 0,
            yielded: 0,
            input_ended: last.is_some(),
            last,
            closed: false,
        }
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
    fn end(&mut self, error: JobError) {
        self.input_ended = true;
        self.closed = true;
        self.last = Some(error);
    }

    /// Pulls and submits until the window is full.
    fn fill(&mut self) {
        while !self.input_ended && self.under_way + self.chunk_size <= self.window {
            if let Some(why) = self.engine.life.closed_by() {
                return self.end(why.into());
            }
            let Some(items) = self.pull() else { return };
            let count = items.len();
            match self.flight.launch(items, self.pulled) {
                Ok(()) => {
                    self.pulled += count;
                    self.under_way += count;
                }
                Err((error, items)) => {
                    contain::<P>(move || drop(items));
                    return self.end(error);
                }
            }
        }
    }

    /// Takes the next chunk out of the input.
    fn pull(&mut self) -> Option<Bunch<I::Item>> {
        let guard = SettleOnUnwind(&mut *self.flight);
        let bunch = if self.chunk_size == 1 {
            self.input.next().map(Bunch::One)
        } else {
            let items: Vec<_> = self.input.by_ref().take(self.chunk_size).collect();
            (!items.is_empty()).then_some(Bunch::Many(items))
        };
        core::mem::forget(guard);
        self.input_ended = bunch.is_none();
        bunch
    }

    fn advance(&mut self, until: Option<Instant>) -> Result<Option<Result<R, JobError>>, TimedOut> {
        loop {
            if let Some(result) = self.landed.next() {
                self.under_way = self.under_way.saturating_sub(1);
                self.yielded += 1;
                return Ok(Some(result));
            }
            self.fill();
            match self.flight.land(until)? {
                Some(results) => self.landed = results.into_iter(),
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
            done: self.yielded,
            total: left.map(|left| self.pulled.saturating_add(left)),
        }
    }

    /// Pulls nothing more and cancels what is under way: chunks that have not started yield
    /// [`JobError::Cancelled`] for each item, running ones see their cancel token.
    pub fn cancel(&mut self) {
        self.input_ended = true;
        self.flight.cancel();
    }

    /// The input with what was not pulled from it. What is under way is dropped as by `drop`.
    pub fn into_input(self) -> I {
        let this = core::mem::ManuallyDrop::new(self);
        this.flight.cancel();
        // SAFETY: `this` is never used or dropped again; each field with a destructor is read once.
        let input = unsafe { core::ptr::read(&raw const this.input) };
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.flight) });
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.landed) });
        // SAFETY: as above.
        drop(unsafe { core::ptr::read(&raw const this.last) });
        input
    }
}

impl<I: Iterator, R, P: Timed> IMap<'_, I, R, P> {
    /// The next result, waiting at most for `timeout`; `Ok(None)` at the end. Zero only looks.
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

    fn next(&mut self) -> Option<Self::Item> {
        self.advance(None).ok().flatten()
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
        let under_way = self.under_way + usize::from(self.last.is_some());
        (
            lower.saturating_add(under_way),
            upper.and_then(|upper| upper.checked_add(under_way)),
        )
    }
}

impl<I: Iterator, R, P: Platform> FusedIterator for IMap<'_, I, R, P> where I: FusedIterator {}

impl<I: Iterator, R, P: Platform> Drop for IMap<'_, I, R, P> {
    fn drop(&mut self) {
        self.flight.cancel();
    }
}

//! Lazy streams of a pool in place: each item is a job in one of its slots, so that nothing is allocated.

mod settle;

use core::time::Duration;

use crate::batch::work::{Call, call_with};
use crate::engine::Engine;
use crate::error::{GetError, JobError};
use crate::event_count::EventCount;
use crate::frame::{Frame, Token};
use crate::job::{Body, Due, Extra, JobWord, Options};
use crate::platform::{Contained, Platform, Timed, contain};
use crate::result::AsyncResult;
use crate::seats::Look;
#[cfg(doc)]
use crate::static_pool::StaticPool;
use crate::stats::Progress;
use crate::submit;
use crate::time::Instant;
use crate::verbs::Order;
use settle::SettleOnUnwind;

/// The results of a lazy stream of a [`StaticPool`], in order of the input ([`imap`](StaticPool::imap)) or of
/// completion ([`imap_unordered`](StaticPool::imap_unordered)).
///
/// Each item is a job in a slot of the pool, with a clone of the function; at most a window of them is under way,
/// `SLOTS` unless [`With::window`](crate::With::window) says less. Each result is a `Result` of its own, and after an
/// error the stream goes on. Dropping it cancels what has not started and waits for nothing.
///
/// Where others have taken all slots or the queue, and nothing of the stream's own is under way, a worker of the pool
/// does the next item right there. For other threads the next result is [`JobError::Full`](crate::JobError::Full) then. It
/// stands for no item: the next call tries again.
///
/// ```
/// use ringpool_core::StaticPool;
/// use ringpool_std::Std;
///
/// static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
///
/// let mut seat = POOL.seat(0)?;
/// // A worker that waits for a result does the work itself.
/// let lengths: Result<Vec<_>, _> =
///     seat.participate(|| POOL.imap("a bb ccc".split(' '), str::len).collect());
/// assert_eq!(lengths?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "iterators are lazy"]
pub struct StaticIMap<I: Iterator, F, R, P: Platform, const SLOTS: usize, const BYTES: usize> {
    input: I,
    f: Contained<F, P>,
    launch: Launch<I, F, R, P, SLOTS, BYTES>,
    run_here: RunHere<I, F, R, P, SLOTS, BYTES>,
    engine: &'static Engine<P>,
    options: Options,
    order: Order,
    /// What is under way, with the index of its item.
    jobs: [Option<(usize, AsyncResult<R, P>)>; SLOTS],
    under_way: usize,
    window: usize,
    /// An item that found no room; the next to be submitted.
    refused: Option<I::Item>,
    /// Items that were submitted.
    submitted: usize,
    yielded: usize,
    /// Nothing more is pulled.
    input_ended: bool,
    /// Why, if the pool or the options ended it; yielded last.
    last: Option<JobError>,
    closed: bool,
}

/// Submits one item; it knows how the function is called.
type Launch<I, F, R, P, const SLOTS: usize, const BYTES: usize> =
    fn(
        &StaticIMap<I, F, R, P, SLOTS, BYTES>,
        <I as Iterator>::Item,
    ) -> Result<AsyncResult<R, P>, (JobError, <I as Iterator>::Item)>;

/// Runs one item as this worker, without a place in the pool.
type RunHere<I, F, R, P, const SLOTS: usize, const BYTES: usize> = fn(
    &StaticIMap<I, F, R, P, SLOTS, BYTES>,
    <I as Iterator>::Item,
    &Frame<'_, P>,
) -> Result<R, JobError>;

impl<I: Iterator, F, R, P: Platform, const SLOTS: usize, const BYTES: usize> core::fmt::Debug
    for StaticIMap<I, F, R, P, SLOTS, BYTES>
{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StaticIMap")
            .field("under_way", &self.under_way)
            .field("yielded", &self.yielded)
            .finish_non_exhaustive()
    }
}

/// The settings of a stream.
pub(crate) struct Settings {
    pub(crate) order: Order,
    pub(crate) chunk_size: Option<usize>,
    pub(crate) window: Option<usize>,
    pub(crate) options: Options,
}

/// One item and the function.
struct OneItem<T, G> {
    item: T,
    call: G,
}

impl<P: Platform, T, G: Call<P, T>> Body<P> for OneItem<T, G> {
    type Value = G::Out;
    const STATEFUL: bool = G::STATEFUL;

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<G::Out, JobError> {
        let Self { item, call } = self;
        // SAFETY: a stateful job runs only where the pool's state is and is not lent.
        let result = unsafe { call_with(&call, item, frame, token) };
        contain::<P>(move || drop(call));
        result
    }
}

/// The options of a job of a stream, and what its end is told to.
struct InStream {
    options: Options,
    bell: &'static EventCount,
}

impl<P: Platform> Extra<P> for InStream {
    fn due(&self) -> Due {
        self.options.due::<P>()
    }

    fn bell(&self) -> Option<&'static EventCount> {
        Some(self.bell)
    }
}

/// What a stream comes to next.
enum Step<R> {
    /// The result of the item with that index.
    Item(usize, Result<R, JobError>),
    /// There is no room, or the pool takes no more.
    Refused(JobError),
    End,
}

struct TimedOut;

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> StaticIMap<I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Platform,
{
    /// # Safety
    ///
    /// The pool must have blocks of `BYTES` bytes, and the function's state, if it takes any. Items, function and
    /// results that borrow must be there until [`drain`](Self::drain) has ended.
    pub(crate) unsafe fn new<G>(
        engine: &'static Engine<P>,
        input: I,
        f: F,
        settings: Settings,
    ) -> Self
    where
        F: Clone,
        G: Call<P, I::Item, Out = R> + From<F>,
    {
        let Settings {
            order,
            chunk_size,
            window,
            options,
        } = settings;
        let last = match (chunk_size, window) {
            (Some(0), _) => Some("chunk_size"),
            (_, Some(0)) => Some("window"),
            _ => None,
        }
        .map(|option| JobError::InvalidOption { option, value: 0 });
        if let Some(control) = &options.control {
            control.watch(crate::seats::unpark_everybody::<P>, 0);
        }
        Self {
            input,
            f: Contained::new(f),
            launch: Self::launch::<G>,
            run_here: Self::run_here::<G>,
            engine,
            options,
            order,
            jobs: [const { None }; SLOTS],
            under_way: 0,
            window: window.map_or(SLOTS, |window| window.min(SLOTS)),
            refused: None,
            submitted: 0,
            yielded: 0,
            input_ended: last.is_some(),
            last,
            closed: false,
        }
    }

    fn launch<G>(&self, item: I::Item) -> Result<AsyncResult<R, P>, (JobError, I::Item)>
    where
        F: Clone,
        G: Call<P, I::Item, Out = R> + From<F>,
    {
        let body = OneItem {
            item,
            call: G::from(F::clone(&self.f)),
        };
        let extra = InStream {
            options: self.options.clone(),
            bell: self.engine.bell(),
        };
        // SAFETY: the promises made to `new`.
        let submitted = unsafe {
            let word = JobWord::new();
            submit::apply_in_block::<P, _, _, BYTES>(self.engine, word, body, extra, |_, _| ())
        };
        submitted.map_err(|(error, body)| {
            let OneItem { item, call } = body;
            contain::<P>(move || drop(call));
            (error, item)
        })
    }

    fn run_here<G>(&self, item: I::Item, frame: &Frame<'_, P>) -> Result<R, JobError>
    where
        F: Clone,
        G: Call<P, I::Item, Out = R> + From<F>,
    {
        let body = OneItem {
            item,
            call: G::from(F::clone(&self.f)),
        };
        submit::apply_here(frame, body, &self.options)
    }

    fn handles(&self) -> impl Iterator<Item = &AsyncResult<R, P>> {
        self.jobs.iter().flatten().map(|(_, handle)| handle)
    }

    fn drop_refused(&mut self) {
        let refused = self.refused.take();
        contain::<P>(move || drop(refused));
    }

    /// Pulls nothing more and cancels what is under way: what has not started yields
    /// [`JobError::Cancelled`](crate::JobError::Cancelled), what runs sees its cancel token. An item that was pulled and
    /// has found no room is dropped.
    pub fn cancel(&mut self) {
        self.drop_refused();
        self.input_ended = true;
        for handle in self.handles() {
            handle.cancel();
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
        let refused = usize::from(self.refused.is_some());
        Progress {
            done: self.yielded,
            total: left.map(|left| self.submitted.saturating_add(refused).saturating_add(left)),
        }
    }

    fn end(&mut self, error: JobError) {
        self.drop_refused();
        self.input_ended = true;
        self.closed = true;
        self.last = Some(error);
    }

    /// The place of the job to yield next, if it has ended or the order says so.
    fn next_place(&self) -> Option<usize> {
        let jobs = self.jobs.iter().enumerate();
        let mut jobs = jobs.filter_map(|(place, job)| Some((place, job.as_ref()?)));
        match self.order {
            Order::Input => jobs
                .min_by_key(|(_, (index, _))| *index)
                .map(|(place, _)| place),
            Order::Completion => jobs
                .find(|(_, (_, handle))| handle.ready() || handle.needs_lent_state())
                .map(|(place, _)| place),
        }
    }

    /// Blocks until any job has ended or the time is over. When the options say so, it resolves the jobs that are
    /// still queued itself (S50).
    fn wait_for_any(&self, until: Option<Instant>) {
        let is_over = || until.is_some_and(|at| P::now().is_some_and(|now| now >= at));
        let any_ready = || self.handles().any(AsyncResult::ready);
        let mut may_withdraw = true;
        self.engine.bell().wait::<P>(|| {
            if any_ready() {
                return Look::Done;
            }
            let mut deadline = until;
            match self.options.due::<P>() {
                Due::Now(why) if may_withdraw => {
                    may_withdraw = false;
                    self.handles().for_each(|handle| handle.withdraw(why));
                    if any_ready() {
                        return Look::Done;
                    }
                }
                Due::Now(_) => {}
                Due::At(due) => deadline = [until, due].into_iter().flatten().min(),
            }
            if is_over() {
                Look::GiveUp
            } else {
                Look::Park(deadline)
            }
        });
    }

    /// Blocks until the next job has ended, and takes its result.
    fn land(&mut self, until: Option<Instant>) -> Result<Step<R>, TimedOut> {
        let place = loop {
            match self.next_place() {
                Some(place) => break place,
                None if until.is_some_and(|at| P::now().is_some_and(|now| now >= at)) => {
                    return Err(TimedOut);
                }
                None => {
                    // A worker of the pool runs what it would wait for, one job at a time (S41).
                    if !self.handles().any(AsyncResult::help) {
                        self.wait_for_any(until);
                    }
                }
            }
        };
        if let Some((_, handle)) = &self.jobs[place]
            && !handle.wait_until(until)
        {
            return Err(TimedOut);
        }
        let Some((index, handle)) = self.jobs[place].take() else {
            return Ok(Step::End);
        };
        self.under_way -= 1;
        self.yielded += 1;
        if !handle.ready() {
            // It needs the state that this thread has lent, so nobody will wait for it.
            handle.cancel();
            return Ok(Step::Item(index, Err(JobError::StateLent)));
        }
        Ok(self.named(index, handle.get()))
    }

    fn named(&self, index: usize, result: Result<R, JobError>) -> Step<R> {
        let name = self.options.name;
        let result = result.map_err(|error| match error {
            JobError::Panicked(panic) => JobError::Panicked(panic.at(index).named(name)),
            other => other,
        });
        Step::Item(index, result)
    }
}

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> StaticIMap<I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Platform,
{
    /// Takes the next item out of the input. An input that has ended is not asked again.
    fn pull(&mut self) -> Option<I::Item> {
        if self.input_ended {
            return None;
        }
        let guard = SettleOnUnwind(&self.jobs);
        let item = self.input.next();
        core::mem::forget(guard);
        self.input_ended = item.is_none();
        item
    }

    /// Pulls and submits until the window is full, or the pool.
    fn fill(&mut self) {
        while self.under_way < self.window && (self.refused.is_some() || !self.input_ended) {
            if let Some(why) = self.engine.life.closed_by() {
                return self.end(why.into());
            }
            let Some(item) = self.refused.take().or_else(|| self.pull()) else {
                return;
            };
            let guard = SettleOnUnwind(&self.jobs);
            let launched = (self.launch)(self, item);
            core::mem::forget(guard);
            match launched {
                Ok(handle) => {
                    let vacant = self.jobs.iter_mut().find(|job| job.is_none());
                    *vacant.expect("the window has a place") = Some((self.submitted, handle));
                    self.submitted += 1;
                    self.under_way += 1;
                }
                Err((JobError::Full, item)) => {
                    self.refused = Some(item);
                    return;
                }
                Err((error, item)) => {
                    contain::<P>(move || drop(item));
                    return self.end(error);
                }
            }
        }
    }

    fn advance(&mut self, until: Option<Instant>) -> Result<Step<R>, TimedOut> {
        self.fill();
        if self.under_way > 0 {
            return self.land(until);
        }
        // Nothing of ours will make room: somebody else's handle must, or a worker that takes what is queued. If that is
        // this thread, it does the item itself (S41), for nobody else may come.
        let is_over = until.is_some_and(|at| P::now().is_some_and(|now| now >= at));
        let result = Frame::find(self.engine.head(), |frame| {
            let frame = frame.filter(|_| !is_over)?;
            let item = self.refused.take()?;
            Some((self.run_here)(self, item, frame))
        });
        if let Some(result) = result {
            let index = self.submitted;
            self.submitted += 1;
            self.yielded += 1;
            return Ok(self.named(index, result));
        }
        if self.refused.is_some() {
            return Ok(Step::Refused(JobError::Full));
        }
        Ok(self.last.take().map_or(Step::End, Step::Refused))
    }
}

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> StaticIMap<I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Timed,
{
    /// The next result, waiting at most for `timeout`; `Ok(None)` at the end. Zero only looks.
    ///
    /// # Errors
    ///
    /// [`GetError::TimedOut`], and the stream stays usable; or how the item ended.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<R>, GetError> {
        let until = P::now().map(|now| now.saturating_add(timeout));
        match self.advance(until) {
            Err(TimedOut) => Err(GetError::TimedOut),
            Ok(Step::End) => Ok(None),
            Ok(Step::Item(_, Ok(value))) => Ok(Some(value)),
            Ok(Step::Item(_, Err(error)) | Step::Refused(error)) => Err(GetError::Job(error)),
        }
    }
}

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> Iterator
    for StaticIMap<I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Platform,
{
    type Item = Result<R, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance(None) {
            Ok(Step::Item(_, result)) => Some(result),
            Ok(Step::Refused(error)) => Some(Err(error)),
            Ok(Step::End) | Err(TimedOut) => None,
        }
    }

    /// At least so many, until the pool closes; no more only where nothing can find the pool full any more.
    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.closed || !self.input_ended && self.engine.life.closed_by().is_some() {
            return (0, None);
        }
        let own = self.under_way + usize::from(self.last.is_some());
        if self.input_ended && self.refused.is_none() {
            return (own, Some(own));
        }
        let refused = usize::from(self.refused.is_some());
        let left = if self.input_ended {
            0
        } else {
            self.input.size_hint().0
        };
        (left.saturating_add(own + refused), None)
    }
}

impl<I, F, R, P, const SLOTS: usize, const BYTES: usize> Drop
    for StaticIMap<I, F, R, P, SLOTS, BYTES>
where
    I: Iterator,
    P: Platform,
{
    fn drop(&mut self) {
        self.cancel();
    }
}

//! Every verb, with the options of the call. `Pool`'s own methods are these without options.

mod on_worker;
mod plain;

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::num::NonZeroUsize;
use core::time::Duration;

use crate::batch::Schedule;
use crate::batch::detached::{self, Detached};
use crate::batch::work::Call;
use crate::control::Control;
use crate::engine::Engine;
use crate::error::{JobError, SubmitError};
use crate::job::{Annotated, Body, Callbacks, JobWord, OnError, OnSuccess, Options};
use crate::lazy::{self, IMap, Order, Submitter};
use crate::platform::{Platform, Timed};
use crate::pool::Pool;
use crate::result::AsyncResult;
use crate::source::{Indexed, Source};
use crate::submit;
use crate::verbs::{self, How, len_of, refuse};

/// Functions that take the item only.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

/// Functions that take `&mut Worker` first.
#[derive(Debug, Clone, Copy)]
pub struct OnWorker;

/// The options of one call, before its verb.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = ringpool_core::Pool::<ringpool_std::Std>::new()?;
/// let words = ["a", "bb", "ccc"];
/// assert_eq!(pool.with().chunk_size(2).map(&words, |word| word.len())?, [1, 2, 3]);
/// # Ok(()) }
/// ```
#[must_use = "options do nothing without a verb"]
pub struct With<'p, P: Platform, W = (), C = (), M = Plain> {
    pool: &'p Pool<P, W>,
    chunk_size: Option<usize>,
    schedule: Schedule,
    window: Option<usize>,
    deadline: Option<Duration>,
    name: Option<&'static str>,
    control: Option<Control>,
    callbacks: C,
    mode: PhantomData<M>,
}

impl<P: Platform, W, C, M> core::fmt::Debug for With<'_, P, W, C, M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("With")
            .field("chunk_size", &self.chunk_size)
            .field("schedule", &self.schedule)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<'p, P: Platform, W: 'static> With<'p, P, W> {
    pub(crate) fn new(pool: &'p Pool<P, W>) -> Self {
        Self {
            pool,
            chunk_size: None,
            schedule: Schedule::Auto,
            window: None,
            deadline: None,
            name: None,
            control: None,
            callbacks: (),
            mode: PhantomData,
        }
    }
}

impl<'p, P: Platform, W: 'static, C, M> With<'p, P, W, C, M> {
    /// Items in a chunk, for batches and streams; zero is an error of the verb.
    pub fn chunk_size(mut self, items: usize) -> Self {
        self.chunk_size = Some(items);
        self
    }

    /// How a batch is shared out. `chunk_size` wins over it.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Items that a stream may have pulled and not yielded; zero is an error of the stream. Four chunks
    /// for each worker unless it is said.
    pub fn window(mut self, items: usize) -> Self {
        self.window = Some(items);
        self
    }

    /// A name for the job or batch, which its panics carry.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Lets another thread watch and cancel the call.
    pub fn control(mut self, control: &Control) -> Self {
        self.control = Some(control.clone());
        self
    }

    /// Time from the verb on, after which no job or chunk of the call starts any more.
    pub fn deadline(mut self, timeout: Duration) -> Self
    where
        P: Timed,
    {
        self.deadline = Some(timeout);
        self
    }

    /// Calls `f` with the value before the result is ready, if there is one. A panic of `f` becomes the
    /// job's error.
    pub fn on_success<T, F>(self, f: F) -> With<'p, P, W, OnSuccess<F, C>, M>
    where
        F: FnOnce(&T) + Send + 'static,
    {
        self.replace(|others| OnSuccess { f, others })
    }

    /// Calls `f` with the error before the result is ready, if there is one. A panic of `f` becomes the
    /// job's error.
    pub fn on_error<F>(self, f: F) -> With<'p, P, W, OnError<F, C>, M>
    where
        F: FnOnce(&JobError) + Send + 'static,
    {
        self.replace(|others| OnError { f, others })
    }

    /// Gives functions `&mut Worker` first: its state, index and cancel token.
    pub fn with_worker(self) -> With<'p, P, W, C, OnWorker> {
        self.replace(|callbacks| callbacks)
    }

    fn replace<C2, M2>(self, f: impl FnOnce(C) -> C2) -> With<'p, P, W, C2, M2> {
        With {
            pool: self.pool,
            chunk_size: self.chunk_size,
            schedule: self.schedule,
            window: self.window,
            deadline: self.deadline,
            name: self.name,
            control: self.control,
            callbacks: f(self.callbacks),
            mode: PhantomData,
        }
    }

    fn engine(&self) -> &'p Engine<P> {
        self.pool.engine()
    }

    fn options(&self) -> Options {
        Options {
            name: self.name,
            deadline: self
                .deadline
                .and_then(|timeout| P::now().map(|now| now.saturating_add(timeout))),
            control: self.control.clone(),
        }
    }

    fn how(&self) -> Result<How, JobError> {
        let schedule = match self.chunk_size {
            None => self.schedule,
            Some(size) => {
                Schedule::Chunks(NonZeroUsize::new(size).ok_or(JobError::InvalidOption {
                    option: "chunk_size",
                    value: 0,
                })?)
            }
        };
        Ok(How {
            schedule,
            options: self.options(),
        })
    }

    /// Runs a blocking batch verb, or drops what it was given.
    fn batch<S: Source, G, T>(
        &self,
        items: S,
        call: G,
        verb: impl FnOnce(&Engine<P>, S::Feed, G, How) -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        match self.how() {
            Ok(how) => verb(self.engine(), items.into_feed(), call, how),
            Err(error) => Err(refuse::<P, _, _>(error, items, call)),
        }
    }

    /// Submits a single job with callbacks.
    fn single<B, F>(
        self,
        body: B,
        give_back: impl FnOnce(B) -> F,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, P>, SubmitError<F>>
    where
        B: Body<P> + 'static,
        C: Callbacks<B::Value>,
    {
        let (engine, options) = (self.engine(), self.options());
        let body = Annotated {
            body,
            callbacks: self.callbacks,
            name: options.name,
        };
        submit::apply_async(engine, body, options, wait)
            .map_err(|(error, body)| SubmitError::new(error, give_back(body.body)))
    }

    /// Submits a detached batch with callbacks.
    fn detached<S, F, G>(
        self,
        items: S,
        f: F,
        call: impl FnOnce(F) -> G,
        give_back: impl FnOnce(G) -> F,
    ) -> Result<AsyncResult<Vec<G::Out>, P>, SubmitError<(S, F)>>
    where
        S: Indexed + 'static,
        G: Call<P, S::Item>,
        C: Callbacks<Vec<G::Out>>,
    {
        let engine = self.engine();
        let how = match self.how() {
            Ok(how) => how,
            Err(error) => return Err(SubmitError::new(error, (items, f))),
        };
        let feed = items.into_feed();
        let room = len_of(&feed).and_then(|len| Ok((len, verbs::room_for(len)?)));
        let (len, values) = match room {
            Ok(room) => room,
            Err(error) => return Err(SubmitError::new(error, (S::from_feed(feed), f))),
        };
        let parts = Detached {
            feed,
            call: call(f),
            values,
            callbacks: self.callbacks,
            extra: (),
            len,
            schedule: how.schedule,
            options: how.options,
            word: JobWord::new(),
        };
        detached::submit(engine, parts, |(), _| ()).map_err(|(error, feed, call)| {
            SubmitError::new(error, (S::from_feed(feed), give_back(call)))
        })
    }

    fn stream<I, G>(self, items: I, call: G, order: Order) -> IMap<'p, I::IntoIter, G::Out, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        G: Call<P, I::Item, Out: Send + 'static> + Send + Sync + 'static,
    {
        let engine = self.engine();
        let settings = lazy::Settings {
            chunk_size: self.chunk_size,
            window: self.window,
            options: self.options(),
        };
        IMap::new(Detaching(engine), items.into_iter(), call, order, settings)
    }
}

/// Submits the chunks of a stream to a pool.
struct Detaching<'p, P: Platform>(&'p Engine<P>);

impl<'p, P: Platform> Submitter<'p, P> for Detaching<'p, P> {
    fn submit<B>(
        &self,
        body: B,
        options: Options,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, P>, (JobError, B)>
    where
        B: Body<P> + 'p,
        B::Value: 'p,
    {
        submit::apply_async(self.0, body, options, wait)
    }

    fn engine(&self) -> &'p Engine<P> {
        self.0
    }
}

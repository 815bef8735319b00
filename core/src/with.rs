//! Every verb, with the options of the call. `Pool`'s own methods are these without options.

#[cfg(feature = "alloc")]
mod heap;
mod in_place;
mod on_worker;
mod plain;

use core::marker::PhantomData;
use core::num::NonZeroUsize;
use core::time::Duration;

use crate::batch::Schedule;
use crate::control::Control;
use crate::engine::Engine;
use crate::error::JobError;
use crate::job::{OnError, OnSuccess, Options};
use crate::platform::{Platform, Timed};
use crate::source::Source;
use crate::verbs::{How, refuse};

/// Functions that take the item only.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

/// Functions that take `&mut Worker` first.
#[derive(Debug, Clone, Copy)]
pub struct OnWorker;

/// Options for a [`Pool`](crate::Pool), whose jobs lie on the heap.
#[derive(Debug, Clone, Copy)]
pub struct OnHeap;

/// Options for a [`StaticPool`](crate::StaticPool), whose jobs lie in the pool itself.
#[derive(Debug, Clone, Copy)]
pub struct InPlace<const WORKERS: usize, const SLOTS: usize, const BYTES: usize>;

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
pub struct With<'p, P: Platform, W = (), C = (), M = Plain, K = OnHeap> {
    engine: &'p Engine<P>,
    chunk_size: Option<usize>,
    schedule: Schedule,
    window: Option<usize>,
    deadline: Option<Duration>,
    name: Option<&'static str>,
    control: Option<Control>,
    callbacks: C,
    /// Functions get states of type `W`: as invariant as the pool.
    mode: PhantomData<(fn(W) -> W, M, K)>,
}

impl<P: Platform, W, C, M, K> core::fmt::Debug for With<'_, P, W, C, M, K> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("With")
            .field("chunk_size", &self.chunk_size)
            .field("schedule", &self.schedule)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<'p, P: Platform, W: 'static, K> With<'p, P, W, (), Plain, K> {
    /// Options for calls on a pool of this kind, whose states are of type `W`.
    pub(crate) fn new(engine: &'p Engine<P>) -> Self {
        Self {
            engine,
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

impl<'p, P: Platform, W: 'static, C, M, K> With<'p, P, W, C, M, K> {
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

    /// Items that a stream may have pulled and not yielded; zero is an error of the stream. Unless it is said, four
    /// chunks for each worker, and up to 512 while less than 1.6 ms of work is under way and the consumer waits for it, or
    /// while items are taken within a microsecond of each other. If neither window nor chunk size is said, up to 128 such
    /// items share a job. In a [`StaticPool`](crate::StaticPool): as many as it has slots, and never more.
    pub fn window(mut self, items: usize) -> Self {
        self.window = Some(items);
        self
    }

    /// A name for the job or batch, which its panics and its spans in a timeline carry.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Lets another thread watch and cancel the call.
    #[cfg(feature = "alloc")]
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
    pub fn on_success<T, F>(self, f: F) -> With<'p, P, W, OnSuccess<F, C>, M, K>
    where
        F: FnOnce(&T) + Send + 'static,
    {
        self.replace(|others| OnSuccess { f, others })
    }

    /// Calls `f` with the error before the result is ready, if there is one. A panic of `f` becomes the
    /// job's error.
    pub fn on_error<F>(self, f: F) -> With<'p, P, W, OnError<F, C>, M, K>
    where
        F: FnOnce(&JobError) + Send + 'static,
    {
        self.replace(|others| OnError { f, others })
    }

    /// Gives functions `&mut Worker` first: its state, index and cancel token.
    pub fn with_worker(self) -> With<'p, P, W, C, OnWorker, K> {
        self.replace(|callbacks| callbacks)
    }

    fn replace<C2, M2>(self, f: impl FnOnce(C) -> C2) -> With<'p, P, W, C2, M2, K> {
        With {
            engine: self.engine,
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

    fn options(&self) -> Options {
        Options {
            name: self.name,
            deadline: self
                .deadline
                .and_then(|timeout| P::now().map(|now| now.saturating_add(timeout))),
            control: self.control.clone(),
            ..self.engine.options()
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
            Ok(how) => verb(self.engine, items.into_feed(), call, how),
            Err(error) => Err(refuse::<P, _, _>(error, items, call)),
        }
    }
}

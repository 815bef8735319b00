//! The chunks of a stream: what a worker does with them, and how their results come back.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};
use core::alloc::Layout;
use core::marker::PhantomData;
use core::ops::Range;

use crate::batch::drop_each;
use crate::batch::work::{Call, call_with};
use crate::error::{JobError, Refusal};
use crate::event_count::EventCount;
use crate::frame::{Frame, Token};
use crate::job::Body;
use crate::platform::{Platform, contain};
use crate::sync::{AtomicPtr, Ordering};

/// What belongs to one chunk, for each of its items; most chunks are single items and need no vector.
pub(super) enum Bunch<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Bunch<T> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(items) => items.len(),
        }
    }

    fn map<V>(self, mut f: impl FnMut(T) -> V) -> Bunch<V> {
        match self {
            Self::One(item) => Bunch::One(f(item)),
            Self::Many(items) => Bunch::Many(items.into_iter().map(f).collect()),
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
pub(super) enum BunchIter<T> {
    One(Option<T>),
    Many(vec::IntoIter<T>),
}

impl<T> BunchIter<T> {
    fn len(&self) -> usize {
        match self {
            Self::One(item) => usize::from(item.is_some()),
            Self::Many(items) => items.len(),
        }
    }
}

impl<T> Iterator for BunchIter<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Self::One(item) => item.take(),
            Self::Many(items) => items.next(),
        }
    }
}

/// The results of one chunk.
pub(super) enum Results<R> {
    /// No item has failed. Values alone are a quarter of the memory that goes from worker to consumer.
    Values(Bunch<R>),
    Each(Bunch<Result<R, JobError>>),
}

impl<R> Results<R> {
    /// What becomes of items in order, each of which `run` is given with its place.
    fn of<T>(items: Vec<T>, mut run: impl FnMut((usize, T)) -> Result<R, JobError>) -> Self {
        let count = items.len();
        let mut failures = Vec::new();
        let values = items.into_iter().enumerate().filter_map(|(at, item)| {
            let result = run((at, item));
            result.map_err(|error| failures.push((at, error))).ok()
        });
        // Where values are as large as items, `collect` puts them where the items were: half the memory goes from thread to
        // thread and back, and the worker neither allocates nor frees (`W6 unordered`).
        let values = if Layout::new::<T>() == Layout::new::<R>() {
            values.collect()
        } else {
            let mut apart = Vec::with_capacity(count);
            apart.extend(values);
            apart
        };
        if failures.is_empty() {
            return Self::Values(Bunch::Many(values));
        }
        let (mut values, mut failures) = (values.into_iter(), failures.into_iter().peekable());
        let each =
            (0..count).filter_map(|at| match failures.next_if(|(failed, _)| *failed == at) {
                Some((_, error)) => Some(Err(error)),
                None => values.next().map(Ok),
            });
        Self::Each(Bunch::Many(each.collect()))
    }

    /// A chunk that ended with the same error for each item.
    pub(super) fn failed(items: usize, error: fn() -> JobError) -> Self {
        Self::Each(match items {
            1 => Bunch::One(Err(error())),
            _ => Bunch::Many((0..items).map(|_| Err(error())).collect()),
        })
    }

    /// What becomes of a chunk that needs the state which its consumer has borrowed: it cannot be waited for.
    pub(super) fn state_lent(items: usize) -> Self {
        Self::failed(items, || JobError::StateLent)
    }
}

impl<R> IntoIterator for Results<R> {
    type Item = Result<R, JobError>;
    type IntoIter = ResultsIter<R>;

    fn into_iter(self) -> ResultsIter<R> {
        match self {
            Self::Values(values) => ResultsIter::Values(values.into_iter()),
            Self::Each(results) => ResultsIter::Each(results.into_iter()),
        }
    }
}

/// What is left of the results of a chunk.
pub(super) enum ResultsIter<R> {
    Values(BunchIter<R>),
    Each(BunchIter<Result<R, JobError>>),
}

impl<R> ResultsIter<R> {
    pub(super) const NONE: Self = Self::Values(BunchIter::One(None));

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Each(results) => results.len(),
        }
    }
}

impl<R> Iterator for ResultsIter<R> {
    type Item = Result<R, JobError>;

    #[inline]
    fn next(&mut self) -> Option<Result<R, JobError>> {
        match self {
            Self::Values(values) => values.next().map(Ok),
            Self::Each(results) => results.next(),
        }
    }
}

/// A chunk of a stream: its items, where its first stands in the input, and the function.
pub(super) struct ChunkBody<T, G> {
    pub(super) items: Bunch<T>,
    pub(super) first: usize,
    pub(super) call: Arc<G>,
    pub(super) name: Option<&'static str>,
}

impl<T, G> ChunkBody<T, G> {
    pub(super) fn into_items(self) -> Bunch<T> {
        self.items
    }
}

impl<P: Platform, T, R, G: Call<P, T, Out = R>> Body<P> for ChunkBody<T, G> {
    type Value = Results<R>;
    const STATEFUL: bool = G::STATEFUL;

    fn chunk(&self) -> Option<Range<usize>> {
        Some(self.first..self.first + self.items.len())
    }

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<Results<R>, JobError> {
        let Self {
            items,
            first,
            call,
            name,
        } = self;
        let run = |(at, item)| {
            // SAFETY: a stateful job runs only where the pool's state is and is not lent.
            unsafe { call_with(&*call, item, frame, token) }.map_err(|error| match error {
                JobError::Panicked(panic) => JobError::Panicked(panic.at(first + at).named(name)),
                other => other,
            })
        };
        let results = match items {
            Bunch::One(item) => match run((0, item)) {
                Ok(value) => Results::Values(Bunch::One(value)),
                failed => Results::Each(Bunch::One(failed)),
            },
            Bunch::Many(items) => Results::of(items, run),
        };
        contain::<P>(move || drop(call));
        Ok(results)
    }

    fn refuse(self, why: Refusal) -> Result<Results<R>, JobError> {
        let results = self.items.map(|item| {
            contain::<P>(move || drop(item));
            Err(why.into())
        });
        let call = self.call;
        contain::<P>(move || drop(call));
        Ok(Results::Each(results))
    }

    fn discard(value: Result<Results<R>, JobError>) {
        match value {
            Ok(results) => drop_each::<P, _>(results.into_iter()),
            Err(error) => contain::<P>(move || drop(error)),
        }
    }
}

/// Results on their way to the consumer of an unordered stream.
struct Done<R> {
    place: usize,
    results: Results<R>,
    next: *mut Done<R>,
}

/// Where the chunks of an unordered stream put their results: a stack that the consumer takes whole.
pub(super) struct Outbox<P: Platform, R> {
    top: AtomicPtr<Done<R>>,
    pub(super) filled: EventCount,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform, R> Outbox<P, R> {
    pub(super) fn new() -> Self {
        Self {
            top: AtomicPtr::new(core::ptr::null_mut()),
            filled: EventCount::new(),
            platform: PhantomData,
        }
    }

    pub(super) fn put(&self, place: usize, results: Results<R>) {
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

    pub(super) fn is_empty(&self) -> bool {
        self.top.load(Ordering::Relaxed).is_null()
    }

    /// Everything that was put, the latest first.
    pub(super) fn take(&self, mut f: impl FnMut(usize, Results<R>)) {
        if self.is_empty() {
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

impl<P: Platform, R> Drop for Outbox<P, R> {
    fn drop(&mut self) {
        self.take(|_, results| drop_each::<P, _>(results.into_iter()));
    }
}

// SAFETY: results pass through it from one thread to another, hence `R: Send`.
unsafe impl<P: Platform, R: Send> Send for Outbox<P, R> {}
// SAFETY: as above.
unsafe impl<P: Platform, R: Send> Sync for Outbox<P, R> {}

/// A chunk of an unordered stream.
pub(super) struct PostedChunk<P: Platform, T, G, R> {
    pub(super) chunk: ChunkBody<T, G>,
    pub(super) place: usize,
    pub(super) outbox: Arc<Outbox<P, R>>,
}

impl<P: Platform, T, R, G> PostedChunk<P, T, G, R> {
    fn post(place: usize, outbox: Arc<Outbox<P, R>>, results: Results<R>) {
        outbox.put(place, results);
        // The consumer may be gone, and then this drops what has landed.
        contain::<P>(move || drop(outbox));
    }
}

impl<P: Platform, T, R, G: Call<P, T, Out = R>> Body<P> for PostedChunk<P, T, G, R> {
    type Value = ();
    const STATEFUL: bool = G::STATEFUL;

    fn chunk(&self) -> Option<Range<usize>> {
        Body::<P>::chunk(&self.chunk)
    }

    fn run(self, frame: &Frame<'_, P>, token: &dyn Token) -> Result<(), JobError> {
        let results = self.chunk.run(frame, token)?;
        Self::post(self.place, self.outbox, results);
        Ok(())
    }

    fn refuse(self, why: Refusal) -> Result<(), JobError> {
        let results = Body::<P>::refuse(self.chunk, why)?;
        Self::post(self.place, self.outbox, results);
        Ok(())
    }
}

#[cfg(all(test, ringpool_loom))]
mod models;

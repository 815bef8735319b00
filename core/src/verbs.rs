//! What each blocking batch verb does, whatever the kind of its function.

use alloc::vec::Vec;
use core::ptr::NonNull;

use crate::batch::work::{Assigned, Blocks, Call, Fold, Fresh, Map, Tried};
use crate::batch::{self, Schedule};
use crate::engine::Engine;
use crate::error::JobError;
use crate::job::{Options, caught};
use crate::panic::Panic;
use crate::platform::{Platform, contain};
use crate::source::{Feed, Sink};

/// How one batch is to be run.
#[derive(Debug, Clone)]
pub(crate) struct How {
    pub(crate) schedule: Schedule,
    pub(crate) options: Options,
}

/// The number of items.
///
/// # Errors
///
/// There are more than an index can name.
pub(crate) fn len_of<D: Feed>(feed: &D) -> Result<usize, JobError> {
    feed.try_len().ok_or(JobError::InvalidOption {
        option: "the number of items",
        value: usize::MAX,
    })
}

/// Drops what a refused call was given (S12).
pub(crate) fn refuse<P: Platform, A, B>(error: JobError, first: A, second: B) -> JobError {
    contain::<P>(move || drop(first));
    contain::<P>(move || drop(second));
    error
}

/// Room for so many values.
///
/// # Errors
///
/// There is no memory for them.
pub(crate) fn room_for<R>(len: usize) -> Result<Vec<R>, JobError> {
    let mut values = Vec::new();
    match values.try_reserve_exact(len) {
        Ok(()) => Ok(values),
        Err(_) => Err(JobError::InvalidOption {
            option: "the number of items",
            value: len,
        }),
    }
}

/// `map`: the values in order.
pub(crate) fn map<P, D, G>(
    engine: &Engine<P>,
    feed: D,
    call: G,
    how: How,
) -> Result<Vec<G::Out>, JobError>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item>,
{
    let mut values = match len_of(&feed).and_then(room_for) {
        Ok(values) => values,
        Err(error) => return Err(refuse::<P, _, _>(error, feed, call)),
    };
    let len = feed.try_len().unwrap_or(0);
    let work = Map::new(feed, call, Fresh(values.as_mut_ptr()));
    batch::run(engine, work, len, how.schedule, how.options)?;
    // SAFETY: every item has its value, and there is room for as many.
    unsafe { values.set_len(len) };
    Ok(values)
}

/// `for_each`: no values.
pub(crate) fn for_each<P, D, G>(
    engine: &Engine<P>,
    feed: D,
    call: G,
    how: How,
) -> Result<(), JobError>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item, Out = ()>,
{
    let len = match len_of(&feed) {
        Ok(len) => len,
        Err(error) => return Err(refuse::<P, _, _>(error, feed, call)),
    };
    // Values without size need no room.
    let nowhere = Fresh(NonNull::<()>::dangling().as_ptr());
    batch::run(
        engine,
        Map::new(feed, call, nowhere),
        len,
        how.schedule,
        how.options,
    )?;
    Ok(())
}

/// `map_into`: the values where the caller says; their number.
pub(crate) fn map_into<P, D, G, O>(
    engine: &Engine<P>,
    feed: D,
    call: G,
    out: &mut O,
    how: How,
) -> Result<usize, JobError>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item>,
    O: Sink<G::Out> + ?Sized,
{
    let room = len_of(&feed).and_then(|len| {
        out.room(len)
            .map(|place| (len, place))
            .ok_or(JobError::InvalidOption {
                option: "the number of items for this output",
                value: len,
            })
    });
    let (len, place) = match room {
        Ok(room) => room,
        Err(error) => return Err(refuse::<P, _, _>(error, feed, call)),
    };
    if O::ASSIGN {
        batch::run(
            engine,
            Map::new(feed, call, Assigned(place)),
            len,
            how.schedule,
            how.options,
        )?;
    } else {
        batch::run(
            engine,
            Map::new(feed, call, Fresh(place)),
            len,
            how.schedule,
            how.options,
        )?;
    }
    // SAFETY: every item has its value.
    unsafe { out.commit(len) };
    Ok(len)
}

/// `try_map`: the values in order, or the error of the lowest index among those that ran.
pub(crate) fn try_map<P, D, G, R, E>(
    engine: &Engine<P>,
    feed: D,
    call: G,
    how: How,
) -> Result<Result<Vec<R>, E>, JobError>
where
    P: Platform,
    D: Feed,
    G: Call<P, D::Item, Out = Result<R, E>>,
{
    let mut values = match len_of(&feed).and_then(room_for) {
        Ok(values) => values,
        Err(error) => return Err(refuse::<P, _, _>(error, feed, call)),
    };
    let len = feed.try_len().unwrap_or(0);
    let tried = Tried::<R, E>::new(Fresh(values.as_mut_ptr()));
    let work = Map::new(feed, call, &tried);
    let outcome = batch::run(engine, work, len, how.schedule, how.options).map(drop);
    match (outcome, tried.take_first::<P>()) {
        (Ok(()), None) => {
            // SAFETY: every item has its value, and there is room for as many.
            unsafe { values.set_len(len) };
            Ok(Ok(values))
        }
        // A panic at a lower index comes first; whatever else ended the batch is younger than the error.
        (Err(JobError::Panicked(panic)), Some((index, error)))
            if panic.index().is_some_and(|at| at < index) =>
        {
            contain::<P>(move || drop(error));
            Err(JobError::Panicked(panic))
        }
        (outcome, Some((_, error))) => {
            contain::<P>(move || drop(outcome));
            Ok(Err(error))
        }
        (Err(error), None) => Err(error),
    }
}

/// How many blocks a reduction folds at most: enough for balance on any machine of today, few enough that
/// combining them costs nothing. It must never depend on the number of workers.
const BLOCKS: usize = 256;

/// `reduce`: the same value, bit by bit, for every number of workers.
pub(crate) fn reduce<P, D, G, R, C>(
    engine: &Engine<P>,
    feed: D,
    identity: R,
    map: G,
    combine: C,
    options: Options,
) -> Result<R, JobError>
where
    P: Platform,
    D: Feed,
    G: Call<P, <D::Chunk as IntoIterator>::Item, Out = R>,
    C: Fn(R, R) -> R,
{
    let len = match len_of(&feed) {
        Ok(len) => len,
        Err(error) => {
            contain::<P>(move || drop(identity));
            return Err(refuse::<P, _, _>(error, feed, (map, combine)));
        }
    };
    let blocks = Blocks {
        inner: feed,
        len,
        size: len.div_ceil(BLOCKS).max(1),
    };
    let name = options.name;
    let how = How {
        schedule: Schedule::Auto,
        options,
    };
    let fold = Fold {
        map,
        combine: &combine,
    };
    let folded: Result<Result<Vec<Option<R>>, (usize, Panic)>, JobError> =
        try_map(engine, blocks, fold, how);
    let result = match folded {
        Err(error) => Err(error),
        Ok(Err((index, panic))) => Err(JobError::Panicked(panic.at(index).named(name))),
        Ok(Ok(parts)) => caught::<P, _>(|| parts.into_iter().flatten().fold(identity, &combine)),
    };
    contain::<P>(move || drop(combine));
    result
}

/// A keeper behind a reference, so that it outlives the batch.
impl<V, K: batch::work::Keep<V>> batch::work::Keep<V> for &K {
    #[inline]
    unsafe fn put(&self, index: usize, value: V) -> core::ops::ControlFlow<()> {
        // SAFETY: passed on.
        unsafe { (**self).put(index, value) }
    }

    unsafe fn discard<P: Platform>(&self, range: core::ops::Range<usize>) {
        // SAFETY: passed on.
        unsafe { (**self).discard::<P>(range) };
    }
}

//! What each blocking batch verb does, whatever the kind of its function.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use crate::batch::work::Tried;
use crate::batch::work::{Assigned, Blocks, Call, Fold, Fresh, Map, Parts};
use crate::batch::{self, Schedule};
use crate::engine::Engine;
use crate::error::JobError;
use crate::job::{Options, caught};
use crate::platform::{Platform, contain};
use crate::source::{Feed, Sink};

/// How one batch is to be run.
#[derive(Debug, Clone)]
pub(crate) struct How {
    pub(crate) schedule: Schedule,
    pub(crate) options: Options,
}

/// Whether the results of a stream keep the order of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Input,
    Completion,
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
#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
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
#[cfg(feature = "alloc")]
const BLOCKS: usize = 256;
/// The same for pools in place, which have at most as many workers and keep the blocks on the caller's stack.
const BLOCKS_IN_PLACE: usize = 32;

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
    let refuse = |error, feed, identity, map, combine| {
        contain::<P>(move || drop(identity));
        Err(refuse::<P, _, _>(error, feed, (map, combine)))
    };
    let len = match len_of(&feed) {
        Ok(len) => len,
        Err(error) => return refuse(error, feed, identity, map, combine),
    };
    let inner = feed;
    #[cfg(feature = "alloc")]
    if !engine.settings.in_place {
        let size = len.div_ceil(BLOCKS).max(1);
        let mut parts = match room_for(len.div_ceil(size)) {
            Ok(parts) => parts,
            Err(error) => return refuse(error, inner, identity, map, combine),
        };
        let parts = &mut parts.spare_capacity_mut()[..len.div_ceil(size)];
        let blocks = Blocks { inner, len, size };
        return fold(engine, blocks, parts, identity, map, combine, options);
    }
    let size = len.div_ceil(BLOCKS_IN_PLACE).max(1);
    let mut parts = [const { MaybeUninit::uninit() }; BLOCKS_IN_PLACE];
    let parts = &mut parts[..len.div_ceil(size)];
    let blocks = Blocks { inner, len, size };
    fold(engine, blocks, parts, identity, map, combine, options)
}

/// Folds each block into its place of `parts`, as many as there are blocks, and then the parts in order.
fn fold<P, D, G, R, C>(
    engine: &Engine<P>,
    blocks: Blocks<D>,
    parts: &mut [MaybeUninit<Option<R>>],
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
    let call = Fold {
        map,
        combine: &combine,
    };
    let places = Fresh(parts.as_mut_ptr().cast::<Option<R>>());
    let work = Map::new(blocks, call, Parts(places));
    let outcome = batch::run(engine, work, parts.len(), Schedule::Auto, options);
    let result = if let Err(error) = outcome {
        contain::<P>(move || drop(identity));
        Err(error)
    } else {
        // SAFETY: every block has its part, and each is taken once.
        let part = |part: &MaybeUninit<Option<R>>| unsafe { part.assume_init_read() };
        let mut values = parts.iter().filter_map(part);
        let folded = caught::<P, _>(|| values.by_ref().fold(identity, &combine));
        batch::drop_each::<P, _>(values);
        folded
    };
    contain::<P>(move || drop(combine));
    result
}

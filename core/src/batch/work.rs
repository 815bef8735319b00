//! What a batch does with its items: take them from a feed, call the function, keep the values.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{ControlFlow, Range};

#[cfg(feature = "alloc")]
mod tried;

use super::drop_each;
use super::failure::Holes;
use crate::error::JobError;
use crate::frame::{Frame, Token};
use crate::job::caught;
use crate::panic::Panic;
use crate::platform::{Contained, Platform, contain};
use crate::source::{Feed, Unpack, UnpackOn};
use crate::worker::Worker;

#[cfg(feature = "alloc")]
pub(crate) use tried::Tried;

/// What became of a batch.
pub(crate) struct Ended {
    pub(crate) len: usize,
    /// Ranges without values.
    pub(crate) holes: Holes,
    /// Why there are holes.
    pub(crate) error: Option<JobError>,
}

/// Why a chunk did not do all its items and left no values: because of a panic at that item, or (`None`)
/// because the batch should stop.
pub(crate) type Fault = Option<(usize, Panic)>;

/// The work of a batch.
pub(crate) trait Work<P: Platform>: Sized {
    type Output;
    /// Whether it borrows worker state.
    const STATEFUL: bool;

    /// Works through a chunk. Does not unwind.
    ///
    /// # Errors
    ///
    /// The chunk did not do all its items and left no values.
    ///
    /// # Safety
    ///
    /// The chunk must be claimed by the caller, and by nobody else ever. The work must stay in place.
    unsafe fn run(
        &self,
        range: Range<usize>,
        frame: &Frame<'_, P>,
        token: &dyn Token,
    ) -> Result<(), Fault>;

    /// Makes the output, or drops everything. Does not unwind.
    ///
    /// # Safety
    ///
    /// Every chunk must have ended, and every item be begun or in a hole that was skipped.
    unsafe fn conclude(self, ended: Ended) -> Result<Self::Output, JobError>;

    /// Drops everything: no chunk was claimed. Gives the error back.
    fn refuse(self, error: JobError) -> JobError {
        contain::<P>(move || drop(self));
        error
    }
}

/// How the function of a batch is called.
pub(crate) trait Call<P: Platform, Item> {
    type Out;
    const STATEFUL: bool;

    /// Calls it with every item and passes the values on, until told to break.
    ///
    /// # Safety
    ///
    /// A stateful function needs a frame whose state is of its type and not lent.
    unsafe fn each<I: Iterator<Item = Item>>(
        &self,
        frame: &Frame<'_, P>,
        token: &dyn Token,
        items: &mut I,
        put: impl FnMut(Self::Out) -> ControlFlow<Fault>,
    ) -> ControlFlow<Fault>;
}

/// Calls it with one item. Does not unwind.
///
/// # Errors
///
/// Its panic.
///
/// # Safety
///
/// As for [`Call::each`].
#[inline(always)]
pub(crate) unsafe fn call_with<P: Platform, T, G: Call<P, T>>(
    call: &G,
    item: T,
    frame: &Frame<'_, P>,
    token: &dyn Token,
) -> Result<G::Out, JobError> {
    let mut value = None;
    let outcome = caught::<P, _>(|| {
        let keep = |result| {
            value = Some(result);
            ControlFlow::Continue(())
        };
        // SAFETY: the caller's promise.
        let _ = unsafe { call.each(frame, token, &mut core::iter::once(item), keep) };
    });
    match (outcome, value) {
        (Ok(()), Some(value)) => Ok(value),
        (outcome, value) => {
            contain::<P>(move || drop(value));
            Err(outcome.err().unwrap_or(JobError::Cancelled))
        }
    }
}

/// A function of the item.
pub(crate) struct Plain<F>(pub(crate) F);

impl<F> From<F> for Plain<F> {
    fn from(f: F) -> Self {
        Self(f)
    }
}

impl<P: Platform, Item, R, F: Fn(Item) -> R> Call<P, Item> for Plain<F> {
    type Out = R;
    const STATEFUL: bool = false;

    #[inline]
    unsafe fn each<I: Iterator<Item = Item>>(
        &self,
        _: &Frame<'_, P>,
        _: &dyn Token,
        items: &mut I,
        mut put: impl FnMut(R) -> ControlFlow<Fault>,
    ) -> ControlFlow<Fault> {
        items.try_for_each(|item| put((self.0)(item)))
    }
}

/// A function of the item's parts.
pub(crate) struct Star<F, R>(pub(crate) F, pub(crate) PhantomData<fn() -> R>);

impl<P: Platform, Item: Unpack<F, R>, R, F> Call<P, Item> for Star<F, R> {
    type Out = R;
    const STATEFUL: bool = false;

    #[inline]
    unsafe fn each<I: Iterator<Item = Item>>(
        &self,
        _: &Frame<'_, P>,
        _: &dyn Token,
        items: &mut I,
        mut put: impl FnMut(R) -> ControlFlow<Fault>,
    ) -> ControlFlow<Fault> {
        items.try_for_each(|item| put(item.unpack(&self.0)))
    }
}

/// A function of the worker and the item.
pub(crate) struct OnWorker<F, W>(pub(crate) F, pub(crate) PhantomData<fn(&mut W)>);

impl<F, W> From<F> for OnWorker<F, W> {
    fn from(f: F) -> Self {
        Self(f, PhantomData)
    }
}

impl<P: Platform, Item, R, W, F: Fn(&mut Worker<'_, P, W>, Item) -> R> Call<P, Item>
    for OnWorker<F, W>
{
    type Out = R;
    const STATEFUL: bool = true;

    #[inline]
    unsafe fn each<I: Iterator<Item = Item>>(
        &self,
        frame: &Frame<'_, P>,
        token: &dyn Token,
        items: &mut I,
        mut put: impl FnMut(R) -> ControlFlow<Fault>,
    ) -> ControlFlow<Fault> {
        // SAFETY: the caller's promise.
        unsafe {
            frame.lend(token, |worker| {
                items.try_for_each(|item| put((self.0)(worker, item)))
            })
        }
    }
}

/// A function of the worker and the item's parts.
pub(crate) struct StarOnWorker<F, W, R>(pub(crate) F, pub(crate) PhantomData<fn(&mut W) -> R>);

impl<P: Platform, Item: UnpackOn<F, P, W, R>, R, W, F> Call<P, Item> for StarOnWorker<F, W, R> {
    type Out = R;
    const STATEFUL: bool = true;

    #[inline]
    unsafe fn each<I: Iterator<Item = Item>>(
        &self,
        frame: &Frame<'_, P>,
        token: &dyn Token,
        items: &mut I,
        mut put: impl FnMut(R) -> ControlFlow<Fault>,
    ) -> ControlFlow<Fault> {
        // SAFETY: the caller's promise.
        unsafe {
            frame.lend(token, |worker| {
                items.try_for_each(|item| put(item.unpack_on(&self.0, worker)))
            })
        }
    }
}

/// Where the values of a batch go.
pub(crate) trait Keep<V> {
    /// Keeps the value of item `index`.
    ///
    /// # Safety
    ///
    /// The item must be claimed by the caller, and have no value yet.
    unsafe fn put(&self, index: usize, value: V) -> ControlFlow<Fault>;

    /// Drops the values of a range, all of which were put.
    ///
    /// # Safety
    ///
    /// As it says, and nobody may use them afterwards.
    unsafe fn discard<P: Platform>(&self, range: Range<usize>);
}

/// Places without values.
pub(crate) struct Fresh<R>(pub(crate) *mut R);

impl<R> Keep<R> for Fresh<R> {
    #[inline]
    unsafe fn put(&self, index: usize, value: R) -> ControlFlow<Fault> {
        // SAFETY: every item has a place.
        let place = unsafe { self.0.add(index) };
        // SAFETY: the place is the caller's and has no value yet.
        unsafe { place.write(value) };
        ControlFlow::Continue(())
    }

    unsafe fn discard<P: Platform>(&self, range: Range<usize>) {
        if core::mem::needs_drop::<R>() {
            drop_each::<P, R>(range.map(|index| {
                // SAFETY: every item has a place.
                let place = unsafe { self.0.add(index) };
                // SAFETY: the caller promises a value.
                unsafe { place.read() }
            }));
        }
    }
}

/// Places that hold values already.
pub(crate) struct Assigned<R>(pub(crate) *mut R);

impl<R> Keep<R> for Assigned<R> {
    #[inline]
    unsafe fn put(&self, index: usize, value: R) -> ControlFlow<Fault> {
        // SAFETY: every item has a place.
        let place = unsafe { self.0.add(index) };
        // SAFETY: the place is the caller's and holds a value.
        unsafe { *place = value };
        ControlFlow::Continue(())
    }

    unsafe fn discard<P: Platform>(&self, _: Range<usize>) {}
}

/// Calls a function with every item of a feed and keeps the values.
pub(crate) struct Map<P: Platform, D: Feed, G: Call<P, D::Item>, K: Keep<G::Out>> {
    feed: ManuallyDrop<D>,
    call: G,
    pub(crate) keep: K,
    platform: PhantomData<fn() -> P>,
}

impl<P: Platform, D: Feed, G: Call<P, D::Item>, K: Keep<G::Out>> Map<P, D, G, K> {
    pub(crate) fn new(feed: D, call: G, keep: K) -> Self {
        Self {
            feed: ManuallyDrop::new(feed),
            call,
            keep,
            platform: PhantomData,
        }
    }

    /// Feed and function of a batch that was refused before any chunk was claimed.
    pub(crate) fn into_parts(self) -> (D, G) {
        (ManuallyDrop::into_inner(self.feed), self.call)
    }
}

/// A chunk in progress. However the loop over it ends, what is left of the items comes out, so that
/// destructors run outside of any unwinding.
struct Lane<'a, I> {
    items: ManuallyDrop<I>,
    done: usize,
    left: &'a mut Option<(I, usize)>,
}

impl<I> Drop for Lane<'_, I> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the items are not used after this.
        let items = unsafe { ManuallyDrop::take(&mut self.items) };
        *self.left = Some((items, self.done));
    }
}

impl<P: Platform, D: Feed, G: Call<P, D::Item>, K: Keep<G::Out>> Work<P> for Map<P, D, G, K> {
    type Output = K;
    const STATEFUL: bool = G::STATEFUL;

    unsafe fn run(
        &self,
        range: Range<usize>,
        frame: &Frame<'_, P>,
        token: &dyn Token,
    ) -> Result<(), Fault> {
        let start = range.start;
        let mut left = None;
        let outcome = caught::<P, _>(|| {
            // SAFETY: F1: the chunk is the caller's.
            let items = unsafe { self.feed.chunk(range) }.into_iter();
            let mut lane = Lane {
                items: ManuallyDrop::new(items),
                done: 0,
                left: &mut left,
            };
            let (items, lane_done) = (&mut *lane.items, &mut lane.done);
            // Counted in a register and noted in the lane: to add to the lane's own count would make each
            // item wait for the store of the one before.
            let mut done = 0;
            let put = |value| {
                // SAFETY: the item is ours, and this is its value.
                let flow = unsafe { self.keep.put(start + done, value) };
                if flow.is_continue() {
                    done += 1;
                    *lane_done = done;
                }
                flow
            };
            // SAFETY: the batch runs stateful work only where the state is there.
            unsafe { self.call.each(frame, token, items, put) }
        });
        if let Ok(ControlFlow::Continue(())) = outcome {
            return Ok(());
        }
        let mut done = 0;
        if let Some((items, count)) = left {
            done = count;
            drop_each::<P, _>(items);
        }
        // SAFETY: these items have their values, and the chunk is given up.
        unsafe { self.keep.discard::<P>(start..start + done) };
        Err(match outcome {
            Err(JobError::Panicked(panic)) => Some((start + done, panic)),
            Ok(ControlFlow::Break(fault)) => fault,
            _ => None,
        })
    }

    unsafe fn conclude(mut self, ended: Ended) -> Result<K, JobError> {
        for range in ended.holes.skipped() {
            // SAFETY: F1: these items were never claimed.
            drop_each::<P, _>(unsafe { self.feed.chunk(range) }.into_iter());
        }
        // SAFETY: F3: every index went through `chunk`, and the chunks are gone.
        let mut last = caught::<P, _>(|| unsafe { D::release(&mut self.feed) });
        let call = self.call;
        last = last.and(caught::<P, _>(move || drop(call)));
        let error = match (ended.error, last) {
            (None, Ok(())) => return Ok(self.keep),
            (Some(error), last) => {
                contain::<P>(move || drop(last));
                error
            }
            (None, Err(error)) => error,
        };
        let mut at = 0;
        for hole in ended.holes.ranges() {
            // SAFETY: outside the holes every item has its value.
            unsafe { self.keep.discard::<P>(at..hole.start) };
            at = hole.end;
        }
        // SAFETY: as above.
        unsafe { self.keep.discard::<P>(at..ended.len) };
        Err(error)
    }

    fn refuse(self, error: JobError) -> JobError {
        let (feed, call) = self.into_parts();
        contain::<P>(move || drop(feed));
        contain::<P>(move || drop(call));
        error
    }
}

/// A feed whose items are whole chunks of another.
pub(crate) struct Chunks<D>(pub(crate) D);

// SAFETY: the rules of `Feed` hold for it because they hold for the inner feed: each chunk is one item.
unsafe impl<D: Feed> Feed for Chunks<D> {
    type Item = D::Chunk;
    type Chunk = core::iter::Once<D::Chunk>;

    fn try_len(&self) -> Option<usize> {
        self.0.try_len()
    }

    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk {
        // SAFETY: passed on.
        core::iter::once(unsafe { self.0.chunk(range) })
    }

    unsafe fn release(this: &mut ManuallyDrop<Self>) {
        // SAFETY: the wrapper is forgotten with its inner feed, which is released in its place.
        unsafe { release_inner(this, |chunks| &raw mut chunks.0) };
    }
}

/// A feed whose items are blocks of another feed's items, with the index of their first: what a reduction
/// folds. Blocks depend on the number of items only.
pub(crate) struct Blocks<D> {
    pub(crate) inner: D,
    pub(crate) len: usize,
    pub(crate) size: usize,
}

// SAFETY: as above: block b is the inner range from b * size on, so blocks partition the items.
unsafe impl<D: Feed> Feed for Blocks<D> {
    type Item = (usize, D::Chunk);
    type Chunk = BlockIter<D>;

    fn try_len(&self) -> Option<usize> {
        Some(self.len.div_ceil(self.size))
    }

    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk {
        BlockIter {
            feed: &raw const *self,
            range,
        }
    }

    unsafe fn release(this: &mut ManuallyDrop<Self>) {
        // SAFETY: the wrapper is forgotten with its inner feed, which is released in its place.
        unsafe { release_inner(this, |blocks| &raw mut blocks.inner) };
    }
}

/// The blocks of one claim.
pub(crate) struct BlockIter<D> {
    feed: *const Blocks<D>,
    range: Range<usize>,
}

impl<D: Feed> Iterator for BlockIter<D> {
    type Item = (usize, D::Chunk);

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.range.next()?;
        // SAFETY: F2, F3: the feed stays in place until its chunks are gone.
        let feed = unsafe { &*self.feed };
        let start = block * feed.size;
        let end = feed.len.min(start.saturating_add(feed.size));
        // SAFETY: the block is claimed, and with it these items.
        Some((start, unsafe { feed.inner.chunk(start..end) }))
    }
}

/// Releases a feed inside another.
///
/// # Safety
///
/// As for `Feed::release` of the inner feed; the outer one must own nothing else.
unsafe fn release_inner<O, D: Feed>(
    outer: &mut ManuallyDrop<O>,
    inner: impl FnOnce(&mut O) -> *mut D,
) {
    let inner = inner(&mut **outer).cast::<ManuallyDrop<D>>();
    // SAFETY: `ManuallyDrop` has the layout of what it holds.
    let inner = unsafe { &mut *inner };
    // SAFETY: the caller's promise.
    unsafe { D::release(inner) };
}

/// What a block comes to: `None` if it has no items, which does not occur; or a panic at that item.
type Part<R> = Result<Option<R>, (usize, Panic)>;

/// Places for what blocks come to. A panic inside a block fails its chunk, at the index of the item.
pub(crate) struct Parts<R>(pub(crate) Fresh<Option<R>>);

impl<R> Keep<Part<R>> for Parts<R> {
    #[inline]
    unsafe fn put(&self, block: usize, part: Part<R>) -> ControlFlow<Fault> {
        match part {
            // SAFETY: passed on.
            Ok(value) => unsafe { self.0.put(block, value) },
            Err(panic) => ControlFlow::Break(Some(panic)),
        }
    }

    unsafe fn discard<P: Platform>(&self, blocks: Range<usize>) {
        // SAFETY: passed on.
        unsafe { self.0.discard::<P>(blocks) };
    }
}

/// Maps the items of each block and combines the values in order.
pub(crate) struct Fold<G, C> {
    pub(crate) map: G,
    pub(crate) combine: C,
}

impl<P, K, R, G, C> Call<P, (usize, K)> for Fold<G, C>
where
    P: Platform,
    K: IntoIterator,
    G: Call<P, K::Item, Out = R>,
    C: Fn(R, R) -> R,
{
    type Out = Part<R>;
    const STATEFUL: bool = G::STATEFUL;

    unsafe fn each<I: Iterator<Item = (usize, K)>>(
        &self,
        frame: &Frame<'_, P>,
        token: &dyn Token,
        blocks: &mut I,
        mut put: impl FnMut(Self::Out) -> ControlFlow<Fault>,
    ) -> ControlFlow<Fault> {
        blocks.try_for_each(|(start, block)| {
            let mut left = None;
            let folded = caught::<P, _>(|| {
                let mut lane = Lane {
                    items: ManuallyDrop::new(block.into_iter()),
                    done: 0,
                    left: &mut left,
                };
                let (items, lane_done) = (&mut *lane.items, &mut lane.done);
                // Dropped here only while the map's panic, or that of `combine`, unwinds.
                let mut sum = Contained::<Option<R>, P>::new(None);
                let mut done = 0;
                // SAFETY: the caller's promise.
                let _ = unsafe {
                    self.map.each(frame, token, items, |value| {
                        *sum = Some(match sum.take() {
                            None => value,
                            Some(sum) => (self.combine)(sum, value),
                        });
                        done += 1;
                        *lane_done = done;
                        ControlFlow::Continue(())
                    })
                };
                sum.into_inner()
            });
            put(match folded {
                Ok(sum) => Ok(sum),
                Err(error) => {
                    let mut at = start;
                    if let Some((items, done)) = left {
                        at += done;
                        drop_each::<P, _>(items);
                    }
                    match error {
                        JobError::Panicked(panic) => Err((at, panic)),
                        _ => Ok(None),
                    }
                }
            })
        })
    }
}

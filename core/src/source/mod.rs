//! Where the items of a batch come from, and where its results go.
//!
//! A [`Source`] turns into a [`Feed`]: places numbered from zero that any thread may take items
//! from, each place once. Slices, vectors, arrays, ranges and chunk iterators become a feed without
//! being collected; `pull` collects whatever else there is on the calling thread.
//!
//! | Trait | Says of a type | Asked for by |
//! |---|---|---|
//! | [`Source`] | its items can be shared out | verbs that block |
//! | [`Indexed`] | a refused feed can be turned back into it | verbs that hand their input back |
//! | [`Chunked`] | a whole chunk may be given to the user | `for_each_chunk` |
//! | [`Feed`] | the engine may take items by index | the engine |
//!
//! # The feed's contract
//!
//! The safety comments of this module cite these rules by number.
//!
//! - **F1** A range given to `chunk` lies within `0..len`, where `len` is what `try_len` says, or
//!   `usize::MAX` where it says `None`. Ranges may be taken from several threads at once, and no index
//!   is taken twice in the feed's life. So the implementation argues that `chunk` may be called through
//!   a shared reference on any thread, although the trait asks for `Send` and not for `Sync`: a feed of
//!   `&mut T`s gives each thread other places.
//! - **F2** From the first `chunk` on the feed is neither moved nor borrowed mutably nor dropped: it
//!   stays where it is until `release`, and its memory is forgotten after that.
//! - **F3** `release` is called once, after every index of `0..len` was given to `chunk` (or, where items
//!   need no drop, would have been), and no
//!   chunk is left by then. Only the chunks of a [`Chunked`] source may live on.
//! - **F4** A feed that never saw a call of `chunk` is an ordinary value: it is dropped, or turned
//!   back by [`Indexed::from_feed`], and owns all its items.
//! - **F5** An item may outlive its chunk and the feed: `chunk` hands out items that borrow from the
//!   user's data, never from the feed.

mod adapters;
mod grids;
mod owned;
#[cfg(feature = "alloc")]
mod pull;
mod ranges;
mod sink;
mod slices;
#[cfg(test)]
mod tests;
mod tiles;
mod unpack;
mod unpack_on;
mod windows;

use core::mem::ManuallyDrop;
use core::ops::Range;

pub use adapters::{Enumerate, Zip, enumerate, zip};
pub use grids::{Cell, Grid};
pub use owned::Owned;
#[cfg(feature = "alloc")]
pub use pull::{Pull, pull};
pub use ranges::Integer;
pub use sink::Sink;
pub use slices::MutFeed;
#[cfg(feature = "alloc")]
pub use slices::VecMutFeed;
pub use tiles::{Axes, TileRun, Tiles, tiles};
pub use unpack::Unpack;
pub use unpack_on::UnpackOn;
pub use windows::Run;

/// Items a batch can share out.
///
/// Sources are slices, vectors, arrays, ranges, the chunk iterators of slices,
/// tuples of `Range<usize>` (index grids), [`tiles`] of those, [`zip`] and [`enumerate`] of those, and `pull` for
/// everything else.
///
/// ```
/// use ringpool_core::source::Source;
///
/// fn takes<S: Source>(_: S) {}
/// takes(&[1, 2, 3]);
/// takes(0..10_u64);
/// takes([1, 2, 3].chunks(2));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Source` of items for a batch",
    label = "a slice, vector, array, range or chunk iterator is split in place",
    note = "any other iterator or collection: `pull(items)`; the calling thread takes the items from it one by one",
    note = "`zip(a, b)` and `enumerate(a)` are split in place too"
)]
pub trait Source: Sized {
    /// What the function of the batch is called with.
    type Item: Send;
    /// A run of neighbouring items: `&[T]`, `&mut [T]`, `Range<T>`, `Chunks<'_, T>` and the like.
    type Chunk: IntoIterator<Item = Self::Item>;
    #[doc(hidden)]
    type Feed: Feed<Item = Self::Item, Chunk = Self::Chunk>;
    #[doc(hidden)]
    fn into_feed(self) -> Self::Feed;
}

/// A source that is reached by index, so that a refused call can hand it back.
///
/// Every source but `pull` is one.
///
/// ```
/// use ringpool_core::source::Indexed;
///
/// fn takes<S: Indexed + 'static>(_: S) {}
/// takes([1, 2, 3]);
/// takes(0..=9_u8);
/// takes((0..4, 0..4));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source reached by index",
    label = "this call needs a slice, vector, array, range or chunk iterator",
    note = "collect other items into a vector first and give that",
    note = "`zip(a, b)` and `enumerate(a)` of such sources will do too"
)]
pub trait Indexed: Source + Send {
    #[doc(hidden)]
    fn from_feed(feed: Self::Feed) -> Self;
}

/// A source whose chunks may be given out whole, because they borrow nothing from the source.
///
/// Sources that own their items are left out: a chunk of theirs points into memory that the batch
/// gives back when it ends. Give `&mut items` instead.
///
/// ```
/// use ringpool_core::source::Chunked;
///
/// fn takes<S: Chunked>(_: S) {}
/// takes(&mut [1, 2, 3]);
/// takes(0..10_u64);
/// ```
///
/// # Safety
///
/// A chunk stays valid however long it is kept, also after the feed was released.
#[diagnostic::on_unimplemented(
    message = "the chunks of `{Self}` cannot be given out whole",
    label = "this call needs a borrowed slice or vector, a range or a chunk iterator",
    note = "a source that owns its items cannot be used: give `&mut items`"
)]
pub unsafe trait Chunked: Indexed {}

/// What the engine takes items from: places numbered from zero.
///
/// # Safety
///
/// As long as its caller keeps the rules F1 to F5 of this module, every item comes out of exactly
/// one chunk, whichever threads take the chunks, and none is dropped by the feed as well.
#[doc(hidden)]
pub unsafe trait Feed: Send {
    /// An item. It is made on the thread that takes its chunk; [`Source`] asks for `Send` where that may
    /// be another thread than the source's.
    type Item;
    /// The items of a range of places, in order: exactly as many as the range is long.
    type Chunk: IntoIterator<Item = Self::Item>;

    /// How many places there are; `None` if they are more than `usize` can tell.
    fn try_len(&self) -> Option<usize>;

    /// Takes the items of a range of places.
    ///
    /// # Safety
    ///
    /// Rules F1 and F2 of this module.
    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk;

    /// Gives back what the feed holds besides the items that were taken.
    ///
    /// # Safety
    ///
    /// Rule F3 of this module.
    unsafe fn release(this: &mut ManuallyDrop<Self>)
    where
        Self: Sized,
    {
        // SAFETY: the caller uses the feed no more (F2, F3). Feeds that own items override this.
        unsafe { ManuallyDrop::drop(this) }
    }
}

/// Writes the impls of `Source` and, where a way back is given, of `Indexed`.
macro_rules! source {
    (
        [$($generics:tt)*] $Self:ty, $Item:ty, $Chunk:ty;
        $Feed:ty: |$source:ident| $feed:expr, |$back:ident| $from:expr
    ) => {
        impl<$($generics)*> $crate::source::Source for $Self {
            type Item = $Item;
            type Chunk = $Chunk;
            type Feed = $Feed;
            #[inline]
            fn into_feed(self) -> Self::Feed {
                let $source = self;
                $feed
            }
        }

        impl<$($generics)*> $crate::source::Indexed for $Self {
            #[inline]
            fn from_feed(feed: Self::Feed) -> Self {
                let $back = feed;
                $from
            }
        }
    };
    ([$($generics:tt)*] $Self:ty, $Item:ty, $Chunk:ty) => {
        $crate::source::source! {
            [$($generics)*] $Self, $Item, $Chunk;
            Self: |source| source, |feed| feed
        }
    };
}
use source;

//! Sources made of sources: `zip` and `enumerate`.

use core::iter;
use core::mem::ManuallyDrop;
use core::ops::Range;

use super::{Chunked, Feed, Indexed, Source};

/// Two sources side by side, as long as the shorter; made by [`zip`].
#[derive(Clone, Debug)]
#[must_use = "a source does nothing until it is given to a batch"]
pub struct Zip<A, B> {
    a: A,
    b: B,
}

/// A source whose items are numbered; made by [`enumerate`].
#[derive(Clone, Debug)]
#[must_use = "a source does nothing until it is given to a batch"]
pub struct Enumerate<A> {
    items: A,
}

/// Pairs the items of two sources; the longer one's tail is dropped.
///
/// ```
/// use ringpool_core::source::{Source, zip};
///
/// fn pairs<'a>(out: &'a mut [f64], names: &'a [String]) -> impl Source {
///     zip(out, names)
/// }
/// pairs(&mut [0.0; 2], &["a".to_string()]);
/// ```
pub fn zip<A: Source, B: Source>(a: A, b: B) -> Zip<A, B> {
    Zip { a, b }
}

/// Numbers the items of a source from zero.
///
/// ```
/// use ringpool_core::source::{Source, enumerate};
///
/// fn numbered(names: &[u8]) -> impl Source<Item = (usize, &u8)> {
///     enumerate(names)
/// }
/// numbered(b"abc");
/// ```
pub fn enumerate<A: Source>(items: A) -> Enumerate<A> {
    Enumerate { items }
}

type Items<C> = <C as IntoIterator>::IntoIter;

impl<A: Source, B: Source> Source for Zip<A, B> {
    type Item = (A::Item, B::Item);
    type Chunk = iter::Zip<Items<A::Chunk>, Items<B::Chunk>>;
    type Feed = Zip<A::Feed, B::Feed>;

    #[inline]
    fn into_feed(self) -> Self::Feed {
        Zip {
            a: self.a.into_feed(),
            b: self.b.into_feed(),
        }
    }
}

impl<A: Indexed, B: Indexed> Indexed for Zip<A, B> {
    #[inline]
    fn from_feed(feed: Self::Feed) -> Self {
        Zip {
            a: A::from_feed(feed.a),
            b: B::from_feed(feed.b),
        }
    }
}

// SAFETY: the chunks of a pair of chunked sources borrow nothing from either.
unsafe impl<A: Chunked, B: Chunked> Chunked for Zip<A, B> {}

// SAFETY: both sides are asked for the same ranges, and `release` takes the rest of the longer side,
// so that each side sees every index once, whatever the other one's length.
unsafe impl<A: Feed, B: Feed> Feed for Zip<A, B> {
    type Item = (A::Item, B::Item);
    type Chunk = iter::Zip<Items<A::Chunk>, Items<B::Chunk>>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        match (self.a.try_len(), self.b.try_len()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            // The other side is longer than any `usize`.
            (len, None) | (None, len) => len,
        }
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk {
        // SAFETY: within the shorter side's length (F1); the other rules are passed on.
        let a = unsafe { self.a.chunk(range.clone()) };
        // SAFETY: as above.
        let b = unsafe { self.b.chunk(range) };
        iter::zip(a, b)
    }

    unsafe fn release(this: &mut ManuallyDrop<Self>) {
        let len = this.try_len().unwrap_or(usize::MAX);
        let Zip { a, b } = &mut **this;
        // The guards release both sides even if an item of a tail panics when it is dropped.
        // SAFETY: released once, here, after the tail below completed the side's indices.
        let a = unsafe { Releasing::new(a) };
        // SAFETY: as above.
        let b = unsafe { Releasing::new(b) };
        // SAFETY: the indices from `len` on were never given to `chunk` before.
        let tail_of_a = unsafe { a.tail(len) };
        // SAFETY: as above.
        let tail_of_b = unsafe { b.tail(len) };
        drop((tail_of_a, tail_of_b));
    }
}

impl<A: Source> Source for Enumerate<A> {
    type Item = (usize, A::Item);
    type Chunk = iter::Zip<Range<usize>, Items<A::Chunk>>;
    type Feed = Enumerate<A::Feed>;

    #[inline]
    fn into_feed(self) -> Self::Feed {
        Enumerate {
            items: self.items.into_feed(),
        }
    }
}

impl<A: Indexed> Indexed for Enumerate<A> {
    #[inline]
    fn from_feed(feed: Self::Feed) -> Self {
        Enumerate {
            items: A::from_feed(feed.items),
        }
    }
}

// SAFETY: numbers borrow nothing, nor does a chunk of a chunked source.
unsafe impl<A: Chunked> Chunked for Enumerate<A> {}

// SAFETY: every call is passed on.
unsafe impl<A: Feed> Feed for Enumerate<A> {
    type Item = (usize, A::Item);
    type Chunk = iter::Zip<Range<usize>, Items<A::Chunk>>;

    #[inline]
    fn try_len(&self) -> Option<usize> {
        self.items.try_len()
    }

    #[inline]
    unsafe fn chunk(&self, range: Range<usize>) -> Self::Chunk {
        // SAFETY: the caller's contract is passed on.
        let items = unsafe { self.items.chunk(range.clone()) };
        iter::zip(range, items)
    }

    unsafe fn release(this: &mut ManuallyDrop<Self>) {
        // SAFETY: released once, here, since the caller releases the whole once.
        let items = unsafe { Releasing::new(&mut this.items) };
        drop(items);
    }
}

/// Releases a part of a feed when it goes out of scope.
struct Releasing<'a, F: Feed> {
    feed: &'a mut ManuallyDrop<F>,
}

impl<'a, F: Feed> Releasing<'a, F> {
    /// # Safety
    ///
    /// Rule F3 holds for `feed` when the guard goes out of scope, and `feed` is forgotten after it.
    unsafe fn new(feed: &'a mut F) -> Self {
        let feed: *mut F = feed;
        // SAFETY: `ManuallyDrop` is a transparent wrapper, and the pointer was just a reference.
        let feed = unsafe { &mut *feed.cast::<ManuallyDrop<F>>() };
        Self { feed }
    }

    /// Takes the items from `start` to the end.
    ///
    /// # Safety
    ///
    /// Rules F1 and F2 for that range; `start` is at most the length.
    unsafe fn tail(&self, start: usize) -> F::Chunk {
        let end = self.feed.try_len().unwrap_or(usize::MAX);
        // SAFETY: the contract of this function.
        unsafe { self.feed.chunk(start..end) }
    }
}

impl<F: Feed> Drop for Releasing<'_, F> {
    fn drop(&mut self) {
        // SAFETY: the contract of `new`.
        unsafe { F::release(self.feed) }
    }
}

//! Any other iterator, collected on the calling thread.

use alloc::vec::Vec;

use super::{Owned, Source};

/// How many items an iterator is believed to have before it gave them: its own claim, up to this.
const BELIEVED: usize = 4096;

/// The items of any iterator; made by [`pull`].
#[derive(Clone, Debug)]
#[must_use = "a source does nothing until it is given to a batch"]
pub struct Pull<I> {
    items: I,
}

/// Makes a source of any iterator or collection: the calling thread takes the items from it one by
/// one, so the iterator itself need not be `Send`.
///
/// ```
/// use ringpool_core::source::{Source, pull};
///
/// fn takes<S: Source<Item = String>>(_: S) {}
/// takes(pull("a b c".split(' ').map(String::from)));
/// ```
pub fn pull<I: IntoIterator>(items: I) -> Pull<I::IntoIter> {
    Pull {
        items: items.into_iter(),
    }
}

impl<I: Iterator<Item: Send>> Source for Pull<I> {
    type Item = I::Item;
    type Chunk = Owned<I::Item>;
    type Feed = Vec<I::Item>;

    fn into_feed(self) -> Vec<I::Item> {
        // The iterator may claim any length. The claim only sizes the first reservation, and every
        // item that comes is kept, however many they are.
        let mut feed = Vec::with_capacity(self.items.size_hint().0.min(BELIEVED));
        for item in self.items {
            feed.push(item);
        }
        feed
    }
}

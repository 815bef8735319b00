//! Every owned item is dropped once, whoever drops it.

use core::mem::ManuallyDrop;
use core::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::take;
use crate::source::{Feed, Source, enumerate, zip};

/// The numbers of the items that were dropped, in order.
#[derive(Default)]
struct Drops(Mutex<Vec<usize>>);

impl Drops {
    fn item(&self, number: usize) -> Item<'_> {
        Item {
            number,
            panics: false,
            drops: self,
        }
    }

    fn array<const N: usize>(&self) -> [Item<'_>; N] {
        core::array::from_fn(|number| self.item(number))
    }

    /// Whether each number of the range was dropped once, since the last call.
    #[track_caller]
    fn are(&self, expected: Range<usize>) {
        let mut drops = core::mem::take(&mut *self.0.lock().unwrap());
        drops.sort_unstable();
        assert!(
            drops.iter().copied().eq(expected.clone()),
            "{drops:?} are not {expected:?}"
        );
    }
}

struct Item<'a> {
    number: usize,
    panics: bool,
    drops: &'a Drops,
}

impl Drop for Item<'_> {
    fn drop(&mut self) {
        self.drops.0.lock().unwrap().push(self.number);
        assert!(!self.panics, "the item was told to");
    }
}

/// Lets each of three chunks give `taken` items and drops the rest with it.
fn take_some<S: Source>(source: S, taken: usize) -> Vec<S::Item> {
    let mut feed = ManuallyDrop::new(source.into_feed());
    let len = feed.try_len().unwrap();
    let mut items = Vec::new();
    for part in [0..len / 3, len / 3..len / 2, len / 2..len] {
        // SAFETY: the parts do not overlap; the feed stays where it is.
        items.extend(unsafe { feed.chunk(part) }.into_iter().take(taken));
    }
    // SAFETY: every index was taken, and the chunks are gone.
    unsafe { Feed::release(&mut feed) };
    items
}

/// Checks the drops of a source of 11 items.
fn check_drops<S: Source>(drops: &Drops, make: impl Fn() -> S) {
    drop(make());
    drops.are(0..11);
    drop(make().into_feed());
    drops.are(0..11);
    let items = take(make(), &[4]);
    drops.are(0..0);
    drop(items);
    drops.are(0..11);
    for taken in 0..=6 {
        let items = take_some(make(), taken);
        let left = 11 - items.len();
        assert_eq!(drops.0.lock().unwrap().len(), left);
        drop(items);
        drops.are(0..11);
    }
}

#[test]
fn an_array_drops_each_item_once() {
    let drops = Drops::default();
    check_drops(&drops, || drops.array::<11>());
    check_drops(&drops, || enumerate(drops.array::<11>()));
}

#[cfg(feature = "alloc")]
#[test]
fn a_vector_drops_each_item_once() {
    let drops = Drops::default();
    check_drops(&drops, || Vec::from(drops.array::<11>()));
    check_drops(&drops, || Box::<[_]>::from(drops.array::<11>()));
    check_drops(&drops, || Vec::from(drops.array::<11>()).into_iter());
    check_drops(&drops, || crate::source::pull(drops.array::<11>()));
    check_drops(&drops, || enumerate(Vec::from(drops.array::<11>())));
}

#[test]
fn a_zip_drops_the_longer_tail() {
    for short in 0..=11 {
        let drops = Drops::default();
        let items = take(zip(drops.array::<11>(), 0..short), &[short / 2]);
        assert_eq!(items.len(), short);
        drops.are(short..11);
        drop(items);
        drops.are(0..short);
        let items = take(zip(0..short, enumerate(drops.array::<11>())), &[short / 2]);
        drops.are(short..11);
        drop(items);
        drops.are(0..short);
        let inner = enumerate(zip(drops.array::<11>(), 0..u64::MAX));
        let items = take(zip(inner, 0..short), &[]);
        drops.are(short..11);
        drop(items);
        drops.are(0..short);
        let items = take(enumerate(zip(drops.array::<11>(), 0..short)), &[short / 2]);
        drops.are(short..11);
        drop(items);
        drops.are(0..short);
    }
}

#[test]
fn an_unused_zip_drops_both_sides() {
    let (left, right) = (Drops::default(), Drops::default());
    drop(zip(left.array::<4>(), right.array::<6>()).into_feed());
    left.are(0..4);
    right.are(0..6);
}

#[test]
fn a_chunk_whose_item_panics_drops_the_others_once() {
    for panicking in 0..7 {
        for taken in 0..7 {
            let drops = Drops::default();
            let mut array = drops.array::<7>();
            array[panicking].panics = true;
            let feed = ManuallyDrop::new(array);
            // SAFETY: the only chunk; the array stays where it is.
            let mut chunk = unsafe { feed.chunk(0..7) };
            let first: Vec<_> = chunk.by_ref().take(taken).map(ManuallyDrop::new).collect();
            let outcome = catch_unwind(AssertUnwindSafe(|| drop(chunk)));
            assert_eq!(outcome.is_err(), panicking >= taken);
            assert!(first.iter().map(|item| item.number).eq(0..taken));
            drops.are(taken..7);
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn a_tail_whose_item_panics_leaks_nothing() {
    let (left, right) = (Drops::default(), Drops::default());
    let mut items = Vec::from(left.array::<7>());
    items[4].panics = true;
    // The inner zip's tail panics while the outer one still has the right side to release.
    let mut feed =
        ManuallyDrop::new(zip(zip(items, 0..3_u8), Vec::from(right.array::<5>())).into_feed());
    assert_eq!(feed.try_len(), Some(3));
    // SAFETY: the only chunk; the feed stays where it is.
    drop(unsafe { feed.chunk(0..3) });
    // SAFETY: every index was taken, and the chunk is gone.
    let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { Feed::release(&mut feed) }));
    assert!(outcome.is_err());
    left.are(0..7);
    right.are(0..5);
}

#[test]
fn a_chunk_gives_its_items_from_both_ends() {
    let drops = Drops::default();
    let feed = ManuallyDrop::new(drops.array::<7>());
    // SAFETY: the only chunk; the array stays where it is.
    let mut chunk = unsafe { feed.chunk(0..7) };
    let numbers =
        [chunk.next_back(), chunk.next(), chunk.next_back()].map(|item| item.unwrap().number);
    assert_eq!(numbers, [6, 0, 5]);
    assert_eq!(chunk.len(), 4);
    drop(chunk);
    drops.are(0..7);
}

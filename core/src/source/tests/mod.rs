//! The engine's part, played by hand: every index once, in parts, and then the release.

mod bounds;
mod drops;
mod items;

use core::mem::ManuallyDrop;

use super::{Feed, Source};

/// Takes a source in the parts `0..cuts[0]`, `cuts[0]..cuts[1]` … up to its end, the last part first,
/// with all chunks alive at once, and returns the items in order.
fn take<S: Source>(source: S, cuts: &[usize]) -> Vec<S::Item> {
    let mut feed = ManuallyDrop::new(source.into_feed());
    let len = feed.try_len().expect("a source of this test has a length");
    let mut parts = Vec::new();
    let mut end = len;
    for &start in cuts.iter().rev().chain(&[0]) {
        // SAFETY: the cuts rise, so each index is taken once; the feed stays where it is.
        parts.push(unsafe { feed.chunk(start..end) });
        end = start;
    }
    let items = parts.into_iter().rev().flatten().collect();
    // SAFETY: every index was taken, and the chunks were consumed.
    unsafe { Feed::release(&mut feed) };
    items
}

/// Takes a source one item at a time from several threads.
fn take_on_threads<S: Source>(source: S) -> Vec<S::Item> {
    struct Shared<'a, F>(&'a F);
    // SAFETY: a feed may be asked for chunks from several threads (F1).
    unsafe impl<F: Feed> Sync for Shared<'_, F> {}

    const THREADS: usize = 4;
    let mut feed = ManuallyDrop::new(source.into_feed());
    let len = feed.try_len().expect("a source of this test has a length");
    let shared = &Shared(&*feed);
    let mut items: Vec<_> = std::thread::scope(|scope| {
        let threads: [_; THREADS] = core::array::from_fn(|thread| {
            scope.spawn(move || {
                let mut items = Vec::new();
                for at in (thread..len).step_by(THREADS) {
                    // SAFETY: each thread takes the indices of its own residue class.
                    let chunk = unsafe { shared.0.chunk(at..at + 1) };
                    items.extend(chunk.into_iter().map(|item| (at, item)));
                }
                items
            })
        });
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    items.sort_by_key(|&(at, _)| at);
    // SAFETY: every index was taken, and the chunks were consumed.
    unsafe { Feed::release(&mut feed) };
    items.into_iter().map(|(_, item)| item).collect()
}

/// Compares a source with an iterator, for every way to cut it in three parts, and on threads.
macro_rules! check {
    ($source:expr, $plain:expr) => {{
        let len = $plain.count();
        for first in 0..=len {
            for second in first..=len {
                let items = $crate::source::tests::take($source, &[first, second]);
                let plain: Vec<_> = $plain.collect();
                assert_eq!(items, plain, "cut at {first} and {second}");
            }
        }
        let items = $crate::source::tests::take_on_threads($source);
        let plain: Vec<_> = $plain.collect();
        assert_eq!(items, plain, "on threads");
    }};
}
use check;

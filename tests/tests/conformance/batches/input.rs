//! Iterators that panic or lie.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::{JobError, pull};
use ringpool_tests::{OnDrop, Tracked, Tracker, boom, pool, watchdog};

/// Counts from 0, makes a tracked value of each number, and panics at `bad`.
fn bad_iterator(tracker: Tracker, length: usize, bad: usize) -> impl Iterator<Item = Tracked> {
    (0..length).map(move |i| {
        if i == bad {
            boom("the iterator panicked")
        } else {
            tracker.make()
        }
    })
}

// S28
#[test]
fn a_panicking_iterator_unwinds_out_of_the_verb() {
    let _watch = watchdog();
    let pool = pool(2);
    for (length, bad) in [(1, 0), (10, 3), (1000, 999)] {
        let tracker = Tracker::new();
        let _one = tracker.make().id();
        let running = AtomicUsize::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.with()
                .chunk_size(1)
                .map(pull(bad_iterator(tracker, length, bad)), |item| {
                    running.fetch_add(1, Ordering::SeqCst);
                    let _end = OnDrop::new(|| {
                        running.fetch_sub(1, Ordering::SeqCst);
                    });
                    item
                })
        }));
        let payload = caught.expect_err("it unwinds");
        assert_eq!(payload.downcast_ref(), Some(&"the iterator panicked"));
        assert_eq!(running.load(Ordering::SeqCst), 0, "nothing is left running");
        tracker.assert_all_dropped_once();
        assert_eq!(pool.map(0..3, |x| x).unwrap(), [0, 1, 2]);
    }
}

// S28
#[test]
fn every_verb_lets_a_panicking_iterator_unwind() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let bad = || pull(bad_iterator(tracker, 20, 11));
    let mut out: Vec<Tracked> = Vec::new();
    assert!(catch_unwind(AssertUnwindSafe(|| pool.for_each(bad(), drop))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| pool.try_map(bad(), Ok::<_, ()>))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| pool.map_into(bad(), &mut out, |t| t))).is_err());
    assert!(
        catch_unwind(AssertUnwindSafe(|| pool.reduce(
            bad(),
            0,
            |t| t.id(),
            |a, b| a + b
        )))
        .is_err()
    );
    out.clear();
    tracker.assert_all_dropped_once();
}

// S28
#[test]
fn an_iterator_that_panics_on_a_worker_is_that_jobs_panic() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let error = pool
        .apply(|| pool.map(pull(bad_iterator(tracker, 10, 5)), |t| t.id()))
        .unwrap_err();
    assert!(matches!(error, JobError::Panicked(_)));
    tracker.assert_all_dropped_once();
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

/// Says whatever it likes of its length.
struct Liar<I> {
    items: I,
    claim: (usize, Option<usize>),
}

impl<I: Iterator> Iterator for Liar<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.claim
    }
}

impl<I: Iterator> ExactSizeIterator for Liar<I> {
    fn len(&self) -> usize {
        self.claim.0
    }
}

// S29
#[test]
fn an_iterator_that_lies_about_its_length_is_mapped_whole() {
    let _watch = watchdog();
    let pool = pool(2);
    let claims = [
        (0, Some(0)),
        (3, Some(3)),
        (1000, Some(1000)),
        (9, Some(1)),
        (0, None),
        (usize::MAX, None),
    ];
    for claim in claims
        .into_iter()
        .chain([(usize::MAX, Some(usize::MAX)), (0, Some(usize::MAX))])
    {
        for length in [0, 1, 100] {
            let tracker = Tracker::new();
            let liar = || Liar {
                items: (0..length).map(|_| tracker.make()),
                claim,
            };
            assert_eq!(
                pool.map(pull(liar()), |t| t).unwrap().len(),
                length,
                "{claim:?}"
            );
            assert_eq!(
                pool.with()
                    .chunk_size(7)
                    .map(pull(liar()), |t| t)
                    .unwrap()
                    .len(),
                length,
                "{claim:?}"
            );
            let ran = AtomicUsize::new(0);
            pool.for_each(pull(liar()), |_| {
                ran.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
            assert_eq!(ran.into_inner(), length, "{claim:?}");
            let mut out = Vec::new();
            assert_eq!(
                pool.map_into(pull(liar()), &mut out, |t| t).unwrap(),
                length,
                "{claim:?}"
            );
            out.clear();
            // The hint of a lazy iterator is its input's, so what trusts it, such as `collect`, is avoided.
            for mut items in [pool.imap(liar(), |t| t), pool.imap_unordered(liar(), |t| t)] {
                let mut count = 0;
                for item in items.by_ref() {
                    item.unwrap();
                    count += 1;
                }
                assert_eq!(count, length, "{claim:?}");
            }
            assert_eq!((tracker.made(), tracker.alive()), (6 * length, 0));
            tracker.assert_none_dropped_twice();
        }
    }
}

// S29
#[test]
fn a_lie_about_the_length_is_not_believed_with_huge_chunks_either() {
    let _watch = watchdog();
    let pool = pool(2);
    for huge in [1 << (usize::BITS - 19), usize::MAX] {
        let liar = || Liar {
            items: 0..100_u64,
            claim: (usize::MAX, None),
        };
        assert_eq!(
            pool.with()
                .chunk_size(huge)
                .map(pull(liar()), |x| x)
                .unwrap()
                .len(),
            100
        );
        for ordered in [true, false] {
            let with = pool.with().chunk_size(huge).window(huge);
            let items = if ordered {
                with.imap(liar(), |x| x)
            } else {
                with.imap_unordered(liar(), |x| x)
            };
            let mut sum = 0;
            for item in items {
                sum += item.unwrap();
            }
            assert_eq!(sum, 4950);
        }
    }
}

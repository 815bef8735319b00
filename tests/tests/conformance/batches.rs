//! Batches.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{CancelOutcome, Control, JobError, Pool, Schedule, enumerate, pull, zip};
use ringpool_tests::{
    Gate, Log, OnDrop, Tally, Tracked, Tracker, boom, hold, hold_at, pool, watchdog,
};

fn panic_index(error: &JobError) -> Option<usize> {
    match error {
        JobError::Panicked(panic) => panic.index(),
        other => panic!("{other:?}"),
    }
}

// S26
#[test]
fn map_keeps_the_order_whatever_the_chunks_and_workers() {
    let _watch = watchdog();
    for workers in [1, 2, 5] {
        let pool = pool(workers);
        for length in [0, 1, 2, 7, 64, 1000] {
            let expected: Vec<_> = (0..length).map(|x| x * x).collect();
            assert_eq!(pool.map(0..length, |x| x * x).unwrap(), expected);
            for chunk in [1, 3, 64, 5000] {
                assert_eq!(
                    pool.with()
                        .chunk_size(chunk)
                        .map(0..length, |x| x * x)
                        .unwrap(),
                    expected
                );
            }
            for schedule in [
                Schedule::Auto,
                Schedule::Static,
                Schedule::Guided,
                Schedule::Python,
            ] {
                assert_eq!(
                    pool.with()
                        .schedule(schedule)
                        .map(0..length, |x| x * x)
                        .unwrap(),
                    expected
                );
                let detached = pool
                    .with()
                    .schedule(schedule)
                    .map_async(0..length, |x| x * x);
                assert_eq!(detached.unwrap().get().unwrap(), expected);
            }
        }
    }
}

// S26
#[test]
fn items_and_function_may_borrow() {
    let _watch = watchdog();
    let pool = pool(2);
    let words = vec![String::from("one"), String::from("three")];
    let suffix = String::from("!");
    let long: Vec<String> = pool.map(&words, |word| word.clone() + &suffix).unwrap();
    assert_eq!(long, ["one!", "three!"]);
    let borrowed: Vec<&str> = pool.map(&words, |word| &word[1..]).unwrap();
    assert_eq!(borrowed, ["ne", "hree"]);
}

// S26
#[test]
fn every_kind_of_source_is_mapped_in_order() {
    let _watch = watchdog();
    let pool = pool(3);
    let mut items: Vec<u32> = (0..10).collect();
    let all: Vec<u32> = (0..10).collect();
    assert_eq!(pool.map(&items, |x| *x).unwrap(), all);
    assert_eq!(pool.map(&items[..], |x| *x).unwrap(), all);
    assert_eq!(pool.map(items.iter(), |x| *x).unwrap(), all);
    assert_eq!(pool.map(items.clone(), |x| x).unwrap(), all);
    assert_eq!(pool.map(items.clone().into_iter(), |x| x).unwrap(), all);
    assert_eq!(
        pool.map(items.clone().into_boxed_slice(), |x| x).unwrap(),
        all
    );
    assert_eq!(pool.map([4, 5, 6], |x| x).unwrap(), [4, 5, 6]);
    assert_eq!(pool.map(&[4, 5, 6], |x| *x).unwrap(), [4, 5, 6]);
    assert_eq!(pool.map(0..10_u8, u32::from).unwrap(), all);
    assert_eq!(
        pool.map(-3..=3_i64, |x| x).unwrap(),
        (-3..=3).collect::<Vec<_>>()
    );
    assert_eq!(
        pool.map(250..=255_u8, |x| x).unwrap(),
        (250..=255).collect::<Vec<_>>()
    );
    assert_eq!(pool.map(items.chunks(4), <[u32]>::len).unwrap(), [4, 4, 2]);
    assert_eq!(pool.map(items.chunks_exact(4), |c| c[0]).unwrap(), [0, 4]);
    assert_eq!(
        pool.map(items.windows(3), |w| w[0] + w[2]).unwrap(),
        [2, 4, 6, 8, 10, 12, 14, 16]
    );
    pool.for_each(&mut items, |x| *x += 1).unwrap();
    pool.for_each(&mut items[..], |x| *x += 1).unwrap();
    pool.for_each(items.iter_mut(), |x| *x += 1).unwrap();
    pool.for_each(items.chunks_mut(4), |c| c[0] += 100).unwrap();
    pool.for_each(items.chunks_exact_mut(5), |c| c[4] += 1000)
        .unwrap();
    let mut array = [1, 2, 3];
    pool.for_each(&mut array, |x| *x *= 2).unwrap();
    assert_eq!(array, [2, 4, 6]);
    assert_eq!(items, [103, 4, 5, 6, 1107, 8, 9, 10, 111, 1012]);
}

// S26
#[test]
fn sources_combine() {
    let _watch = watchdog();
    let pool = pool(2);
    let names = ["a", "b", "c"];
    assert_eq!(
        pool.map(zip(&names, 1..10), |(name, n)| name.repeat(n))
            .unwrap(),
        ["a", "bb", "ccc"]
    );
    assert_eq!(
        pool.map(enumerate(&names), |(i, name)| format!("{i}{name}"))
            .unwrap(),
        ["0a", "1b", "2c"]
    );
    let mut sums = [0; 3];
    pool.for_each(zip(&mut sums, [5, 6, 7]), |(sum, x)| *sum += x)
        .unwrap();
    assert_eq!(sums, [5, 6, 7]);
    let grid = pool
        .map((0..2_usize, 5..8_usize), |(y, x)| y * 10 + x)
        .unwrap();
    assert_eq!(grid, [5, 6, 7, 15, 16, 17]);
    assert_eq!(
        pool.map((0..2_usize, 0..3_usize, 0..4_usize), |(z, y, x)| z + y + x)
            .unwrap()
            .len(),
        24
    );
}

// S26
#[test]
fn any_iterator_can_be_given() {
    let _watch = watchdog();
    let pool = pool(2);
    assert_eq!(
        pool.map(pull("a b c".split(' ')), str::len).unwrap(),
        [1, 1, 1]
    );
    let map: HashMap<_, _> = (0..20).map(|i| (i, i * 2)).collect();
    assert_eq!(
        pool.map(pull(&map), |(_, v)| v)
            .unwrap()
            .into_iter()
            .sum::<i32>(),
        380
    );
    // The iterator stays on this thread, so it need not be `Send`.
    let calls = Rc::new(Cell::new(0));
    let counted = (0..100).inspect(|_| calls.set(calls.get() + 1));
    assert_eq!(
        pool.map(pull(counted), |x| x).unwrap(),
        (0..100).collect::<Vec<_>>()
    );
    assert_eq!(calls.get(), 100);
    assert_eq!(pool.map(pull(0..0), |x: u8| x).unwrap(), []);
}

// S26
#[test]
fn zero_sized_items_are_all_mapped() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = AtomicUsize::new(0);
    let units = pool
        .map(vec![(); 1000], |()| {
            ran.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    assert_eq!((units.len(), ran.into_inner()), (1000, 1000));
    assert_eq!(pool.map(&[(); 1000], |()| 1).unwrap().len(), 1000);
}

// S26
#[test]
fn map_into_writes_where_it_is_told() {
    let _watch = watchdog();
    let pool = pool(2);
    let mut slice = [0; 5];
    assert_eq!(pool.map_into(0..3, &mut slice[..], |x| x + 1).unwrap(), 3);
    assert_eq!(slice, [1, 2, 3, 0, 0]);
    let mut array = [0_u64; 4];
    assert_eq!(
        pool.map_into(&[1, 2, 3, 4], &mut array, |x| x * 10)
            .unwrap(),
        4
    );
    assert_eq!(array, [10, 20, 30, 40]);
    let mut vec = vec![9, 9];
    assert_eq!(pool.map_into(0..3, &mut vec, |x| x).unwrap(), 3);
    assert_eq!(vec, [0, 1, 2], "a vector is cleared first");
    let mut raw = [const { MaybeUninit::<String>::uninit() }; 3];
    assert_eq!(
        pool.map_into(0..3, &mut raw[..], |x| x.to_string())
            .unwrap(),
        3
    );
    // SAFETY: the call says that it wrote three values.
    let texts = raw.map(|text| unsafe { text.assume_init() });
    assert_eq!(texts, ["0", "1", "2"]);
}

// S26
#[test]
fn map_into_refuses_an_output_that_is_too_short() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = AtomicUsize::new(0);
    let mut out = [0; 3];
    let error = pool
        .map_into(0..4, &mut out[..], |_| ran.fetch_add(1, Ordering::SeqCst))
        .unwrap_err();
    assert!(matches!(error, JobError::InvalidOption { .. }), "{error:?}");
    assert_eq!((ran.into_inner(), out), (0, [0; 3]));
}

// S26, S15
#[test]
fn values_written_before_a_batch_failed_are_dropped() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let mut raw = [const { MaybeUninit::<Tracked>::uninit() }; 20];
    let written = pool
        .with()
        .chunk_size(3)
        .map_into(0..20, &mut raw[..], |i| {
            if i == 7 {
                boom("seven")
            }
            tracker.make()
        });
    assert_eq!(panic_index(&written.unwrap_err()), Some(7));
    tracker.assert_all_dropped_once();
    assert_eq!(tracker.made(), 18);
}

// S26
#[test]
fn ranges_longer_than_the_address_space_are_refused() {
    let _watch = watchdog();
    let pool = pool(1);
    let error = pool.for_each(0..u128::MAX, |_| unreachable!()).unwrap_err();
    assert!(matches!(error, JobError::InvalidOption { .. }), "{error:?}");
    let error = pool.for_each(0..=u64::MAX, |_| unreachable!()).unwrap_err();
    assert!(matches!(error, JobError::InvalidOption { .. }), "{error:?}");
}

// S26
#[test]
fn empty_and_backward_ranges_have_no_items() {
    let _watch = watchdog();
    let pool = pool(1);
    #[expect(clippy::reversed_empty_ranges, reason = "that is the case to test")]
    for range in [5..5, 5..3, i32::MAX..i32::MIN] {
        assert_eq!(pool.map(range, |x| x).unwrap(), []);
    }
}

// S26
#[test]
fn for_each_chunk_gives_every_item_once() {
    let _watch = watchdog();
    let pool = pool(2);
    let mut items = vec![0_u8; 1000];
    let lengths = Mutex::new(Vec::new());
    pool.with()
        .chunk_size(64)
        .for_each_chunk(&mut items, |chunk| {
            lengths.lock().unwrap().push(chunk.len());
            for x in chunk {
                *x += 1;
            }
        })
        .unwrap();
    assert_eq!(items, [1; 1000]);
    let mut lengths = lengths.into_inner().unwrap();
    lengths.sort_unstable();
    assert_eq!(lengths, [vec![40], vec![64; 15]].concat());
}

// S26
#[test]
fn reduce_is_the_same_to_the_last_bit_for_every_pool() {
    let _watch = watchdog();
    let items: Vec<f64> = (0..10_000)
        .map(|i| 1.0 / f64::from(i * 7 % 1013 + 1))
        .collect();
    let mut sums = BTreeSet::new();
    for workers in 1..=4 {
        let pool = pool(workers);
        for _ in 0..5 {
            let sum = |with: Result<f64, JobError>| with.unwrap().to_bits();
            sums.insert(sum(pool.reduce(&items, 0.0, |x| *x, |a, b| a + b)));
            sums.insert(sum(pool.with().chunk_size(3).reduce(
                &items,
                0.0,
                |x| *x,
                |a, b| a + b,
            )));
            sums.insert(sum(pool.with().schedule(Schedule::Guided).reduce(
                &items,
                0.0,
                |x| *x,
                |a, b| a + b,
            )));
        }
        sums.insert(
            pool.apply(|| pool.reduce(&items, 0.0, |x| *x, |a, b| a + b))
                .unwrap()
                .unwrap()
                .to_bits(),
        );
    }
    assert_eq!(sums.len(), 1);
    let sum = f64::from_bits(sums.pop_first().unwrap());
    assert!((sum - items.iter().sum::<f64>()).abs() < 1e-6);
}

// S26
#[test]
fn reduce_combines_in_order() {
    let _watch = watchdog();
    let pool = pool(3);
    let text = pool.reduce(0..500, String::new(), |i| format!("{i},"), |a, b| a + &b);
    assert_eq!(
        text.unwrap(),
        (0..500).fold(String::new(), |text, i| text + &format!("{i},"))
    );
    assert_eq!(pool.reduce(0..0, 7, |x: i32| x, |a, b| a + b).unwrap(), 7);
}

// S26, S30
#[test]
fn a_panicking_reduce_is_an_error_and_drops_its_parts() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let error = pool.reduce(
        0..1000,
        tracker.make(),
        |i| {
            if i == 700 {
                boom("map")
            } else {
                tracker.make()
            }
        },
        |a, _| a,
    );
    assert!(matches!(error.unwrap_err(), JobError::Panicked(_)));
    tracker.assert_all_dropped_once();
    let tracker = Tracker::new();
    let error = pool.reduce(
        0..1000,
        tracker.make(),
        |_| tracker.make(),
        |_, _| boom("combine"),
    );
    assert!(matches!(error.unwrap_err(), JobError::Panicked(_)));
    tracker.assert_all_dropped_once();
}

/// The lengths of the chunks that a schedule cuts, sorted.
fn chunk_lengths(pool: &Pool, length: usize, schedule: Schedule) -> Vec<usize> {
    let lengths = Mutex::new(Vec::new());
    let with = pool.with().schedule(schedule);
    with.for_each_chunk(0..length, |chunk| lengths.lock().unwrap().push(chunk.len()))
        .unwrap();
    let mut lengths = lengths.into_inner().unwrap();
    lengths.sort_unstable();
    lengths
}

// S27
#[test]
fn pythons_chunk_size_can_be_asked_for() {
    let _watch = watchdog();
    for workers in 1..=3 {
        let pool = pool(workers);
        for length in [1_usize, 7, 8, 100, 1001] {
            let size = length.div_ceil(4 * workers);
            let mut expected = vec![size; length / size];
            if length % size > 0 {
                expected.insert(0, length % size);
            }
            assert_eq!(
                chunk_lengths(&pool, length, Schedule::Python),
                expected,
                "{length} items, {workers} workers"
            );
        }
    }
}

// S27
#[test]
fn a_chunk_size_is_kept_to() {
    let _watch = watchdog();
    let pool = pool(2);
    let chunks = Schedule::Chunks(7.try_into().unwrap());
    assert_eq!(chunk_lengths(&pool, 20, chunks), [6, 7, 7]);
    for schedule in [Schedule::Auto, Schedule::Guided, Schedule::Static] {
        assert_eq!(
            chunk_lengths(&pool, 1000, schedule)
                .into_iter()
                .sum::<usize>(),
            1000
        );
    }
    assert_eq!(chunk_lengths(&pool, 100, Schedule::Static), [50, 50]);
}

// S27
#[test]
fn a_chunk_size_of_zero_is_an_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let is_refused = |error: JobError| {
        assert!(
            matches!(
                error,
                JobError::InvalidOption {
                    option: "chunk_size",
                    value: 0
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("chunk_size") && error.to_string().contains('0'));
    };
    is_refused(pool.with().chunk_size(0).map(0..3, |x| x).unwrap_err());
    is_refused(
        pool.with()
            .chunk_size(0)
            .for_each(0..3, |_| ())
            .unwrap_err(),
    );
    is_refused(
        pool.with()
            .chunk_size(0)
            .starmap([(1, 2)], |a, b| a + b)
            .unwrap_err(),
    );
    is_refused(
        pool.with()
            .chunk_size(0)
            .map(pull(0..3), |x| x)
            .unwrap_err(),
    );
    let refused = pool
        .with()
        .chunk_size(0)
        .map_async(vec![1, 2], |x| x)
        .err()
        .unwrap();
    let (reason, (items, _)) = refused.into_parts();
    is_refused(reason);
    assert_eq!(items, [1, 2]);
    let mut lazy = pool.with().chunk_size(0).imap(0..3, |x| x);
    is_refused(lazy.next().unwrap().unwrap_err());
    assert!(lazy.next().is_none());
}

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
    for huge in [1 << 45, usize::MAX] {
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

// S30
#[test]
fn a_panic_ends_its_chunk_and_the_lowest_one_is_reported() {
    let _watch = watchdog();
    for workers in 1..=3 {
        let pool = pool(workers);
        for _ in 0..20 {
            let ran = Log::new();
            let error = pool.with().chunk_size(5).map(0..20, |i| {
                ran.push(i);
                if i == 7 || i == 13 || i == 16 {
                    boom("an item panicked")
                }
            });
            let error = error.unwrap_err();
            assert_eq!(panic_index(&error), Some(7));
            assert!(error.to_string().contains("item 7"), "{error}");
            assert_eq!(
                ran.take_sorted(),
                [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 15, 16]
            );
        }
    }
}

// S30
#[test]
fn a_failed_batch_drops_its_values_and_items_once() {
    let _watch = watchdog();
    let pool = pool(2);
    for bad in [0, 13, 99] {
        for chunk in [1, 10, 100] {
            let tracker = Tracker::new();
            let items = tracker.make_vec(100);
            let error = pool.with().chunk_size(chunk).map(items, |item| {
                if item.id() == bad { boom("bad") } else { item }
            });
            assert_eq!(panic_index(&error.unwrap_err()), Some(bad));
            tracker.assert_all_dropped_once();
            let items = tracker.make_vec(100);
            let first = tracker.made() - 100;
            let error = pool.with().chunk_size(chunk).map_async(items, move |item| {
                if item.id() == first + bad {
                    boom("bad")
                } else {
                    item
                }
            });
            assert_eq!(panic_index(&error.unwrap().get().unwrap_err()), Some(bad));
            tracker.assert_all_dropped_once();
        }
    }
}

// S30
#[test]
fn a_batch_waits_for_all_chunks_before_it_reports_a_panic() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let panicked = Tally::new();
    let result = {
        let (gate, panicked) = (gate.clone(), panicked.clone());
        let begun = Gate::new();
        pool.with().chunk_size(1).map_async(0..2, move |i| {
            if i == 0 {
                begun.wait_for_arrivals(1);
                panicked.add();
                boom("at once")
            }
            begun.open();
            begun.pass();
            gate.pass();
        })
    };
    let result = result.unwrap();
    panicked.wait_for(1);
    gate.wait_for_arrivals(1);
    assert!(!result.ready(), "the other chunk still runs");
    gate.open();
    assert_eq!(panic_index(&result.get().unwrap_err()), Some(0));
}

// S31
#[test]
fn try_map_returns_all_values_or_the_lowest_error() {
    let _watch = watchdog();
    let pool = pool(3);
    assert_eq!(
        pool.try_map(0..50, Ok::<i32, String>).unwrap().unwrap(),
        (0..50).collect::<Vec<_>>()
    );
    let parsed: Result<Vec<i32>, _> = pool.try_map(["1", "x", "3"], str::parse::<i32>).unwrap();
    assert!(parsed.is_err());
    for _ in 0..50 {
        let ran = Log::new();
        let result = pool.with().chunk_size(2).try_map(0..100, |i| {
            if i % 10 == 7 {
                ran.push(i);
                Err(i)
            } else {
                Ok(i)
            }
        });
        let lowest = ran.take_sorted()[0];
        assert_eq!(result.unwrap(), Err(lowest));
    }
}

// S31
#[test]
fn try_map_starts_no_chunk_after_an_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let ran = Log::new();
    let result = pool
        .with()
        .chunk_size(3)
        .try_map(tracker.make_vec(100), |item| {
            ran.push(item.id());
            if item.id() == 4 { Err(item) } else { Ok(item) }
        });
    assert_eq!(result.unwrap().unwrap_err().id(), 4);
    let ran = ran.take();
    assert!(ran.len() <= 6, "chunks after the error ran: {ran:?}");
    tracker.assert_all_dropped_once();
}

// S31
#[test]
fn a_panic_in_try_map_is_the_outer_error() {
    let _watch = watchdog();
    let pool = pool(2);
    let result = pool.try_map(0..10, |i| {
        if i == 3 {
            boom("three")
        } else {
            Ok::<_, ()>(i)
        }
    });
    assert_eq!(panic_index(&result.unwrap_err()), Some(3));
}

// S32
#[test]
fn tuples_of_one_to_twelve_are_unpacked() {
    let _watch = watchdog();
    let pool = pool(2);
    macro_rules! check {
        ($($name:ident)*) => {{
            let tuple = ($({ stringify!($name); 1_u32 },)*);
            let sum = |$($name: u32),*| -> u32 { 0 $(+ $name)* };
            let expected = [0 $(+ { stringify!($name); 1_u32 })*];
            assert_eq!(pool.starmap([tuple], sum).unwrap(), expected);
            assert_eq!(pool.starmap_async([tuple], sum).unwrap().get().unwrap(), expected);
            assert_eq!(pool.istarmap([tuple], sum).map(Result::unwrap).collect::<Vec<_>>(), expected);
            assert_eq!(pool.istarmap_unordered([tuple], sum).map(Result::unwrap).collect::<Vec<_>>(), expected);
        }};
    }
    check!(a);
    check!(a b);
    check!(a b c);
    check!(a b c d);
    check!(a b c d e);
    check!(a b c d e f);
    check!(a b c d e f g);
    check!(a b c d e f g h);
    check!(a b c d e f g h i);
    check!(a b c d e f g h i j);
    check!(a b c d e f g h i j k);
    check!(a b c d e f g h i j k l);
}

// S32
#[test]
fn starmap_infers_its_closure_and_keeps_the_order() {
    let _watch = watchdog();
    let pool = pool(2);
    let powers = pool.starmap([(2_u64, 3), (4, 5), (1, 9)], |base, exponent| {
        base.pow(exponent)
    });
    assert_eq!(powers.unwrap(), [8, 1024, 1]);
    let words = [("a", 1), ("b", 2)];
    assert_eq!(
        pool.starmap(zip(["x", "y"], [2, 3]), |s: &str, n| s.repeat(n))
            .unwrap(),
        ["xx", "yyy"]
    );
    assert_eq!(
        pool.starmap(pull(words), |s: &str, n| s.repeat(n)).unwrap(),
        ["a", "bb"]
    );
    assert_eq!(
        pool.with()
            .chunk_size(1)
            .starmap_async(vec![(1, 2); 10], |a, b| a + b)
            .unwrap()
            .get()
            .unwrap(),
        [3; 10]
    );
}

// S33
#[test]
fn map_async_gives_one_result_for_the_whole_batch() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let result = pool
        .with()
        .chunk_size(10)
        .map_async(0..100, |i| i * 3)
        .unwrap();
    assert!(!result.ready());
    gate.open();
    result.wait();
    assert_eq!(result.successful(), Some(true));
    assert_eq!(
        result.get().unwrap(),
        (0..100).map(|i| i * 3).collect::<Vec<_>>()
    );
}

// S33
#[test]
fn an_empty_batch_is_ready_without_a_worker() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    assert_eq!(pool.map_async(0..0, |x: i32| x).unwrap().get().unwrap(), []);
    assert_eq!(pool.map(0..0, |x: i32| x).unwrap(), []);
    pool.for_each(0..0, |_: i32| ()).unwrap();
    gate.open();
}

// S33, S22
#[test]
fn a_batch_without_a_handle_runs_and_drops_its_values() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    drop(
        pool.with()
            .chunk_size(1)
            .map_async(tracker.make_vec(50), |item| item)
            .unwrap(),
    );
    pool.close();
    pool.join().unwrap();
    tracker.assert_all_dropped_once();
}

// S33
#[test]
fn a_batch_uses_every_worker() {
    let _watch = watchdog();
    let pool = pool(4);
    let meeting = std::sync::Barrier::new(4);
    // Each chunk waits for three others: fewer workers would hang.
    pool.with()
        .chunk_size(1)
        .for_each(0..4, |_| {
            meeting.wait();
        })
        .unwrap();
    let meeting = std::sync::Arc::new(std::sync::Barrier::new(4));
    pool.with()
        .chunk_size(1)
        .map_async(0..4, move |_| {
            meeting.wait();
        })
        .unwrap()
        .get()
        .unwrap();
}

// S40
#[test]
fn progress_of_a_running_batch_is_told_through_its_handle() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let result = pool.with().chunk_size(1).map_async(0..10, move |i| {
        if i == 4 {
            at.pass();
        }
    });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    let progress = result.progress();
    assert_eq!((progress.done, progress.total), (4, Some(10)));
    gate.open();
    result.wait();
    let progress = result.progress();
    assert_eq!((progress.done, progress.total), (10, Some(10)));
}

// S40
#[test]
fn progress_of_a_blocking_batch_is_told_through_its_control() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let control = Control::new();
    thread::scope(|s| {
        let mapper = s.spawn(|| {
            let with = pool.with().chunk_size(2).control(&control);
            with.map(0..10, |i| {
                if i == 6 {
                    gate.pass();
                }
            })
        });
        gate.wait_for_arrivals(1);
        let progress = control.progress();
        assert_eq!((progress.done, progress.total), (6, Some(10)));
        gate.open();
        mapper.join().unwrap().unwrap();
        assert_eq!(control.progress().done, 10);
    });
}

// S40
#[test]
fn progress_of_a_single_job_is_zero_or_one() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let result = pool.apply_async(|| ()).unwrap();
    assert_eq!(
        (result.progress().done, result.progress().total),
        (0, Some(1))
    );
    gate.open();
    result.wait();
    assert_eq!(
        (result.progress().done, result.progress().total),
        (1, Some(1))
    );
}

// S20, S40
#[test]
fn a_control_cancels_a_blocking_batch() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let control = Control::new();
    let ran = AtomicUsize::new(0);
    thread::scope(|s| {
        let mapper = s.spawn(|| {
            pool.with().chunk_size(1).control(&control).map(0..10, |_| {
                ran.fetch_add(1, Ordering::SeqCst);
                gate.pass();
            })
        });
        gate.wait_for_arrivals(1);
        assert!(!control.is_cancelled());
        control.clone().cancel();
        assert!(control.is_cancelled());
        gate.open();
        assert!(matches!(mapper.join().unwrap(), Err(JobError::Cancelled)));
    });
    assert_eq!(ran.into_inner(), 1);
}

// S20
#[test]
fn a_control_cancelled_before_the_call_lets_nothing_run() {
    let _watch = watchdog();
    let pool = pool(1);
    let control = Control::new();
    control.cancel();
    let error = pool
        .with()
        .control(&control)
        .map(0..10, |_| unreachable!("cancelled"))
        .map(|_: Vec<()>| ());
    assert!(matches!(error, Err(JobError::Cancelled)), "{error:?}");
}

// S20, S40
#[test]
fn the_jobs_of_a_cancelled_batch_see_their_token() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let seen = Log::new();
    let log = seen.clone();
    let result = pool
        .with_worker()
        .chunk_size(1)
        .map_async(0..3, move |w, _| {
            log.push(w.is_cancelled());
            at.pass();
            log.push(w.is_cancelled());
        });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    gate.open();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    assert_eq!(seen.take(), [false, true]);
}

// S43, S27
#[test]
fn a_static_schedule_gives_each_worker_its_own_range_every_time() {
    let _watch = watchdog();
    let pool = pool(3);
    for _ in 0..50 {
        let owners = pool
            .with_worker()
            .schedule(Schedule::Static)
            .map(0..90, |w, _| w.index())
            .unwrap();
        let expected: Vec<_> = (0..90).map(|i| i / 30).collect();
        assert_eq!(owners, expected);
    }
    let owners = pool
        .with_worker()
        .schedule(Schedule::Static)
        .map(0..2, |w, _| w.index())
        .unwrap();
    assert_eq!(owners.len(), 2);
}

// S30, S32
#[test]
fn options_hold_for_one_call_and_combine() {
    let _watch = watchdog();
    let pool = pool(2);
    let control = Control::new();
    let with = pool
        .with()
        .chunk_size(2)
        .name("combined")
        .control(&control)
        .deadline(Duration::MAX);
    let error = with
        .starmap([(1, 2), (3, 4), (5, 6)], |a, _| {
            if a == 5 { boom("last") } else { a }
        })
        .unwrap_err();
    assert!(error.to_string().contains("combined"), "{error}");
    assert_eq!(panic_index(&error), Some(2));
    let error = pool
        .map(0..1, |_| boom("plain"))
        .map(|_: Vec<()>| ())
        .unwrap_err();
    let JobError::Panicked(panic) = error else {
        panic!()
    };
    assert_eq!((panic.job_name(), panic.index()), (None, Some(0)));
}

// S26
#[test]
fn batches_of_several_callers_run_side_by_side() {
    let _watch = watchdog();
    let pool = pool(2);
    thread::scope(|s| {
        for who in 0..4 {
            let pool = &pool;
            s.spawn(move || {
                for round in 0..100 {
                    let items: Vec<_> = (0..round).map(|i| i * 10 + who).collect();
                    assert_eq!(
                        pool.with().chunk_size(3).map(&items, |x| *x).unwrap(),
                        items
                    );
                }
            });
        }
    });
}

// S26
#[test]
fn a_batch_on_a_busy_pool_is_finished_by_the_workers_that_come_free() {
    let _watch = watchdog();
    let pool = pool(3);
    let (first, second) = (Gate::new(), Gate::new());
    hold_at(&pool, &first, 1);
    hold_at(&pool, &second, 2);
    thread::scope(|s| {
        let mapper = s.spawn(|| pool.with().chunk_size(1).map(0..100, |i| i).unwrap());
        first.open();
        assert_eq!(mapper.join().unwrap().len(), 100);
        second.open();
    });
}

// S11, S33
#[test]
fn a_batch_uses_every_worker_of_many() {
    let _watch = watchdog();
    for workers in [17, 40, 130] {
        let pool = pool(workers);
        let meeting = std::sync::Barrier::new(workers);
        pool.with()
            .chunk_size(1)
            .for_each(0..workers, |_| {
                meeting.wait();
            })
            .unwrap();
    }
}

// S26
#[test]
fn more_values_than_memory_can_hold_are_an_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let never = |_| -> u64 { unreachable!() };
    let error = pool.map(0..u64::MAX, never).unwrap_err();
    assert!(matches!(error, JobError::InvalidOption { .. }), "{error:?}");
    let refused = pool.map_async(0..u64::MAX, never).err().unwrap();
    let (reason, (items, _)) = refused.into_parts();
    assert!(
        matches!(reason, JobError::InvalidOption { .. }),
        "{reason:?}"
    );
    assert_eq!(items, 0..u64::MAX);
}

// S20, S40
#[test]
fn a_control_ends_a_blocking_call_that_is_still_queued() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let control = Control::new();
    thread::scope(|s| {
        let apply = s.spawn(|| {
            pool.with()
                .control(&control)
                .apply(|| unreachable!("cancelled"))
        });
        let map = s.spawn(|| pool.with().control(&control).map(0..9, |_| ()));
        control.cancel();
        assert!(matches!(apply.join().unwrap(), Err(JobError::Cancelled)));
        assert!(matches!(map.join().unwrap(), Err(JobError::Cancelled)));
        assert!(!gate.is_open(), "neither had to wait for the worker");
    });
    gate.open();
}

// S20
#[test]
fn a_job_sees_that_its_control_was_cancelled() {
    let _watch = watchdog();
    let pool = pool(1);
    let control = Control::new();
    let seen = pool.with_worker().control(&control).apply(|w| {
        let before = w.is_cancelled();
        control.cancel();
        (before, w.is_cancelled())
    });
    assert_eq!(seen.unwrap(), (false, true));
}

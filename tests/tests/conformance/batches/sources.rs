//! Where items come from and values go.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::{JobError, Schedule, enumerate, pull, tiles, zip};
use ringpool_tests::{Tracked, Tracker, boom, pool, watchdog};

use super::panic_index;

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
    let runs = std::sync::Mutex::new(Vec::new());
    pool.with()
        .chunk_size(3)
        .for_each_chunk(tiles((0..4, 0..5), (2, 2)), |run| {
            runs.lock().unwrap().extend(run);
        })
        .unwrap();
    let mut runs = runs.into_inner().unwrap();
    runs.sort_by_key(|(rows, columns)| (rows.start, columns.start));
    let rows = [0..2, 2..4].into_iter();
    let expected = rows.flat_map(|rows| [0..2, 2..4, 4..5].map(|columns| (rows.clone(), columns)));
    assert!(runs.into_iter().eq(expected));
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

// S30
#[test]
fn the_other_chunks_of_a_reduction_run_after_a_panic_and_the_lowest_index_is_told() {
    let _watch = watchdog();
    for workers in [1, 2] {
        let pool = pool(workers);
        let ran = AtomicUsize::new(0);
        let map = |i: usize| {
            if i == 3 || i == 90 {
                boom("map")
            }
            // No chunk of either pool holds both this item and one that panics before it.
            ran.fetch_add(usize::from(i == 50), Ordering::Relaxed);
            i
        };
        let error = pool.reduce(0..100, 0, map, |a, b| a + b).unwrap_err();
        assert_eq!(panic_index(&error), Some(3));
        assert_eq!(ran.into_inner(), 1);
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

//! How far the input is pulled ahead.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, hold_at, pool, watchdog};

// S36
#[test]
fn nothing_is_pulled_before_the_first_next() {
    let _watch = watchdog();
    let pool = pool(2);
    let pulled = Cell::new(0);
    let items = pool.imap((0..10).inspect(|_| pulled.set(pulled.get() + 1)), |x| x);
    assert_eq!(pulled.get(), 0);
    drop(items);
    assert_eq!(pulled.get(), 0);
}

// S36
#[test]
fn at_most_a_window_is_pulled_and_not_yet_yielded() {
    let _watch = watchdog();
    let pool = pool(2);
    for window in [1, 2, 5, 16] {
        for chunk in [1, 4, 100] {
            for ordered in [true, false] {
                let pulled = Cell::new(0);
                let input = (0..100).inspect(|_| pulled.set(pulled.get() + 1));
                let with = pool.with().chunk_size(chunk).window(window);
                let items = if ordered {
                    with.imap(input, |x| x)
                } else {
                    with.imap_unordered(input, |x| x)
                };
                let mut yielded = 0;
                for item in items {
                    item.unwrap();
                    // The item just yielded counted until now.
                    assert!(
                        pulled.get() - yielded <= window,
                        "{} pulled, {yielded} yielded",
                        pulled.get()
                    );
                    yielded += 1;
                }
                assert_eq!((yielded, pulled.get()), (100, 100));
            }
        }
    }
}

// S36
#[test]
fn the_default_window_is_bounded_also_when_it_has_grown() {
    let _watch = watchdog();
    let pool = pool(2);
    for ordered in [true, false] {
        let pulled = Cell::new(0_usize);
        let input = (0_usize..).inspect(|_| pulled.set(pulled.get() + 1));
        let items = if ordered {
            pool.imap(input, |x| x)
        } else {
            pool.imap_unordered(input, |x| x)
        };
        let mut seen = vec![false; 30_000];
        for (yielded, item) in items.take(20_000).enumerate() {
            let item = item.unwrap();
            assert!(!ordered || item == yielded, "{item} came for {yielded}");
            assert!(
                !std::mem::replace(&mut seen[item], true),
                "{item} came twice"
            );
            assert!(pulled.get() - yielded <= 2 * 512);
        }
    }
}

// S36
#[test]
fn items_are_jobs_of_their_own_where_it_is_said_or_the_input_promises_no_more() {
    const ITEMS: usize = 20_000;
    let _watch = watchdog();
    let jobs = |pool: &Pool| -> usize {
        let stats = pool.stats();
        stats.workers.iter().map(|worker| worker.jobs).sum()
    };
    let said = pool(2);
    assert_eq!(
        said.with().chunk_size(1).imap(0..ITEMS, |x| x).count(),
        ITEMS
    );
    assert_eq!(jobs(&said), ITEMS);
    let unpromised = pool(2);
    let input = (0..ITEMS).filter(|_| true);
    assert_eq!(unpromised.imap(input, |x| x).count(), ITEMS);
    assert_eq!(jobs(&unpromised), ITEMS);
}

// S36
#[test]
fn the_input_needs_neither_send_nor_static() {
    let _watch = watchdog();
    let pool = pool(2);
    let words = String::from("a few borrowed words");
    let local = Rc::new(Cell::new(0));
    let mut count = 0;
    let input = words.split(' ').map(|word| {
        local.set(local.get() + 1);
        count += 1;
        word.to_owned()
    });
    let upper: Vec<_> = pool
        .imap(input, |word| word.to_uppercase())
        .map(Result::unwrap)
        .collect();
    assert_eq!(upper, ["A", "FEW", "BORROWED", "WORDS"]);
    assert_eq!((count, local.get()), (4, 4));
}

// S36
#[test]
fn the_input_is_pulled_on_the_consumers_thread() {
    let _watch = watchdog();
    let pool = pool(2);
    let me = thread::current().id();
    let input = (0..50).inspect(|_| assert_eq!(thread::current().id(), me));
    assert_eq!(
        pool.imap_unordered(input, |_| thread::current().id())
            .filter(|by| *by.as_ref().unwrap() != me)
            .count(),
        50
    );
}

// S36
#[test]
fn an_endless_input_blocks_nobody_else() {
    let _watch = watchdog();
    let pool = pool(1);
    let mut endless = pool.imap(0.., |x: u64| x);
    let mut other = pool.imap_unordered(0.., |x: u64| x);
    for i in 0..100 {
        assert_eq!(endless.next().unwrap().unwrap(), i);
        other.next().unwrap().unwrap();
        assert_eq!(pool.apply(|| i).unwrap(), i);
        assert_eq!(pool.map(0..3, |x| x).unwrap(), [0, 1, 2]);
    }
}

// S36
#[test]
fn a_window_of_zero_is_an_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let mut ordered = pool.with().window(0).imap(0..3, |x| x);
    let error = ordered.next().unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            JobError::InvalidOption {
                option: "window",
                value: 0
            }
        ),
        "{error:?}"
    );
    assert!(ordered.next().is_none());
    let mut unordered = pool.with().window(0).imap_unordered(0..3, |x| x);
    assert!(matches!(
        unordered.next(),
        Some(Err(JobError::InvalidOption { .. }))
    ));
    assert!(unordered.next().is_none());
}

// S36
#[test]
fn a_huge_window_costs_nothing() {
    let _watch = watchdog();
    let pool = pool(2);
    for window in [1 << (usize::BITS - 24), usize::MAX] {
        assert!(
            pool.with()
                .window(window)
                .imap(0..10, |x| x)
                .map(Result::unwrap)
                .eq(0..10)
        );
        assert_eq!(
            pool.with()
                .window(window)
                .imap_unordered(0..10, |x| x)
                .map(Result::unwrap)
                .sum::<i32>(),
            45
        );
    }
}

// S36, S38
#[test]
fn into_input_gives_back_what_was_not_pulled() {
    let _watch = watchdog();
    let pool = pool(2);
    let mut items = pool.with().chunk_size(1).window(3).imap(0..100, |x| x);
    assert_eq!(items.next().unwrap().unwrap(), 0);
    let mut input = items.into_input();
    let next = input.next().unwrap();
    assert!((1..=4).contains(&next), "{next}");
    assert!(input.eq(next + 1..100));
}

// S35, S36
#[test]
fn a_slow_item_of_an_unordered_iterator_does_not_stop_the_others() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let at = gate.clone();
    let mut items = pool
        .with()
        .chunk_size(1)
        .window(3)
        .imap_unordered(0..1000, move |i| {
            if i == 0 {
                at.pass();
            }
            i
        });
    // The window has three places and the slow item holds one of them throughout.
    let mut others: Vec<_> = items.by_ref().take(999).map(Result::unwrap).collect();
    others.sort_unstable();
    assert!(others.into_iter().eq(1..1000));
    gate.open();
    assert_eq!(items.next().unwrap().unwrap(), 0);
}

// S36
#[test]
fn one_iterator_may_be_consumed_on_another_thread() {
    let _watch = watchdog();
    let pool = pool(2);
    thread::scope(|s| {
        let mut items = pool.with().window(4).imap(0..100, |x| x);
        assert_eq!(items.next().unwrap().unwrap(), 0);
        s.spawn(move || assert!(items.map(Result::unwrap).eq(1..100)));
    });
}

// S11, S36
#[test]
fn several_lazy_iterators_share_the_pool() {
    let _watch = watchdog();
    let pool = pool(2);
    let zipped = pool.imap(0..200, |x| x).zip(pool.imap(0..200, |x| x * 10));
    assert!(
        zipped
            .map(|(a, b)| (a.unwrap(), b.unwrap()))
            .eq((0..200).map(|x| (x, x * 10)))
    );
    let chained = pool.imap(pool.imap(0..50, |x| x).map(Result::unwrap), |x| x + 1);
    assert!(chained.map(Result::unwrap).eq(1..51));
}

// S36
#[test]
fn a_lazy_iterator_makes_progress_beside_a_full_queue() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(1).build().unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 1);
    pool.try_apply_async(|| ()).unwrap();
    let ran = AtomicUsize::new(0);
    thread::scope(|s| {
        let consumer = s.spawn(|| {
            let items = pool.with().chunk_size(1).window(8).imap(0..20, |x| x);
            items
                .inspect(|_| {
                    ran.fetch_add(1, Ordering::SeqCst);
                })
                .map(Result::unwrap)
                .sum::<i32>()
        });
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        gate.open();
        assert_eq!(consumer.join().unwrap(), 190);
    });
}

//! Lazy iterators.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{GetError, JobError, Pool};
use ringpool_tests::{Gate, Log, Tally, Tracked, Tracker, boom, hold, hold_at, pool, watchdog};

const A_MOMENT: Duration = Duration::from_millis(2);

fn panic_index(error: &JobError) -> Option<usize> {
    match error {
        JobError::Panicked(panic) => panic.index(),
        other => panic!("{other:?}"),
    }
}

// S34
#[test]
fn imap_yields_in_order_for_every_chunk_size_and_window() {
    let _watch = watchdog();
    let pool = pool(3);
    for chunk in [1, 2, 7, 1000] {
        for window in [1, 2, 10, 1000] {
            let items = pool
                .with()
                .chunk_size(chunk)
                .window(window)
                .imap(0..100, |x| x * x);
            assert!(
                items.map(Result::unwrap).eq((0..100).map(|x| x * x)),
                "chunks of {chunk}, window {window}"
            );
        }
    }
    assert!(
        pool.imap(0..1000, |x| x + 1)
            .map(Result::unwrap)
            .eq(1..1001)
    );
}

// S34
#[test]
fn an_empty_input_ends_at_once_and_stays_ended() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let mut ordered = pool.imap(0..0, |x: i32| x);
    let mut unordered = pool.imap_unordered(0..0, |x: i32| x);
    for _ in 0..3 {
        assert!(ordered.next().is_none());
        assert!(unordered.next().is_none());
    }
    gate.open();
}

// S34, S35
#[test]
fn each_item_has_its_own_result_and_iteration_goes_on_after_an_error() {
    let _watch = watchdog();
    let pool = pool(2);
    for chunk in [1, 3, 20] {
        let bad = |i| i % 7 == 3;
        let f = move |i: usize| if bad(i) { boom("bad item") } else { i };
        let results: Vec<_> = pool.with().chunk_size(chunk).imap(0..20, f).collect();
        assert_eq!(results.len(), 20);
        for (i, result) in results.into_iter().enumerate() {
            match result {
                Ok(value) => assert!(value == i && !bad(i)),
                Err(error) => assert!(panic_index(&error) == Some(i) && bad(i), "{error:?} at {i}"),
            }
        }
        let results: Vec<_> = pool
            .with()
            .chunk_size(chunk)
            .imap_unordered(0..20, f)
            .collect();
        let mut values: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().ok())
            .collect();
        values.sort();
        assert!(values.into_iter().copied().eq((0..20).filter(|i| !bad(*i))));
        let mut panics: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .map(panic_index)
            .collect();
        panics.sort();
        assert_eq!(panics, [Some(3), Some(10), Some(17)]);
    }
}

// S35
#[test]
fn imap_unordered_yields_in_order_of_completion() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = Gate::new();
    let at = gate.clone();
    let mut items = pool
        .with()
        .chunk_size(1)
        .window(10)
        .imap_unordered(0..10, move |i| {
            if i == 0 {
                at.pass();
            }
            i
        });
    let mut first: Vec<_> = (0..9).map(|_| items.next().unwrap().unwrap()).collect();
    first.sort_unstable();
    assert_eq!(
        first,
        (1..10).collect::<Vec<_>>(),
        "the held item is not waited for"
    );
    gate.open();
    assert_eq!(items.next().unwrap().unwrap(), 0);
    assert!(items.next().is_none());
}

// S35
#[test]
fn imap_unordered_yields_every_item_once() {
    let _watch = watchdog();
    let pool = pool(4);
    for chunk in [1, 6] {
        for window in [1, 3, 50] {
            let items = pool
                .with()
                .chunk_size(chunk)
                .window(window)
                .imap_unordered(0..200, |x| x);
            let mut values: Vec<_> = items.map(Result::unwrap).collect();
            values.sort_unstable();
            assert_eq!(values, (0..200).collect::<Vec<_>>());
        }
    }
}

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
fn the_default_window_is_bounded() {
    let _watch = watchdog();
    let pool = pool(2);
    let pulled = Cell::new(0_usize);
    let mut items = pool.imap((0..).inspect(|_: &u64| pulled.set(pulled.get() + 1)), |x| x);
    assert_eq!(items.next().unwrap().unwrap(), 0);
    assert!(pulled.get() < 1_000_000);
    assert!(items.take(500).map(Result::unwrap).eq(1..501));
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
    for window in [1 << 40, usize::MAX] {
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

// S37
#[test]
fn a_time_out_is_told_apart_from_the_end() {
    let _watch = watchdog();
    let pool = pool(1);
    for ordered in [true, false] {
        let gate = hold(&pool, 1);
        let f = |i: i32| if i == 1 { boom("one") } else { i };
        let with = pool.with().chunk_size(1);
        let mut items = if ordered {
            with.imap(0..3, f)
        } else {
            with.imap_unordered(0..3, f)
        };
        for timeout in [Duration::ZERO, A_MOMENT, Duration::ZERO] {
            assert!(matches!(
                items.next_timeout(timeout),
                Err(GetError::TimedOut)
            ));
        }
        gate.open();
        assert_eq!(items.next_timeout(Duration::MAX).unwrap(), Some(0));
        let error = items.next_timeout(Duration::MAX).unwrap_err();
        assert!(
            matches!(error, GetError::Job(JobError::Panicked(_))),
            "{error:?}"
        );
        assert_eq!(items.next_timeout(Duration::MAX).unwrap(), Some(2));
        assert_eq!(items.next_timeout(Duration::MAX).unwrap(), None);
        assert_eq!(items.next_timeout(Duration::ZERO).unwrap(), None);
        assert!(items.next().is_none());
    }
}

// S38
#[test]
fn dropping_the_iterator_cancels_what_has_not_begun() {
    let _watch = watchdog();
    for ordered in [true, false] {
        let pool = pool(1);
        let tracker = Tracker::new();
        let (gate, ran) = (Gate::new(), Tally::new());
        let (at, count) = (gate.clone(), ran.clone());
        let f = move |item: Tracked| {
            count.add();
            at.pass();
            item
        };
        let input = std::iter::repeat_with(|| tracker.make());
        let with = pool.with().chunk_size(1).window(8);
        let mut items = if ordered {
            with.imap(input, f)
        } else {
            with.imap_unordered(input, f)
        };
        assert!(items.next_timeout(Duration::ZERO).is_err());
        gate.wait_for_arrivals(1);
        drop(items);
        assert!(
            !gate.is_open(),
            "the drop did not wait for the running item"
        );
        assert_eq!(tracker.alive(), 1, "what has not begun is dropped now");
        gate.open();
        pool.close();
        pool.join().unwrap();
        assert_eq!(ran.get(), 1);
        tracker.assert_all_dropped_once();
    }
}

// S38
#[test]
fn a_leaked_iterator_harms_nobody() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..50 {
        let mut items = pool.with().window(4).imap(0..100, |x| x);
        assert_eq!(items.next().unwrap().unwrap(), 0);
        std::mem::forget(items);
    }
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
    pool.close();
    pool.join().unwrap();
}

// S38, S15
#[test]
fn a_half_used_iterator_drops_everything_once() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    for taken in 0..20 {
        for ordered in [true, false] {
            let of_function = tracker.make();
            let f = move |item: Tracked| {
                let _kept = &of_function;
                if item.id().is_multiple_of(5) {
                    boom("every fifth")
                } else {
                    item
                }
            };
            let input = tracker.make_vec(30);
            let with = pool.with().chunk_size(3).window(10);
            let mut items = if ordered {
                with.imap(input, f)
            } else {
                with.imap_unordered(input, f)
            };
            assert_eq!(items.by_ref().take(taken).count(), taken);
        }
    }
    drop(pool);
    tracker.assert_all_dropped_once();
}

// S39
#[test]
fn close_lets_a_lazy_iterator_yield_what_is_in_flight_and_one_closed() {
    let _watch = watchdog();
    for ordered in [true, false] {
        let pool = pool(1);
        let pulled = Cell::new(0);
        let input = (0..100).inspect(|_| pulled.set(pulled.get() + 1));
        let with = pool.with().chunk_size(1).window(5);
        let mut items = if ordered {
            with.imap(input, |x| x)
        } else {
            with.imap_unordered(input, |x| x)
        };
        assert_eq!(items.next().unwrap().unwrap(), 0);
        let in_flight = pulled.get() - 1;
        pool.close();
        pool.join().expect("join does not wait for the consumer");
        let rest: Vec<_> = items.by_ref().collect();
        assert_eq!(pulled.get() - 1, in_flight, "it stops pulling");
        let (last, values) = rest.split_last().unwrap();
        assert!(matches!(last, Err(JobError::Closed)), "{last:?}");
        let values: Vec<_> = values
            .iter()
            .map(|value| *value.as_ref().unwrap())
            .collect();
        assert_eq!(values, (1..=in_flight).collect::<Vec<_>>());
        assert!(items.next().is_none());
    }
}

// S39
#[test]
fn an_iterator_whose_input_had_ended_needs_no_closed_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let mut items = pool.with().chunk_size(1).window(100).imap(0..5, |x| x);
    assert_eq!(items.next().unwrap().unwrap(), 0);
    pool.close();
    let rest: Vec<_> = items.collect();
    let values: Vec<_> = rest
        .iter()
        .filter_map(|item| item.as_ref().ok().copied())
        .collect();
    assert_eq!(values, [1, 2, 3, 4]);
    assert!(rest.len() <= 5);
}

// S39, S12
#[test]
fn a_lazy_iterator_of_a_closed_pool_yields_one_error() {
    let _watch = watchdog();
    for terminate in [false, true] {
        let pool = pool(1);
        if terminate {
            pool.terminate();
        } else {
            pool.close();
        }
        let pulled = Cell::new(0);
        let mut items = pool.imap((0..5).inspect(|_| pulled.set(pulled.get() + 1)), |x| x);
        match items.next() {
            Some(Err(JobError::Closed)) => assert!(!terminate),
            Some(Err(JobError::Terminated)) => assert!(terminate),
            other => panic!("{other:?}"),
        }
        assert!(items.next().is_none());
    }
}

// S39, S45
#[test]
fn terminate_ends_a_lazy_iterator() {
    let _watch = watchdog();
    for ordered in [true, false] {
        let pool = pool(1);
        let tracker = Tracker::new();
        let gate = Gate::new();
        let at = gate.clone();
        let f = move |item: Tracked| {
            at.pass();
            item
        };
        let input = std::iter::repeat_with(|| tracker.make());
        let with = pool.with().chunk_size(1).window(5);
        let mut items = if ordered {
            with.imap(input, f)
        } else {
            with.imap_unordered(input, f)
        };
        assert!(items.next_timeout(Duration::ZERO).is_err());
        gate.wait_for_arrivals(1);
        pool.terminate();
        gate.open();
        let rest: Vec<_> = items.by_ref().collect();
        assert_eq!(
            rest.iter().filter(|item| item.is_ok()).count(),
            1,
            "the running item counts"
        );
        assert!(
            rest.iter()
                .filter_map(|item| item.as_ref().err())
                .all(|error| matches!(error, JobError::Terminated))
        );
        assert!(rest.len() <= 6);
        drop((items, rest));
        pool.join().unwrap();
        tracker.assert_all_dropped_once();
    }
}

// S40
#[test]
fn size_hint_is_exact_when_the_inputs_is_until_the_pool_closes() {
    let _watch = watchdog();
    let pool = pool(2);
    for ordered in [true, false] {
        let with = pool.with().chunk_size(2).window(4);
        let mut items = if ordered {
            with.imap(0..10, |x| x)
        } else {
            with.imap_unordered(0..10, |x| x)
        };
        for left in (0..=10).rev() {
            assert_eq!(items.size_hint(), (left, Some(left)));
            assert_eq!(items.next().is_some(), left > 0);
        }
        assert_eq!(items.size_hint(), (0, Some(0)));
    }
    let vague = pool.imap((0..10).filter(|x| x % 2 == 0), |x| x);
    assert_eq!(vague.size_hint(), (0, Some(10)));
    let mut items = pool.with().window(2).imap(0..10, |x| x);
    items.next();
    pool.close();
    assert_eq!(items.size_hint(), (0, None));
    assert_eq!(items.count(), 2);
}

// S40
#[test]
fn progress_of_a_lazy_iterator_counts_done_items() {
    let _watch = watchdog();
    let pool = pool(1);
    let mut items = pool.with().chunk_size(1).imap(0..10, |x| x);
    assert_eq!(
        (items.progress().done, items.progress().total),
        (0, Some(10))
    );
    for i in 1..=10 {
        items.next();
        let progress = items.progress();
        assert!((i..=10).contains(&progress.done), "{progress:?} after {i}");
        assert_eq!(progress.total, Some(10));
    }
    assert_eq!(items.progress().done, 10);
    assert_eq!(pool.imap(0.., |x: u8| x).progress().total, None);
}

// S28
#[test]
fn a_panicking_input_unwinds_out_of_next() {
    let _watch = watchdog();
    let pool = pool(2);
    for ordered in [true, false] {
        for (chunk, bad) in [(1, 0), (1, 3), (4, 7), (100, 19)] {
            let tracker = Tracker::new();
            tracker.make();
            let input = (0..20).map(|i| {
                if i == bad {
                    boom("the input panicked")
                } else {
                    tracker.make()
                }
            });
            let with = pool.with().chunk_size(chunk).window(8);
            let mut items = if ordered {
                with.imap(input, |t| t)
            } else {
                with.imap_unordered(input, |t| t)
            };
            let mut yielded = 0;
            let payload = loop {
                match catch_unwind(AssertUnwindSafe(|| items.next())) {
                    Ok(Some(item)) => drop(item.unwrap()),
                    Ok(None) => panic!("the panic of the input was swallowed"),
                    Err(payload) => break payload,
                }
                yielded += 1;
                assert!(yielded <= bad);
            };
            assert_eq!(payload.downcast_ref(), Some(&"the input panicked"));
            drop(items);
            assert_eq!(pool.apply(|| 1).unwrap(), 1);
            pool.map(0..2, |_| ()).unwrap();
            while tracker.alive() > 0 {
                thread::yield_now();
            }
            tracker.assert_all_dropped_once();
        }
    }
}

// S28
#[test]
fn items_before_the_inputs_panic_are_still_yielded() {
    let _watch = watchdog();
    let pool = pool(2);
    let input = (0..10).inspect(|i| {
        if *i == 5 {
            boom("five")
        }
    });
    let mut items = pool.with().chunk_size(1).window(3).imap(input, |x| x);
    let mut values = Vec::new();
    let mut panics = 0;
    for _ in 0..20 {
        match catch_unwind(AssertUnwindSafe(|| items.next())) {
            Ok(Some(value)) => values.push(value.unwrap()),
            Ok(None) => break,
            Err(_) => panics += 1,
        }
    }
    assert!(panics >= 1);
    assert!(values.starts_with(&[0, 1, 2]), "{values:?}");
    assert!(values.is_sorted());
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

// S38
#[test]
fn a_cancelled_lazy_iterator_ends() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let (at, ran) = (gate.clone(), Tally::new());
    let count = ran.clone();
    let mut items = pool
        .with()
        .chunk_size(1)
        .window(4)
        .imap(0.., move |x: u64| {
            count.add();
            at.pass();
            x
        });
    assert!(items.next_timeout(Duration::ZERO).is_err());
    gate.wait_for_arrivals(1);
    items.cancel();
    gate.open();
    let rest: Vec<_> = items.collect();
    assert!(rest.len() <= 5, "{rest:?}");
    assert!(
        rest.iter()
            .filter_map(|item| item.as_ref().err())
            .all(|error| matches!(error, JobError::Cancelled))
    );
    assert_eq!(ran.get(), 1);
}

// S34, S41
#[test]
fn lazy_iterators_work_on_the_only_worker() {
    let _watch = watchdog();
    let pool = pool(1);
    let (ordered, unordered) = pool
        .apply(|| {
            let ordered: Vec<_> = pool
                .with()
                .chunk_size(2)
                .imap(0..50, |x| x)
                .map(Result::unwrap)
                .collect();
            let mut unordered: Vec<_> = pool
                .imap_unordered(0..50, |x| x)
                .map(Result::unwrap)
                .collect();
            unordered.sort_unstable();
            (ordered, unordered)
        })
        .unwrap();
    assert_eq!(ordered, (0..50).collect::<Vec<_>>());
    assert_eq!(unordered, ordered);
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

// S32
#[test]
fn lazy_starmaps_unpack_in_both_orders() {
    let _watch = watchdog();
    let pool = pool(2);
    let pairs = || (0..50).map(|i| (i, 2));
    assert!(
        pool.istarmap(pairs(), |a, b| a * b)
            .map(Result::unwrap)
            .eq((0..50).map(|i| i * 2))
    );
    let mut values: Vec<_> = pool
        .istarmap_unordered(pairs(), |a, b| a * b)
        .map(Result::unwrap)
        .collect();
    values.sort_unstable();
    assert!(values.into_iter().eq((0..50).map(|i| i * 2)));
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

// S39, S44
#[test]
fn close_from_an_item_ends_its_own_iterator() {
    let _watch = watchdog();
    let pool: Arc<Pool> = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let items = pool
        .with()
        .chunk_size(1)
        .window(2)
        .imap(0.., move |x: u64| {
            if x == 10 {
                inner.close();
            }
            x
        });
    // Not `collect`, which believes the endless input's hint.
    let mut results = Vec::new();
    items.for_each(|item| results.push(item));
    assert!(matches!(results.pop(), Some(Err(JobError::Closed))));
    assert!(results.len() >= 11 && results.len() <= 13);
    assert!(
        results
            .into_iter()
            .map(Result::unwrap)
            .zip(0..)
            .all(|(value, i)| value == i)
    );
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

// S34
#[test]
fn values_live_as_long_as_they_are_kept() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let log: Log<Tracked> = Log::new();
    for value in pool.imap(tracker.make_vec(50), |t| t) {
        log.push(value.unwrap());
    }
    assert_eq!(tracker.alive(), 50);
    drop(log);
    tracker.assert_all_dropped_once();
}

// S37, S17
#[test]
fn on_a_worker_a_time_out_of_zero_runs_nothing() {
    let _watch = watchdog();
    let pool = pool(1);
    for ordered in [true, false] {
        let ran = Tally::new();
        let count = ran.clone();
        pool.apply(|| {
            let f = move |i: i32| {
                count.add();
                i
            };
            let with = pool.with().chunk_size(1).window(2);
            let mut items = if ordered {
                with.imap(0..3, f)
            } else {
                with.imap_unordered(0..3, f)
            };
            let outcome = items.next_timeout(Duration::ZERO);
            assert!(matches!(outcome, Err(GetError::TimedOut)), "{outcome:?}");
            assert_eq!(ran.get(), 0);
            assert_eq!(items.map(Result::unwrap).sum::<i32>(), 3);
        })
        .unwrap();
    }
}

// S34, S41
#[test]
fn a_stateful_lazy_iterator_is_refused_while_state_is_lent() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_i32)
        .build()
        .unwrap();
    for ordered in [true, false] {
        for chunk in [1, 4] {
            pool.with_worker()
                .apply(|w| {
                    *w.state = 7;
                    let with = pool.with_worker().chunk_size(chunk).window(8);
                    let mut items = if ordered {
                        with.imap(0..20, |w, x| *w.state += x)
                    } else {
                        with.imap_unordered(0..20, |w, x| *w.state += x)
                    };
                    assert!(matches!(items.next(), Some(Err(JobError::StateLent))));
                    assert!(items.all(|item| item.is_err()), "it ends");
                    assert_eq!(*w.state, 7);
                })
                .unwrap();
            assert_eq!(pool.apply(|| 1).unwrap(), 1);
        }
    }
}

// S28
#[test]
fn what_was_begun_has_ended_when_the_inputs_panic_arrives() {
    let _watch = watchdog();
    let pool = pool(2);
    for ordered in [true, false] {
        let gate = Gate::new();
        let (begun, ended) = (Tally::new(), Tally::new());
        let (at, begins, ends) = (gate.clone(), begun.clone(), ended.clone());
        let f = move |i: i32| {
            begins.add();
            at.pass();
            ends.add();
            i
        };
        thread::scope(|s| {
            let (gate, begun) = (&gate, begun.clone());
            let input = (0..10).inspect(move |i| {
                if *i == 2 {
                    // Both items are running now, and nobody has opened the gate.
                    begun.wait_for(2);
                    s.spawn(move || gate.open());
                    boom("the input panicked")
                }
            });
            let with = pool.with().chunk_size(1).window(5);
            let mut items = if ordered {
                with.imap(input, f)
            } else {
                with.imap_unordered(input, f)
            };
            assert!(catch_unwind(AssertUnwindSafe(|| items.next())).is_err());
            assert_eq!(ended.get(), 2, "an item was still running");
        });
    }
}

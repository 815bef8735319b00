//! What is yielded, and in which order.

use std::fmt::Debug;
use std::time::Duration;

use ringpool::{GetError, JobError, Pool};
use ringpool_tests::{Gate, Log, Tally, Tracked, Tracker, boom, hold, pool, watchdog};

use super::{A_MOMENT, panic_index};

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

/// What a stream yields for each of twenty items, some of which fail, by `next` and by `fold`.
fn by_next_and_by_fold<R, F>(f: F)
where
    R: Debug + Send + 'static,
    F: Fn(usize) -> R + Copy + Send + Sync + 'static,
{
    let pool = pool(2);
    for chunk in [1, 3, 7, 20] {
        for bad in [|_| false, |i| i % 7 == 3, |i| i == 0, |i| i == 19, |_| true] {
            let call = move |i: usize| if bad(i) { boom("bad item") } else { f(i) };
            let expected = (0..20).map(|i| {
                let panics_at = bad(i).then_some(i);
                (panics_at, (!bad(i)).then(|| format!("{:?}", f(i))))
            });
            let told = |result: Result<R, JobError>| match result {
                Ok(value) => (None, Some(format!("{value:?}"))),
                Err(error) => (panic_index(&error), None),
            };
            let with = || pool.with().chunk_size(chunk).imap(0..20, call);
            let mut by_next = Vec::new();
            for result in with() {
                by_next.push(told(result));
            }
            assert!(expected.clone().eq(by_next), "chunks of {chunk}");
            let by_fold = with().fold(Vec::new(), |mut all, result| {
                all.push(told(result));
                all
            });
            assert!(expected.eq(by_fold), "folded, chunks of {chunk}");
        }
    }
}

// S34
#[test]
fn values_of_every_size_come_out_of_chunks_with_and_without_failures() {
    let _watch = watchdog();
    by_next_and_by_fold(|i| i);
    by_next_and_by_fold(|_| ());
    by_next_and_by_fold(|i| i % 2 == 0);
    by_next_and_by_fold(|i| vec![i; i]);
    by_next_and_by_fold(Box::new);
    by_next_and_by_fold(|i| [i; 40]);
}

// S23, S34
#[test]
fn values_that_take_the_places_of_their_items_are_dropped_once() {
    let _watch = watchdog();
    for taken in [0, 4, 20] {
        let (pool, tracker) = (pool(2), Tracker::new());
        let mut stream = pool
            .with()
            .chunk_size(10)
            .imap(tracker.make_vec(20), move |item| match item.id() % 5 {
                3 => boom("bad item"),
                _ => tracker.make(),
            });
        assert_eq!(stream.by_ref().take(taken).count(), taken);
        drop(stream);
        pool.close();
        pool.join().unwrap();
        tracker.assert_all_dropped_once();
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

//! Iterators that are dropped or cancelled, or whose pool ends.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use ringpool::{JobError, Pool};
use ringpool_tests::{Gate, Tally, Tracked, Tracker, boom, pool, watchdog};

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
        ringpool_tests::forget(items);
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

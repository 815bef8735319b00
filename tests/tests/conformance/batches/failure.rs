//! Batches in which something goes wrong.

use std::time::Duration;

use ringpool::{Control, JobError};
use ringpool_tests::{Gate, Log, Tally, Tracker, boom, pool, watchdog};

use super::panic_index;

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

// S31
#[test]
fn of_several_errors_try_map_returns_the_lowest() {
    let _watch = watchdog();
    let pool = pool(3);
    for _ in 0..20 {
        let meeting = std::sync::Barrier::new(3);
        let result = pool.with().chunk_size(1).try_map(0..3, |i| {
            meeting.wait();
            Err::<(), _>(i)
        });
        assert_eq!(result.unwrap(), Err(0));
    }
}

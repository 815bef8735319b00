//! Inputs that panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use ringpool_tests::{Gate, Tally, Tracker, boom, pool, watchdog};

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

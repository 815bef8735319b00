//! Tests of the public ring: what goes in comes out, once, in order, and is dropped once.

use std::rc::Rc;
use std::string::{String, ToString};
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};
use std::thread;
use std::vec::Vec;

use super::*;

const ITEMS: usize = if cfg!(miri) { 200 } else { 100_000 };

/// Lets the other threads of a test go on.
fn pause() {
    thread::yield_now();
}

fn fills_to_exactly<const N: usize>() {
    let ring = Ring::<usize, N>::new();
    assert_eq!(ring.capacity(), N);
    for lap in 0..5 {
        assert!(ring.is_empty());
        for value in 0..N {
            assert_eq!(ring.len(), value);
            assert_eq!(ring.push(lap * N + value), Ok(()));
        }
        assert_eq!(ring.push(99), Err(PushError::Full(99)));
        assert_eq!(ring.len(), N);
        for value in 0..N {
            assert_eq!(ring.pop(), Ok(lap * N + value));
        }
        assert_eq!(ring.pop(), Err(PopError::Empty));
    }
}

#[test]
fn holds_its_capacity_and_not_one_more_in_every_lap() {
    fills_to_exactly::<1>();
    fills_to_exactly::<2>();
    fills_to_exactly::<8>();
}

#[test]
fn keeps_order_with_any_number_inside() {
    for inside in 1..=8 {
        let ring = Ring::<usize, 8>::new();
        for value in 0..inside {
            ring.push(value).unwrap();
        }
        for value in inside..inside + 50 {
            assert_eq!(ring.pop(), Ok(value - inside));
            ring.push(value).unwrap();
        }
    }
}

#[test]
fn a_close_returns_what_comes_later_and_lets_out_what_was_earlier() {
    for inside in 0..=4 {
        let ring = Ring::<String, 4>::new();
        for value in 0..inside {
            ring.push(value.to_string()).unwrap();
        }
        assert!(!ring.is_closed());
        ring.close();
        ring.close();
        assert!(ring.is_closed());
        let refused = ring.push("late".to_string()).unwrap_err();
        assert!(matches!(refused, PushError::Closed(_)));
        assert_eq!(refused.into_inner(), "late");
        assert_eq!(ring.len(), inside);
        for value in 0..inside {
            assert_eq!(ring.pop(), Ok(value.to_string()));
            assert!(matches!(
                ring.push(String::new()),
                Err(PushError::Closed(_))
            ));
        }
        assert_eq!(ring.pop(), Err(PopError::Closed));
        assert_eq!(ring.pop(), Err(PopError::Closed));
    }
}

#[test]
fn what_is_inside_is_dropped_once_and_what_was_popped_is_not() {
    let value = Rc::new(());
    let ring = Ring::<Rc<()>, 4>::new();
    for _ in 0..4 {
        ring.push(value.clone()).unwrap();
    }
    assert!(ring.push(value.clone()).is_err());
    assert_eq!(Rc::strong_count(&value), 5);
    let popped = ring.pop().unwrap();
    ring.close();
    assert!(ring.push(value.clone()).is_err());
    drop(ring);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(popped);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn errors_read_as_sentences_whatever_the_value() {
    struct Opaque;
    let full = PushError::Full(Opaque);
    assert_eq!(
        std::format!("{full} {full:?}"),
        "the ring is full; try again when a value was popped Full(..)"
    );
    assert_eq!(
        PushError::Closed(Opaque).to_string(),
        "the ring is closed; it takes no value any more"
    );
    assert_eq!(
        PopError::Empty.to_string(),
        "the ring is empty; try again when a value was pushed"
    );
    let ring = Ring::<Opaque, 2>::new();
    ring.push(Opaque).unwrap();
    assert_eq!(
        std::format!("{ring:?}"),
        "Ring { capacity: 2, len: 1, closed: false, .. }"
    );
}

#[test]
fn a_ring_may_be_shared_if_its_values_may_be_sent() {
    fn sync<T: Send + Sync>() {}
    sync::<Ring<core::cell::Cell<u8>, 2>>();
}

fn many_to_many<const N: usize>() {
    let ring = Ring::<(usize, usize), N>::new();
    // Where threads take turns at a few places, each turn may cost a time slice of a busy machine.
    let items = ITEMS.min(1000 * N);
    let taken = Count::new(0);
    let seen: [Vec<Count>; 2] =
        core::array::from_fn(|_| (0..items).map(|_| Count::new(0)).collect());
    thread::scope(|scope| {
        for producer in 0..2 {
            let ring = &ring;
            scope.spawn(move || {
                for number in 0..items {
                    while ring.push((producer, number)).is_err() {
                        pause();
                    }
                }
            });
            let (taken, seen) = (&taken, &seen);
            scope.spawn(move || {
                let mut last = [None; 2];
                while taken.load(Relaxed) < 2 * items {
                    let Ok((producer, number)) = ring.pop() else {
                        pause();
                        continue;
                    };
                    taken.fetch_add(1, Relaxed);
                    assert!(last[producer] < Some(number), "order of one producer");
                    last[producer] = Some(number);
                    seen[producer][number].fetch_add(1, Relaxed);
                }
            });
        }
    });
    assert!(seen.iter().flatten().all(|times| times.load(Relaxed) == 1));
    assert_eq!((ring.len(), ring.pop()), (0, Err(PopError::Empty)));
}

#[test]
fn many_producers_and_consumers_pass_each_value_once_in_order() {
    many_to_many::<1>();
    many_to_many::<2>();
    many_to_many::<64>();
}

#[test]
fn what_was_accepted_before_a_close_is_popped_and_nothing_else() {
    for _ in 0..if cfg!(miri) { 5 } else { 500 } {
        let ring = Ring::<usize, 4>::new();
        let (accepted, popped) = (Count::new(0), Count::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        match ring.push(1) {
                            Ok(()) => accepted.fetch_add(1, Relaxed),
                            Err(PushError::Full(_)) => {
                                pause();
                                0
                            }
                            Err(PushError::Closed(_)) => break,
                        };
                    }
                });
            }
            scope.spawn(|| {
                loop {
                    match ring.pop() {
                        Ok(value) => popped.fetch_add(value, Relaxed),
                        Err(PopError::Empty) => {
                            pause();
                            0
                        }
                        Err(PopError::Closed) => break,
                    };
                    if popped.load(Relaxed) == 20 {
                        ring.close();
                    }
                }
            });
        });
        assert_eq!(accepted.into_inner(), popped.into_inner());
    }
}

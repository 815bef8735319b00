//! The ring against a `VecDeque`: one thread, every capacity that fits a test, laps beyond count.

#![no_main]

use std::collections::VecDeque;
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use ringpool::ring::{PopError, PushError, Ring};

/// Does to a ring what the bytes say, and to a queue the same.
fn compare<const N: usize>(operations: &[u8]) {
    let ring = Ring::<Rc<u32>, N>::new();
    let mut queue = VecDeque::new();
    let mut values = Vec::new();
    let mut closed = false;
    for (number, operation) in (0..).zip(operations) {
        // Closing is rare, or nothing much would happen.
        match operation {
            0..120 => {
                let value = Rc::new(number);
                values.push(Rc::downgrade(&value));
                let answer = ring.push(Rc::clone(&value));
                match answer {
                    Ok(()) => {
                        assert!(!closed && queue.len() < N, "accepted");
                        queue.push_back(value);
                    }
                    Err(PushError::Full(back)) => {
                        assert!(!closed && queue.len() == N, "full");
                        assert!(Rc::ptr_eq(&back, &value), "another value came back");
                    }
                    Err(error) => {
                        assert!(closed, "closed");
                        assert!(
                            Rc::ptr_eq(&error.into_inner(), &value),
                            "another value came back"
                        );
                    }
                }
            }
            120..240 => match ring.pop() {
                Ok(value) => {
                    let expected = queue.pop_front().expect("something was inside");
                    assert!(Rc::ptr_eq(&value, &expected), "the oldest comes first");
                }
                Err(error) => {
                    let expected = if closed {
                        PopError::Closed
                    } else {
                        PopError::Empty
                    };
                    assert!(queue.is_empty(), "nothing was inside");
                    assert_eq!(error, expected);
                }
            },
            240..254 => {
                assert_eq!(ring.len(), queue.len());
                assert_eq!(ring.is_empty(), queue.is_empty());
                assert_eq!(ring.is_closed(), closed);
            }
            _ => {
                ring.close();
                closed = true;
            }
        }
    }
    let inside = |value: &Rc<u32>| Rc::strong_count(value) == 2;
    assert!(queue.iter().all(inside), "what is inside lives");
    drop(ring);
    drop(queue);
    assert!(
        values.iter().all(|value| value.strong_count() == 0),
        "a value outlives the ring"
    );
}

fuzz_target!(|data: &[u8]| {
    let Some((capacity, operations)) = data.split_first() else {
        return;
    };
    match capacity % 5 {
        0 => compare::<1>(operations),
        1 => compare::<2>(operations),
        2 => compare::<4>(operations),
        3 => compare::<8>(operations),
        _ => compare::<64>(operations),
    }
});

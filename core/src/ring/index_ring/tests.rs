//! Tests of one ring of indices, mostly near the wrap of a narrow shape.

use alloc::boxed::Box;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};
use std::thread;
use std::vec::Vec;

use super::*;

type Ring = IndexRing<Box<[AtomicUsize]>>;

/// An empty ring whose head and tail stand at `start`.
fn empty_at(shape: Shape, start: usize) -> Ring {
    let entries: Vec<_> = (0..shape.len()).map(|_| AtomicUsize::new(0)).collect();
    let mut position = Position(start);
    // The next lap is free: each of its entries is one cycle behind.
    for _ in 0..shape.len() {
        let behind = Entry {
            cycle: shape.cycle(position).wrapping_sub(1) & shape.cycle(Position(usize::MAX)),
            reason: None,
            index: 0,
        };
        entries[shape.slot(position)].store(shape.pack(behind, position), Relaxed);
        position = shape.next(position);
    }
    Ring {
        head: CachePadded(AtomicUsize::new(start)),
        tail: CachePadded(AtomicUsize::new(start)),
        shape,
        entries: entries.into_boxed_slice(),
    }
}

/// Shapes with few cycles, each with every position of the last two laps before the wrap.
fn near_the_wrap() -> impl Iterator<Item = Ring> {
    [1, 2, 8].into_iter().flat_map(|len| {
        let shape = Shape::narrow(len, 3);
        (6 * len..8 * len).map(move |start| empty_at(shape, start))
    })
}

#[test]
fn order_holds_over_the_wrap_with_any_number_inside() {
    for ring in near_the_wrap() {
        let len = ring.array_len();
        for inside in 1..=len {
            for index in 0..inside {
                assert_eq!(ring.push(index), Ok(()));
            }
            for turn in 0..20 * len {
                assert_eq!(ring.len(), inside);
                let index = ring.pop().unwrap();
                assert_eq!(index, turn % inside);
                assert_eq!(ring.push(index), Ok(()));
            }
            for _ in 0..inside {
                assert!(ring.pop().is_ok());
            }
            assert_eq!(ring.pop(), Err(Nothing::Empty));
            assert_eq!(ring.len(), 0);
        }
    }
}

#[test]
fn a_close_lets_out_what_is_inside_and_nothing_in() {
    for start in near_the_wrap() {
        for inside in 0..=start.array_len() {
            let position = start.tail().0;
            let ring = empty_at(start.shape, position);
            for index in 0..inside {
                assert_eq!(ring.push(index), Ok(()));
            }
            assert_eq!(ring.closed(), None);
            assert_eq!(ring.close(Reason::Grown), Reason::Grown);
            assert_eq!(ring.close(Reason::Closed), Reason::Grown, "the first stays");
            assert_eq!(ring.closed(), Some(Reason::Grown));
            assert_eq!(ring.len(), inside);
            for index in 0..inside {
                assert_eq!(ring.peek(), Ok(index));
                assert_eq!(ring.pop(), Ok(index));
                assert_eq!(ring.push(index), Err(Reason::Grown));
            }
            assert_eq!(ring.pop(), Err(Nothing::Closed(Reason::Grown)));
            assert_eq!(ring.peek(), Err(Nothing::Closed(Reason::Grown)));
            assert_eq!(ring.pop_if(|_| true), Err(Nothing::Closed(Reason::Grown)));
        }
    }
}

#[test]
fn zeroed_memory_holds_the_indices_from_the_first_wanted() {
    for first in 0..=8 {
        let zeros: Box<[AtomicUsize]> = (0..8).map(|_| AtomicUsize::new(0)).collect();
        let ring = IndexRing::holding_from(first, Shape::new(8), zeros);
        assert_eq!(ring.len(), 8 - first);
        for index in first..8 {
            assert_eq!(ring.pop(), Ok(index));
        }
        assert_eq!(ring.pop(), Err(Nothing::Empty));
        for index in (first..8).rev() {
            assert_eq!(ring.push(index), Ok(()));
        }
        for index in (first..8).rev() {
            assert_eq!(ring.pop(), Ok(index));
        }
    }
}

#[test]
fn a_conditional_pop_takes_only_what_is_accepted() {
    let ring = empty_at(Shape::new(4), 4);
    for index in [2, 3] {
        assert_eq!(ring.push(index), Ok(()));
    }
    assert_eq!(ring.pop_if(|index| index == 3), Ok(None));
    assert_eq!(ring.pop_if(|index| index == 2), Ok(Some(2)));
    assert_eq!(ring.pop_if(|index| index == 3), Ok(Some(3)));
    assert_eq!(ring.pop_if(|_| true), Err(Nothing::Empty));
}

#[test]
fn a_tail_that_lags_is_helped_on_by_push_and_by_close() {
    for close in [false, true] {
        let ring = empty_at(Shape::new(2), 2);
        assert_eq!(ring.push(0), Ok(()));
        // As a pusher leaves it that was stopped before its second step.
        ring.tail.store(2, Relaxed);
        assert_eq!(ring.closed(), None);
        ring.tail.store(2, Relaxed);
        assert_eq!(ring.peek(), Ok(0));
        if close {
            assert_eq!(ring.close(Reason::Closed), Reason::Closed);
        } else {
            assert_eq!(ring.push(1), Ok(()));
        }
        assert_eq!(ring.pop(), Ok(0));
        assert_eq!(ring.pop().is_ok(), !close);
    }
}

#[test]
fn a_tail_behind_the_head_is_no_length() {
    let ring = empty_at(Shape::new(2), 2);
    assert_eq!(ring.push(0), Ok(()));
    assert_eq!(ring.pop(), Ok(0));
    ring.tail.store(2, Relaxed);
    assert_eq!(ring.len(), 0);
    assert_eq!(ring.pop(), Err(Nothing::Empty));
    assert_eq!(ring.push(1), Ok(()));
    assert_eq!(ring.pop(), Ok(1));
}

#[test]
fn indices_that_threads_pass_around_stay_distinct() {
    let rounds = if cfg!(miri) { 100 } else { 50_000 };
    // Two rings, as every queue has them: an index taken from one is put into the other.
    let from = IndexRing::holding_from(
        0,
        Shape::new(4),
        (0..4).map(|_| AtomicUsize::new(0)).collect::<Box<[_]>>(),
    );
    let to = empty_at(Shape::new(4), 4);
    let held: [Count; 4] = Default::default();
    let carry = |from: &Ring, to: &Ring| {
        let mut moved = 0;
        while moved < rounds {
            let Ok(index) = from.pop() else {
                thread::yield_now();
                continue;
            };
            assert_eq!(held[index].fetch_add(1, Relaxed), 0);
            assert_eq!(held[index].fetch_sub(1, Relaxed), 1);
            assert_eq!(to.push(index), Ok(()));
            moved += 1;
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| carry(&from, &to));
            scope.spawn(|| carry(&to, &from));
        }
    });
    let mut left: Vec<_> = core::iter::from_fn(|| from.pop().ok()).collect();
    left.extend(core::iter::from_fn(|| to.pop().ok()));
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3]);
}

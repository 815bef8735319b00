//! Tests of the queue of pointers. Items are numbers in the shape of pointers; nobody follows them.

use std::ptr::without_provenance_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};
use std::thread;
use std::vec::Vec;

use super::*;

const ITEMS: usize = if cfg!(miri) { 300 } else { 100_000 };

fn item(number: usize) -> NonNull<()> {
    NonNull::new(without_provenance_mut(number + 1)).unwrap()
}

fn number(item: NonNull<()>) -> usize {
    item.as_ptr().addr() - 1
}

fn bounded(capacity: usize) -> Chain {
    Chain::bounded(NonZeroUsize::new(capacity).unwrap()).unwrap()
}

/// A chain that grows soon.
fn growing() -> Chain {
    Chain::starting_with(build(1), WhenFull::Grow)
}

fn push(chain: &Chain, value: usize) -> Result<(), PushRefused> {
    chain.push(item(value), |_| ())
}

/// Pushes and returns the cell.
fn push_placed(chain: &Chain, value: usize) -> NonNull<Cell> {
    let mut cell = None;
    chain.push(item(value), |at| cell = Some(at)).unwrap();
    cell.unwrap()
}

fn revoke(_alive: &Chain, cell: NonNull<Cell>, value: usize) -> bool {
    // SAFETY: cells live as long as their chain, which is borrowed here.
    unsafe { cell.as_ref() }.revoke(item(value))
}

fn pop(chain: &Chain) -> Option<usize> {
    match chain.pop() {
        Popped::Item(item) => Some(number(item)),
        Popped::Emptied | Popped::Empty | Popped::Closed => None,
    }
}

#[test]
fn a_bounded_chain_holds_exactly_its_capacity() {
    for capacity in [1, 2, 3, 5, 8] {
        let chain = bounded(capacity);
        for lap in 0..5 {
            for value in 0..capacity {
                assert_eq!(chain.len(), value);
                assert_eq!(push(&chain, lap + value), Ok(()));
            }
            assert_eq!(push(&chain, 99), Err(PushRefused::Full));
            for value in 0..capacity {
                assert_eq!(pop(&chain), Some(lap + value));
            }
            assert_eq!(chain.pop(), Popped::Empty);
        }
    }
}

#[test]
fn a_capacity_beyond_memory_is_none() {
    for capacity in [usize::MAX, usize::MAX / 2, usize::MAX / 8] {
        assert!(Chain::bounded(NonZeroUsize::new(capacity).unwrap()).is_none());
    }
}

#[test]
fn growth_keeps_order_and_refuses_nothing() {
    for chain in [growing(), Chain::unbounded()] {
        let (mut pushed, mut popped) = (0, 0);
        // Three in, one out; then all out.
        for _ in 0..1000 {
            for _ in 0..3 {
                assert_eq!(push(&chain, pushed), Ok(()));
                pushed += 1;
            }
            assert_eq!(pop(&chain), Some(popped));
            popped += 1;
            assert_eq!(chain.len(), pushed - popped);
            assert!(!chain.is_empty_hint());
        }
        while popped < pushed {
            assert_eq!(pop(&chain), Some(popped));
            popped += 1;
        }
        assert_eq!((chain.pop(), chain.len()), (Popped::Empty, 0));
        assert!(chain.is_empty_hint());
    }
}

#[test]
fn a_close_lets_out_what_is_inside_and_nothing_in() {
    for inside in 0..=8 {
        for chain in [bounded(8), growing(), Chain::unbounded()] {
            for value in 0..inside {
                assert_eq!(push(&chain, value), Ok(()));
            }
            assert!(!chain.is_closed());
            chain.close();
            chain.close();
            assert!(chain.is_closed());
            assert_eq!(push(&chain, 99), Err(PushRefused::Closed));
            for value in 0..inside {
                assert!(!chain.is_empty_hint());
                assert_eq!(pop(&chain), Some(value));
                assert_eq!(push(&chain, 99), Err(PushRefused::Closed));
            }
            assert_eq!(chain.pop(), Popped::Closed);
            assert!(!chain.is_empty_hint(), "a worker that parks would miss it");
        }
    }
}

/// A chain whose only segment is full and has grown, as a pusher leaves it that was stopped there.
fn grown_without_next(mark_building: bool) -> Chain {
    let chain = growing();
    assert_eq!(push(&chain, 0), Ok(()));
    let first = chain.push_to.segment();
    assert_eq!(first.close(Reason::Grown), Reason::Grown);
    if mark_building {
        assert!(first.next.reserve());
    }
    chain
}

#[test]
fn a_grown_segment_without_a_next_is_open_and_then_empty() {
    for mark_building in [false, true] {
        let chain = grown_without_next(mark_building);
        assert!(!chain.is_closed());
        assert_eq!(pop(&chain), Some(0));
        assert_eq!(chain.pop(), Popped::Empty);
        assert!(chain.is_empty_hint());
        // A builder that never comes back stops nobody.
        assert_eq!(push(&chain, 1), Ok(()));
        assert!(!chain.is_empty_hint());
        assert_eq!(pop(&chain), Some(1));
    }
}

#[test]
fn a_close_ends_a_chain_whose_next_segment_is_not_there_yet() {
    for mark_building in [false, true] {
        let chain = grown_without_next(mark_building);
        chain.close();
        assert!(chain.is_closed());
        assert_eq!(push(&chain, 1), Err(PushRefused::Closed));
        // The builder comes back, too late.
        let first = chain.push_to.segment();
        assert!(matches!(first.next.install(build(2)), Next::End));
        assert_eq!(pop(&chain), Some(0));
        assert_eq!(chain.pop(), Popped::Closed);
        assert!(!chain.is_empty_hint());
        chain.close();
    }
}

#[test]
fn a_second_builder_gets_the_first_ones_segment() {
    let chain = grown_without_next(true);
    let first = chain.push_to.segment();
    let Next::Installed(winner) = first.next.install(build(2)) else {
        panic!("the mark was set");
    };
    let Next::Installed(seen) = first.next.install(build(2)) else {
        panic!("a segment is there");
    };
    assert!(core::ptr::eq(winner, seen));
}

#[test]
fn a_revoked_item_leaves_an_entry_that_a_pop_frees() {
    let chain = bounded(2);
    let first = push_placed(&chain, 1);
    let second = push_placed(&chain, 2);
    assert_ne!(first, second);
    assert!(!revoke(&chain, second, 1), "another item's cell");
    assert!(revoke(&chain, second, 2));
    assert!(!revoke(&chain, second, 2));
    assert_eq!(chain.pop_emptied(), 0, "it is not at the head");
    assert_eq!(push(&chain, 3), Err(PushRefused::Full));
    assert_eq!(pop(&chain), Some(1));
    assert!(!revoke(&chain, first, 1), "it was popped");
    assert_eq!(chain.pop(), Popped::Emptied);
    assert_eq!(chain.pop(), Popped::Empty);
    assert_eq!(push(&chain, 3), Ok(()));
    assert_eq!(push(&chain, 4), Ok(()));
}

#[test]
fn emptied_entries_at_the_head_go_at_once_and_across_segments() {
    let chain = growing();
    let cells: Vec<_> = (0..10).map(|value| push_placed(&chain, value)).collect();
    for (value, &cell) in cells.iter().enumerate() {
        if value != 7 {
            assert!(revoke(&chain, cell, value));
        }
    }
    assert_eq!(chain.pop_emptied(), 7);
    assert_eq!(chain.len(), 3);
    assert_eq!(pop(&chain), Some(7));
    assert_eq!(chain.pop_emptied(), 2);
    assert_eq!((chain.pop_emptied(), chain.pop()), (0, Popped::Empty));
    chain.close();
    assert_eq!(chain.pop_emptied(), 0);
}

#[test]
fn an_item_revoked_before_a_refused_publication_counts_as_accepted() {
    let chain = bounded(2);
    let pushed = chain.push(item(5), |cell| {
        chain.close();
        assert!(revoke(&chain, cell, 5));
    });
    assert_eq!(pushed, Ok(()));
    assert_eq!(chain.pop(), Popped::Closed);
    assert_eq!(push(&chain, 6), Err(PushRefused::Closed));
}

#[test]
fn an_item_is_placed_again_if_its_segment_grew_meanwhile() {
    let chain = Chain::starting_with(build(2), WhenFull::Grow);
    let mut cells = Vec::new();
    let pushed = chain.push(item(5), |cell| {
        if cells.is_empty() {
            chain.push_to.segment().close(Reason::Grown);
        }
        cells.push(cell);
    });
    assert_eq!(pushed, Ok(()));
    assert_eq!(cells.len(), 2);
    assert!(!revoke(&chain, cells[0], 5));
    assert!(revoke(&chain, cells[1], 5));
    assert_eq!(chain.pop(), Popped::Emptied);
}

#[test]
fn popper_and_revoker_never_both_get_an_item() {
    for (chain, items) in [(bounded(3), ITEMS / 50), (growing(), ITEMS)] {
        let mut owners: Vec<Count> = (0..items).map(|_| Count::new(0)).collect();
        let taken = Count::new(0);
        let own = |value: usize| {
            owners[value].fetch_add(1, Relaxed);
            taken.fetch_add(1, Relaxed);
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut window = Vec::new();
                for value in 0..items {
                    let mut cell = None;
                    while chain.push(item(value), |at| cell = Some(at)).is_err() {
                        thread::yield_now();
                    }
                    window.push((value, cell.unwrap()));
                    // Revokes what is old and what is young, some of it popped already.
                    if value % 3 == 2 {
                        for (value, cell) in window.drain(..) {
                            if revoke(&chain, cell, value) {
                                own(value);
                            }
                        }
                        chain.pop_emptied();
                    }
                }
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    while taken.load(Relaxed) < items {
                        match pop(&chain) {
                            Some(value) => own(value),
                            None => thread::yield_now(),
                        }
                    }
                });
            }
        });
        assert!(owners.iter_mut().all(|owners| *owners.get_mut() == 1));
        chain.pop_emptied();
        assert_eq!((chain.pop(), chain.len()), (Popped::Empty, 0));
    }
}

#[test]
fn many_producers_and_consumers_pass_each_item_once_in_order() {
    // Where threads take turns at a few places, each turn may cost a time slice of a busy machine.
    let few = ITEMS / 50;
    for (chain, items) in [
        (bounded(1), few),
        (bounded(3), few),
        (growing(), ITEMS),
        (Chain::unbounded(), ITEMS),
    ] {
        let seen: Vec<Count> = (0..2 * items).map(|_| Count::new(0)).collect();
        let taken = Count::new(0);
        thread::scope(|scope| {
            for producer in 0..2 {
                let (chain, taken, seen) = (&chain, &taken, &seen);
                scope.spawn(move || {
                    for turn in 0..items {
                        while push(chain, 2 * turn + producer).is_err() {
                            thread::yield_now();
                        }
                    }
                });
                scope.spawn(move || {
                    let mut last = [None; 2];
                    while taken.load(Relaxed) < 2 * items {
                        let Some(value) = pop(chain) else {
                            thread::yield_now();
                            continue;
                        };
                        taken.fetch_add(1, Relaxed);
                        assert!(last[value % 2] < Some(value), "order of one producer");
                        last[value % 2] = Some(value);
                        seen[value].fetch_add(1, Relaxed);
                    }
                });
            }
        });
        assert!(seen.iter().all(|times| times.load(Relaxed) == 1));
        assert_eq!(chain.pop(), Popped::Empty);
    }
}

#[test]
fn what_was_accepted_before_a_close_is_popped_and_nothing_else() {
    for round in 0..if cfg!(miri) { 6 } else { 100 } {
        let chain = if round % 2 == 0 {
            growing()
        } else {
            bounded(3)
        };
        let (accepted, popped) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for producer in 0..2 {
                let (chain, accepted) = (&chain, &accepted);
                scope.spawn(move || {
                    let mut turn = producer;
                    loop {
                        match push(chain, turn) {
                            Ok(()) => accepted.lock().unwrap().push(turn),
                            Err(PushRefused::Full) => {
                                thread::yield_now();
                                continue;
                            }
                            Err(PushRefused::Closed) => break,
                        }
                        turn += 2;
                        if turn > round {
                            chain.close();
                        }
                    }
                });
                let popped = &popped;
                scope.spawn(move || {
                    loop {
                        match chain.pop() {
                            Popped::Item(item) => popped.lock().unwrap().push(number(item)),
                            Popped::Emptied => panic!("nobody revokes"),
                            Popped::Empty => thread::yield_now(),
                            Popped::Closed => break,
                        }
                    }
                });
            }
        });
        let (mut accepted, mut popped) =
            (accepted.into_inner().unwrap(), popped.into_inner().unwrap());
        accepted.sort_unstable();
        popped.sort_unstable();
        assert_eq!(accepted, popped);
    }
}

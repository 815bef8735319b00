//! loom models of the queue: `RUSTFLAGS="--cfg ringpool_loom" cargo test --release -p ringpool-core
//! --features alloc --lib models` (`ci/loom.sh`).

extern crate std;

use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use loom::sync::atomic::AtomicBool;
use loom::thread;

use super::*;
use crate::models::explore;
use crate::ring::Ring;

fn item(number: usize) -> NonNull<()> {
    NonNull::new(core::ptr::without_provenance_mut(number + 1)).unwrap()
}

fn number(item: NonNull<()>) -> usize {
    item.as_ptr().addr() - 1
}

fn bounded(capacity: usize) -> Arc<Chain> {
    Arc::new(Chain::bounded(NonZeroUsize::new(capacity).unwrap()).unwrap())
}

fn drain(chain: &Chain) -> Vec<usize> {
    let mut all = Vec::new();
    loop {
        match chain.pop() {
            Popped::Item(item) => all.push(number(item)),
            Popped::Emptied => {}
            Popped::Empty | Popped::Closed => return all,
        }
    }
}

/// Runs `f` with the chain on a thread of the model.
fn with<R: 'static>(
    chain: &Arc<Chain>,
    f: impl FnOnce(&Chain) -> R + 'static,
) -> thread::JoinHandle<R> {
    let chain = Arc::clone(chain);
    thread::spawn(move || f(&chain))
}

#[test]
fn who_has_pushed_never_finds_the_queue_empty() {
    explore(3, || {
        let chain = bounded(2);
        let threads = [0, 1].map(|n| {
            with(&chain, move |chain| {
                assert!(chain.push(item(n), |_| ()).is_ok());
                assert!(!chain.is_empty_hint());
                assert!(matches!(chain.pop(), Popped::Item(_)));
            })
        });
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn growth_keeps_every_item() {
    explore(3, || {
        let chain = Arc::new(Chain::unbounded());
        let pushers = [0, 1].map(|n| {
            with(&chain, move |chain| {
                assert!(chain.push(item(n), |_| ()).is_ok())
            })
        });
        let popper = with(&chain, |chain| match chain.pop() {
            Popped::Item(item) => Some(number(item)),
            _ => None,
        });
        pushers
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let mut all: Vec<_> = popper.join().unwrap().into_iter().collect();
        all.extend(drain(&chain));
        all.sort_unstable();
        assert_eq!(all, [0, 1]);
    });
}

#[test]
fn what_was_accepted_before_a_close_that_races_growth_is_popped() {
    // Four threads: bound 2 ends in seconds.
    explore(2, || {
        let chain = Arc::new(Chain::unbounded());
        assert!(chain.push(item(9), |_| ()).is_ok());
        let pushers =
            [0, 1].map(|n| with(&chain, move |chain| chain.push(item(n), |_| ()).is_ok()));
        let closer = with(&chain, |chain| {
            chain.close();
            assert!(chain.push(item(7), |_| ()).is_err());
        });
        let accepted = pushers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|&ok| ok)
            .count();
        closer.join().unwrap();
        assert_eq!(drain(&chain).len(), accepted + 1);
        assert_eq!(chain.pop(), Popped::Closed);
    });
}

#[test]
fn a_close_on_a_full_queue_loses_nothing_to_two_poppers() {
    explore(3, || {
        let chain = bounded(1);
        assert!(chain.push(item(0), |_| ()).is_ok());
        let poppers = [0, 1].map(|_| with(&chain, |chain| matches!(chain.pop(), Popped::Item(_))));
        let closer = with(&chain, Chain::close);
        let got = poppers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|&got| got)
            .count();
        closer.join().unwrap();
        assert_eq!(got, 1);
        assert_eq!(chain.pop(), Popped::Closed);
    });
}

#[test]
fn popper_and_revoker_never_both_get_an_item() {
    explore(3, || {
        let chain = bounded(1);
        let mut cell = None;
        assert!(chain.push(item(0), |place| cell = Some(place)).is_ok());
        let cell = cell.unwrap().as_ptr().expose_provenance();
        let popper = with(&chain, |chain| {
            let got = chain.pop() == Popped::Item(item(0));
            // The place may be used again at once; the revoker must not take the new item.
            let _ = chain.push(item(1), |_| ());
            got
        });
        let revoker = with(&chain, move |chain| {
            let cell = core::ptr::with_exposed_provenance::<Cell>(cell);
            // SAFETY: cells live as long as their chain, which this thread holds.
            let got = unsafe { &*cell }.revoke(item(0));
            chain.pop_emptied();
            got
        });
        assert!(popper.join().unwrap() ^ revoker.join().unwrap());
    });
}

#[test]
fn an_item_that_is_revoked_while_a_close_refuses_it_has_one_owner() {
    explore(2, || {
        let chain = bounded(1);
        let [notes, knows] = crate::models::shared(AtomicPtr::new(core::ptr::null_mut()));
        let pusher = with(&chain, move |chain| {
            let place = |cell: NonNull<Cell>| notes.store(cell.as_ptr(), Ordering::Release);
            chain.push(item(0), place).is_ok()
        });
        let closer = with(&chain, Chain::close);
        let revoker = with(&chain, move |_| {
            // SAFETY: cells live as long as their chain, which this thread holds.
            let cell = unsafe { knows.load(Ordering::Acquire).as_ref() };
            cell.is_some_and(|cell| cell.revoke(item(0)))
        });
        let accepted = pusher.join().unwrap();
        closer.join().unwrap();
        let revoked = revoker.join().unwrap();
        let popped = drain(&chain).len();
        assert_eq!(usize::from(accepted), usize::from(revoked) + popped);
    });
}

#[test]
fn the_queue_is_not_empty_between_two_items_that_are_both_there() {
    explore(3, || {
        let chain = bounded(2);
        let pushed = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let [flags, seen_by_popper, seen_by_reader] = [0; 3].map(|_| Arc::clone(&pushed));
        let pusher = with(&chain, move |chain| {
            for (n, flag) in flags.iter().enumerate() {
                assert!(chain.push(item(n), |_| ()).is_ok());
                flag.store(true, Ordering::Release);
            }
        });
        let popper = with(&chain, move |chain| {
            if seen_by_popper[1].load(Ordering::Acquire) {
                let _ = chain.pop();
            }
        });
        let reader = with(&chain, move |chain| {
            if seen_by_reader[0].load(Ordering::Acquire) {
                assert!(!chain.is_empty_hint());
            }
        });
        [pusher, popper, reader]
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_ring_of_values_hands_each_over_once() {
    explore(3, || {
        let ring = Arc::new(Ring::<Box<usize>, 1>::new());
        let pushers = [0, 1].map(|n| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.push(Box::new(n)).is_ok())
        });
        let popper = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.pop().is_ok())
        };
        let pushed = pushers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|&ok| ok)
            .count();
        let mut popped = usize::from(popper.join().unwrap());
        while ring.pop().is_ok() {
            popped += 1;
        }
        assert_eq!(popped, pushed);
    });
}

/// A chain whose first segment is full, so that the next push makes it grow.
fn about_to_grow() -> Arc<Chain> {
    let chain = Arc::new(Chain::unbounded());
    assert!(chain.push(item(0), |_| ()).is_ok());
    chain
}

#[test]
fn pushers_that_begin_in_a_later_segment_find_it_complete() {
    explore(3, || {
        let chain = about_to_grow();
        let pushers = [1, 2].map(|n| {
            with(&chain, move |chain| {
                assert!(chain.push(item(n), |_| ()).is_ok())
            })
        });
        pushers
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let mut all = drain(&chain);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    });
}

#[test]
fn poppers_that_begin_in_a_later_segment_find_it_complete() {
    explore(2, || {
        let chain = about_to_grow();
        let pusher = with(&chain, |chain| assert!(chain.push(item(1), |_| ()).is_ok()));
        let poppers = [0; 2].map(|_| with(&chain, |chain| matches!(chain.pop(), Popped::Item(_))));
        pusher.join().unwrap();
        let popped = poppers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|&popped| popped)
            .count();
        assert_eq!(popped + drain(&chain).len(), 2);
    });
}

#[test]
fn who_has_closed_a_queue_while_it_grows_is_refused() {
    explore(1, || {
        let chain = about_to_grow();
        let pusher = with(&chain, |chain| chain.push(item(1), |_| ()).is_ok());
        let closer = with(&chain, |chain| {
            chain.close();
            assert!(push_finds_out(chain));
        });
        let accepted = pusher.join().unwrap();
        closer.join().unwrap();
        assert_eq!(drain(&chain).len(), 1 + usize::from(accepted));
    });
}

/// A close that another thread finds out about.
fn who_is_told_of_the_close_knows_what_came_before(
    chain: fn() -> Arc<Chain>,
    finds_out: fn(&Chain) -> bool,
    others: fn(&Arc<Chain>) -> Option<thread::JoinHandle<bool>>,
) {
    explore(2, move || {
        let chain = chain();
        let before = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&before);
        let closer = with(&chain, move |chain| {
            before.store(true, Ordering::Relaxed);
            chain.close();
        });
        let finder = with(&chain, move |chain| {
            if finds_out(chain) {
                assert!(seen.load(Ordering::Relaxed));
            }
        });
        others(&chain).map(|thread| thread.join().unwrap());
        closer.join().unwrap();
        finder.join().unwrap();
    });
}

fn push_finds_out(chain: &Chain) -> bool {
    matches!(chain.push(item(2), |_| ()), Err(PushRefused::Closed))
}

fn pop_finds_out(chain: &Chain) -> bool {
    matches!(chain.pop(), Popped::Item(_)) && matches!(chain.pop(), Popped::Closed)
}

#[test]
fn who_is_refused_knows_what_came_before_the_close() {
    who_is_told_of_the_close_knows_what_came_before(|| bounded(1), push_finds_out, |_| None);
}

#[test]
fn who_is_refused_where_the_chain_grows_knows_what_came_before_the_close() {
    who_is_told_of_the_close_knows_what_came_before(about_to_grow, push_finds_out, |_| None);
}

#[test]
fn who_has_emptied_the_chain_where_it_grows_knows_what_came_before_the_close() {
    who_is_told_of_the_close_knows_what_came_before(about_to_grow, pop_finds_out, |chain| {
        Some(with(chain, |chain| chain.push(item(1), |_| ()).is_ok()))
    });
}

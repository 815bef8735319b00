use std::ptr::without_provenance_mut;
use std::thread;
use std::vec::Vec;

use super::*;

static QUEUE: FixedQueue<4> = FixedQueue::new();

fn item(number: usize) -> NonNull<()> {
    NonNull::new(without_provenance_mut(number + 1)).unwrap()
}

fn push<const N: usize>(queue: &FixedQueue<N>, number: usize) -> Result<(), PushRefused> {
    queue.push(item(number), |_| {})
}

fn push_placed<const N: usize>(queue: &FixedQueue<N>, number: usize) -> &Cell {
    let mut place = None;
    queue.push(item(number), |cell| place = Some(cell)).unwrap();
    // SAFETY: a cell lives as long as its queue, which is borrowed.
    unsafe { place.unwrap().as_ref() }
}

#[test]
fn it_holds_exactly_its_places_lap_after_lap() {
    let queue = FixedQueue::<2>::new();
    for lap in 0..10 {
        assert_eq!(queue.pop(), Popped::Empty);
        assert!(queue.is_empty_hint());
        assert_eq!(push(&queue, lap), Ok(()));
        assert_eq!(push(&queue, lap + 1), Ok(()));
        assert_eq!(push(&queue, 99), Err(PushRefused::Full));
        assert_eq!(queue.len(), 2);
        assert!(!queue.is_empty_hint());
        assert_eq!(queue.pop(), Popped::Item(item(lap)));
        assert_eq!(queue.pop(), Popped::Item(item(lap + 1)));
    }
}

#[test]
fn a_close_lets_out_what_is_inside_and_nothing_in() {
    let queue = FixedQueue::<2>::new();
    assert_eq!(push(&queue, 1), Ok(()));
    assert_eq!(push(&queue, 2), Ok(()));
    queue.close();
    // Full and closed: the answer that stays true.
    assert_eq!(push(&queue, 3), Err(PushRefused::Closed));
    assert_eq!(queue.pop(), Popped::Item(item(1)));
    assert_eq!(push(&queue, 3), Err(PushRefused::Closed));
    assert_eq!(queue.pop(), Popped::Item(item(2)));
    assert_eq!(queue.pop(), Popped::Closed);
    assert!(
        !queue.is_empty_hint(),
        "a worker must not sleep over the end"
    );
}

#[test]
fn emptied_entries_at_the_head_give_their_places_back() {
    let queue = FixedQueue::<4>::new();
    let cells: Vec<_> = (0..4).map(|number| push_placed(&queue, number)).collect();
    assert!(cells[0].revoke(item(0)));
    assert!(cells[1].revoke(item(1)));
    assert!(cells[3].revoke(item(3)));
    assert!(!cells[3].revoke(item(3)));
    assert!(queue.pop_emptied());
    assert!(!queue.pop_emptied(), "item 2 is at the head");
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.pop(), Popped::Item(item(2)));
    assert_eq!(queue.pop(), Popped::Emptied);
    assert_eq!(queue.pop(), Popped::Empty);
}

#[test]
fn a_static_queue_passes_each_item_once() {
    const ITEMS: usize = if cfg!(miri) { 100 } else { 10_000 };
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..ITEMS {
                while push(&QUEUE, number).is_err() {
                    thread::yield_now();
                }
            }
            QUEUE.close();
        });
        let poppers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut got = Vec::new();
                loop {
                    match QUEUE.pop() {
                        Popped::Item(item) => got.push(item.addr().get() - 1),
                        Popped::Closed => return got,
                        Popped::Emptied | Popped::Empty => thread::yield_now(),
                    }
                }
            })
        });
        let mut all = Vec::new();
        for popper in poppers {
            let got = popper.join().unwrap();
            assert!(got.is_sorted(), "one popper sees the order of the queue");
            all.extend(got);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..ITEMS));
    });
}

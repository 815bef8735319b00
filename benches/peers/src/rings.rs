//! Bounded queues against ringpool's ring: what an item costs between threads, and in one.

use std::hint::spin_loop;
use std::sync::mpsc;
use std::thread;

/// Places in each queue that is bounded.
const CAPACITY: usize = 1024;

/// A queue, and how to send items through it.
#[derive(Clone, Copy)]
pub struct Queue {
    /// What the tables call it.
    pub name: &'static str,
    /// Whether several threads can take from it.
    pub shared: bool,
    /// Sends so many items through it by so many producers and as many consumers, or in turns of one push and one pop by a
    /// single thread if there are none, and returns the sum of what came out.
    pub relay: fn(pairs: usize, items: u64) -> u64,
}

const fn queue(name: &'static str, relay: fn(usize, u64) -> u64) -> Queue {
    Queue {
        name,
        shared: true,
        relay,
    }
}

/// All of them, ringpool's first.
pub const QUEUES: [Queue; 9] = [
    queue("ringpool Ring", ringpool),
    queue("crossbeam ArrayQueue", array),
    queue("crossbeam SegQueue, unbounded", segments),
    queue("concurrent-queue, bounded", concurrent),
    queue("heapless mpmc", heapless),
    queue("thingbuf", thingbuf),
    queue("kanal, bounded", kanal),
    queue("flume, bounded", flume),
    Queue {
        name: "std sync_channel",
        shared: false,
        relay: sync_channel,
    },
];

/// The sum of what [`Queue::relay`] sends: from 1, so that none can be lost unseen.
pub fn total(items: u64) -> u64 {
    (1..=items).fold(0, u64::wrapping_add)
}

/// Tries until `f` has something, and lets others run when that takes long.
fn until<T>(mut f: impl FnMut() -> Option<T>) -> T {
    let mut tries = 0_u32;
    loop {
        if let Some(value) = f() {
            return value;
        }
        tries += 1;
        if tries.is_multiple_of(64) {
            thread::yield_now();
        } else {
            spin_loop();
        }
    }
}

/// Each thread has its own ends, so that channels can be handed out as they are meant to be.
fn relay<P, C>(pairs: usize, items: u64, ends: impl Fn() -> (P, C)) -> u64
where
    P: FnMut(u64) + Send,
    C: FnMut() -> u64 + Send,
{
    let Some(step) = u64::try_from(pairs).ok().filter(|step| *step > 0) else {
        let (mut push, mut pop) = ends();
        let turn = |n| {
            push(n);
            pop()
        };
        return (1..=items).map(turn).fold(0, u64::wrapping_add);
    };
    thread::scope(|scope| {
        let consumers: Vec<_> = (1..=step)
            .map(|begin| {
                let (mut push, mut pop) = ends();
                let mine = move || (begin..=items).step_by(pairs);
                scope.spawn(move || mine().for_each(&mut push));
                scope.spawn(move || mine().map(|_| pop()).fold(0, u64::wrapping_add))
            })
            .collect();
        let sums = consumers.into_iter().map(thread::ScopedJoinHandle::join);
        sums.map(|sum| sum.expect("no thread panics"))
            .fold(0, u64::wrapping_add)
    })
}

/// The same through a queue that is shared by reference and never blocks.
fn relay_by(
    pairs: usize,
    items: u64,
    push: impl Fn(u64) -> bool + Sync,
    pop: impl Fn() -> Option<u64> + Sync,
) -> u64 {
    let (push, pop) = (&push, &pop);
    relay(pairs, items, || {
        (move |n| until(|| push(n).then_some(())), move || until(pop))
    })
}

fn ringpool(pairs: usize, items: u64) -> u64 {
    let ring = ringpool::ring::Ring::<u64, CAPACITY>::new();
    relay_by(pairs, items, |n| ring.push(n).is_ok(), || ring.pop().ok())
}

fn array(pairs: usize, items: u64) -> u64 {
    let queue = crossbeam_queue::ArrayQueue::new(CAPACITY);
    relay_by(pairs, items, |n| queue.push(n).is_ok(), || queue.pop())
}

fn segments(pairs: usize, items: u64) -> u64 {
    let queue = crossbeam_queue::SegQueue::new();
    let push = |n| {
        queue.push(n);
        true
    };
    relay_by(pairs, items, push, || queue.pop())
}

fn concurrent(pairs: usize, items: u64) -> u64 {
    let queue = concurrent_queue::ConcurrentQueue::bounded(CAPACITY);
    relay_by(pairs, items, |n| queue.push(n).is_ok(), || queue.pop().ok())
}

fn heapless(pairs: usize, items: u64) -> u64 {
    #[expect(
        deprecated,
        reason = "it fails while a thread in the middle is stopped, and here one tries again"
    )]
    let queue = heapless::mpmc::Queue::<u64, CAPACITY>::new();
    relay_by(
        pairs,
        items,
        |n| queue.enqueue(n).is_ok(),
        || queue.dequeue(),
    )
}

fn thingbuf(pairs: usize, items: u64) -> u64 {
    let queue = thingbuf::ThingBuf::new(CAPACITY);
    relay_by(pairs, items, |n| queue.push(n).is_ok(), || queue.pop())
}

fn kanal(pairs: usize, items: u64) -> u64 {
    let (sender, receiver) = kanal::bounded(CAPACITY);
    relay(pairs, items, || {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        (
            move |n| sender.send(n).expect("a receiver is there"),
            move || receiver.recv().expect("a sender is there"),
        )
    })
}

fn flume(pairs: usize, items: u64) -> u64 {
    let (sender, receiver) = flume::bounded(CAPACITY);
    relay(pairs, items, || {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        (
            move |n| sender.send(n).expect("a receiver is there"),
            move || receiver.recv().expect("a sender is there"),
        )
    })
}

/// A receiver of its own, so for one pair of threads at most.
fn sync_channel(pairs: usize, items: u64) -> u64 {
    relay(pairs, items, || {
        let (sender, receiver) = mpsc::sync_channel(CAPACITY);
        (
            move |n| sender.send(n).expect("the receiver is there"),
            move || receiver.recv().expect("the sender is there"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_hands_over_every_item() {
        for queue in QUEUES {
            for pairs in 0..=1 + usize::from(queue.shared) {
                assert_eq!(
                    (queue.relay)(pairs, 10_001),
                    total(10_001),
                    "{}, {pairs} pairs",
                    queue.name
                );
            }
        }
    }
}

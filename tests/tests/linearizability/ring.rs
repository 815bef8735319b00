//! The ring is a bounded queue that can be closed, with one allowance, which its documentation states: a thread
//! inside `push` or `pop` keeps a place with it.

use ringpool::ring::{PopError, PushError, Ring};
use ringpool_tests::SplitMix64;

use super::checker::{Event, Specification, Step, is_linearizable};
use super::history::{Clock, dawdle, is_caught, rounds, together};
use super::queues::{Fault, Locked, Queue};

#[derive(Debug, Clone, Copy)]
enum Operation {
    Push(u32, Pushed),
    Pop(Result<u32, PopError>),
    Close,
    IsClosed(bool),
    IsEmpty(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pushed {
    Accepted,
    Full,
    Closed,
}

/// The queue, and the places that threads hold which are inside of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Bounded {
    capacity: usize,
    values: Vec<u32>,
    held: usize,
    closed: bool,
}

impl Bounded {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            values: Vec::new(),
            held: 0,
            closed: false,
        }
    }

    fn is_full(&self) -> bool {
        self.values.len() + self.held == self.capacity
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }
}

impl Specification for Bounded {
    type Operation = Operation;

    fn step(&self, operation: &Operation, stage: u8) -> Vec<Step<Self>> {
        let only_if = |allowed: bool| Vec::from_iter(allowed.then(|| Step::Last(self.clone())));
        let hold = || {
            let next = (!self.is_full()).then(|| self.with(|next| next.held += 1));
            Vec::from_iter(next.map(Step::Further))
        };
        match (*operation, stage) {
            (Operation::Push(_, Pushed::Full), _) => only_if(self.is_full() && !self.closed),
            (Operation::Push(_, Pushed::Closed), 0) => [hold(), only_if(self.closed)]
                .into_iter()
                .flatten()
                .collect(),
            (Operation::Push(_, Pushed::Accepted), 0) => hold(),
            (Operation::Push(_, pushed), _) if self.closed != (pushed == Pushed::Closed) => vec![],
            (Operation::Push(value, pushed), _) => vec![Step::Last(self.with(|next| {
                next.held -= 1;
                next.values
                    .extend((pushed == Pushed::Accepted).then_some(value));
            }))],
            (Operation::Pop(Ok(value)), 0) if self.values.first() == Some(&value) => {
                vec![Step::Further(self.with(|next| {
                    next.values.remove(0);
                    next.held += 1;
                }))]
            }
            (Operation::Pop(Ok(_)), 0) => vec![],
            (Operation::Pop(Ok(_)), _) => vec![Step::Last(self.with(|next| next.held -= 1))],
            (Operation::Pop(Err(error)), _) => {
                only_if(self.values.is_empty() && self.closed == (error == PopError::Closed))
            }
            (Operation::Close, _) => vec![Step::Last(self.with(|next| next.closed = true))],
            (Operation::IsClosed(closed), _) => only_if(self.closed == closed),
            (Operation::IsEmpty(empty), _) => only_if(self.values.is_empty() == empty),
        }
    }
}

fn push(queue: &impl Queue, value: u32) -> Operation {
    Operation::Push(
        value,
        match queue.push(value) {
            Ok(()) => Pushed::Accepted,
            Err(PushError::Closed(back)) if back == value => Pushed::Closed,
            Err(error) => {
                assert_eq!(error.into_inner(), value, "another value came back");
                Pushed::Full
            }
        },
    )
}

/// What three threads do to a queue, and then one, until it is closed and empty.
fn history(queue: &impl Queue, random: &mut SplitMix64) -> Vec<Event<Operation>> {
    let clock = Clock::default();
    // Some histories are closed early, some late.
    let closes = 1 + random.below(40);
    let mut events = together(3, random, |thread, random| {
        let mut events = Vec::new();
        let first = 100 * u32::try_from(thread).expect("there are three");
        for value in (first..).take(7) {
            dawdle(random);
            events.push(clock.time(|| match random.below(40 + closes) {
                0..20 => push(queue, value),
                20..36 => Operation::Pop(queue.pop()),
                36..38 => Operation::IsEmpty(queue.is_empty()),
                38..40 => Operation::IsClosed(queue.is_closed()),
                40 => {
                    queue.close();
                    Operation::Close
                }
                at if at % 2 == 0 => push(queue, value),
                _ => Operation::Pop(queue.pop()),
            }));
        }
        events
    })
    .concat();
    events.push(clock.time(|| {
        queue.close();
        Operation::Close
    }));
    loop {
        let event = clock.time(|| Operation::Pop(queue.pop()));
        let is_last = matches!(event.operation, Operation::Pop(Err(PopError::Closed)));
        events.push(event);
        if is_last || events.len() > 60 {
            return events;
        }
    }
}

/// One history of one queue.
fn round(
    capacity: usize,
    queue: &impl Queue,
    random: &mut SplitMix64,
) -> Result<(), Vec<Event<Operation>>> {
    let mut history = history(queue, random);
    history.sort_by_key(|event| event.called);
    if is_linearizable(Bounded::new(capacity), &history) {
        Ok(())
    } else {
        Err(history)
    }
}

fn check_ring<const N: usize>() {
    rounds(4_000, |random| round(N, &Ring::<u32, N>::new(), random));
}

#[test]
fn a_ring_of_one_place_is_linearizable() {
    check_ring::<1>();
}

#[test]
fn a_ring_of_two_places_is_linearizable() {
    check_ring::<2>();
}

#[test]
fn a_ring_of_four_places_is_linearizable() {
    check_ring::<4>();
}

#[test]
fn a_queue_behind_a_lock_is_linearizable() {
    rounds(1_000, |random| {
        round(2, &Locked::new(2, Fault::None), random)
    });
}

fn is_fault_caught(fault: Fault) -> bool {
    is_caught(|random| round(2, &Locked::new(2, fault), random))
}

#[test]
fn a_queue_in_the_wrong_order_is_caught() {
    assert!(is_fault_caught(Fault::Order));
}

#[test]
fn a_queue_that_is_full_too_early_is_caught() {
    assert!(is_fault_caught(Fault::FullOneEarly));
}

#[test]
fn a_queue_that_says_closed_with_values_inside_is_caught() {
    assert!(is_fault_caught(Fault::ClosedBeforeEmpty));
}

#[test]
fn a_queue_that_accepts_after_it_was_closed_is_caught() {
    assert!(is_fault_caught(Fault::PushAfterClose));
}

#[test]
fn a_queue_that_gives_a_value_twice_is_caught() {
    assert!(is_fault_caught(Fault::TwiceTheSame));
}

#[test]
fn a_queue_that_takes_more_than_fits_is_caught() {
    assert!(is_fault_caught(Fault::MoreThanFits));
}

/// Whether the specification explains a history of a ring of one place.
fn explains(history: &[(Operation, usize, usize)]) -> bool {
    let event = |&(operation, called, returned)| Event {
        operation,
        called,
        returned,
    };
    is_linearizable(
        Bounded::new(1),
        &history.iter().map(event).collect::<Vec<_>>(),
    )
}

#[test]
fn full_may_come_early_only_beside_a_thread_that_holds_a_place() {
    let (pop, push) = (Operation::Pop(Ok(1)), Operation::Push(2, Pushed::Full));
    let first = (Operation::Push(1, Pushed::Accepted), 0, 1);
    let empty = (Operation::IsEmpty(true), 3, 4);
    assert!(explains(&[first, (pop, 2, 9), empty, (push, 5, 6)]));
    assert!(!explains(&[first, (pop, 2, 3), (push, 5, 6)]));
}

#[test]
fn what_was_accepted_comes_out_before_closed() {
    let accepted = (Operation::Push(1, Pushed::Accepted), 0, 1);
    let close = (Operation::Close, 2, 3);
    let closed = Operation::Pop(Err(PopError::Closed));
    assert!(explains(&[
        accepted,
        close,
        (Operation::Pop(Ok(1)), 4, 5),
        (closed, 6, 7)
    ]));
    assert!(!explains(&[accepted, close, (closed, 4, 5)]));
}

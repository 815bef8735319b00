//! The search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memory of the
//! places where it has been, and one addition: an operation may take effect in several steps.
//!
//! A history is linearizable if each operation can be given one moment between its call and its return such
//! that, one after the other, they do what the specification says. An operation of several steps has as many
//! moments, in order: this is how a specification says that an operation under way has taken something
//! which it has not given back yet.

use std::collections::HashSet;
use std::hash::Hash;

/// A sequential object: what an operation with its answer may do to it.
pub(crate) trait Specification: Clone + Eq + Hash {
    type Operation;

    /// Every way in which `operation`, of which `stage` steps are done, may take its next step now. None if
    /// it may not.
    fn step(&self, operation: &Self::Operation, stage: u8) -> Vec<Step<Self>>;
}

/// The object after a step.
pub(crate) enum Step<S> {
    /// The operation goes on.
    Further(S),
    /// This was its last step.
    Last(S),
}

/// An operation with its answer, and the moments of its call and its return.
#[derive(Debug, Clone)]
pub(crate) struct Event<O> {
    pub(crate) operation: O,
    pub(crate) called: usize,
    /// [`PENDING`] if it was not seen to return: then it may take its steps or not.
    pub(crate) returned: usize,
}

pub(crate) const PENDING: usize = usize::MAX;

/// All steps of an operation are done.
const DONE: u8 = u8::MAX;

/// Whether there is an order of the operations that the specification allows.
pub(crate) fn is_linearizable<S: Specification>(
    object: S,
    history: &[Event<S::Operation>],
) -> bool {
    let nothing_done = vec![0; history.len()];
    let mut seen = HashSet::new();
    let mut open = vec![(nothing_done, object)];
    while let Some(place) = open.pop() {
        if seen.contains(&place) {
            continue;
        }
        let (stages, object) = &place;
        let left = || {
            history
                .iter()
                .zip(stages)
                .enumerate()
                .filter(|(_, (_, stage))| **stage != DONE)
        };
        // Nothing that was called after the return of an operation can take effect before it.
        let Some(first_return) = left().map(|(_, (event, _))| event.returned).min() else {
            return true;
        };
        if first_return == PENDING {
            return true;
        }
        for (at, (event, stage)) in left() {
            if event.called > first_return {
                continue;
            }
            for step in object.step(&event.operation, *stage) {
                let (object, stage) = match step {
                    Step::Further(object) => (object, stage + 1),
                    Step::Last(object) => (object, DONE),
                };
                let mut stages = stages.clone();
                stages[at] = stage;
                open.push((stages, object));
            }
        }
        seen.insert(place);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is read and written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    struct Register(u8);

    #[derive(Debug, Clone, Copy)]
    enum Access {
        Write(u8),
        Read(u8),
        /// Two writes, one after the other.
        WriteTwice(u8, u8),
    }
    use Access::{Read, Write, WriteTwice};

    impl Specification for Register {
        type Operation = Access;

        fn step(&self, operation: &Access, stage: u8) -> Vec<Step<Self>> {
            match *operation {
                WriteTwice(value, _) if stage == 0 => vec![Step::Further(Self(value))],
                Write(value) | WriteTwice(_, value) => vec![Step::Last(Self(value))],
                Read(value) if value == self.0 => vec![Step::Last(*self)],
                Read(_) => vec![],
            }
        }
    }

    fn allows(history: &[(Access, usize, usize)]) -> bool {
        let event = |&(operation, called, returned)| Event {
            operation,
            called,
            returned,
        };
        is_linearizable(Register(0), &history.iter().map(event).collect::<Vec<_>>())
    }

    #[test]
    fn operations_that_overlap_may_take_effect_in_any_order() {
        assert!(allows(&[(Write(1), 0, 3), (Read(0), 1, 2)]));
        assert!(allows(&[(Write(1), 0, 3), (Read(1), 1, 2)]));
    }

    #[test]
    fn operations_keep_the_order_of_time() {
        assert!(!allows(&[(Write(1), 0, 1), (Read(0), 2, 3)]));
        assert!(!allows(&[(Read(1), 0, 1), (Write(1), 2, 3)]));
        assert!(!allows(&[
            (Write(1), 0, 9),
            (Read(1), 1, 2),
            (Read(0), 3, 4)
        ]));
    }

    #[test]
    fn two_readers_agree_on_the_order_of_two_writes() {
        let writes = [(Write(1), 0, 9), (Write(2), 0, 9)];
        let one = [(Read(1), 1, 2), (Read(2), 3, 4)];
        let other = [(Read(2), 1, 2), (Read(1), 3, 4)];
        assert!(allows(&[writes, one].concat()));
        assert!(allows(&[writes, other].concat()));
        assert!(!allows(&[writes, one, other].concat()));
    }

    #[test]
    fn what_did_not_return_may_have_taken_effect_or_not() {
        assert!(allows(&[(Write(1), 0, PENDING), (Read(0), 1, 2)]));
        assert!(allows(&[(Write(1), 0, PENDING), (Read(1), 1, 2)]));
        assert!(!allows(&[(Write(1), 0, PENDING), (Read(2), 1, 2)]));
    }

    #[test]
    fn the_steps_of_an_operation_are_seen_apart_and_in_order() {
        let twice = (WriteTwice(1, 2), 0, 9);
        assert!(allows(&[twice, (Read(1), 1, 2), (Read(2), 3, 4)]));
        assert!(!allows(&[twice, (Read(2), 1, 2), (Read(1), 3, 4)]));
        assert!(!allows(&[(WriteTwice(1, 2), 0, 1), (Read(1), 2, 3)]));
    }
}

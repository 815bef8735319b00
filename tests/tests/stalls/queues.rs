//! The rings under test, the one that must fail, and what everybody may count on while a thread stands still.

use std::array;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::ring::Ring;

/// A bounded queue of numbers.
pub(crate) trait Queue: Sync {
    /// `false` if it is full.
    fn push(&self, value: usize) -> bool;
    fn pop(&self) -> Option<usize>;
}

impl<const N: usize> Queue for Ring<usize, N> {
    fn push(&self, value: usize) -> bool {
        Ring::push(self, value).is_ok()
    }

    fn pop(&self) -> Option<usize> {
        Ring::pop(self).ok()
    }
}

/// Dmitry Vyukov's bounded queue, as in most libraries: a place is claimed in one step and published in a later
/// one, and who stands still in between holds up everybody behind that place.
pub(crate) struct Vyukov<const N: usize> {
    head: AtomicUsize,
    tail: AtomicUsize,
    /// The position that a place is ready for, and its value.
    places: [(AtomicUsize, AtomicUsize); N],
}

impl<const N: usize> Vyukov<N> {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            places: array::from_fn(|place| (AtomicUsize::new(place), AtomicUsize::new(0))),
        }
    }

    /// Claims a position for which its place shows `position + ahead`.
    fn claim(&self, end: &AtomicUsize, ahead: usize) -> Option<usize> {
        loop {
            let position = end.load(Ordering::Relaxed);
            let shown = self.places[position % N].0.load(Ordering::Acquire);
            let lead = shown.wrapping_sub(position + ahead).cast_signed();
            if lead < 0 {
                return None;
            }
            let claim = || {
                end.compare_exchange(position, position + 1, Ordering::Relaxed, Ordering::Relaxed)
            };
            if lead == 0 && claim().is_ok() {
                return Some(position);
            }
        }
    }
}

impl<const N: usize> Queue for Vyukov<N> {
    fn push(&self, value: usize) -> bool {
        let Some(position) = self.claim(&self.tail, 0) else {
            return false;
        };
        let (shown, place) = &self.places[position % N];
        place.store(value, Ordering::Relaxed);
        shown.store(position + 1, Ordering::Release);
        true
    }

    fn pop(&self) -> Option<usize> {
        let position = self.claim(&self.head, 1)?;
        let (shown, place) = &self.places[position % N];
        let value = place.load(Ordering::Relaxed);
        shown.store(position + N, Ordering::Release);
        Some(value)
    }
}

/// What went in and what came out: how many, their sum, and a sum that swapped bits between two values would change.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pushed: Sums,
    popped: Sums,
}

#[derive(Debug, Default)]
struct Sums([AtomicUsize; 3]);

impl Sums {
    fn add(&self, value: usize) {
        let mixed = (value ^ (value >> 7)).wrapping_mul(0x9E37_79B1);
        for (sum, term) in self.0.iter().zip([1, value, mixed]) {
            sum.fetch_add(term, Ordering::Relaxed);
        }
    }

    fn get(&self) -> [usize; 3] {
        self.0.each_ref().map(|sum| sum.load(Ordering::Acquire))
    }
}

impl Books {
    pub(crate) const fn new() -> Self {
        const fn sums() -> Sums {
            Sums([const { AtomicUsize::new(0) }; 3])
        }
        Self {
            pushed: sums(),
            popped: sums(),
        }
    }

    /// Pushes and books; `false` if the queue is full.
    pub(crate) fn push(&self, queue: &impl Queue, value: usize) -> bool {
        let pushed = queue.push(value);
        if pushed {
            self.pushed.add(value);
        }
        pushed
    }

    /// Pops and books; `false` if the queue is empty.
    pub(crate) fn pop(&self, queue: &impl Queue) -> bool {
        let value = queue.pop();
        if let Some(value) = value {
            self.popped.add(value);
        }
        value.is_some()
    }

    /// How many values went in and came out again.
    pub(crate) fn operations(&self) -> usize {
        self.pushed.get()[0] + self.popped.get()[0]
    }

    /// Empties the queue, when nobody uses it any more: nothing is lost, nothing came out twice.
    pub(crate) fn close(&self, queue: &impl Queue) {
        while self.pop(queue) {}
        assert_eq!(
            self.pushed.get(),
            self.popped.get(),
            "values were lost or doubled"
        );
    }
}

/// How often a queue may say no to one who must succeed. A thread that stands still changes nothing meanwhile, so one
/// refusal would do; on a machine with priorities this loop would have no end.
const PATIENCE: usize = 1000;

/// Tries until it succeeds, or gives up.
pub(crate) fn insist(mut attempt: impl FnMut() -> bool) -> bool {
    (0..PATIENCE).any(|_| attempt())
}

/// The instructions to stop at, for one case of several. Every one in release; in debug builds, where an operation may
/// have thousands and each costs a trap, ever fewer the longer it takes, and others in each case.
pub(crate) fn instructions(case: usize) -> impl Iterator<Item = usize> {
    let skipped = move |at| match at / 16 {
        0 => 0,
        _ if !cfg!(debug_assertions) => 0,
        some => some + case % 3,
    };
    iter::successors(Some(1), move |at| Some(at + 1 + skipped(*at)))
}

/// The places of a queue that a thread stops in.
pub(crate) const PLACES: usize = 4;

/// One operation on a queue of [`PLACES`] places.
pub(crate) struct Case<Q> {
    pub(crate) name: &'static str,
    /// How many values are inside before.
    inside: usize,
    operation: fn(&Q, &Books),
}

/// A queue and its books, ready for the operation.
pub(crate) struct Scene<'c, Q> {
    case: &'c Case<Q>,
    queue: Q,
    books: Books,
}

impl<Q: Queue> Case<Q> {
    /// Both operations, from empty to full.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let operations: [(&'static str, fn(&Q, &Books)); 2] = [
            ("push", |queue, books| {
                books.push(queue, 1000);
            }),
            ("pop", |queue, books| {
                books.pop(queue);
            }),
        ];
        operations.into_iter().flat_map(|(name, operation)| {
            (0..=PLACES).map(move |inside| Self {
                name,
                inside,
                operation,
            })
        })
    }

    pub(crate) fn on(&self, queue: Q) -> Scene<'_, Q> {
        let books = Books::new();
        for value in 0..self.inside {
            assert!(books.push(&queue, value), "there is a place");
        }
        Scene {
            case: self,
            queue,
            books,
        }
    }
}

impl<Q: Queue> Scene<'_, Q> {
    pub(crate) fn operate(&self) {
        (self.case.operation)(&self.queue, &self.books);
    }

    /// What everybody may count on while the operation stands still: whatever it holds in hand, there are two more
    /// places, or two more values.
    pub(crate) fn others_go_on(&self) -> bool {
        let push = |value| insist(|| self.books.push(&self.queue, value));
        let pop = || insist(|| self.books.pop(&self.queue));
        // Two laps.
        let pop_first = self.case.inside + 2 > PLACES;
        (0..2 * PLACES)
            .all(|number| (!pop_first || pop()) && push(2000 + number) && (pop_first || pop()))
    }

    pub(crate) fn end(self) {
        self.books.close(&self.queue);
    }
}

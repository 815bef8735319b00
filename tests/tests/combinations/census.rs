//! A census of values: each is born once, dropped once, and counted.

use std::fmt::Write as _;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

/// What a tracked value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Owned by the function of a job or batch.
    Capture,
    /// An item of a batch or stream, or what a single job was given.
    Item,
    /// What a function returned.
    Value,
    /// What a function panicked with.
    Payload,
    /// The `Err` of a function that returns `Result`.
    Error,
    /// Owned by a callback.
    Callback,
    /// A worker's state.
    State,
    /// Owned by the initializer or the exit hook.
    Hook,
}

pub(crate) const KINDS: [Kind; 8] = [
    Kind::Capture,
    Kind::Item,
    Kind::Value,
    Kind::Payload,
    Kind::Error,
    Kind::Callback,
    Kind::State,
    Kind::Hook,
];

/// How many values one row may make.
const CELLS: usize = 1024;

const UNBORN: u8 = 0;
const ALIVE: u8 = 1;
const DROPPED: u8 = 2;

/// Knows every tracked value of one row. It is never freed, so that even a second drop finds it.
pub(crate) struct Census {
    /// Tells the values of one row from those of the next.
    generation: AtomicUsize,
    born: AtomicUsize,
    cells: [AtomicU8; CELLS],
    kinds: [AtomicU8; CELLS],
    /// Calls of user functions.
    runs: AtomicUsize,
    /// Calls of `on_success` and `on_error`.
    successes: AtomicUsize,
    errors: AtomicUsize,
    has_faults: AtomicBool,
    faults: Mutex<String>,
}

/// A value that its census knows.
pub(crate) struct Tracked {
    census: &'static Census,
    generation: usize,
    id: usize,
    pub(crate) kind: Kind,
    pub(crate) number: usize,
}

impl Census {
    pub(crate) fn new() -> &'static Self {
        ringpool_tests::leak(Self {
            generation: AtomicUsize::new(0),
            born: AtomicUsize::new(0),
            cells: [const { AtomicU8::new(UNBORN) }; CELLS],
            kinds: [const { AtomicU8::new(0) }; CELLS],
            runs: AtomicUsize::new(0),
            successes: AtomicUsize::new(0),
            errors: AtomicUsize::new(0),
            has_faults: AtomicBool::new(false),
            faults: Mutex::new(String::new()),
        })
    }

    /// Forgets the former row. Values that it leaked must never be dropped from now on.
    pub(crate) fn begin(&self) {
        self.generation.fetch_add(1, SeqCst);
        for cell in &self.cells[..self.born.swap(0, SeqCst).min(CELLS)] {
            cell.store(UNBORN, SeqCst);
        }
        for count in [&self.runs, &self.successes, &self.errors] {
            count.store(0, SeqCst);
        }
    }

    /// A new value.
    pub(crate) fn track(&'static self, kind: Kind, number: usize) -> Tracked {
        let id = self.born.fetch_add(1, SeqCst);
        assert!(
            id < CELLS,
            "a row makes more values than its census can hold"
        );
        self.kinds[id].store(kind as u8, SeqCst);
        if self.cells[id].swap(ALIVE, SeqCst) != UNBORN {
            self.fault(&format!("{kind:?} {number} was born twice"));
        }
        Tracked {
            census: self,
            generation: self.generation.load(SeqCst),
            id,
            kind,
            number,
        }
    }

    pub(crate) fn ran(&self) {
        self.runs.fetch_add(1, SeqCst);
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    pub(crate) fn succeeded(&self) {
        self.successes.fetch_add(1, SeqCst);
    }

    pub(crate) fn failed(&self) {
        self.errors.fetch_add(1, SeqCst);
    }

    /// How many success callbacks and how many error callbacks ran.
    pub(crate) fn callbacks(&self) -> (usize, usize) {
        (self.successes.load(SeqCst), self.errors.load(SeqCst))
    }

    pub(crate) fn alive(&self, kind: Kind) -> usize {
        let born = self.born.load(SeqCst).min(CELLS);
        let cells = self.cells[..born].iter().zip(&self.kinds);
        cells
            .filter(|(cell, of)| cell.load(SeqCst) == ALIVE && of.load(SeqCst) == kind as u8)
            .count()
    }

    pub(crate) fn all_alive(&self) -> usize {
        let born = self.born.load(SeqCst).min(CELLS);
        self.cells[..born]
            .iter()
            .filter(|cell| cell.load(SeqCst) == ALIVE)
            .count()
    }

    /// What is wrong with this row: second drops, values of former rows dropped in this one, and values that
    /// live though `leaked` does not name them.
    pub(crate) fn check(&self, leaked: &[(Kind, usize)]) -> Result<(), String> {
        if self.has_faults.load(SeqCst) {
            return Err(std::mem::take(
                &mut *self.faults.lock().unwrap_or_else(PoisonError::into_inner),
            ));
        }
        let mut wrong = String::new();
        for kind in KINDS {
            let expected: usize = leaked
                .iter()
                .filter(|leak| leak.0 == kind)
                .map(|leak| leak.1)
                .sum();
            let alive = self.alive(kind);
            if alive != expected {
                let _ = write!(
                    wrong,
                    "{alive} of {kind:?} are alive, expected {expected}; "
                );
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Waits until no more than `leaked` values live: for pools that end on threads which nobody can join.
    pub(crate) fn settle(&self, leaked: usize) {
        while self.all_alive() > leaked {
            std::thread::yield_now();
        }
    }

    fn fault(&self, what: &str) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push_str(what);
        faults.push_str("; ");
        self.has_faults.store(true, SeqCst);
    }
}

impl Tracked {
    pub(crate) fn census(&self) -> &'static Census {
        self.census
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let Self {
            census,
            kind,
            number,
            ..
        } = self;
        if self.generation != census.generation.load(SeqCst) {
            census.fault(&format!(
                "{kind:?} {number} was dropped after the end of its row"
            ));
        } else if census.cells[self.id].swap(DROPPED, SeqCst) != ALIVE {
            census.fault(&format!("{kind:?} {number} was dropped twice"));
        }
    }
}

/// Keeps panics whose payload is a tracked value off standard error, and notes other panics in workers, which
/// the pool catches.
pub(crate) fn silence_expected_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload().is::<Tracked>() {
                return;
            }
            let in_worker = thread::current()
                .name()
                .is_some_and(|name| name.starts_with("ringpool"));
            STRAY.fetch_or(in_worker, SeqCst);
            print(info);
        }));
    });
}

static STRAY: AtomicBool = AtomicBool::new(false);

/// Whether a worker has panicked with anything but a tracked value.
pub(crate) fn has_stray_panic() -> bool {
    STRAY.load(SeqCst)
}

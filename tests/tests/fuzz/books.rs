//! Knows every value of a program: each is born once and dropped once.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a tracked value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Owned by the function of a call.
    Capture,
    Item,
    /// What a function returned.
    Value,
    /// What a function panicked with.
    Payload,
    /// What a callback panicked with, after success and after an error.
    SuccessPayload,
    ErrorPayload,
    /// What the body of a scope panicked with.
    BodyPayload,
    /// What an input iterator panicked with.
    InputPayload,
    /// What a destructor panicked with.
    Explosion,
    /// The `Err` of a function that returns `Result`.
    Error,
    /// Owned by a callback.
    Callback,
    /// A worker's state.
    State,
    /// Owned by the initializer or the exit hook.
    Hook,
    /// What the initializer panicked with.
    HookPayload,
}

/// How many values one program may make.
const CELLS: usize = 1 << 14;

const UNBORN: u8 = 0;
const ALIVE: u8 = 1;
const DROPPED: u8 = 2;

struct Cell {
    life: AtomicU8,
    kind: AtomicU8,
    call: AtomicU32,
    index: AtomicU32,
}

/// The books of one thread's programs, one program after the other. They are never freed, so that even a
/// second drop, which is undefined behaviour elsewhere, finds them.
pub(crate) struct Books {
    generation: AtomicUsize,
    born: AtomicUsize,
    cells: Vec<Cell>,
    faults: Mutex<Vec<String>>,
    /// Calls of which something was leaked on purpose.
    leaked: Mutex<HashSet<(u32, Extent)>>,
    hooks_leaked: AtomicBool,
}

/// How much of a call was leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Extent {
    Results,
    Everything,
}

/// A value that its books know.
pub(crate) struct Tracked {
    books: &'static Books,
    generation: usize,
    id: usize,
    pub(crate) kind: Kind,
    pub(crate) call: u32,
    pub(crate) index: usize,
    /// Its destructor panics while this is lit.
    fuse: Option<Arc<Fuse>>,
}

/// What makes the values of a call explode.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    is_out: AtomicBool,
    was_spared: AtomicBool,
}

impl Fuse {
    /// Nothing explodes any more.
    pub(crate) fn put_out(&self) {
        self.is_out.store(true, SeqCst);
    }

    /// Whether a value was dropped while its thread was panicking, when a second panic would end the process.
    pub(crate) fn was_spared(&self) -> bool {
        self.was_spared.load(SeqCst)
    }
}

impl Books {
    pub(crate) fn new() -> &'static Self {
        let cell = |_| Cell {
            life: AtomicU8::new(UNBORN),
            kind: AtomicU8::new(0),
            call: AtomicU32::new(0),
            index: AtomicU32::new(0),
        };
        ringpool_tests::leak(Self {
            generation: AtomicUsize::new(0),
            born: AtomicUsize::new(0),
            cells: (0..CELLS).map(cell).collect(),
            faults: Mutex::default(),
            leaked: Mutex::default(),
            hooks_leaked: AtomicBool::new(false),
        })
    }

    /// Forgets the former program. What it leaked must never be dropped from now on.
    pub(crate) fn begin(&self) {
        self.generation.fetch_add(1, SeqCst);
        for cell in self.born() {
            cell.life.store(UNBORN, SeqCst);
        }
        self.born.store(0, SeqCst);
        lock(&self.faults).clear();
        lock(&self.leaked).clear();
        self.hooks_leaked.store(false, SeqCst);
    }

    pub(crate) fn track(&'static self, kind: Kind, call: u32, index: usize) -> Tracked {
        let id = self.born.fetch_add(1, SeqCst);
        let entry = self.cells.get(id).expect("a program makes few values");
        let index_entry = u32::try_from(index).expect("batches are short");
        entry.kind.store(kind as u8, SeqCst);
        entry.call.store(call, SeqCst);
        entry.index.store(index_entry, SeqCst);
        entry.life.store(ALIVE, SeqCst);
        Tracked {
            books: self,
            generation: self.generation.load(SeqCst),
            id,
            kind,
            call,
            index,
            fuse: None,
        }
    }

    /// Notes that something is wrong.
    pub(crate) fn fault(&self, what: String) {
        lock(&self.faults).push(what);
    }

    /// The results of this call may live on, for its handle was leaked.
    pub(crate) fn leak_results(&self, call: u32) {
        lock(&self.leaked).insert((call, Extent::Results));
    }

    /// Everything of this call may live on, for its stream was leaked.
    pub(crate) fn leak(&self, call: u32) {
        lock(&self.leaked).insert((call, Extent::Everything));
    }

    /// The pool was leaked, and with it what it owns to the end.
    pub(crate) fn leak_hooks(&self) {
        self.hooks_leaked.store(true, SeqCst);
    }

    /// Whether a value of this call lives that its jobs own, and not its results.
    pub(crate) fn holds_captures(&self, call: u32) -> bool {
        let owned = [Kind::Capture, Kind::Item, Kind::Callback].map(|kind| kind as u8);
        self.alive()
            .any(|cell| cell.call.load(SeqCst) == call && owned.contains(&cell.kind.load(SeqCst)))
    }

    /// How many of its hooks the pool owns. [`settle`](Self::settle) waits for them: they go after every state.
    pub(crate) fn hooks(&self) -> usize {
        self.alive()
            .filter(|cell| cell.kind.load(SeqCst) == Kind::Hook as u8)
            .count()
    }

    /// The values that live on and should not.
    fn left(&self) -> Vec<String> {
        let leaked = lock(&self.leaked);
        let hooks_leaked = self.hooks_leaked.load(SeqCst);
        let may_live = |kind: u8, call| match KINDS[usize::from(kind)] {
            Kind::Hook => hooks_leaked,
            Kind::State | Kind::HookPayload => false,
            Kind::Capture | Kind::Item | Kind::Callback => {
                leaked.contains(&(call, Extent::Everything))
            }
            _ => {
                leaked.contains(&(call, Extent::Everything))
                    || leaked.contains(&(call, Extent::Results))
            }
        };
        let cells = self.alive().filter(|cell| {
            let (kind, call) = (cell.kind.load(SeqCst), cell.call.load(SeqCst));
            !may_live(kind, call)
        });
        cells
            .map(|cell| {
                let kind = KINDS[usize::from(cell.kind.load(SeqCst))];
                let (call, index) = (cell.call.load(SeqCst), cell.index.load(SeqCst));
                format!("{kind:?} {index} of call {call} was not dropped")
            })
            .collect()
    }

    /// Waits until everything is dropped: for pools that end on a thread which nobody can join.
    pub(crate) fn settle(&self) {
        while !self.left().is_empty() {
            thread::yield_now();
        }
    }

    /// Everything that is wrong with this program.
    pub(crate) fn close(&self) -> Vec<String> {
        let mut faults = std::mem::take(&mut *lock(&self.faults));
        faults.extend(self.left());
        faults
    }

    /// The cells of values that live. A cell says that it does after it says whose it is, so this comes first:
    /// another thread may be filling it in.
    fn alive(&self) -> impl Iterator<Item = &Cell> {
        self.born().filter(|cell| cell.life.load(SeqCst) == ALIVE)
    }

    fn born(&self) -> impl Iterator<Item = &Cell> {
        self.cells[..self.born.load(SeqCst).min(CELLS)].iter()
    }
}

const KINDS: [Kind; 14] = [
    Kind::Capture,
    Kind::Item,
    Kind::Value,
    Kind::Payload,
    Kind::SuccessPayload,
    Kind::ErrorPayload,
    Kind::BodyPayload,
    Kind::InputPayload,
    Kind::Explosion,
    Kind::Error,
    Kind::Callback,
    Kind::State,
    Kind::Hook,
    Kind::HookPayload,
];

impl Tracked {
    /// Tells what it stands for. A closure that read the field would capture a copy of it and leave the value
    /// behind, although it has a destructor; a closure that calls this owns the whole.
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// The destructor panics from now on, while `fuse` is lit.
    pub(crate) fn arm(mut self, fuse: &Arc<Fuse>) -> Self {
        self.fuse = Some(Arc::clone(fuse));
        self
    }

    /// The destructor does not panic any more.
    pub(crate) fn disarm(mut self) -> Self {
        self.fuse = None;
        self
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.note_drop();
        let Some(fuse) = self.fuse.as_ref().filter(|fuse| !fuse.is_out.load(SeqCst)) else {
            return;
        };
        if thread::panicking() {
            fuse.was_spared.store(true, SeqCst);
        } else {
            let explosion = self.books.track(Kind::Explosion, self.call, self.index);
            resume_unwind(Box::new(explosion));
        }
    }
}

impl Tracked {
    fn note_drop(&self) {
        let Self {
            books,
            kind,
            call,
            index,
            ..
        } = self;
        if self.generation != books.generation.load(SeqCst) {
            books.fault(format!(
                "{kind:?} {index} of call {call} was dropped after the end of its program"
            ));
        } else if books.cells[self.id].life.swap(DROPPED, SeqCst) != ALIVE {
            books.fault(format!("{kind:?} {index} of call {call} was dropped twice"));
        }
    }
}

/// Locks `mutex` whether or not somebody panicked with it in hand.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

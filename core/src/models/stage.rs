//! A pool without threads: the models say which thread plays which worker.

use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;

use super::{Machine, Value};
use crate::backoff::Backoff;
use crate::engine::{Engine, Settings, WaitPolicy};
use crate::frame::Frame;
use crate::heap::Heap;
use crate::idle::Idle;
use crate::job::{JobCell, JobWord, PlainFn};
use crate::result::AsyncResult;
use crate::ring::Chain;
use crate::slot::WorkerSlot;
use crate::submit;
use crate::worker::{Leave, Replacement, work};

/// The pool.
pub(crate) struct Stage(Box<Engine<Machine>>);

// SAFETY: an engine is shared between threads by design.
unsafe impl Send for Stage {}
// SAFETY: as above.
unsafe impl Sync for Stage {}

impl Deref for Stage {
    type Target = Engine<Machine>;

    fn deref(&self) -> &Engine<Machine> {
        &self.0
    }
}

impl Stage {
    /// A pool whose workers sleep as soon as they find nothing, with a queue of two places.
    pub(crate) fn new(workers: usize) -> Self {
        Self::with(workers, 2, |_| {})
    }

    pub(crate) fn with(workers: usize, places: usize, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            workers,
            jobs_per_worker: usize::MAX,
            wait_policy: WaitPolicy::Passive,
            search: Backoff::new(0, 0),
            capacity: places,
            caller_participates: false,
            timeline: 0,
            in_place: false,
        };
        adjust(&mut settings);
        let slots = (0..workers).map(|_| WorkerSlot::new());
        let heap = Heap {
            queue: Chain::bounded(NonZeroUsize::new(places).unwrap()).unwrap(),
            slots: slots.collect(),
        };
        Self(Box::new(Engine::new(settings, Idle::new(1), heap)))
    }

    /// Runs `f` on a worker.
    pub(crate) fn on<R>(&self, index: usize, f: impl FnOnce(&Frame<'_, Machine>) -> R) -> R {
        let mut state = ();
        let begin = |frame: &Frame<'_, Machine>| {
            // SAFETY: the state of this pool is the unit, and there it is.
            unsafe { frame.state_is_there() };
            f(frame)
        };
        // SAFETY: as above; it is this call's own.
        unsafe { Frame::enter(self, index, NonNull::from(&mut state).cast(), begin) }
    }

    /// Takes the next entry and executes it as a worker would; `false` if there is none.
    pub(crate) fn step(&self, index: usize) -> bool {
        self.on(index, |frame| match self.take() {
            Ok(entry) => {
                // SAFETY: `take` has exchanged the entry out of its cell.
                unsafe { frame.execute_by_loop(entry) };
                true
            }
            Err(_) => false,
        })
    }

    /// A worker's whole loop, until it leaves.
    pub(crate) fn work(&self, index: usize) {
        self.on(index, |frame| work(frame, |_| Replacement::Refused));
    }

    /// The loops of a worker and of those who replace it, one after the other, until the last one leaves.
    pub(crate) fn work_in_turns(&self, index: usize) {
        let turn = || self.on(index, |frame| work(frame, |_| Replacement::Started));
        while turn() == Leave::Replaced {}
    }

    /// Queues a closure.
    pub(crate) fn submit<T>(&self, f: impl FnOnce() -> T) -> AsyncResult<T, Machine> {
        let submitted = submit::apply_async(self, PlainFn(f), (), true);
        submitted.unwrap_or_else(|_| panic!("the pool takes the job"))
    }

    /// Queues a closure and tells nobody.
    pub(crate) fn submit_quietly<T>(&self, f: impl FnOnce() -> T) -> AsyncResult<T, Machine> {
        let cell = JobCell::boxed(self, JobWord::new(), PlainFn(f), ());
        let queued = self.offer_quietly(JobCell::entry(cell));
        assert!(queued.is_ok(), "the pool takes the job");
        // SAFETY: the job was born with a handle bit, and this is its handle.
        unsafe { AsyncResult::new(JobCell::job(cell)) }
    }

    /// Queues a job that uses what it has captured and makes a value.
    pub(crate) fn submit_value(&self) -> AsyncResult<Value, Machine> {
        let captured = Value::new();
        self.submit(move || {
            captured.read();
            Value::new()
        })
    }
}

//! The end of a pool, and a canceller who may still reach into it.

use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::Arc;

use loom::thread;

use super::{Checked, Machine, Value, explore, join, shared};
use crate::backoff::Backoff;
use crate::engine::{Engine, Settings, Storage, WaitPolicy};
use crate::heap::Heap;
use crate::idle::Idle;
use crate::job::PlainFn;
use crate::ring::{Cell, Chain, Popped, PushRefused};
use crate::seats::wait_for_visitors;
use crate::slot::WorkerSlot;
use crate::submit;
use crate::sync::AtomicPtr;

/// The arrays of a pool, and the memory that they lie in.
struct Memory {
    heap: Heap<Machine>,
    memory: Arc<Checked>,
}

impl Storage<Machine> for Memory {
    fn slots(&self) -> &[WorkerSlot<Machine>] {
        self.heap.slots()
    }

    fn push(&self, item: NonNull<()>, cell: &AtomicPtr<Cell>) -> Result<(), PushRefused> {
        self.heap.push(item, cell)
    }

    fn pop(&self) -> Popped {
        self.heap.pop()
    }

    fn pop_emptied(&self) -> bool {
        self.memory.read();
        self.heap.pop_emptied()
    }

    fn close(&self) {
        self.heap.close();
    }

    fn queued(&self) -> usize {
        self.heap.queued()
    }

    fn has_news(&self) -> bool {
        Storage::has_news(&self.heap)
    }
}

/// A pool without workers, and the memory that it lies in.
struct Pool {
    engine: Box<Engine<Machine>>,
    memory: Arc<Checked>,
}

// SAFETY: an engine is shared between threads by design.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    fn new() -> Self {
        let settings = Settings {
            workers: 1,
            jobs_per_worker: usize::MAX,
            wait_policy: WaitPolicy::Passive,
            search: Backoff::new(0, 0),
            capacity: 2,
            caller_participates: false,
            timeline: 0,
            in_place: false,
        };
        let heap = Heap {
            queue: Chain::bounded(NonZeroUsize::new(2).unwrap()).unwrap(),
            slots: [WorkerSlot::new()].into(),
        };
        let memory = Arc::new(Checked::new());
        let storage = Memory {
            heap,
            memory: Arc::clone(&memory),
        };
        Self {
            engine: Box::new(Engine::new(settings, Idle::new(1), storage)),
            memory,
        }
    }

    /// The memory may be used for something else afterwards.
    fn end(&self) {
        self.engine.terminate();
        wait_for_visitors::<Machine>(self.engine.head().addr().get());
        self.memory.write();
    }
}

// S14, S20
#[test]
fn who_cancels_a_job_is_done_with_its_pool_before_that_ends() {
    explore(3, || {
        let [pool, ends] = shared(Pool::new());
        let submitted = submit::apply_async(&*pool.engine, PlainFn(Value::new), (), true);
        let handle = submitted.unwrap_or_else(|_| panic!("the pool takes the job"));
        join([
            thread::spawn(move || ends.end()),
            thread::spawn(move || {
                handle.cancel();
            }),
        ]);
    });
}

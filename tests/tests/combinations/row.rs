//! One row of the table: how its pool is built, what its jobs do, and how it is checked.

use std::fmt;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ringpool::{JobError, Panic, Pool};

use crate::census::{Census, Kind, Tracked, has_stray_panic, silence_expected_panics};

/// Items of a batch or stream, and single jobs of a row.
pub(crate) const ITEMS: usize = 5;

/// The pools of the table: their state is tracked, as everything else.
pub(crate) type TrackedPool = Pool<Tracked>;
pub(crate) type TrackedWorker<'w> = ringpool::Worker<'w, Tracked>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returns,
    Panics,
    /// Odd numbers panic, or return `Err` where the function can.
    Mixed,
}

pub(crate) const OUTCOMES: [Outcome; 3] = [Outcome::Returns, Outcome::Panics, Outcome::Mixed];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Close,
    Terminate,
    /// The pool is dropped while handles live.
    DropPool,
    /// The same, but the pool was built with `drain_on_drop`.
    DrainPool,
    /// The handles are dropped; then the pool is closed and joined.
    DropHandles,
    /// The handles are leaked; then the pool is closed and joined.
    LeakHandles,
    Cancel,
}

pub(crate) const ENDINGS: [Ending; 7] = [
    Ending::Close,
    Ending::Terminate,
    Ending::DropPool,
    Ending::DrainPool,
    Ending::DropHandles,
    Ending::LeakHandles,
    Ending::Cancel,
];

/// When the ending comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the call.
    Before,
    /// While every worker is held, so that nothing of the call has begun.
    Held,
    /// From inside a job, or while jobs run.
    During,
    /// When the call has returned.
    After,
}

/// The pool of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) workers: usize,
    pub(crate) capacity: Option<usize>,
    pub(crate) caller_participates: bool,
    pub(crate) max_jobs: Option<usize>,
}

/// Every shape of the table.
pub(crate) fn shapes() -> impl Iterator<Item = Shape> {
    let by_workers = [1, 2, 8].into_iter();
    let by_capacity = by_workers.flat_map(|w| [Some(1), Some(4), None].map(|c| (w, c)));
    let by_caller = by_capacity.flat_map(|(w, c)| [false, true].map(|p| (w, c, p)));
    by_caller.flat_map(|(workers, capacity, caller_participates)| {
        [None, Some(1), Some(3)].map(|max_jobs| Shape {
            workers,
            capacity,
            caller_participates,
            max_jobs,
        })
    })
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<V> {
    pub(crate) verb: V,
    pub(crate) outcome: Outcome,
    pub(crate) ending: Ending,
    pub(crate) phase: Phase,
    pub(crate) shape: Shape,
}

impl<V: fmt::Debug> fmt::Display for Row<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Outcome {
    pub(crate) fn panics(self, number: usize) -> bool {
        match self {
            Self::Returns => false,
            Self::Panics => true,
            Self::Mixed => number % 2 == 1,
        }
    }

    /// The lowest of `count` numbers that panics.
    pub(crate) fn first_panic(self, count: usize) -> Option<usize> {
        (0..count).find(|&number| self.panics(number))
    }

    /// How many of `count` numbers panic.
    pub(crate) fn panic_count(self, count: usize) -> usize {
        (0..count).filter(|&number| self.panics(number)).count()
    }
}

impl Shape {
    pub(crate) fn build(self, census: &'static Census, ending: Ending) -> Arc<TrackedPool> {
        let first = census.track(Kind::Hook, 0);
        let second = census.track(Kind::Hook, 1);
        let mut builder = Pool::builder()
            .workers(self.workers)
            .initializer(move |info| first.census().track(Kind::State, info.index()))
            .exit_hook(move |_, state| {
                assert_eq!(second.number, 1, "the hook's own capture lives");
                drop(state);
            });
        if let Some(capacity) = self.capacity {
            builder = builder.capacity(capacity);
        }
        if let Some(jobs) = self.max_jobs {
            builder = builder.max_jobs_per_worker(jobs);
        }
        if self.caller_participates {
            builder = builder.caller_participates();
        }
        if ending == Ending::DrainPool {
            builder = builder.drain_on_drop();
        }
        Arc::new(
            builder
                .build()
                .expect("the shapes of the table can be built"),
        )
    }

    /// How many jobs the queue takes while every worker is held, out of those that the row has.
    pub(crate) fn queued_jobs(self) -> usize {
        self.capacity.unwrap_or(usize::MAX).min(ITEMS)
    }
}

/// Holds every worker of a pool inside a job until it is opened, or until the pool is terminated.
pub(crate) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(crate) fn hold(pool: &TrackedPool, shape: Shape) -> Self {
        let gate = Self(Arc::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let threads = pool.worker_count() - usize::from(shape.caller_participates);
        for number in 1..=threads {
            let (open, arrived) = (Arc::clone(&gate.0), Arc::clone(&inside));
            let job = move |worker: &mut TrackedWorker<'_>| {
                arrived.fetch_add(1, SeqCst);
                while !open.load(SeqCst) && !worker.is_cancelled() {
                    thread::yield_now();
                }
            };
            pool.with_worker()
                .apply_async(job)
                .expect("the pool is open");
            while inside.load(SeqCst) < number {
                thread::yield_now();
            }
        }
        gate
    }

    pub(crate) fn open(&self) {
        self.0.store(true, SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// Something that happens once, when the job with the right number runs.
#[derive(Clone)]
pub(crate) struct Trigger {
    number: usize,
    action: Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>,
}

impl Trigger {
    pub(crate) fn none() -> Self {
        Self {
            number: usize::MAX,
            action: Arc::default(),
        }
    }

    pub(crate) fn at(number: usize, action: impl FnOnce() + Send + 'static) -> Self {
        Self {
            number,
            action: Arc::new(Mutex::new(Some(Box::new(action)))),
        }
    }

    pub(crate) fn pull(&self) {
        let action = self
            .action
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(action) = action {
            action();
        }
    }
}

/// What every function of a row does. Each clone has a capture of its own.
pub(crate) struct Work {
    pub(crate) census: &'static Census,
    outcome: Outcome,
    trigger: Trigger,
    capture: Tracked,
}

impl Clone for Work {
    fn clone(&self) -> Self {
        Self::new(self.census, self.outcome, self.trigger.clone())
    }
}

impl Work {
    pub(crate) fn new(census: &'static Census, outcome: Outcome, trigger: Trigger) -> Self {
        let capture = census.track(Kind::Capture, 0);
        Self {
            census,
            outcome,
            trigger,
            capture,
        }
    }

    fn begin(&self, number: usize) {
        assert_eq!(
            self.capture.kind,
            Kind::Capture,
            "the capture lives while its function runs"
        );
        self.census.ran();
        if number == self.trigger.number {
            self.trigger.pull();
        }
    }

    /// Takes an item and makes a value, or panics.
    pub(crate) fn run(&self, item: Tracked) -> Tracked {
        let number = self.see(&item);
        drop(item);
        self.census.track(Kind::Value, number)
    }

    /// The same for an item that is not its own.
    pub(crate) fn see(&self, item: &Tracked) -> usize {
        assert_eq!(item.kind, Kind::Item);
        self.number(item.number)
    }

    /// The same without an item.
    pub(crate) fn make(&self, number: usize) -> Tracked {
        let number = self.number(number);
        self.census.track(Kind::Value, number)
    }

    fn number(&self, number: usize) -> usize {
        self.begin(number);
        if self.outcome.panics(number) {
            panic_any(self.census.track(Kind::Payload, number));
        }
        number
    }

    /// The same for functions that can fail: `Mixed` numbers return `Err` where others panic.
    pub(crate) fn attempt(&self, item: Tracked) -> Result<Tracked, Tracked> {
        if self.outcome == Outcome::Mixed {
            self.begin(item.number);
            let kind = if self.outcome.panics(item.number) {
                Kind::Error
            } else {
                Kind::Value
            };
            let made = self.census.track(kind, item.number);
            return if kind == Kind::Value {
                Ok(made)
            } else {
                Err(made)
            };
        }
        Ok(self.run(item))
    }

    /// Two values become one; never panics.
    pub(crate) fn add(&self, a: Tracked, b: Tracked) -> Tracked {
        let sum = a.number + b.number;
        drop((a, b));
        self.census.track(Kind::Value, sum)
    }

    pub(crate) fn items(&self) -> Vec<Tracked> {
        (0..ITEMS)
            .map(|number| self.census.track(Kind::Item, number))
            .collect()
    }

    pub(crate) fn pairs(&self) -> Vec<(Tracked, Tracked)> {
        self.items()
            .into_iter()
            .map(|item| (item, self.census.track(Kind::Item, 0)))
            .collect()
    }

    /// Reads what the work owns, for jobs that borrow it.
    pub(crate) fn look(&self) {
        assert_eq!(self.capture.kind, Kind::Capture);
    }

    pub(crate) fn item(&self, number: usize) -> Tracked {
        self.census.track(Kind::Item, number)
    }
}

/// The number in a panic's payload, which is dropped.
pub(crate) fn payload_number(panic: Panic) -> usize {
    let payload = panic
        .into_payload()
        .downcast::<Tracked>()
        .expect("jobs panic with tracked values");
    assert_eq!(payload.kind, Kind::Payload);
    payload.number
}

/// How the single jobs or stream items of a row ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) values: usize,
    pub(crate) panics: usize,
    pub(crate) cancelled: usize,
    pub(crate) terminated: usize,
    /// Refusals that came as a result: `Closed`.
    pub(crate) closed: usize,
}

impl Tally {
    /// Counts one result. A number is known for single jobs only.
    pub(crate) fn count(
        &mut self,
        outcome: Outcome,
        number: Option<usize>,
        result: Result<Tracked, JobError>,
    ) {
        match result {
            Ok(value) => {
                assert_eq!(value.kind, Kind::Value);
                assert!(
                    number.is_none_or(|number| number == value.number),
                    "a value of another job"
                );
                assert!(!outcome.panics(value.number), "this job was to panic");
                self.values += 1;
            }
            Err(JobError::Panicked(panic)) => {
                let index = panic.index();
                let found = payload_number(panic);
                assert!(
                    number.is_none_or(|number| number == found),
                    "a panic of another job"
                );
                assert!(outcome.panics(found), "this job was to return");
                assert!(index.is_none_or(|index| index == found), "index {index:?}");
                self.panics += 1;
            }
            Err(JobError::Cancelled) => self.cancelled += 1,
            Err(JobError::Terminated) => self.terminated += 1,
            Err(JobError::Closed) => self.closed += 1,
            Err(other) => panic!("an outcome that this row cannot have: {other:?}"),
        }
    }

    pub(crate) fn ran(self) -> usize {
        self.values + self.panics
    }

    pub(crate) fn all(self) -> usize {
        self.ran() + self.cancelled + self.terminated + self.closed
    }

    /// What `count` jobs do when all of them run.
    pub(crate) fn everything(outcome: Outcome, count: usize) -> Self {
        let panics = outcome.panic_count(count);
        Self {
            values: count - panics,
            panics,
            ..Self::default()
        }
    }
}

/// Runs every row on a census of its own generation, and names the row that fails.
pub(crate) fn run_rows<V: fmt::Debug + Copy + Send + 'static>(
    rows: impl Iterator<Item = Row<V>>,
    run: impl Fn(Row<V>, &'static Census) -> Vec<(Kind, usize)>,
) {
    silence_expected_panics();
    let census = Census::new();
    let mut count = 0;
    for row in rows {
        let watched = crate::support::watchdog::watch(row);
        census.begin();
        let named = NameOnPanic(&row);
        let leaked = run(row, census);
        if let Err(wrong) = census.check(&leaked) {
            panic!("{wrong}");
        }
        assert!(
            !has_stray_panic(),
            "an assertion inside of a job has failed"
        );
        std::mem::forget(named);
        drop(watched);
        count += 1;
    }
    assert!(count > 0, "the table has no such rows");
}

/// Names a row whose check panics.
struct NameOnPanic<'a>(&'a dyn fmt::Display);

impl Drop for NameOnPanic<'_> {
    fn drop(&mut self) {
        eprintln!("in the row {}", self.0);
    }
}

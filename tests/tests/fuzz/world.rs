//! What the jobs of a program share, and what one call of it knows.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};

use ringpool::{Control, JobError, JoinError, Pool};

use super::books::{Books, Fuse, Kind, Tracked, lock};
use super::calls;
use super::program::{Act, Call, CallbackAct, Explosive, Settings, Verb};
use super::reference::{Doors, Facts};
use super::timeline::{End, Timeline};

/// A worker's state.
pub(crate) struct State {
    pub(crate) tracked: Tracked,
    /// Calls that have borrowed it. A data race here shows under `ThreadSanitizer`.
    pub(crate) uses: usize,
}

pub(crate) type Worker<'w> = ringpool::Worker<'w, State>;

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Main,
    Side,
    /// A job, on a worker of the pool.
    Job(Lent),
}

/// Whether a worker has lent its state to a job on its stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lent {
    No,
    /// The job may have been run in place by one that has borrowed the state.
    Maybe,
    Yes,
}

/// What the jobs of a program share.
pub(crate) struct World {
    pub(crate) books: &'static Books,
    pub(crate) timeline: Timeline,
    pub(crate) settings: Settings,
    pool: OnceLock<Weak<Pool<State>>>,
    holds: (Mutex<usize>, Condvar),
    /// Detached calls that were accepted, in order of their submission by the main thread first.
    accepted: Mutex<Vec<Arc<Instance>>>,
    /// What the calls of `terminate` have returned.
    pub(crate) cut: AtomicUsize,
    pub(crate) initializers: AtomicUsize,
    /// States made and states ended.
    pub(crate) initialized: AtomicUsize,
    pub(crate) exited: AtomicUsize,
}

impl World {
    pub(crate) fn new(books: &'static Books, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            books,
            timeline: Timeline::new(),
            settings,
            pool: OnceLock::new(),
            holds: Default::default(),
            accepted: Mutex::default(),
            cut: AtomicUsize::new(0),
            initializers: AtomicUsize::new(0),
            initialized: AtomicUsize::new(0),
            exited: AtomicUsize::new(0),
        })
    }

    pub(crate) fn set_pool(&self, pool: &Arc<Pool<State>>) {
        let _ = self.pool.set(Arc::downgrade(pool));
    }

    /// The pool, unless it is being dropped.
    pub(crate) fn pool(&self) -> Option<Arc<Pool<State>>> {
        self.pool.get().and_then(Weak::upgrade)
    }

    /// Lets every job go on that is held.
    pub(crate) fn open_holds(&self) {
        let (now, changed) = &self.holds;
        *lock(now) += 1;
        changed.notify_all();
    }

    fn hold(&self, since: usize) {
        let (now, changed) = &self.holds;
        let mut now = lock(now);
        while *now == since {
            now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn fault(&self, what: String) {
        self.books.fault(what);
    }

    pub(crate) fn close(&self, pool: &Pool<State>) {
        self.timeline.asks(End::Close);
        pool.close();
        self.timeline.has_happened(End::Close);
    }

    pub(crate) fn terminate(&self, pool: &Pool<State>) {
        self.timeline.asks(End::Terminate);
        let never_started = pool.terminate();
        self.cut.fetch_add(never_started, SeqCst);
        self.timeline.has_happened(End::Terminate);
    }

    pub(crate) fn accept(&self, instance: &Arc<Instance>) {
        lock(&self.accepted).push(Arc::clone(instance));
    }

    pub(crate) fn take_accepted(&self) -> Vec<Arc<Instance>> {
        std::mem::take(&mut *lock(&self.accepted))
    }
}

/// One execution of a call.
pub(crate) struct Instance {
    pub(crate) world: Arc<World>,
    pub(crate) call: Arc<Call>,
    pub(crate) place: Place,
    /// When the call was about to be made.
    pub(crate) from: usize,
    ran: Vec<AtomicUsize>,
    /// When the function was called first.
    begun: AtomicUsize,
    successes: AtomicUsize,
    errors: AtomicUsize,
    pub(crate) control: Control,
    cancel_asked: AtomicBool,
    /// The reference has seen the result.
    is_judged: AtomicBool,
    /// Of what explodes when it is dropped.
    fuse: Arc<Fuse>,
    /// How often holds had been opened before.
    holds: usize,
}

impl Instance {
    pub(crate) fn new(world: &Arc<World>, call: &Arc<Call>, place: Place) -> Arc<Self> {
        let items = call.item_count(&world.settings);
        if call.explodes_in_the_job() {
            // rustc forgets what a closure returns if its captures then panic (rust-lang/rust#47949).
            world.books.leak_results(call.id);
        }
        Arc::new(Self {
            world: Arc::clone(world),
            call: Arc::clone(call),
            place,
            from: world.timeline.now(),
            ran: (0..items).map(|_| AtomicUsize::new(0)).collect(),
            begun: AtomicUsize::new(usize::MAX),
            successes: AtomicUsize::new(0),
            errors: AtomicUsize::new(0),
            control: Control::new(),
            cancel_asked: AtomicBool::new(false),
            is_judged: AtomicBool::new(false),
            fuse: Arc::default(),
            holds: *lock(&world.holds.0),
        })
    }

    pub(crate) fn track(&self, kind: Kind, index: usize) -> Tracked {
        self.arm(self.world.books.track(kind, self.call.id, index))
    }

    /// Lights a value, if such values of the call explode.
    pub(crate) fn arm(&self, value: Tracked) -> Tracked {
        let explodes = match self.call.explosive {
            None => false,
            Some(Explosive::Capture) => value.kind == Kind::Capture,
            Some(Explosive::Item) => value.kind == Kind::Item,
            // A `for_each` has none: its function drops it.
            Some(Explosive::Value) => value.kind == Kind::Value && self.call.verb != Verb::ForEach,
        };
        if explodes {
            value.arm(&self.fuse)
        } else {
            value
        }
    }

    /// Nothing explodes any more: this test is about to drop what it was given back.
    pub(crate) fn disarm(&self) {
        self.fuse.put_out();
    }

    pub(crate) fn fault(&self, what: &str) {
        let Call { id, verb, .. } = *self.call;
        self.world.fault(format!("call {id}, {verb:?}: {what}"));
    }

    /// Notes a judgement of the reference.
    pub(crate) fn note(&self, judgement: Result<(), String>) {
        if let Err(what) = judgement {
            self.fault(&what);
        }
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(SeqCst)
    }

    pub(crate) fn will_be_cancelled(&self) {
        self.cancel_asked.store(true, SeqCst);
    }

    pub(crate) fn cancel_asked(&self) -> bool {
        self.cancel_asked.load(SeqCst)
    }

    /// What may keep the call out, if it has returned now.
    pub(crate) fn doors(&self) -> Doors {
        let Place::Job(lent) = self.place else {
            return self.doors_if(false, Lent::No);
        };
        self.doors_if(true, lent)
    }

    fn doors_if(&self, in_job: bool, lent: Lent) -> Doors {
        Doors {
            entrance: self.world.timeline.entrance(self.from),
            in_job,
            lent,
            bounded: self.world.settings.capacity.is_some(),
        }
    }

    /// What the call is about.
    pub(crate) fn items(&self) -> Vec<Tracked> {
        (0..self.call.acts.len())
            .map(|index| self.track(Kind::Item, index))
            .collect()
    }

    /// Whether something may have ended the call's input before its time.
    pub(crate) fn was_stopped(&self) -> bool {
        self.cancel_asked() || !self.world.timeline.asked().is_empty()
    }

    pub(crate) fn is_judged(&self) -> bool {
        self.is_judged.load(SeqCst)
    }

    pub(crate) fn mark_judged(&self) {
        self.is_judged.store(true, SeqCst);
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        self.facts_of(0..self.ran.len())
    }

    pub(crate) fn facts_of(&self, items: std::ops::Range<usize>) -> Facts<'_> {
        Facts {
            call: &self.call,
            ran: self.ran.iter().map(|ran| ran.load(SeqCst)).collect(),
            items,
            cancel_asked: self.cancel_asked(),
            ends: self.world.timeline.asked(),
            callbacks: (self.successes.load(SeqCst), self.errors.load(SeqCst)),
            was_spared: self.fuse.was_spared(),
        }
    }

    /// What the function of the call does with an item.
    pub(crate) fn perform(self: &Arc<Self>, index: usize, mut worker: Option<&mut Worker<'_>>) {
        self.begun.fetch_min(self.world.timeline.now(), SeqCst);
        self.ran[index].fetch_add(1, SeqCst);
        if let Some(worker) = &mut worker {
            worker.state.uses += 1;
            if worker.state.tracked.kind != Kind::State {
                self.fault("the state of a worker is not its own");
            }
        }
        match self.call.act(index) {
            Act::Return | Act::Fail => {}
            Act::Panic => resume_unwind(Box::new(self.track(Kind::Payload, index))),
            Act::Hold => self.world.hold(self.holds),
            Act::Yield(times) => (0..*times).for_each(|_| std::thread::yield_now()),
            Act::Cancel => {
                self.will_be_cancelled();
                self.control.cancel();
            }
            Act::Close => self.with_pool(|pool| self.world.close(pool)),
            Act::Terminate => self.with_pool(|pool| self.world.terminate(pool)),
            Act::Join => self.with_pool(|pool| {
                if pool.join() != Err(JoinError::FromWorker) {
                    self.fault("a worker has joined its own pool");
                }
            }),
            Act::Nest(call) => self.with_pool(|pool| {
                let lent = match self.place {
                    _ if worker.is_some() => Lent::Yes,
                    Place::Main | Place::Side | Place::Job(Lent::No) => Lent::No,
                    Place::Job(_) => Lent::Maybe,
                };
                calls::nest(&self.world, pool, call, Place::Job(lent), worker);
            }),
        }
    }

    fn with_pool(&self, f: impl FnOnce(&Pool<State>)) {
        if let Some(pool) = self.world.pool() {
            f(&pool);
        }
    }

    pub(crate) fn on_success(self: &Arc<Self>, callback: &Tracked) {
        self.successes.fetch_add(1, SeqCst);
        self.called(callback, Kind::SuccessPayload);
    }

    pub(crate) fn on_error(self: &Arc<Self>, callback: &Tracked, error: &JobError) {
        self.errors.fetch_add(1, SeqCst);
        // To format it looks at every part of the error.
        let _ = error.to_string();
        self.called(callback, Kind::ErrorPayload);
    }

    fn called(self: &Arc<Self>, callback: &Tracked, kind: Kind) {
        if callback.kind != Kind::Callback {
            self.fault("the capture of a callback is not its own");
        }
        if let Some(call) = &self.call.from_callback {
            // This may be the main thread, which cancels.
            self.world.open_holds();
            let place = Place::Job(Lent::Maybe);
            self.with_pool(|pool| calls::nest(&self.world, pool, call, place, None));
        }
        let acts = self.call.callbacks.map(|it| (it.success, it.error));
        let act = acts.map(|(success, error)| match kind {
            Kind::SuccessPayload => success,
            _ => error,
        });
        if act == Some(CallbackAct::Panic) {
            resume_unwind(Box::new(self.track(kind, 0)));
        }
    }
}

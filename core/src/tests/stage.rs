//! What the tests share: a pool whose workers they play themselves, and values that tell what happens to them.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;
use std::rc::Rc;

use super::fake::{self, Fake, log};
use crate::batch::Schedule;
use crate::batch::work::Plain;
use crate::engine::{Engine, Settings, WaitPolicy};
use crate::error::JobError;
use crate::frame::Frame;
use crate::heap::Heap;
use crate::idle::Idle;
use crate::job::{Body, Callbacks, Extra, OnError, OnSuccess, OnWorkerFn, Options, PlainFn};
use crate::platform::new_token;
use crate::result::AsyncResult;
use crate::ring::Chain;
use crate::slot::WorkerSlot;
use crate::source::Source;
use crate::submit;
use crate::sync::Ordering;
use crate::time::Instant;
use crate::timeline::Track;
use crate::verbs::{self, How};
use crate::worker::{Leave, Replacement, Worker, work};

/// A pool without threads.
pub(super) struct Stage(Box<Engine<Fake>>);

impl Deref for Stage {
    type Target = Engine<Fake>;

    fn deref(&self) -> &Engine<Fake> {
        &self.0
    }
}

/// Every step of the script was taken, and nothing lies in the queue that nobody would free.
impl Drop for Stage {
    fn drop(&mut self) {
        for slot in self.slots() {
            fake::unname(&slot.berth.token);
        }
        if !std::thread::panicking() {
            assert_eq!(fake::steps_left(), 0, "steps of the script were not taken");
            assert!(self.take().is_err(), "the test leaves jobs in the queue");
        }
    }
}

/// A pool whose queue grows.
pub(super) fn pool(workers: usize) -> Rc<Stage> {
    Stage::build(workers, Chain::unbounded(), |_| {})
}

/// A pool whose queue has so many places.
pub(super) fn bounded(workers: usize, places: usize) -> Rc<Stage> {
    let places = NonZeroUsize::new(places).expect("a queue has places");
    let queue = Chain::bounded(places).expect("a small queue fits");
    Stage::build(workers, queue, |settings| settings.capacity = places.get())
}

impl Stage {
    pub(super) fn build(
        workers: usize,
        queue: Chain,
        adjust: impl FnOnce(&mut Settings),
    ) -> Rc<Self> {
        let mut settings = Settings {
            workers,
            jobs_per_worker: usize::MAX,
            wait_policy: WaitPolicy::Passive,
            search: crate::backoff::Backoff::new(0, 0),
            capacity: usize::MAX,
            caller_participates: false,
            timeline: 0,
            in_place: false,
        };
        adjust(&mut settings);
        let slots = (0..workers).map(|_| {
            let mut slot = WorkerSlot::new();
            slot.track = Track::new(settings.timeline).expect("a short timeline fits");
            slot
        });
        let slots = slots.collect();
        let heap = Heap { queue, slots };
        let stage = Self(Box::new(Engine::new(settings, Idle::new(workers), heap)));
        for (index, slot) in stage.slots().iter().enumerate() {
            fake::name(&slot.berth.token, format!("worker {index}"));
        }
        Rc::new(stage)
    }

    /// Runs `f` on a worker.
    pub(super) fn on<R>(&self, index: usize, f: impl FnOnce(&Frame<'_, Fake>) -> R) -> R {
        let mut state = ();
        let state = NonNull::from(&mut state).cast();
        let begin = |frame: &Frame<'_, Fake>| {
            // SAFETY: the state of this pool is the unit, and there it is.
            unsafe { frame.state_is_there() };
            f(frame)
        };
        // SAFETY: as above; it is this call's own.
        unsafe { Frame::enter(self, index, state, begin) }
    }

    /// Takes the next entry and executes it as a worker would; `false` if there is none.
    pub(super) fn step(&self, index: usize) -> bool {
        self.on(index, |frame| match self.take() {
            Ok(entry) => {
                // SAFETY: `take` has exchanged the entry out of its cell.
                unsafe { frame.execute(entry) };
                true
            }
            Err(_) => false,
        })
    }

    /// A worker's whole loop, until it leaves.
    pub(super) fn work(&self, index: usize) -> Leave {
        self.on(index, |frame| work(frame, |_| Replacement::Refused))
    }

    /// Visits the region that is pending, as a worker does between jobs; `false` if there is none.
    pub(super) fn visit(&self, index: usize) -> bool {
        self.on(index, |frame| {
            let pending = self.regions.pending(frame.slot());
            if pending {
                self.regions
                    .visit(frame.slot(), index, &self.life, Ok(frame));
            }
            pending
        })
    }

    /// A worker goes to sleep without searching before.
    pub(super) fn falls_asleep(&self, index: usize) {
        self.idle.announce(self.slots(), index, false);
    }

    pub(super) fn anybody_sleeps(&self) -> bool {
        self.slots()
            .iter()
            .any(|slot| slot.idle_bits.load(Ordering::Relaxed) != 0)
    }

    /// Submits any body with any extra; `Err` is why it was refused.
    pub(super) fn submit_with<B: Body<Fake>, X: Extra<Fake>>(
        &self,
        body: B,
        extra: X,
    ) -> Result<AsyncResult<B::Value, Fake>, JobError> {
        submit::apply_async(self, body, extra, true).map_err(|(error, _)| error)
    }

    /// Submits a closure to a pool that takes it.
    pub(super) fn submit<T>(&self, f: impl FnOnce() -> T) -> AsyncResult<T, Fake> {
        self.submit_with(PlainFn(f), ()).expect("the pool is open")
    }

    /// Submits a closure that only says its name.
    pub(super) fn submit_named(&self, name: &'static str) -> AsyncResult<(), Fake> {
        self.submit(move || log(format!("{name} runs")))
    }
}

/// A body that borrows its worker.
pub(super) fn on_worker<T, F>(f: F) -> OnWorkerFn<F, ()>
where
    F: FnOnce(&mut Worker<'_, Fake, ()>) -> T,
{
    // SAFETY: the state of a stage is the unit.
    unsafe { OnWorkerFn::new(f) }
}

/// Options with nothing but a deadline.
pub(super) fn until(nanos: u64) -> Options {
    Options {
        deadline: Some(Instant::from_nanos(nanos)),
        ..Options::default()
    }
}

/// Chunks of so many items.
pub(super) fn chunks(size: usize) -> How {
    How {
        schedule: Schedule::Chunks(NonZeroUsize::new(size).expect("a chunk has items")),
        options: Options::default(),
    }
}

/// When the caller parks, these workers come, one after the other, if a ticket is left for them.
pub(super) fn workers_come(stage: &Rc<Stage>, indices: impl IntoIterator<Item = usize> + 'static) {
    let there = Rc::clone(stage);
    fake::on_park(move || {
        for index in indices {
            there.step(index);
        }
    });
}

/// Runs `f` with the numbers below `items` and blocks until that has ended.
pub(super) fn for_each(
    stage: &Stage,
    items: i32,
    how: How,
    f: impl Fn(i32),
) -> Result<(), JobError> {
    verbs::for_each(stage, (0..items).into_feed(), Plain(f), how)
}

/// A value that tells when it is dropped.
#[derive(Debug)]
pub(super) struct Traced(pub(super) &'static str);

impl Drop for Traced {
    fn drop(&mut self) {
        log(format!("{} dropped", self.0));
    }
}

/// A value whose destructor tells and panics.
pub(super) struct Grenade(pub(super) &'static str);

impl Drop for Grenade {
    fn drop(&mut self) {
        log(format!("{} explodes", self.0));
        fake::fail("in a destructor");
    }
}

/// What a job carries besides its body: it goes when the job's memory goes.
pub(super) struct Block;

impl Extra<Fake> for Block {}

impl Drop for Block {
    fn drop(&mut self) {
        log("block freed");
    }
}

/// A place for a handle that the job itself can look at.
pub(super) struct Handle<T>(Rc<RefCell<Option<AsyncResult<T, Fake>>>>);

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

// SAFETY: the tests have one thread each; only callbacks ask for it.
unsafe impl<T> Send for Handle<T> {}

impl<T: 'static> Handle<T> {
    /// Callbacks for either end; each says whether the job is ready.
    pub(super) fn callbacks(&self) -> impl Callbacks<T> + use<T> {
        let (good, bad) = (self.clone(), self.clone());
        OnError {
            f: move |error: &JobError| bad.log(&format!("on_error: {error}")),
            others: OnSuccess {
                f: move |_: &T| good.log("on_success"),
                others: (),
            },
        }
    }
}

impl<T> Handle<T> {
    pub(super) fn empty() -> Self {
        Self(Rc::new(RefCell::new(None)))
    }

    pub(super) fn put(&self, handle: AsyncResult<T, Fake>) {
        *self.0.borrow_mut() = Some(handle);
    }

    pub(super) fn take(&self) -> AsyncResult<T, Fake> {
        self.0.borrow_mut().take().expect("the handle is there")
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(&AsyncResult<T, Fake>) -> R) -> R {
        f(self.0.borrow().as_ref().expect("the handle is there"))
    }

    /// Notes an event and whether the job is ready by then.
    pub(super) fn log(&self, event: &str) {
        let ready = self.with(AsyncResult::ready);
        log(format!(
            "{event}, {}",
            if ready { "ready" } else { "pending" }
        ));
    }

    /// A value that tells when it is dropped, and whether the job is ready by then.
    pub(super) fn capture(&self, name: &'static str) -> Capture<T> {
        Capture(self.clone(), name)
    }
}

/// A value that tells when it is dropped, and whether its job is ready by then.
pub(super) struct Capture<T>(Handle<T>, &'static str);

impl<T> Drop for Capture<T> {
    fn drop(&mut self) {
        self.0.log(&format!("{} dropped", self.1));
    }
}

#[test]
fn the_workers_of_a_stage_have_tokens_of_their_own() {
    use crate::platform::Park;
    let stage = pool(2);
    stage.slots()[1].berth.token.unpark();
    new_token::<fake::Token>().unpark();
    fake::expect(["unpark worker 1", "unpark waiter"]);
}

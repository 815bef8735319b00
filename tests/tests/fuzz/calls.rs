//! Makes the calls of a program on a real pool.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use ringpool::{JobError, Pool, Schedule, SubmitError, pull};

use super::books::{Kind, Tracked};
use super::handles::{After, Kept};
use super::program::{Call, Deadline, Sharing, Verb};
use super::reference::{self, Outcome};
use super::streams::{self, Input, is_input_panic};
use super::world::{Instance, Lent, Place, State, Worker, World};

type With<'p> = ringpool::generic::With<'p, ringpool::Std, State>;

/// The function of a call, with what it owns.
struct Function {
    instance: Arc<Instance>,
    capture: Tracked,
}

impl Function {
    fn new(instance: &Arc<Instance>) -> Self {
        Self {
            instance: Arc::clone(instance),
            capture: instance.track(Kind::Capture, 0),
        }
    }

    /// Does what the program says about this item and makes a value of the kind.
    fn make(&self, kind: Kind, index: usize, worker: Option<&mut Worker<'_>>) -> Tracked {
        if self.capture.kind != Kind::Capture || self.capture.call != self.instance.call.id {
            self.instance.fault("its capture is not its own");
        }
        self.instance.perform(index, worker);
        self.instance.track(kind, index)
    }

    /// The function itself: takes an item and returns a value.
    fn call(&self, worker: Option<&mut Worker<'_>>, item: Tracked) -> Tracked {
        if item.kind != Kind::Item || item.call != self.instance.call.id {
            self.instance
                .fault("it was given an item that is not its own");
        }
        let value = self.make(Kind::Value, item.index, worker);
        drop(item.disarm());
        value
    }

    /// The same for functions of two arguments.
    fn call2(&self, worker: Option<&mut Worker<'_>>, item: Tracked, index: usize) -> Tracked {
        if item.index != index {
            self.instance.fault("its arguments are of two items");
        }
        self.call(worker, item)
    }

    /// The same for functions that can fail.
    fn attempt(&self, worker: Option<&mut Worker<'_>>, item: Tracked) -> Result<Tracked, Tracked> {
        if self.instance.call.fails_at(item.index) {
            let error = self.make(Kind::Error, item.index, worker);
            drop(item.disarm());
            return Err(error);
        }
        Ok(self.call(worker, item))
    }
}

fn only(items: Vec<Tracked>) -> Tracked {
    let [item] = <[_; 1]>::try_from(items).unwrap_or_else(|_| unreachable!("a job has one item"));
    item
}

fn pairs(items: Vec<Tracked>) -> Vec<(Tracked, usize)> {
    items
        .into_iter()
        .map(|item| {
            let index = item.index;
            (item, index)
        })
        .collect()
}

/// Puts the parts of a reduction together.
fn append(mut one: Vec<Tracked>, other: Vec<Tracked>) -> Vec<Tracked> {
    one.extend(other);
    one
}

/// How a blocking verb has ended, as the reference wants it.
type Ended = Result<Result<Vec<Tracked>, Tracked>, JobError>;

/// The verbs that pools and workers have in common, with functions that take `$worker` first and pass it on as
/// `$given`.
macro_rules! verb_of_worker {
    ($on:expr, $instance:expr, $function:expr, $items:expr, ($($worker:tt)*), $given:expr) => {{
        let (function, items) = ($function, $items);
        match $instance.call.verb {
            Verb::Apply => {
                let item = only(items);
                $on.apply(move |$($worker)*| function.call($given, item)).map(|value| Ok(vec![value]))
            }
            Verb::Map => $on.map(items, move |$($worker)* item| function.call($given, item)).map(Ok),
            Verb::Starmap => $on
                .starmap(pairs(items), move |$($worker)* item: Tracked, index: usize| {
                    function.call2($given, item, index)
                })
                .map(Ok),
            Verb::ForEach => $on
                .for_each(items, move |$($worker)* item| drop(function.call($given, item)))
                .map(|()| Ok(Vec::new())),
            Verb::Reduce => $on
                .reduce(items, Vec::new(), move |$($worker)* item| vec![function.call($given, item)], append)
                .map(Ok),
            verb => unreachable!("{verb:?} is not one of these"),
        }
    }};
}

/// All blocking verbs.
macro_rules! blocking_verb {
    ($with:expr, $instance:expr, ($($worker:tt)*), $given:expr) => {{
        let (instance, with, function): (&Arc<Instance>, _, _) = ($instance, $with, Function::new($instance));
        let items = || instance.items();
        let ended: Ended = match instance.call.verb {
            Verb::MapPull => with
                .map(pull(Input::new(instance)), move |$($worker)* item| function.call($given, item))
                .map(Ok),
            Verb::MapInto => {
                let mut out = Vec::new();
                let call = move |$($worker)* item| function.call($given, item);
                with.map_into(items(), &mut out, call).map(|_| Ok(out))
            }
            Verb::TryMap => with.try_map(items(), move |$($worker)* item| function.attempt($given, item)),
            Verb::Broadcast => with
                .broadcast(move |worker| {
                    let index = worker.index();
                    function.make(Kind::Value, index, Some(worker))
                })
                .map(Ok),
            _ => verb_of_worker!(with, instance, function, items(), ($($worker)*), $given),
        };
        ended
    }};
}

/// The verbs that return a handle.
macro_rules! detached_verb {
    ($with:expr, $instance:expr, ($($worker:tt)*), $given:expr) => {{
        let (instance, with, function): (&Arc<Instance>, _, _) = ($instance, $with, Function::new($instance));
        let items = instance.items();
        match instance.call.verb {
            Verb::ApplyAsync => {
                let item = only(items);
                with.apply_async(move |$($worker)*| vec![function.call($given, item)])
                    .map_err(|error| reason(instance, error))
            }
            Verb::TryApplyAsync => {
                let item = only(items);
                with.try_apply_async(move |$($worker)*| vec![function.call($given, item)])
                    .map_err(|error| reason(instance, error))
            }
            Verb::MapAsync => with
                .map_async(items, move |$($worker)* item| function.call($given, item))
                .map_err(|error| reason(instance, error)),
            Verb::StarmapAsync => with
                .starmap_async(pairs(items), move |$($worker)* item: Tracked, index: usize| {
                    function.call2($given, item, index)
                })
                .map_err(|error| reason(instance, error)),
            verb => unreachable!("{verb:?} returns no handle"),
        }
    }};
}

/// S12: a refused submission hands back what it was given.
fn reason<F>(instance: &Instance, error: SubmitError<F>) -> JobError {
    let (reason, given) = error.into_parts();
    if !instance.world.books.holds_captures(instance.call.id) {
        instance.fault("it was refused, and what it was given is gone");
    }
    instance.disarm();
    drop(given);
    reason
}

/// Sets what a call is made with.
fn with<'p>(instance: &Instance, pool: &'p Pool<State>) -> With<'p> {
    let Call {
        chunk,
        schedule,
        deadline,
        stream,
        ..
    } = &*instance.call;
    let mut with = pool.with().schedule(match schedule {
        Sharing::Auto => Schedule::Auto,
        Sharing::Static => Schedule::Static,
        Sharing::Guided => Schedule::Guided,
        Sharing::Python => Schedule::Python,
    });
    if let Some(size) = chunk {
        with = with.chunk_size(*size);
    }
    if let Some(items) = stream.window {
        with = with.window(items);
    }
    if instance.call.cancels_itself() {
        with = with.control(&instance.control);
    }
    match deadline {
        Deadline::None => with,
        Deadline::Zero => with.deadline(Duration::ZERO),
        Deadline::Short => with.deadline(Duration::from_micros(30)),
        Deadline::Long => with.deadline(Duration::MAX),
    }
}

/// Makes a call; returns its handle, if it has one.
pub(crate) fn make(
    world: &Arc<World>,
    pool: &Pool<State>,
    call: &Arc<Call>,
    place: Place,
) -> Option<Kept> {
    let is_bounded = world.settings.capacity.is_some();
    let waits_for_room = is_bounded && call.verb != Verb::TryApplyAsync;
    if place == Place::Main && (!call.verb.is_detached() || waits_for_room) {
        world.open_holds();
    }
    let instance = &Instance::new(world, call, place);
    match call.verb {
        Verb::Scope => scope(instance, pool),
        Verb::Imap | Verb::ImapUnordered => stream(instance, pool),
        verb if verb.is_detached() => return submit(instance, pool),
        _ => block(instance, pool),
    }
    None
}

/// Makes a call inside of a job, and does with its handle what the call says.
pub(crate) fn nest(
    world: &Arc<World>,
    pool: &Pool<State>,
    call: &Arc<Call>,
    place: Place,
    worker: Option<&mut Worker<'_>>,
) {
    if let Some(through) = worker.filter(|_| call.through_worker) {
        // The worker lends its state again.
        let instance = &Instance::new(world, call, Place::Job(Lent::No));
        let function = Function::new(instance);
        let items = instance.items();
        let ended: Ended = verb_of_worker!(through, instance, function, items, (worker: &mut Worker<'_>,), Some(worker));
        return judge(instance, ended);
    }
    let mut kept = make(world, pool, call, place);
    for deed in &call.then {
        kept = match kept.map(|kept| kept.act(*deed)) {
            Some(After::Kept(kept)) => Some(kept),
            _ => None,
        };
    }
}

fn judge(instance: &Arc<Instance>, ended: Ended) {
    if instance.world.books.holds_captures(instance.call.id) {
        instance.fault("its captures outlive it");
    }
    let outcome = match ended {
        Ok(Err(error)) => Outcome::Failed(error.call, error.index),
        Ok(Ok(values)) => Outcome::of(Ok(values)),
        Err(error) => Outcome::of(Err(error)),
    };
    instance.note(reference::judge_call(
        &instance.facts(),
        &instance.doors(),
        &outcome,
    ));
}

fn block(instance: &Arc<Instance>, pool: &Pool<State>) {
    let with = with(instance, pool);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        if instance.call.on_worker {
            blocking_verb!(with.with_worker(), instance, (worker: &mut Worker<'_>,), Some(worker))
        } else {
            blocking_verb!(with, instance, (), None)
        }
    }));
    match ended {
        Ok(ended) => judge(instance, ended),
        Err(payload) if is_input_panic(instance, &*payload) => {
            drop(payload);
            if instance.world.books.holds_captures(instance.call.id) {
                instance.fault("its captures outlive the panic of its input");
            }
        }
        Err(_) => instance.fault("a panic of nobody came out of it"),
    }
}

fn submit(instance: &Arc<Instance>, pool: &Pool<State>) -> Option<Kept> {
    let with = with(instance, pool);
    let submitted = if instance.call.callbacks.is_some() {
        let (told, own) = (instance.track(Kind::Callback, 0), Arc::clone(instance));
        let (failed, same) = (instance.track(Kind::Callback, 1), Arc::clone(instance));
        let with = with
            .on_success(move |_: &Vec<Tracked>| own.on_success(&told))
            .on_error(move |error| same.on_error(&failed, error));
        if instance.call.on_worker {
            detached_verb!(with.with_worker(), instance, (worker: &mut Worker<'_>,), Some(worker))
        } else {
            detached_verb!(with, instance, (), None)
        }
    } else if instance.call.on_worker {
        detached_verb!(with.with_worker(), instance, (worker: &mut Worker<'_>,), Some(worker))
    } else {
        detached_verb!(with, instance, (), None)
    };
    let (facts, doors) = (instance.facts(), instance.doors());
    match submitted {
        Ok(handle) => {
            let letter = Outcome::Values(Vec::new());
            instance.note(reference::judge_entry(&facts, &doors, &letter));
            instance.world.accept(instance);
            Some(Kept {
                instance: Arc::clone(instance),
                items: 0..instance.call.acts.len(),
                handle,
            })
        }
        Err(error) => {
            instance.note(reference::judge_refusal(&facts, &doors, &error));
            None
        }
    }
}

fn stream(instance: &Arc<Instance>, pool: &Pool<State>) {
    let (with, function) = (with(instance, pool), Function::new(instance));
    let input = Input::new(instance);
    let pulled = input.pulled();
    let is_ordered = instance.call.verb == Verb::Imap;
    let stream = if instance.call.on_worker {
        let with = with.with_worker();
        let call = move |worker: &mut Worker<'_>, item| function.call(Some(worker), item);
        if is_ordered {
            with.imap(input, call)
        } else {
            with.imap_unordered(input, call)
        }
    } else {
        let call = move |item| function.call(None, item);
        if is_ordered {
            with.imap(input, call)
        } else {
            with.imap_unordered(input, call)
        }
    };
    streams::consume(instance, pool, &pulled, stream);
}

/// S42: jobs that borrow from this very function.
fn scope(instance: &Arc<Instance>, pool: &Pool<State>) {
    let call = &*instance.call;
    let function = Function::new(instance);
    // The jobs whose handles were dropped, their results unseen.
    let mut unseen = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool.scope(|scope| {
            let jobs = instance.items().into_iter().zip(&call.then);
            for (index, (item, deed)) in jobs.enumerate() {
                let function = &function;
                let handle = scope.apply_async(move || vec![function.call(None, item)]);
                let kept = Kept {
                    instance: Arc::clone(instance),
                    items: index..index + 1,
                    handle,
                };
                if matches!(kept.act(*deed), After::Kept(_) | After::Dropped) {
                    unseen.push(index);
                }
            }
            if call.body_panics {
                resume_unwind(Box::new(instance.track(Kind::BodyPayload, 0)));
            }
        })
    }));
    let facts = instance.facts();
    let doors = instance.doors();
    let outcome = match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Outcome::of(Err(error))),
        Err(payload) => {
            let is_body = payload
                .downcast_ref::<Tracked>()
                .is_some_and(|it| it.kind == Kind::BodyPayload);
            if !is_body || !call.body_panics {
                instance.fault("a panic of nobody came out of the scope");
            }
            return;
        }
    };
    // Whether each of them ran is certain when the scope is over.
    let panicked = unseen
        .into_iter()
        .find(|index| facts.ran[*index] > 0 && call.panics_at(*index));
    instance.note(reference::judge_scope(&facts, &doors, panicked, &outcome));
}

//! What a program does with its lazy streams.

use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use ringpool::{GetError, IMap, JobError, Pool};

use super::books::{Kind, Tracked};
use super::program::{Pace, StreamEvent, Verb};
use super::reference::{self, Outcome};
use super::world::{Instance, Lent, Place, State};

/// The input of a call, which counts what is taken from it. It is not `Send`: S36.
pub(crate) struct Input {
    items: vec::IntoIter<Tracked>,
    instance: Arc<Instance>,
    pulled: Rc<Cell<usize>>,
}

impl Input {
    pub(crate) fn new(instance: &Arc<Instance>) -> Self {
        // What is not taken is dropped with the iterator, which is the user's own.
        let disarmed: Vec<_> = instance.items().into_iter().map(Tracked::disarm).collect();
        Self {
            items: disarmed.into_iter(),
            instance: Arc::clone(instance),
            pulled: Rc::default(),
        }
    }

    /// How many items were taken, now and later.
    pub(crate) fn pulled(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.pulled)
    }
}

impl Iterator for Input {
    type Item = Tracked;

    fn next(&mut self) -> Option<Tracked> {
        if self.instance.call.input_panics == Some(self.pulled.get()) {
            resume_unwind(Box::new(self.instance.track(Kind::InputPayload, 0)));
        }
        let item = self.items.next()?;
        self.pulled.set(self.pulled.get() + 1);
        Some(self.instance.arm(item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

/// Whether a panic that came out of a call is that of its input (S28).
pub(crate) fn is_input_panic(instance: &Instance, payload: &(dyn std::any::Any + Send)) -> bool {
    let payload = payload.downcast_ref::<Tracked>();
    instance.call.input_panics.is_some()
        && payload.is_some_and(|it| it.kind == Kind::InputPayload && it.call == instance.call.id)
}

/// How a stream was left.
enum Left {
    /// It said that it is over.
    Ended,
    /// Something was done with it before.
    Midway,
    InputPanicked,
}

/// Takes the results of a stream, and does to it what the program says.
pub(crate) fn consume(
    instance: &Arc<Instance>,
    pool: &Pool<State>,
    pulled: &Rc<Cell<usize>>,
    mut stream: IMap<'_, Input, Tracked>,
) {
    let mut outcomes = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let plan = instance.call.stream;
        loop {
            if outcomes.len() == plan.after {
                match plan.event {
                    StreamEvent::None => {}
                    StreamEvent::Close => instance.world.close(pool),
                    StreamEvent::Terminate => instance.world.terminate(pool),
                    StreamEvent::Cancel => {
                        instance.will_be_cancelled();
                        stream.cancel();
                    }
                    StreamEvent::Drop => return Left::Midway,
                    StreamEvent::IntoInput => {
                        let before = pulled.get();
                        let rest = stream.into_input().map(Tracked::disarm).count();
                        if before + rest != instance.call.acts.len() {
                            instance.fault("its input is not all there");
                        }
                        return Left::Midway;
                    }
                    StreamEvent::Leak => {
                        instance.world.books.leak(instance.call.id);
                        ringpool_tests::forget(stream);
                        return Left::Midway;
                    }
                }
            }
            match next(instance, &mut stream) {
                None => return Left::Ended,
                Some(result) => outcomes.push(Outcome::of(result.map(|value| vec![value]))),
            }
            check_window(instance, pulled.get(), outcomes.len());
        }
    }));
    let left = result.unwrap_or_else(|payload| {
        if !is_input_panic(instance, &*payload) {
            instance.fault("a panic of nobody came out of the stream");
        }
        Left::InputPanicked
    });
    judge(instance, pulled.get(), outcomes, &left);
}

fn next(
    instance: &Instance,
    stream: &mut IMap<'_, Input, Tracked>,
) -> Option<Result<Tracked, JobError>> {
    let pace = instance.call.stream.pace;
    let timeouts = match pace {
        Pace::Next => &[][..],
        Pace::Look => &[Duration::ZERO][..],
        Pace::NextTimeout => &[Duration::from_micros(30), Duration::MAX][..],
    };
    for timeout in timeouts {
        match stream.next_timeout(*timeout) {
            Ok(next) => return next.map(Ok),
            Err(GetError::Job(error)) => return Some(Err(error)),
            Err(_) if *timeout == Duration::MAX => {
                instance.fault("a time-out that never passes has passed");
            }
            Err(_) => {}
        }
    }
    stream.next()
}

/// S36: no more is pulled than the window allows.
fn check_window(instance: &Instance, pulled: usize, yielded: usize) {
    let call = &instance.call;
    // As large as a window may grow that is not set.
    let by_default = 128 * instance.world.settings.worker_count() * call.chunk.unwrap_or(1);
    let window = call.stream.window.unwrap_or(by_default);
    // What is yielded was pulled before; the last yield may say that the pool has ended.
    if pulled > yielded + window {
        instance.fault(&format!(
            "{pulled} items were pulled, {yielded} yielded, the window is {window}"
        ));
    }
}

/// S34, S35, S39: every item has a result of its own; a pool that ended is told once, at the end.
fn judge(instance: &Arc<Instance>, pulled: usize, mut outcomes: Vec<Outcome>, left: &Left) {
    let count = instance.call.acts.len();
    let whole = instance.facts();
    let doors = instance.doors();
    let yielded = outcomes.len();
    let must_refuse = doors.entrance.must_refuse || whole.has_invalid_option();
    if must_refuse && !outcomes.is_empty() {
        let is_refusal = match &outcomes[..] {
            [Outcome::Refused(error)] => reference::judge_refusal(&whole, &doors, error),
            _ => reference::judge_entry(&whole, &doors, &outcomes[0]),
        };
        return instance.note(is_refusal);
    }
    // The last may be about the pool, and then no item has it.
    if let Some(Outcome::Refused(error)) = outcomes.last()
        && reference::is_end(&doors, error)
        && (yielded > pulled || matches!(error, JobError::Closed) || matches!(left, Left::Ended))
    {
        outcomes.pop();
    } else if matches!(left, Left::Ended) && yielded != pulled && !may_drop_a_chunk(instance) {
        instance.fault(&format!(
            "{pulled} items were pulled and {yielded} came out"
        ));
    } else if matches!(left, Left::Ended) && pulled != count && !instance.was_stopped() {
        instance.fault(&format!("it ended after {pulled} of {count} items"));
    }
    if outcomes.len() > pulled {
        instance.fault(&format!(
            "{pulled} items were pulled and {} came out",
            outcomes.len()
        ));
    }
    let is_ordered = instance.call.verb == Verb::Imap;
    let mut seen = HashSet::new();
    for (at, outcome) in outcomes.iter().enumerate() {
        if matches!(outcome, Outcome::Refused(JobError::StateLent)) && may_be_lent(instance) {
            continue;
        }
        let item = if is_ordered { Some(at) } else { outcome.item() };
        if item.is_some_and(|item| item >= count || !seen.insert(item)) {
            instance.fault(&format!("a result too many: {outcome:?}"));
            continue;
        }
        let items = item.map_or(0..0, |item| item..item + 1);
        instance.note(reference::judge(&instance.facts_of(items), outcome));
    }
}

/// `cancel` drops what was pulled and found no room.
fn may_drop_a_chunk(instance: &Instance) -> bool {
    let is_bounded = instance.world.settings.capacity.is_some();
    is_bounded && instance.call.stream.event == StreamEvent::Cancel
}

fn may_be_lent(instance: &Instance) -> bool {
    instance.call.on_worker && matches!(instance.place, Place::Job(Lent::Maybe | Lent::Yes))
}

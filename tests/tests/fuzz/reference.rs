//! What SEMANTICS.md allows: a sequential reading of it, which for each call says how it may have ended.
//!
//! A call that runs without being disturbed has one possible end. Whatever may disturb it (a cancel, a
//! deadline, the end of the pool) is recorded before it is asked for, so that the reference knows whether an
//! outcome that names it had a cause, and whether it came from this call.

use ringpool::JobError;

use super::books::{Kind, Tracked};
use super::census;
use super::program::{Act, Call, CallbackAct, Deadline, Verb};
use super::timeline::{End, Entrance, Timeline, end_of};
use super::world::Lent;

/// What is known of an accepted call, or of one job of a scope, when its result is there.
pub(crate) struct Facts<'a> {
    pub(crate) call: &'a Call,
    /// How often the function ran for each item.
    pub(crate) ran: Vec<usize>,
    /// The items that the result is about: all of them, or one job of a scope.
    pub(crate) items: std::ops::Range<usize>,
    pub(crate) cancel_asked: bool,
    /// What was asked of the pool.
    pub(crate) ends: Vec<End>,
    /// How often each callback ran.
    pub(crate) callbacks: (usize, usize),
    /// A destructor that panics was called where it must not.
    pub(crate) was_spared: bool,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Values(Vec<(u32, usize)>),
    /// What the panic carried, if it was one of ours, and its index.
    Panicked(Option<(Kind, u32, usize)>, Option<usize>, String),
    /// The `Err` of a `try_map`.
    Failed(u32, usize),
    Refused(JobError),
}

impl Outcome {
    /// The one item that it is about, if it says so.
    pub(crate) fn item(&self) -> Option<usize> {
        match self {
            Self::Values(values) => values.first().map(|(_, item)| *item),
            Self::Panicked(Some((_, _, item)), ..) => Some(*item),
            _ => None,
        }
    }

    pub(crate) fn of(result: Result<Vec<Tracked>, JobError>) -> Self {
        match result {
            Ok(values) => Self::Values(
                values
                    .into_iter()
                    .map(Tracked::disarm)
                    .map(|value| (value.call, value.index))
                    .collect(),
            ),
            Err(JobError::Panicked(panic)) => {
                let index = panic.index();
                let message = panic.message().unwrap_or("no message").to_owned();
                let payload = panic.into_payload().downcast::<Tracked>().ok();
                let payload = payload.map(|it| (it.kind, it.call, it.index));
                Self::Panicked(payload, index, message)
            }
            Err(error) => Self::Refused(error),
        }
    }
}

/// What may keep a call out of a pool.
pub(crate) struct Doors {
    pub(crate) entrance: Entrance,
    /// A job of the pool makes the call.
    pub(crate) in_job: bool,
    pub(crate) lent: Lent,
    /// The queue may be full.
    pub(crate) bounded: bool,
}

/// Judges a call that the pool was asked for: refused or accepted, and how it ended if so.
pub(crate) fn judge_call(facts: &Facts, doors: &Doors, outcome: &Outcome) -> Result<(), String> {
    if let Outcome::Refused(error) = outcome
        && judge_refusal(facts, doors, error).is_ok()
    {
        return Ok(());
    }
    judge_entry(facts, doors, outcome)?;
    judge(facts, outcome)
}

/// S12, S13, S41, S43: whether the pool may have refused the call with this error.
pub(crate) fn judge_refusal(facts: &Facts, doors: &Doors, error: &JobError) -> Result<(), String> {
    let call = facts.call;
    census::count_error(error);
    let is_stateful = call.is_stateful();
    let may_wait = !call.verb.is_detached() || doors.bounded;
    let may_refuse = match error {
        JobError::Closed | JobError::Terminated | JobError::Broken => is_end(doors, error),
        JobError::Full => call.verb == Verb::TryApplyAsync && doors.bounded,
        JobError::StateLent => is_stateful && may_wait && doors.lent != Lent::No,
        JobError::FromWorker => call.verb == Verb::Broadcast && doors.in_job,
        JobError::InvalidOption { value, .. } => *value == 0 && facts.has_invalid_option(),
        JobError::DeadlineExpired => may_wait && facts.may_expire(),
        JobError::Cancelled => may_wait && facts.cancel_asked,
        _ => false,
    };
    if !may_refuse {
        return Err(format!("it was refused for no reason: {error:?}"));
    }
    if let Some(item) = facts.items.clone().find(|item| facts.ran[*item] > 0) {
        return Err(format!(
            "it was refused with {error:?}, and item {item} ran"
        ));
    }
    if facts.callbacks != (0, 0) {
        return Err(format!("it was refused with {error:?}, and callbacks ran"));
    }
    Ok(())
}

/// Whether the pool may have let the call in at all.
pub(crate) fn judge_entry(facts: &Facts, doors: &Doors, outcome: &Outcome) -> Result<(), String> {
    let call = facts.call;
    let why = if doors.entrance.must_refuse {
        "after the end of the pool"
    } else if facts.has_invalid_option() {
        "with an option that is zero"
    } else if call.verb == Verb::Broadcast && doors.in_job {
        "in a job of the same pool"
    } else if call.is_stateful() && !call.verb.is_detached() && doors.lent == Lent::Yes {
        "while the state is lent"
    } else {
        return Ok(());
    };
    Err(format!("it was let in {why}, and ended with {outcome:?}"))
}

/// Judges the end of an accepted call.
pub(crate) fn judge(facts: &Facts, outcome: &Outcome) -> Result<(), String> {
    let call = facts.call;
    census::count(outcome);
    if let Some(item) = facts.items.clone().find(|item| facts.ran[*item] > 1) {
        return Err(format!("item {item} ran {} times", facts.ran[item]));
    }
    let (outcome_kind, seen) = match outcome {
        Outcome::Values(values) => (CallbackEnd::Success, facts.values(values)),
        Outcome::Panicked(Some((Kind::SuccessPayload, of, _)), ..) if *of == call.id => {
            let panics = call.callbacks.map(|it| it.success) == Some(CallbackAct::Panic);
            let seen = if panics {
                facts.succeeded()
            } else {
                Err("on_success panicked for no reason".into())
            };
            (CallbackEnd::Success, seen)
        }
        Outcome::Panicked(Some((Kind::ErrorPayload, of, _)), ..) if *of == call.id => {
            let panics = call.callbacks.map(|it| it.error) == Some(CallbackAct::Panic);
            let seen = if panics && facts.an_error_is_possible() {
                Ok(())
            } else {
                Err("on_error panicked for no reason".into())
            };
            (CallbackEnd::Error, seen)
        }
        Outcome::Panicked(Some((Kind::Payload, of, item)), index, _) => {
            (CallbackEnd::Error, facts.panicked(*of, *item, *index))
        }
        Outcome::Panicked(Some((Kind::Explosion, of, item)), None, _) => {
            (CallbackEnd::Error, facts.exploded(*of, *item))
        }
        Outcome::Panicked(_, _, message) => (
            CallbackEnd::Error,
            Err(format!("a panic that no job made: {message}")),
        ),
        Outcome::Failed(of, item) => (CallbackEnd::Error, facts.failed(*of, *item)),
        Outcome::Refused(error) => (CallbackEnd::Error, facts.cut_short(error)),
    };
    seen?;
    facts.callbacks_ran(outcome_kind, outcome)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CallbackEnd {
    Success,
    Error,
}

impl Facts<'_> {
    pub(crate) fn has_invalid_option(&self) -> bool {
        let call = self.call;
        call.verb.has_chunks() && call.chunk == Some(0) || call.stream.window == Some(0)
    }

    /// Whether a run of this item ends its chunk.
    fn is_bad(&self, item: usize) -> bool {
        let fails = self.call.verb == Verb::TryMap && self.call.fails_at(item);
        let explodes = self.call.explodes_in_the_job() && !self.was_spared;
        fails || explodes || self.call.panics_at(item)
    }

    /// The lowest item that ended its chunk.
    fn first_bad(&self) -> Option<usize> {
        self.items
            .clone()
            .find(|item| self.is_bad(*item) && self.ran[*item] > 0)
    }

    /// S14: nothing was left out, and nothing panicked.
    fn all_ran(&self) -> Result<(), String> {
        if let Some(item) = self.items.clone().find(|item| self.ran[*item] != 1) {
            return Err(format!("item {item} ran {} times", self.ran[item]));
        }
        if let Some(item) = self.first_bad() {
            return Err(format!("item {item} should have ended it"));
        }
        if self.call.deadline == Deadline::Zero && !self.items.is_empty() {
            return Err("it started after its deadline".into());
        }
        Ok(())
    }

    /// S14: everything ran, and no destructor panicked at the end.
    fn succeeded(&self) -> Result<(), String> {
        if self.call.explodes_at_the_end() && !self.was_spared {
            return Err("its function panicked on drop, and nobody was told".into());
        }
        self.all_ran()
    }

    /// S26: the values of all items in order.
    fn values(&self, values: &[(u32, usize)]) -> Result<(), String> {
        self.succeeded()?;
        let expected = self.items.clone().map(|item| (self.call.id, item));
        if self.call.verb == Verb::ForEach || values.iter().copied().eq(expected) {
            Ok(())
        } else {
            Err(format!("the values are {values:?}"))
        }
    }

    /// S30, S31: the panic of the lowest index among those that ran; the other chunks ran.
    fn panicked(&self, of: u32, item: usize, index: Option<usize>) -> Result<(), String> {
        if of != self.call.id || self.first_bad() != Some(item) || !self.call.panics_at(item) {
            return Err(format!("item {item} of call {of} is not the one to panic"));
        }
        let is_single = self.call.verb.is_single() || self.call.verb == Verb::Scope;
        let expected = (!is_single).then_some(item);
        if index != expected {
            return Err(format!("item {item} panicked with index {index:?}"));
        }
        if self.may_be_cut_short() || self.call.verb == Verb::Reduce {
            return Ok(());
        }
        self.other_chunks_ran()
    }

    /// S14: a destructor panicked, and nothing else was wrong.
    fn exploded(&self, of: u32, item: usize) -> Result<(), String> {
        let call = self.call;
        let is_its_own = of == call.id
            && if call.explodes_in_the_job() {
                self.ran[item] == 1 && !call.panics_at(item)
            } else {
                call.explodes_at_the_end() && self.all_ran().is_ok()
            };
        if is_its_own {
            return Ok(());
        }
        Err(format!(
            "the panic of a destructor of call {of} is out of place"
        ))
    }

    /// Where nothing has cut a batch short, each chunk ran up to its first panic, and the lowest panic of all
    /// chunks is the one that counts.
    fn other_chunks_ran(&self) -> Result<(), String> {
        let has_chunks = self.call.verb.has_chunks();
        let Some(size) = self.call.chunk.filter(|_| has_chunks) else {
            return Ok(());
        };
        let items: Vec<_> = self.items.clone().collect();
        for chunk in items.chunks(size) {
            let mut has_ended = false;
            for &item in chunk {
                if self.ran[item] != usize::from(!has_ended) {
                    return Err(format!("item {item} ran {} times", self.ran[item]));
                }
                has_ended |= self.is_bad(item);
            }
        }
        Ok(())
    }

    /// S31: the error of the lowest index among those that ran.
    fn failed(&self, of: u32, item: usize) -> Result<(), String> {
        if of == self.call.id && self.first_bad() == Some(item) && self.call.fails_at(item) {
            Ok(())
        } else {
            Err(format!("item {item} of call {of} is not the one to fail"))
        }
    }

    /// Something kept a part of the call from running.
    fn cut_short(&self, error: &JobError) -> Result<(), String> {
        let has_cause = match error {
            JobError::Cancelled => self.cancel_asked,
            JobError::Terminated => self.was_stopped_by(End::Terminate),
            JobError::Broken => self.was_stopped_by(End::Break),
            JobError::DeadlineExpired => self.may_expire(),
            _ => false,
        };
        if !has_cause {
            return Err(format!("nothing has caused {error:?}"));
        }
        if let Some(item) = self.first_bad() {
            return Err(format!(
                "item {item} came to its end, and {error:?} hides it"
            ));
        }
        let is_whole = !self.items.is_empty() && self.items.clone().all(|item| self.ran[item] > 0);
        if is_whole {
            return Err(format!("everything ran, and yet it ended with {error:?}"));
        }
        Ok(())
    }

    fn was_stopped_by(&self, end: End) -> bool {
        self.ends.contains(&end)
    }

    fn may_expire(&self) -> bool {
        matches!(self.call.deadline, Deadline::Zero | Deadline::Short)
    }

    fn may_be_cut_short(&self) -> bool {
        let has_fail = self.call.acts.iter().any(|act| matches!(act, Act::Fail));
        let is_ended = self.was_stopped_by(End::Terminate) || self.was_stopped_by(End::Break);
        self.cancel_asked || is_ended || self.may_expire() || has_fail
    }

    fn an_error_is_possible(&self) -> bool {
        self.first_bad().is_some() || self.call.explodes_at_the_end() || self.may_be_cut_short()
    }

    /// S23: exactly one callback ran, once.
    fn callbacks_ran(&self, end: CallbackEnd, outcome: &Outcome) -> Result<(), String> {
        let expected = match (self.call.callbacks, end) {
            (None, _) => (0, 0),
            (Some(_), CallbackEnd::Success) => (1, 0),
            (Some(_), CallbackEnd::Error) => (0, 1),
        };
        if self.callbacks != expected {
            return Err(format!(
                "callbacks ran {:?} times, and it ended with {outcome:?}",
                self.callbacks
            ));
        }
        let has_hidden = self.call.callbacks.is_some_and(|it| match end {
            CallbackEnd::Success => it.success == CallbackAct::Panic,
            CallbackEnd::Error => it.error == CallbackAct::Panic,
        });
        let is_callback_panic = matches!(
            outcome,
            Outcome::Panicked(Some((Kind::SuccessPayload | Kind::ErrorPayload, ..)), ..)
        );
        if has_hidden && !is_callback_panic {
            return Err(format!(
                "the panic of a callback is lost; it ended with {outcome:?}"
            ));
        }
        Ok(())
    }

    /// S14, S22: a detached call that nobody looked at has run if nothing could prevent it.
    pub(crate) fn judge_unseen(&self) -> Result<(), String> {
        if self.call.callbacks.is_some() && self.callbacks.0 + self.callbacks.1 != 1 {
            return Err(format!("callbacks ran {:?} times", self.callbacks));
        }
        if let Some(item) = self.items.clone().find(|item| self.ran[*item] > 1) {
            return Err(format!("item {item} ran {} times", self.ran[item]));
        }
        if self.may_be_cut_short() || self.items.clone().any(|item| self.is_bad(item)) {
            return Ok(());
        }
        self.all_ran()
    }
}

/// Judges the end of a scope; `panicked` is the first job that panicked and whose handle was dropped unseen.
pub(crate) fn judge_scope(
    facts: &Facts,
    doors: &Doors,
    panicked: Option<usize>,
    outcome: &Result<(), Outcome>,
) -> Result<(), String> {
    let call = facts.call;
    match (outcome, panicked) {
        (Err(Outcome::Refused(error)), _) => judge_refusal(facts, doors, error),
        (Ok(()), None) => judge_entry(facts, doors, &Outcome::Values(Vec::new())),
        (Err(Outcome::Panicked(Some((Kind::Payload, of, item)), None, _)), Some(first))
            if *of == call.id && *item == first =>
        {
            Ok(())
        }
        _ => Err(format!(
            "of its unseen jobs {panicked:?} panicked first, and it ended with {outcome:?}"
        )),
    }
}

/// Whether the error may say that the pool has ended.
pub(crate) fn is_end(doors: &Doors, error: &JobError) -> bool {
    end_of(error).is_some_and(|end| doors.entrance.reasons.contains(&end))
}

/// Whether a pool may say that it is still running, when a join began at `from` and has returned now.
pub(crate) fn may_be_running(timeline: &Timeline, from: usize) -> bool {
    let happened = |end| timeline.happened_at(end) < from;
    !happened(End::Close) && !happened(End::Terminate) && !happened(End::Break)
}

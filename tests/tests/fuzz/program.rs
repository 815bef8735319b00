//! What a random program is made of.

use std::sync::Arc;

/// A pool, what two threads do with it, and how it ends.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) settings: Settings,
    /// What the thread does that owns the pool.
    pub(crate) main: Vec<Op>,
    /// What a second thread does meanwhile; it exists only if this is not empty.
    pub(crate) side: Vec<Op>,
    pub(crate) ending: Ending,
    /// What becomes of the handles that are left.
    pub(crate) rest: HandleOp,
    pub(crate) rest_when: RestWhen,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) capacity: Option<usize>,
    pub(crate) max_jobs: Option<usize>,
    pub(crate) wait: Wait,
    pub(crate) caller_participates: bool,
    pub(crate) drain_on_drop: bool,
    pub(crate) exit_hook: bool,
    /// Which call of the initializer panics, counted from 0.
    pub(crate) initializer_panics: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    Adaptive,
    Passive,
    Active,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    CloseJoin,
    TerminateJoin,
    /// The pool is dropped as it is.
    Drop,
    /// The pool is closed, joined, and never dropped.
    CloseJoinLeak,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestWhen {
    BeforeEnding,
    BeforeDrop,
    AfterDrop,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Call(Arc<Call>),
    /// Does something with one of the thread's handles; the number is taken modulo how many there are.
    Handle(usize, HandleOp),
    Close,
    Terminate,
    Join,
    JoinTimeout(Timeout),
    Stats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleOp {
    Get,
    GetTimeout(Timeout),
    Wait,
    WaitTimeout(Timeout),
    Await,
    Cancel,
    Look,
    Drop,
    Leak,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeout {
    Zero,
    /// May pass at any moment.
    Short,
    /// Never passes.
    Long,
}

/// One call of a verb. It is made at most once.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Unique in its program.
    pub(crate) id: u32,
    pub(crate) verb: Verb,
    /// What the function does with each item; a single job has one.
    pub(crate) acts: Vec<Act>,
    pub(crate) chunk: Option<usize>,
    pub(crate) schedule: Sharing,
    pub(crate) deadline: Deadline,
    /// The function gets `&mut Worker`.
    pub(crate) on_worker: bool,
    /// Where a job makes the call that has borrowed its worker, it is made through that worker.
    pub(crate) through_worker: bool,
    pub(crate) callbacks: Option<Callbacks>,
    /// A call that its callback makes.
    pub(crate) from_callback: Option<Arc<Call>>,
    /// What is done with the handle, where it is not kept; in a scope, one for each job.
    pub(crate) then: Vec<HandleOp>,
    pub(crate) stream: Stream,
    /// The body of a scope panics at its end.
    pub(crate) body_panics: bool,
    /// Which `next` of the input panics.
    pub(crate) input_panics: Option<usize>,
    /// Whose destructors panic.
    pub(crate) explosive: Option<Explosive>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Explosive {
    Capture,
    /// Where the pool drops it, not its function.
    Item,
    Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    ApplyAsync,
    TryApplyAsync,
    MapAsync,
    StarmapAsync,
    Apply,
    Map,
    /// `map` over `pull`.
    MapPull,
    MapInto,
    TryMap,
    Starmap,
    ForEach,
    Reduce,
    Broadcast,
    Scope,
    Imap,
    ImapUnordered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    Auto,
    Static,
    Guided,
    Python,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deadline {
    None,
    /// Over before anything can start.
    Zero,
    /// May pass at any moment.
    Short,
    /// Never passes.
    Long,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Callbacks {
    pub(crate) success: CallbackAct,
    pub(crate) error: CallbackAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackAct {
    Return,
    Panic,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) window: Option<usize>,
    pub(crate) pace: Pace,
    /// After how many results something happens to the stream.
    pub(crate) after: usize,
    pub(crate) event: StreamEvent,
}

/// How results are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Next,
    /// Looks before each wait.
    Look,
    NextTimeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    None,
    Close,
    Terminate,
    Cancel,
    Drop,
    IntoInput,
    Leak,
}

/// What a job does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Return,
    Panic,
    /// Returns `Err`; only in `try_map`.
    Fail,
    /// Waits until the main thread is about to block; only in its detached calls.
    Hold,
    Yield(usize),
    Close,
    Terminate,
    /// Joins the pool that the job runs on, which is refused.
    Join,
    /// Cancels the call that the job belongs to.
    Cancel,
    Nest(Arc<Call>),
}

impl Verb {
    pub(crate) fn is_detached(self) -> bool {
        matches!(
            self,
            Self::ApplyAsync | Self::TryApplyAsync | Self::MapAsync | Self::StarmapAsync
        )
    }

    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::Apply | Self::ApplyAsync | Self::TryApplyAsync)
    }

    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Imap | Self::ImapUnordered)
    }

    /// Whether the sizes of chunks follow the options.
    pub(crate) fn has_chunks(self) -> bool {
        !self.is_single() && !matches!(self, Self::Reduce | Self::Broadcast | Self::Scope)
    }

    /// Whether its input is any iterator, whose panics come out of it.
    pub(crate) fn pulls(self) -> bool {
        self.is_stream() || self == Self::MapPull
    }

    /// Whether a `Worker` has it too.
    pub(crate) fn is_of_worker(self) -> bool {
        matches!(
            self,
            Self::Apply | Self::Map | Self::Starmap | Self::ForEach | Self::Reduce
        )
    }
}

impl Settings {
    /// A caller that takes part is one of at least two workers.
    pub(crate) fn worker_count(&self) -> usize {
        if self.caller_participates {
            self.workers.max(2)
        } else {
            self.workers
        }
    }
}

impl Call {
    /// How many items the call has; in a broadcast, workers.
    pub(crate) fn item_count(&self, settings: &Settings) -> usize {
        match self.verb {
            Verb::Broadcast => settings.worker_count(),
            _ => self.acts.len(),
        }
    }

    /// What the function does with an item; workers beyond the list, in a broadcast, just return.
    pub(crate) fn act(&self, index: usize) -> &Act {
        self.acts.get(index).unwrap_or(&Act::Return)
    }

    pub(crate) fn panics_at(&self, index: usize) -> bool {
        matches!(self.act(index), Act::Panic)
    }

    pub(crate) fn fails_at(&self, index: usize) -> bool {
        matches!(self.act(index), Act::Fail)
    }

    pub(crate) fn cancels_itself(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Cancel))
    }

    /// Whether its function panics as it is dropped at the end of its run, inside of the job.
    pub(crate) fn explodes_in_the_job(&self) -> bool {
        self.explosive == Some(Explosive::Capture) && self.verb.is_single()
    }

    /// Whether its function panics as a batch drops it, which is the batch's error if it has no other.
    pub(crate) fn explodes_at_the_end(&self) -> bool {
        let is_batch =
            self.verb.has_chunks() && !self.verb.is_stream() || self.verb == Verb::Reduce;
        self.explosive == Some(Explosive::Capture) && is_batch
    }

    /// Whether it needs a worker's state.
    pub(crate) fn is_stateful(&self) -> bool {
        self.on_worker || self.verb == Verb::Broadcast
    }
}

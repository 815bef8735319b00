//! When the pool was told to end: what each operation may see of it follows from that.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use ringpool::JobError;

/// What ends a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Terminate,
    /// A replacement's initializer panicked.
    Break,
}

const ENDS: [End; 3] = [End::Close, End::Terminate, End::Break];

/// The first time that each end was asked for, and the first time that it had happened for certain, by a
/// clock that counts events. Between the two an operation may or may not see it.
pub(crate) struct Timeline {
    clock: AtomicUsize,
    asked: [AtomicUsize; 3],
    happened: [AtomicUsize; 3],
}

/// What may become of a submission.
pub(crate) struct Entrance {
    /// The pool had ended before the call began.
    pub(crate) must_refuse: bool,
    /// Which end may be the one that came first; empty if the pool was open for certain.
    pub(crate) reasons: Vec<End>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        let never = || [const { AtomicUsize::new(usize::MAX) }; 3];
        Self {
            clock: AtomicUsize::new(0),
            asked: never(),
            happened: never(),
        }
    }

    /// A moment later than all moments before.
    pub(crate) fn now(&self) -> usize {
        self.clock.fetch_add(1, SeqCst)
    }

    /// `end` is about to be asked for.
    pub(crate) fn asks(&self, end: End) {
        self.asked[end as usize].fetch_min(self.now(), SeqCst);
    }

    /// `end` has happened.
    pub(crate) fn has_happened(&self, end: End) {
        self.happened[end as usize].fetch_min(self.now(), SeqCst);
    }

    /// What was asked for so far.
    pub(crate) fn asked(&self) -> Vec<End> {
        let was_asked = |end: &End| self.asked[*end as usize].load(SeqCst) != usize::MAX;
        ENDS.into_iter().filter(was_asked).collect()
    }

    /// When `end` had happened for certain.
    pub(crate) fn happened_at(&self, end: End) -> usize {
        self.happened[end as usize].load(SeqCst)
    }

    /// What may have become of a call that began at `from` and has returned now.
    pub(crate) fn entrance(&self, from: usize) -> Entrance {
        let asked = self.asked.each_ref().map(|at| at.load(SeqCst));
        let happened = self.happened.each_ref().map(|at| at.load(SeqCst));
        let may_be_first = |end: End| {
            let at = asked[end as usize];
            let before = |other: &End| *other != end && happened[*other as usize] < at;
            at != usize::MAX && !ENDS.iter().any(before)
        };
        Entrance {
            must_refuse: happened.iter().any(|at| *at < from),
            reasons: ENDS.into_iter().filter(|end| may_be_first(*end)).collect(),
        }
    }
}

/// The end that an error names.
pub(crate) fn end_of(error: &JobError) -> Option<End> {
    match error {
        JobError::Closed => Some(End::Close),
        JobError::Terminated => Some(End::Terminate),
        JobError::Broken => Some(End::Break),
        _ => None,
    }
}

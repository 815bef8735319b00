//! Counts the answers that programs were given: a fuzz that never reaches an answer proves nothing about it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ringpool::JobError;

use super::reference::Outcome;

const ANSWERS: [&str; 13] = [
    "values",
    "a panic",
    "an error of `try_map`",
    "Cancelled",
    "Terminated",
    "DeadlineExpired",
    "Broken",
    "Closed",
    "Full",
    "Taken",
    "StateLent",
    "FromWorker",
    "InvalidOption",
];

static COUNTS: [AtomicUsize; ANSWERS.len()] = [const { AtomicUsize::new(0) }; ANSWERS.len()];

pub(crate) fn count(outcome: &Outcome) {
    let at = match outcome {
        Outcome::Values(_) => 0,
        Outcome::Panicked(..) => 1,
        Outcome::Failed(..) => 2,
        Outcome::Refused(error) => return count_error(error),
    };
    COUNTS[at].fetch_add(1, Relaxed);
}

pub(crate) fn count_error(error: &JobError) {
    let at = match error {
        JobError::Panicked(_) => 1,
        JobError::Cancelled => 3,
        JobError::Terminated => 4,
        JobError::DeadlineExpired => 5,
        JobError::Broken => 6,
        JobError::Closed => 7,
        JobError::Full => 8,
        JobError::Taken => 9,
        JobError::StateLent => 10,
        JobError::FromWorker => 11,
        JobError::InvalidOption { .. } => 12,
        other => unreachable!("an error that nobody knows: {other:?}"),
    };
    COUNTS[at].fetch_add(1, Relaxed);
}

/// How often each answer was given so far.
pub(crate) fn answers() -> Vec<(&'static str, usize)> {
    let counts = COUNTS.iter().map(|count| count.load(Relaxed));
    ANSWERS.into_iter().zip(counts).collect()
}

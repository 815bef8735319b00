//! Every way a call can end badly. Texts are one lower-case sentence with the value at fault.

use core::error::Error;
use core::fmt;

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use crate::panic::Panic;

/// Why a job has no value.
///
/// The first five are outcomes of accepted jobs; the others refuse a call. `Terminated` and `Broken` can be
/// either.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// The job, its callback or one of its destructors panicked.
    Panicked(Panic),
    /// The job was cancelled before it ran, or the batch before its last chunk.
    Cancelled,
    /// The pool was terminated before the job ran.
    Terminated,
    /// The deadline passed before the job ran.
    DeadlineExpired,
    /// A worker could not be replaced, so the pool stopped.
    Broken,
    /// The pool was closed before the call.
    Closed,
    /// The queue is full, and the call was told not to wait.
    Full,
    /// The value was taken before.
    Taken,
    /// The call needs worker state which this worker has lent to the job that makes the call.
    StateLent,
    /// The call needs every worker and came from one of them.
    FromWorker,
    /// A setting of the call is out of range.
    InvalidOption {
        /// The name of the setting.
        option: &'static str,
        /// What was asked for.
        value: usize,
    },
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked(panic) => return panic.fmt(f),
            Self::Cancelled => "the job was cancelled; whoever has its handle, its stream or its `Control` asked for that",
            Self::Terminated => "the pool was terminated before the job ran; `close` lets queued jobs run",
            Self::DeadlineExpired => "the deadline passed before the job ran; it counts from the call, the wait in the queue included",
            Self::Broken => "the pool is broken, as the initializer of a replacement failed; build a new pool",
            Self::Closed => "the pool is closed and takes no new jobs; close it after the last call",
            Self::Full => "the pool is full; try again when a job has ended, or build it with more room",
            Self::Taken => "the value of this result was taken before, and there is only one; keep it where it is taken",
            Self::StateLent => {
                "the worker's state is lent to the job that makes this call; call through its `Worker`"
            }
            Self::FromWorker => "a worker cannot wait for every worker of its own pool; make this call on another thread",
            Self::InvalidOption { option, value: 0 } => {
                return write!(f, "{option} must be at least 1, but 0 was asked for");
            }
            Self::InvalidOption { option, value } => {
                return write!(f, "{option} is too large: {value}; ask for less, or make room for it");
            }
        })
    }
}

impl Error for JobError {}

/// A refused submission, with everything that was passed in.
pub struct SubmitError<F> {
    reason: JobError,
    given: F,
}

// SAFETY: a shared reference to the error never reaches `given`; it comes out by value only.
unsafe impl<F: Send> Sync for SubmitError<F> {}

impl<F> SubmitError<F> {
    pub(crate) fn new(reason: JobError, given: F) -> Self {
        Self { reason, given }
    }

    /// Why the pool refused.
    pub fn reason(&self) -> &JobError {
        &self.reason
    }

    /// Whether there was no room: trying again later can succeed.
    pub fn is_full(&self) -> bool {
        matches!(self.reason, JobError::Full)
    }

    /// What was passed in: the closure, or items and function.
    pub fn into_inner(self) -> F {
        self.given
    }

    /// Reason and what was passed in.
    pub fn into_parts(self) -> (JobError, F) {
        (self.reason, self.given)
    }
}

impl<F> From<SubmitError<F>> for JobError {
    fn from(error: SubmitError<F>) -> Self {
        error.reason
    }
}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<F> Error for SubmitError<F> {}

/// Why a timed wait has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum GetError {
    /// The time passed; the handle stays usable.
    TimedOut,
    /// The job has no value.
    Job(JobError),
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => {
                f.write_str("the result was not ready in time; the handle can be asked again")
            }
            Self::Job(error) => error.fmt(f),
        }
    }
}

impl Error for GetError {}

impl From<JobError> for GetError {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

/// Why a pool cannot be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The pool was neither closed nor terminated, so its workers would never leave.
    StillRunning,
    /// A worker cannot wait for its own end.
    FromWorker,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StillRunning => "the pool is still running; close or terminate it before join",
            Self::FromWorker => "a worker cannot join its own pool; join it from another thread",
        })
    }
}

impl Error for JoinError {}

/// Why a seat of a [`StaticPool`](crate::StaticPool) was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeatError {
    /// Somebody has it.
    Taken {
        /// The seat's index.
        index: usize,
    },
    /// The pool has fewer seats.
    NoSuchSeat {
        /// The index that was asked for.
        index: usize,
    },
}

impl fmt::Display for SeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { index } => write!(
                f,
                "seat {index} is taken; whoever has it must leave it first"
            ),
            Self::NoSuchSeat { index } => write!(
                f,
                "the pool has no seat {index}; there is one for each worker, from 0 on"
            ),
        }
    }
}

impl Error for SeatError {}

/// Why a spawner's workers did not all come to life in a [`StaticPool`](crate::StaticPool).
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError<E> {
    /// Somebody has a seat already; nothing was changed.
    Seat(SeatError),
    /// The spawner could not start a worker.
    Spawn {
        /// The worker's index.
        worker: usize,
        /// The platform's own error.
        source: E,
    },
    /// The worker's initializer panicked, or the spawner dropped its start token.
    Lost {
        /// The worker's index.
        worker: usize,
    },
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seat(error) => error.fmt(f),
            Self::Spawn { worker, source } => {
                write!(f, "worker {worker} could not be started: {source}")
            }
            Self::Lost { worker } => write!(
                f,
                "worker {worker} did not come to life: its initializer panicked, or its start token was dropped"
            ),
        }
    }
}

impl<E: Error + 'static> Error for StartError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Spawn { source, .. } => Some(source),
            Self::Seat(_) | Self::Lost { .. } => None,
        }
    }
}

/// Why a pool could not be built. Workers that had started were shut down and joined.
#[cfg(feature = "alloc")]
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A pool needs at least one worker.
    ZeroWorkers,
    /// A queue needs room for at least one job.
    ZeroCapacity,
    /// A worker must be allowed at least one job.
    ZeroJobsPerWorker,
    /// There is no memory for so many workers.
    TooManyWorkers {
        /// How many were asked for.
        workers: usize,
    },
    /// The queue's memory cannot be had.
    CapacityTooLarge {
        /// How many places were asked for.
        capacity: usize,
    },
    /// The timeline's memory cannot be had.
    TimelineTooLong {
        /// How many spans each worker was to keep.
        spans: usize,
    },
    /// The spawner could not start a worker.
    Spawn {
        /// The worker's index.
        worker: usize,
        /// The platform's own error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An initializer panicked.
    Initializer {
        /// The worker's index.
        worker: usize,
        /// The panic.
        panic: Panic,
    },
    /// A `try_initializer` returned an error.
    InitializerFailed {
        /// The worker's index.
        worker: usize,
        /// What it returned.
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(feature = "alloc")]
impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroWorkers => f.write_str("a pool needs at least one worker, 0 were asked for"),
            Self::ZeroCapacity => {
                f.write_str("a queue needs a capacity of at least 1, 0 was asked for")
            }
            Self::ZeroJobsPerWorker => {
                f.write_str("a worker must be allowed at least 1 job, 0 were asked for")
            }
            Self::TooManyWorkers { workers } => {
                write!(f, "there is no memory for {workers} workers; ask for fewer")
            }
            Self::CapacityTooLarge { capacity } => {
                write!(
                    f,
                    "there is no memory for a queue of {capacity} places; without a capacity it grows as jobs come"
                )
            }
            Self::TimelineTooLong { spans } => {
                write!(
                    f,
                    "there is no memory for a timeline of {spans} spans for each worker; let them keep fewer"
                )
            }
            Self::Spawn { worker, source } => {
                write!(f, "worker {worker} could not be started: {source}")
            }
            Self::Initializer { worker, panic } => {
                write!(f, "the initializer of worker {worker} panicked: ")?;
                match panic.message() {
                    Some(message) => f.write_str(message),
                    None => f.write_str("its payload is not a string"),
                }
            }
            Self::InitializerFailed { worker, source } => {
                write!(f, "the initializer of worker {worker} failed: {source}")
            }
        }
    }
}

#[cfg(feature = "alloc")]
impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Spawn { source, .. } | Self::InitializerFailed { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// Why an accepted job ends without running. A copy of the payload-free part of [`JobError`], so
/// that one reason can be told to many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Cancelled,
    Terminated,
    DeadlineExpired,
    Broken,
    Closed,
    Full,
}

impl From<Refusal> for JobError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Cancelled => Self::Cancelled,
            Refusal::Terminated => Self::Terminated,
            Refusal::DeadlineExpired => Self::DeadlineExpired,
            Refusal::Broken => Self::Broken,
            Refusal::Closed => Self::Closed,
            Refusal::Full => Self::Full,
        }
    }
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_one_lower_case_sentence_that_says_what_to_do() {
        let refusals = [
            Refusal::Cancelled,
            Refusal::Terminated,
            Refusal::DeadlineExpired,
            Refusal::Broken,
            Refusal::Closed,
            Refusal::Full,
        ];
        let others = [
            JobError::Taken,
            JobError::StateLent,
            JobError::FromWorker,
            JobError::InvalidOption {
                option: "the number of items",
                value: 9,
            },
        ];
        let jobs = refusals.map(JobError::from).into_iter().chain(others);
        let rest = [
            GetError::TimedOut.to_string(),
            JoinError::StillRunning.to_string(),
            JoinError::FromWorker.to_string(),
            SeatError::Taken { index: 7 }.to_string(),
            SeatError::NoSuchSeat { index: 7 }.to_string(),
        ];
        let texts: Vec<String> = jobs.map(|error| error.to_string()).chain(rest).collect();
        #[cfg(feature = "alloc")]
        let texts = {
            let memory = [
                BuildError::TooManyWorkers { workers: 7 },
                BuildError::CapacityTooLarge { capacity: 7 },
                BuildError::TimelineTooLong { spans: 7 },
            ];
            let memory = memory.map(|error| error.to_string());
            assert!(memory.iter().all(|text| text.contains('7')), "{memory:?}");
            [texts, memory.to_vec()].concat()
        };
        for text in texts {
            assert!(text.starts_with(char::is_lowercase), "{text:?}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
            let (what, to_do) = text.split_once("; ").unwrap_or_else(|| panic!("{text:?}"));
            assert!(!what.is_empty() && !to_do.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn an_option_out_of_range_is_named_with_its_value() {
        let text = |value| {
            let option = "chunk_size";
            JobError::InvalidOption { option, value }.to_string()
        };
        assert_eq!(
            text(0),
            "chunk_size must be at least 1, but 0 was asked for"
        );
        assert_eq!(
            text(9),
            "chunk_size is too large: 9; ask for less, or make room for it"
        );
    }
}

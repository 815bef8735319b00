//! Every way a call can end badly. Texts are one lower-case sentence: what happened, with the value at fault, and
//! behind a semicolon what to do. The text of another error, which may have a semicolon of its own, comes last.

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
            Self::Panicked(panic) => {
                return write!(f, "{panic}; mend it, or return a `Result` from it");
            }
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
                return write!(f, "{option} is too small: 0; ask for at least 1");
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
                write!(
                    f,
                    "worker {worker} could not be started; remove the cause and start another pool: {source}"
                )
            }
            Self::Lost { worker } => write!(
                f,
                "worker {worker} did not come to life: its initializer panicked, or its start token was dropped; \
                 mend that and start another pool"
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
            Self::ZeroWorkers => f.write_str(
                "a pool needs at least one worker, 0 were asked for; ask for more, or leave the number to the spawner",
            ),
            Self::ZeroCapacity => f.write_str(
                "a queue needs a capacity of at least 1, 0 was asked for; without a capacity it grows as jobs come",
            ),
            Self::ZeroJobsPerWorker => f.write_str(
                "a worker must be allowed at least 1 job, 0 were asked for; without a limit it is never replaced",
            ),
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
                write!(
                    f,
                    "worker {worker} could not be started; ask for fewer, or remove the cause: {source}"
                )
            }
            Self::Initializer { worker, panic } => {
                write!(
                    f,
                    "the initializer of worker {worker} panicked; mend it, or make it a `try_initializer`: "
                )?;
                match panic.message() {
                    Some(message) => f.write_str(message),
                    None => f.write_str("its payload is not a string"),
                }
            }
            Self::InitializerFailed { worker, source } => {
                write!(
                    f,
                    "the initializer of worker {worker} failed; remove the cause and build again: {source}"
                )
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

    /// One of each variant, with a value that its text must hold. A variant without an entry does not compile.
    #[cfg(feature = "alloc")]
    macro_rules! one_of_each {
        ($Error:ty { $($variant:pat => $error:expr, $value:expr;)+ }) => {{
            let _is_whole = |error: $Error| match error {
                $($variant => (),)+
            };
            let mut texts = Vec::new();
            $({
                let error: $Error = $error;
                texts.push((error.to_string(), $value));
                assert!(matches!(error, $variant), "{error:?} stands for another");
            })+
            texts
        }};
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn every_error_is_one_lower_case_sentence_that_says_what_to_do() {
        use super::{
            BuildError as B, GetError as G, JobError as J, JoinError as L, SeatError as S,
            StartError as T,
        };

        let panic = || Panic::from(Box::new("no paper") as Box<dyn core::any::Any + Send>);
        let cause = || fmt::Error;
        let cause_text = cause().to_string();
        let cause_text = cause_text.as_str();
        let (worker, index, option) = (7, 7, "window");
        let texts = [
            one_of_each!(J {
                J::Panicked(_) => J::Panicked(panic().at(index)), "item 7: no paper";
                J::Cancelled => J::Cancelled, "";
                J::Terminated => J::Terminated, "";
                J::DeadlineExpired => J::DeadlineExpired, "";
                J::Broken => J::Broken, "";
                J::Closed => J::Closed, "";
                J::Full => J::Full, "";
                J::Taken => J::Taken, "";
                J::StateLent => J::StateLent, "";
                J::FromWorker => J::FromWorker, "";
                J::InvalidOption { value: 0, .. } => J::InvalidOption { option, value: 0 }, "window is too small: 0";
                J::InvalidOption { .. } => J::InvalidOption { option, value: 9 }, "window is too large: 9";
            }),
            one_of_each!(G {
                G::TimedOut => G::TimedOut, "";
                G::Job(_) => G::Job(J::Full), "full";
            }),
            one_of_each!(L {
                L::StillRunning => L::StillRunning, "";
                L::FromWorker => L::FromWorker, "";
            }),
            one_of_each!(S {
                S::Taken { .. } => S::Taken { index }, "7";
                S::NoSuchSeat { .. } => S::NoSuchSeat { index }, "7";
            }),
            one_of_each!(T<fmt::Error> {
                T::Seat(_) => T::Seat(S::Taken { index }), "7";
                T::Spawn { .. } => T::Spawn { worker, source: cause() }, cause_text;
                T::Lost { .. } => T::Lost { worker }, "7";
            }),
            one_of_each!(B {
                B::ZeroWorkers => B::ZeroWorkers, "0";
                B::ZeroCapacity => B::ZeroCapacity, "0";
                B::ZeroJobsPerWorker => B::ZeroJobsPerWorker, "0";
                B::TooManyWorkers { .. } => B::TooManyWorkers { workers: 7 }, "7";
                B::CapacityTooLarge { .. } => B::CapacityTooLarge { capacity: 7 }, "7";
                B::TimelineTooLong { .. } => B::TimelineTooLong { spans: 7 }, "7";
                B::Spawn { .. } => B::Spawn { worker, source: cause().into() }, cause_text;
                B::Initializer { .. } => B::Initializer { worker, panic: panic() }, "no paper";
                B::InitializerFailed { .. } => B::InitializerFailed { worker, source: cause().into() }, cause_text;
            }),
        ];
        for (text, value) in texts.into_iter().flatten() {
            assert!(text.starts_with(char::is_lowercase), "{text:?}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
            let (what, to_do) = text.split_once("; ").unwrap_or_else(|| panic!("{text:?}"));
            assert!(!what.is_empty() && !to_do.is_empty(), "{text:?}");
            assert!(text.contains(value), "{text:?} without {value:?}");
        }
    }

    #[test]
    fn an_option_out_of_range_is_named_with_its_value() {
        let text = |value| {
            let option = "chunk_size";
            JobError::InvalidOption { option, value }.to_string()
        };
        assert_eq!(text(0), "chunk_size is too small: 0; ask for at least 1");
        assert_eq!(
            text(9),
            "chunk_size is too large: 9; ask for less, or make room for it"
        );
    }
}

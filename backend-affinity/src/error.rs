//! Every way pinning can fail. Texts are one lower-case sentence: what happened, with the values at fault, and behind a
//! semicolon what to do. The system's own text comes last.

use std::error::Error;
use std::fmt;
use std::io;

use crate::{CoreKind, CpuSet};

/// Why a worker could not be put where it was wished.
///
/// It is the source of the error with which building the pool fails:
///
/// ```
/// use ringpool_affinity::{CpuSet, PinError, Pinned};
/// use ringpool_core::{BuildError, Builder};
/// use ringpool_std::Std;
///
/// let nowhere = Pinned::new().cpus(CpuSet::new());
/// let error = Builder::<Std>::with_spawner(nowhere).build().unwrap_err();
/// let BuildError::Spawn { source, .. } = error else { panic!("{error}") };
/// assert!(source.downcast_ref::<PinError>().is_some());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PinError {
    /// Threads cannot be pinned on this system, or the crate was built without its feature `libc`.
    Unsupported,
    /// The mask of a thread could not be read.
    Unreadable(io::Error),
    /// CPUs were asked for that are not online, or that this thread may not use.
    NotAllowed {
        /// What was asked for.
        requested: CpuSet,
        /// What there is.
        allowed: CpuSet,
    },
    /// There is no core of the kind that was asked for.
    NoCore {
        /// What was asked for.
        kind: CoreKind,
        /// The CPUs that may be used, all of the other kind.
        allowed: CpuSet,
    },
    /// A place of a list is an empty set.
    EmptyPlace {
        /// Its position in the list, from 0.
        place: usize,
    },
    /// Fewer places have a CPU that may be used than were asked for.
    TooFewPlaces {
        /// How many were asked for.
        requested: usize,
        /// How many there are.
        available: usize,
    },
    /// No place has a CPU that may be used.
    NoPlace {
        /// The CPUs of all places, before those were taken out that may not be used.
        requested: CpuSet,
        /// The CPUs that may be used.
        allowed: CpuSet,
    },
    /// The system did not put a thread where it was told to.
    Refused {
        /// Where to.
        requested: CpuSet,
        /// The CPUs that the pool may use, as far as it knew.
        allowed: CpuSet,
        /// Where the thread may run now.
        effective: CpuSet,
        /// The system's error number; `None` where it took a part of the CPUs without a word.
        errno: Option<i32>,
    },
    /// The thread could not be started.
    Thread(io::Error),
}

impl PinError {
    /// For a mask that could not be read or set.
    pub(crate) fn unreadable(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Unsupported => Self::Unsupported,
            _ => Self::Unreadable(error),
        }
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str(
                "threads cannot be pinned on this system, or not without the feature `libc`; \
                 under `Policy::BestEffort` they run unpinned",
            ),
            Self::Unreadable(error) => write!(
                f,
                "the affinity mask of a thread cannot be read; \
                 allow the system call, or use `Policy::BestEffort`: {error}"
            ),
            Self::NotAllowed { requested, allowed } => write!(
                f,
                "of the CPUs {requested} that were asked for, {} cannot be had: there are {allowed}; \
                 ask for some of these",
                requested.difference(allowed)
            ),
            Self::NoCore { kind, allowed } => write!(
                f,
                "none of the CPUs {allowed} is of a {} core; ask for `CoreKind::Any`, or allow others",
                kind.name()
            ),
            Self::EmptyPlace { place } => {
                write!(f, "place {place} of the list has no CPU; leave it out")
            }
            Self::TooFewPlaces {
                requested,
                available,
            } => write!(
                f,
                "of the {requested} places that were asked for, there are {available}; ask for fewer"
            ),
            Self::NoPlace { requested, allowed } => write!(
                f,
                "no place is left: CPUs {requested} were asked for, CPUs {allowed} may be used; \
                 ask for places that hold some of these"
            ),
            Self::Refused {
                requested,
                allowed,
                effective,
                errno,
            } => {
                write!(
                    f,
                    "the system put a thread on CPUs {effective} instead of {requested}, \
                     where the pool may use {allowed}; ask for CPUs that it allows"
                )?;
                match errno {
                    Some(errno) => write!(f, ": {}", io::Error::from_raw_os_error(*errno)),
                    None => Ok(()),
                }
            }
            Self::Thread(error) => {
                write!(
                    f,
                    "the thread could not be started; ask for fewer workers: {error}"
                )
            }
        }
    }
}

impl Error for PinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(error) | Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}

/// Workers that are not where they should be.
///
/// ```
/// let pinned = ringpool_affinity::Pinned::new();
/// if let Err(drift) = pinned.verify() {
///     for worker in drift.workers() {
///         eprintln!("worker {}: {:?}", worker.index, worker.actual);
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    pub(crate) workers: Vec<Drifted>,
}

/// A worker that is not where it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drifted {
    /// The worker's index.
    pub index: usize,
    /// Where it should be.
    pub wanted: CpuSet,
    /// Where it may run; `None` where that cannot be told.
    pub actual: Option<CpuSet>,
}

impl Drift {
    /// Which they are, by index.
    ///
    /// ```
    /// let pinned = ringpool_affinity::Pinned::new();
    /// let misplaced = pinned.verify().err().map_or(0, |drift| drift.workers().len());
    /// assert_eq!(misplaced, 0, "there is no worker yet");
    /// ```
    pub fn workers(&self) -> &[Drifted] {
        &self.workers
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, worker) in self.workers.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{worker}")?;
        }
        f.write_str("; undo what moved them, or build the pool anew")
    }
}

impl fmt::Display for Drifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index,
            wanted,
            actual,
        } = self;
        write!(f, "worker {index} should be on CPUs {wanted} and ")?;
        match actual {
            Some(actual) => write!(f, "may run on {actual}"),
            None => f.write_str("cannot be asked where it is"),
        }
    }
}

impl Error for Drift {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A variant without an entry in the table below does not compile.
    macro_rules! one_of_each {
        ($($variant:pat => $error:expr, $values:expr;)+) => {{
            let _is_whole = |error: PinError| match error {
                $($variant => (),)+
            };
            [$({
                let error = $error;
                assert!(matches!(error, $variant), "{error:?} stands for another");
                (error, $values.as_slice())
            }),+]
        }};
    }

    #[test]
    fn every_error_is_one_lower_case_sentence_with_the_values_at_fault_and_what_to_do() {
        use PinError as E;

        let (few, many) = (|| CpuSet::from(0..=1), || CpuSet::from(1..=9));
        let refused = |errno| PinError::Refused {
            requested: many(),
            allowed: few(),
            effective: CpuSet::from(3..=4),
            errno,
        };
        let errors = one_of_each! {
            E::Unsupported => E::Unsupported, [];
            E::Unreadable(_) => E::Unreadable(io::Error::other("it hides")), ["it hides"];
            E::NotAllowed { .. } => E::NotAllowed { requested: many(), allowed: few() }, ["1-9", "2-9", "0-1"];
            E::NoCore { .. } => E::NoCore { kind: CoreKind::Small, allowed: few() }, ["small", "0-1"];
            E::EmptyPlace { .. } => E::EmptyPlace { place: 7 }, ["7"];
            E::TooFewPlaces { .. } => E::TooFewPlaces { requested: 30, available: 6 }, ["30", "6"];
            E::NoPlace { .. } => E::NoPlace { requested: many(), allowed: few() }, ["1-9", "0-1"];
            E::Refused { errno: None, .. } => refused(None), ["1-9", "0-1", "3-4"];
            E::Refused { .. } => refused(Some(22)), ["1-9", "0-1", "3-4", "os error 22"];
            E::Thread(_) => E::Thread(io::Error::other("it ends")), ["it ends"];
        };
        for (error, values) in errors {
            let text = error.to_string();
            assert!(text.starts_with(char::is_lowercase), "{text:?}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
            assert!(values.iter().all(|value| text.contains(value)), "{text:?}");
            let (what, to_do) = text.split_once("; ").unwrap_or_else(|| panic!("{text:?}"));
            assert!(!what.is_empty() && !to_do.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn drift_names_every_worker() {
        let drifted = |index, actual| Drifted {
            index,
            wanted: CpuSet::from(index..=index),
            actual,
        };
        let workers = vec![drifted(1, None), drifted(7, Some(CpuSet::from(0..=0)))];
        assert_eq!(
            Drift { workers }.to_string(),
            "worker 1 should be on CPUs 1 and cannot be asked where it is, \
             worker 7 should be on CPUs 7 and may run on 0; \
             undo what moved them, or build the pool anew"
        );
    }
}

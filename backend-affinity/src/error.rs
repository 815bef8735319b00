//! Every way pinning can fail.

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
            Self::Unsupported => f.write_str("threads cannot be pinned on this system"),
            Self::Unreadable(error) => {
                write!(f, "the affinity mask of a thread cannot be read: {error}")
            }
            Self::NotAllowed { requested, allowed } => write!(
                f,
                "of the CPUs {requested} that were asked for, {} cannot be had: there are {allowed}",
                requested.difference(allowed)
            ),
            Self::NoCore { kind, allowed } => {
                write!(f, "none of the CPUs {allowed} is of a {} core", kind.name())
            }
            Self::EmptyPlace { place } => write!(f, "place {place} of the list has no CPU"),
            Self::TooFewPlaces {
                requested,
                available,
            } => write!(
                f,
                "of the {requested} places that were asked for, there are {available}"
            ),
            Self::NoPlace { requested, allowed } => write!(
                f,
                "no place is left: CPUs {requested} were asked for, CPUs {allowed} may be used"
            ),
            Self::Refused {
                requested,
                allowed,
                effective,
                errno,
            } => {
                write!(
                    f,
                    "the system put a thread on CPUs {effective} instead of {requested}; \
                     the pool may use {allowed}"
                )?;
                match errno {
                    Some(errno) => write!(f, ": {}", io::Error::from_raw_os_error(*errno)),
                    None => Ok(()),
                }
            }
            Self::Thread(error) => write!(f, "the thread could not be started: {error}"),
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
        Ok(())
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

    #[test]
    fn every_error_is_one_lower_case_sentence_with_the_values_at_fault() {
        let few = || CpuSet::from(0..=1);
        let many = || CpuSet::from(1..=9);
        let refused = |errno| PinError::Refused {
            requested: many(),
            allowed: few(),
            effective: CpuSet::from(3..=4),
            errno,
        };
        for (error, values) in [
            (PinError::Unsupported, vec![]),
            (
                PinError::Unreadable(io::Error::other("it hides")),
                vec!["it hides"],
            ),
            (
                PinError::NotAllowed {
                    requested: many(),
                    allowed: few(),
                },
                vec!["1-9", "2-9", "0-1"],
            ),
            (
                PinError::NoCore {
                    kind: CoreKind::Small,
                    allowed: few(),
                },
                vec!["small", "0-1"],
            ),
            (PinError::EmptyPlace { place: 7 }, vec!["7"]),
            (
                PinError::TooFewPlaces {
                    requested: 30,
                    available: 6,
                },
                vec!["30", "6"],
            ),
            (
                PinError::NoPlace {
                    requested: many(),
                    allowed: few(),
                },
                vec!["1-9", "0-1"],
            ),
            (refused(None), vec!["1-9", "0-1", "3-4"]),
            (refused(Some(22)), vec!["1-9", "0-1", "3-4", "os error 22"]),
            (
                PinError::Thread(io::Error::other("it ends")),
                vec!["it ends"],
            ),
        ] {
            let text = error.to_string();
            assert!(text.starts_with(char::is_lowercase), "{text:?}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
            assert!(values.iter().all(|value| text.contains(value)), "{text:?}");
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
             worker 7 should be on CPUs 7 and may run on 0"
        );
    }
}

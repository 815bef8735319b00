//! The workers of one pool: where each of them is to be, and is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ringpool_core::Placement;

use crate::error::{Drift, Drifted};
use crate::plan::Plan;
use crate::report::PinnedWorker;
use crate::settings::Policy;
use crate::{CpuSet, PinError, sys};

/// The workers of one pool.
pub(crate) struct Team {
    pub(crate) plan: Plan,
    /// Worker 0, where callers are it.
    pub(crate) zero: OnceLock<Placement>,
    /// What went wrong with threads that the workers do not tell of.
    notes: Mutex<BTreeSet<String>>,
    /// By index. Only workers whose threads live are in it: the number of a thread that has ended may come to belong
    /// to another one.
    workers: Mutex<BTreeMap<usize, PinnedWorker>>,
}

impl Team {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            zero: OnceLock::new(),
            notes: Mutex::default(),
            workers: Mutex::default(),
        }
    }

    pub(crate) fn plan_with_notes(&self) -> Plan {
        let mut plan = self.plan.clone();
        plan.notes.extend(lock(&self.notes).iter().cloned());
        plan
    }

    /// Adds a note to the report; the same one counts once.
    pub(crate) fn note(&self, text: String) {
        lock(&self.notes).insert(text);
    }

    pub(crate) fn workers(&self) -> MutexGuard<'_, BTreeMap<usize, PinnedWorker>> {
        lock(&self.workers)
    }

    /// Pins the calling thread, which is to become a worker.
    pub(crate) fn enter(&self, at: Placement) -> Result<(), PinError> {
        let plan = &self.plan;
        let (wanted, problem) = match plan.policy {
            Policy::Off => (None, None),
            Policy::Strict | Policy::BestEffort => {
                let wanted = plan.cpus_of(at.index, at.workers);
                let problem = pin(&wanted, &plan.allowed).err();
                (Some(wanted), problem)
            }
        };
        if plan.policy == Policy::Strict
            && let Some(error) = problem
        {
            return Err(error);
        }
        let effective = sys::mask_of(sys::HERE).ok();
        let problem = problem.map(|error| error.to_string());
        self.seat(at, wanted, effective, problem);
        Ok(())
    }

    /// Notes that the calling thread is a worker from now on.
    pub(crate) fn seat(
        &self,
        at: Placement,
        wanted: Option<CpuSet>,
        effective: Option<CpuSet>,
        problem: Option<String>,
    ) {
        let place = self.plan.place_of(at.index, at.workers);
        let worker = PinnedWorker {
            index: at.index,
            generation: at.generation,
            workers: at.workers,
            thread: sys::this_thread(),
            place: place.filter(|_| wanted.is_some()),
            wanted,
            effective,
            problem,
        };
        self.workers().insert(at.index, worker);
    }

    /// The calling thread is a worker no more.
    pub(crate) fn leave(&self, at: Placement) {
        let mut workers = self.workers();
        // A replacement has entered before its predecessor leaves; another caller may have, before this one does.
        if let Some(worker) = workers.get(&at.index)
            && (worker.generation, worker.thread) == (at.generation, sys::this_thread())
        {
            workers.remove(&at.index);
        }
    }

    /// The workers as they were seated, each with its mask as the system tells it now.
    fn asked(&self) -> Vec<(PinnedWorker, Option<CpuSet>)> {
        // Locked all the while, so that no thread ends meanwhile.
        let workers = self.workers();
        let ask = |worker: &PinnedWorker| (worker.clone(), sys::mask_of(worker.thread).ok());
        workers.values().map(ask).collect()
    }

    /// The workers as they sit now. Of a mask that cannot be read, what was known of it stays.
    pub(crate) fn seated(&self) -> Vec<PinnedWorker> {
        let now = |(worker, mask): (PinnedWorker, Option<CpuSet>)| PinnedWorker {
            effective: mask.or(worker.effective),
            ..worker
        };
        self.asked().into_iter().map(now).collect()
    }

    pub(crate) fn verify(&self) -> Result<usize, Drift> {
        let mut there = 0;
        let mut drifted = Vec::new();
        for (worker, actual) in self.asked() {
            let Some(wanted) = worker.wanted else {
                continue;
            };
            if actual.as_ref() == Some(&wanted) {
                there += 1;
            } else {
                drifted.push(Drifted {
                    index: worker.index,
                    wanted,
                    actual,
                });
            }
        }
        if drifted.is_empty() {
            Ok(there)
        } else {
            Err(Drift { workers: drifted })
        }
    }
}

/// Pins the calling thread and reads the mask back, for the kernel takes what it can of a set and says nothing.
pub(crate) fn pin(wanted: &CpuSet, allowed: &CpuSet) -> Result<(), PinError> {
    let refusal = match sys::pin(wanted) {
        Ok(()) => None,
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
            return Err(PinError::Unsupported);
        }
        Err(error) => Some(error),
    };
    let effective = sys::mask_of(sys::HERE).map_err(PinError::unreadable)?;
    if refusal.is_none() && effective == *wanted {
        return Ok(());
    }
    Err(PinError::Refused {
        requested: wanted.clone(),
        allowed: allowed.clone(),
        effective,
        errno: refusal.and_then(|error| error.raw_os_error()),
    })
}

/// What a panic left behind is whole: no lock is held while user code runs.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

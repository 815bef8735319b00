//! The machine as a pool sees it, and who sits where.

use std::fmt;

use ringpool_core::Placement;

use crate::error::Drifted;
use crate::plan::{Plan, Survey};
use crate::settings::{Bind, Policy, Settings};
use crate::{CpuSet, PinError, Quota, Topology};

/// What a pinned pool knows of its machine, and where its workers are: as text, and as data.
///
/// ```
/// use ringpool_affinity::{Pinned, Policy};
/// use ringpool_core::Builder;
/// use ringpool_std::Std;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pinned = Pinned::new().policy(Policy::BestEffort);
/// let pool = Builder::<Std>::with_spawner(pinned.clone()).build()?;
/// let report = pinned.report();
/// for worker in report.workers() {
///     assert_eq!(worker.wanted.as_ref(), Some(&report.places()[worker.index]));
/// }
/// println!("{report}");
/// # drop(pool);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    machine: Topology,
    allowed: CpuSet,
    quota: Option<Quota>,
    places: Vec<CpuSet>,
    bind: Bind,
    policy: Policy,
    caller: Option<CpuSet>,
    workers: Vec<PinnedWorker>,
    notes: Vec<String>,
}

/// Where one worker sits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PinnedWorker {
    /// The worker's index.
    pub index: usize,
    /// How many workers held this index before.
    pub generation: usize,
    /// How many workers the pool has.
    pub workers: usize,
    /// The number of its thread in the system; 0 where threads have none.
    pub thread: i32,
    /// Which of the places is its own; `None` if it is bound to none.
    pub place: Option<usize>,
    /// The CPUs that it was pinned to; `None` under [`Policy::Off`].
    pub wanted: Option<CpuSet>,
    /// The CPUs that it may run on, as the system said when the report was made; `None` where it does not say.
    pub effective: Option<CpuSet>,
    /// Why it is not where it should be.
    pub problem: Option<String>,
}

impl Report {
    /// With the worker 0 that callers are, if they are it.
    pub(crate) fn new(plan: Plan, zero: Option<Placement>, workers: Vec<PinnedWorker>) -> Self {
        let caller = zero.filter(|_| !workers.is_empty());
        let caller = caller.map(|at| plan.cpus_of(at.index, at.workers));
        let mut notes = plan.notes;
        let places = match plan.bind {
            Bind::Primary => 1,
            _ => plan.places.len(),
        };
        let count = workers.first().map_or(0, |worker| worker.workers);
        if count > places {
            let s = if places == 1 { "" } else { "s" };
            notes.push(format!("{count} workers share {places} place{s}"));
        }
        if let Some(quota) = plan.quota
            && count > quota.whole_cpus()
        {
            notes.push(format!(
                "{count} workers share the cgroup's quota of {quota}"
            ));
        }
        notes.extend(workers.iter().filter_map(PinnedWorker::note));
        Self {
            machine: plan.machine,
            allowed: plan.allowed,
            quota: plan.quota,
            places: plan.places,
            bind: plan.bind,
            policy: plan.policy,
            caller,
            workers,
            notes,
        }
    }

    /// Of a pool that cannot be built.
    pub(crate) fn of_refusal(settings: &Settings, survey: Survey, error: &PinError) -> Self {
        let mut notes = [survey.machine.notes(), &survey.quota_notes].concat();
        notes.push(format!("no pool can be built so: {error}"));
        Self {
            machine: survey.machine,
            allowed: survey.mask.unwrap_or_default(),
            quota: survey.quota,
            places: Vec::new(),
            bind: settings.bind,
            policy: settings.policy,
            caller: None,
            workers: Vec::new(),
            notes,
        }
    }

    /// The machine.
    ///
    /// ```
    /// let report = ringpool_affinity::Pinned::new().report();
    /// assert!(!report.machine().online().is_empty());
    /// ```
    pub fn machine(&self) -> &Topology {
        &self.machine
    }

    /// The CPUs that the pool may use: those of the thread that built it, or those that it was given.
    ///
    /// ```
    /// let report = ringpool_affinity::Pinned::new().report();
    /// assert!(report.allowed().is_subset(report.machine().online()));
    /// ```
    pub fn allowed(&self) -> &CpuSet {
        &self.allowed
    }

    /// The CPU time that the cgroup allows; `None` if there is no limit.
    ///
    /// ```
    /// let report = ringpool_affinity::Pinned::new().report();
    /// assert!(report.quota().is_none_or(|quota| quota.whole_cpus() >= 1));
    /// ```
    pub fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// The places, in their order. None if no pool can be built as it is wished.
    ///
    /// ```
    /// use ringpool_affinity::{Pinned, Places, Policy};
    /// let pinned = Pinned::new().places(Places::Threads).policy(Policy::BestEffort);
    /// let report = pinned.report();
    /// assert_eq!(report.places().len(), report.allowed().len());
    /// ```
    pub fn places(&self) -> &[CpuSet] {
        &self.places
    }

    /// Who sits where, by index; none before a pool is built and after it has ended. Worker 0 of a pool in which
    /// callers take part has no thread of its own: it is among them while a [`caller`](Self::caller) is it.
    ///
    /// ```
    /// let report = ringpool_affinity::Pinned::new().report();
    /// assert!(report.workers().is_empty());
    /// ```
    pub fn workers(&self) -> &[PinnedWorker] {
        &self.workers
    }

    /// The CPUs of worker 0 if that is the thread that calls; `None` where callers do not take part, or are not
    /// pinned.
    ///
    /// ```
    /// use ringpool_affinity::{Pinned, Policy};
    /// use ringpool_core::Builder;
    /// use ringpool_std::Std;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pinned = Pinned::new().policy(Policy::BestEffort);
    /// let pool = Builder::<Std>::with_spawner(pinned.clone())
    ///     .caller_participates()
    ///     .build()?;
    /// let report = pinned.report();
    /// assert_eq!(report.caller(), Some(&report.places()[0]));
    /// # drop(pool);
    /// # Ok(()) }
    /// ```
    pub fn caller(&self) -> Option<&CpuSet> {
        self.caller.as_ref()
    }

    /// What is other than one might think: what could not be read, could not be had, or is shared.
    ///
    /// ```
    /// for note in ringpool_affinity::Pinned::new().report().notes() {
    ///     println!("{note}");
    /// }
    /// ```
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The sockets with what is in them, one line for each last-level cache.
    fn write_machine(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "machine: {}", self.machine)?;
        for socket in self.machine.sockets() {
            writeln!(f, "  socket with CPUs {socket}")?;
            for domain in parts(self.machine.numa_domains(), socket) {
                writeln!(f, "    NUMA domain with CPUs {domain}")?;
                for cache in parts(self.machine.ll_caches(), &domain) {
                    let cores = Vec::from_iter(
                        parts(self.machine.cores(), &cache).map(|core| format!("{{{core}}}")),
                    );
                    writeln!(
                        f,
                        "      last-level cache with CPUs {cache}, by core {}",
                        cores.join(" ")
                    )?;
                }
            }
        }
        Ok(())
    }
}

impl PinnedWorker {
    /// Why it is not where it should be, or else that it is not.
    fn note(&self) -> Option<String> {
        if let Some(problem) = &self.problem {
            return Some(format!("worker {}: {problem}", self.index));
        }
        let (wanted, actual) = (self.wanted.as_ref()?, self.effective.as_ref()?);
        let drifted = || Drifted {
            index: self.index,
            wanted: wanted.clone(),
            actual: Some(actual.clone()),
        };
        (wanted != actual).then(|| drifted().to_string())
    }
}

/// What of each set lies in `whole`.
fn parts<'a>(sets: &'a [CpuSet], whole: &'a CpuSet) -> impl Iterator<Item = CpuSet> + 'a {
    let parts = sets.iter().map(move |set| set.intersection(whole));
    parts.filter(|part| !part.is_empty())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_machine(f)?;
        write!(f, "allowed: CPUs {}, ", self.allowed)?;
        match self.quota {
            Some(quota) => writeln!(f, "for the time of {quota}")?,
            None => writeln!(f, "all the time")?,
        }
        writeln!(
            f,
            "places: {}, bind {}, policy {}",
            self.places.len(),
            self.bind.name(),
            self.policy.name()
        )?;
        for (index, place) in self.places.iter().enumerate() {
            writeln!(f, "  place {index}: CPUs {place}")?;
        }
        // Nobody is worker 0 at the moment.
        let next = self.caller.as_ref();
        let next = next.filter(|_| self.workers.iter().all(|worker| worker.index > 0));
        let count = self.workers.len() + usize::from(next.is_some());
        writeln!(f, "workers: {count}")?;
        if let Some(cpus) = next {
            writeln!(f, "  worker 0: CPUs {cpus}, the thread that calls")?;
        }
        for worker in &self.workers {
            writeln!(f, "  {worker}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PinnedWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.index)?;
        if self.generation > 0 {
            write!(f, " (replacement {})", self.generation)?;
        }
        match (&self.wanted, self.place) {
            (None, _) => f.write_str(": not pinned")?,
            (Some(cpus), Some(place)) => write!(f, ": place {place}, CPUs {cpus}")?,
            (Some(cpus), None) => write!(f, ": CPUs {cpus}")?,
        }
        write!(f, ", thread {}", self.thread)?;
        if self.effective != self.wanted
            && let Some(effective) = &self.effective
        {
            write!(f, ", runs on CPUs {effective}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

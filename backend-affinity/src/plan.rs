//! From wishes and what the machine offers to the CPUs of each worker. Nothing here asks the system.

use crate::settings::{Bind, CoreKind, Policy, Settings};
use crate::{CpuSet, PinError, Places, Quota, Topology};

/// What the system says when a pool is built.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) machine: Topology,
    /// The affinity mask of the building thread.
    pub(crate) mask: Result<CpuSet, PinError>,
    pub(crate) quota: Option<Quota>,
    /// What could not be read of the quota.
    pub(crate) quota_notes: Vec<String>,
}

/// Where workers go.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) machine: Topology,
    pub(crate) allowed: CpuSet,
    pub(crate) quota: Option<Quota>,
    /// At least one; none is empty.
    pub(crate) places: Vec<CpuSet>,
    pub(crate) bind: Bind,
    pub(crate) policy: Policy,
    /// What is other than one might think.
    pub(crate) notes: Vec<String>,
}

impl Plan {
    /// # Errors
    ///
    /// Under a strict policy, any wish that cannot be fulfilled. Under the others only a machine without CPUs.
    pub(crate) fn make(settings: &Settings, survey: Survey) -> Result<Self, PinError> {
        let machine = survey.machine;
        let mut notes = [machine.notes(), &survey.quota_notes].concat();
        let mut tolerate = |error: PinError| match settings.policy {
            Policy::Strict => Err(error),
            Policy::BestEffort | Policy::Off => {
                notes.push(error.to_string());
                Ok(())
            }
        };

        let usable = match survey.mask {
            Ok(mask) => mask,
            Err(error) => {
                tolerate(error)?;
                machine.online().clone()
            }
        };
        let mut allowed = match &settings.cpus {
            Some(cpus) => {
                let allowed = cpus.intersection(machine.online());
                if allowed != *cpus {
                    tolerate(PinError::NotAllowed {
                        requested: cpus.clone(),
                        allowed: machine.online().clone(),
                    })?;
                }
                allowed
            }
            None => usable.clone(),
        };
        let mut cpus = match settings.core_kind {
            CoreKind::Any => allowed.clone(),
            CoreKind::Large => allowed.difference(machine.efficient()),
            CoreKind::Small => allowed.intersection(machine.efficient()),
        };
        if cpus.is_empty() && !allowed.is_empty() {
            tolerate(PinError::NoCore {
                kind: settings.core_kind,
                allowed: allowed.clone(),
            })?;
            cpus.clone_from(&allowed);
        }

        let listed = listed(&settings.places);
        if let Some(place) = listed.and_then(|list| list.iter().position(CpuSet::is_empty)) {
            tolerate(PinError::EmptyPlace { place })?;
        }
        let wished = listed.map_or_else(|| cpus.clone(), union);
        let mut places = choose(&settings.places, &machine, &cpus);
        if places.is_empty() {
            let error = || PinError::NoPlace {
                requested: wished.clone(),
                allowed: cpus.clone(),
            };
            tolerate(error())?;
            places = choose(&Places::default(), &machine, &usable);
            if places.is_empty() {
                return Err(error());
            }
            allowed = usable;
        } else if !wished.is_subset(&cpus) {
            tolerate(PinError::NotAllowed {
                requested: wished,
                allowed: cpus,
            })?;
        }
        if let Places::First { count, .. } = settings.places
            && count > places.len()
        {
            tolerate(PinError::TooFewPlaces {
                requested: count,
                available: places.len(),
            })?;
        }
        let shared = shared(&places);
        if !shared.is_empty() {
            notes.push(format!("CPU {shared}: in more than one place"));
        }
        let plan = Self {
            machine,
            allowed,
            quota: survey.quota,
            places,
            bind: settings.bind,
            policy: settings.policy,
            notes,
        };
        Ok(plan.with_note_on_quota())
    }

    fn with_note_on_quota(mut self) -> Self {
        if let Some(quota) = self.quota
            && quota.whole_cpus() < self.places.len()
        {
            self.notes.push(format!(
                "the cgroup's quota of {quota} pays for {} of {} places",
                quota.whole_cpus(),
                self.places.len()
            ));
        }
        self
    }

    /// How many workers a pool gets unless it says otherwise: quota limits how many, never where.
    pub(crate) fn workers(&self) -> usize {
        self.paid(self.places.len())
    }

    /// On how many CPUs workers can run at the same time.
    pub(crate) fn parallelism(&self) -> usize {
        let cpus = match self.bind {
            Bind::Primary => self.places[0].len(),
            Bind::Close | Bind::Spread | Bind::None => self.cpus().len(),
        };
        self.paid(cpus)
    }

    /// As many of these as the quota pays for.
    fn paid(&self, count: usize) -> usize {
        count.min(self.quota.map_or(usize::MAX, Quota::whole_cpus))
    }

    /// The place of worker `index` out of `workers`, by its position in the list.
    pub(crate) fn place_of(&self, index: usize, workers: usize) -> Option<usize> {
        let places = self.places.len();
        let share = || {
            // Wide, for the product may not fit.
            let place = index as u128 * places as u128 / workers.max(1) as u128;
            usize::try_from(place).map_or(places - 1, |place| place.min(places - 1))
        };
        match self.bind {
            Bind::Close if workers <= places => Some(index.min(places - 1)),
            Bind::Close | Bind::Spread => Some(share()),
            Bind::Primary => Some(0),
            Bind::None => None,
        }
    }

    /// The CPUs of worker `index` out of `workers`.
    pub(crate) fn cpus_of(&self, index: usize, workers: usize) -> CpuSet {
        match self.place_of(index, workers) {
            Some(place) => self.places[place].clone(),
            None => self.cpus(),
        }
    }

    /// The CPUs of all places.
    pub(crate) fn cpus(&self) -> CpuSet {
        union(&self.places)
    }
}

/// Those of the places that have some of these CPUs, without the other CPUs.
fn choose(places: &Places, machine: &Topology, cpus: &CpuSet) -> Vec<CpuSet> {
    let threads;
    let sets = match places {
        Places::Threads => {
            threads = machine.threads();
            &threads
        }
        Places::Cores => machine.cores(),
        Places::LlCaches => machine.ll_caches(),
        Places::NumaDomains => machine.numa_domains(),
        Places::Sockets => machine.sockets(),
        Places::List(list) => list,
        Places::First { of, count } => {
            let mut first = choose(of, machine, cpus);
            first.truncate(*count);
            return first;
        }
    };
    let usable = sets.iter().map(|set| set.intersection(cpus));
    usable.filter(|set| !set.is_empty()).collect()
}

/// The places that are named CPU by CPU; `None` where they are named by what they are.
fn listed(places: &Places) -> Option<&[CpuSet]> {
    match places {
        Places::List(list) => Some(list),
        Places::First { of, .. } => listed(of),
        _ => None,
    }
}

/// The CPUs that are in more than one of the sets.
fn shared(sets: &[CpuSet]) -> CpuSet {
    let (mut seen, mut shared) = (CpuSet::new(), CpuSet::new());
    for set in sets {
        shared = shared.union(&seen.intersection(set));
        seen = seen.union(set);
    }
    shared
}

fn union(sets: &[CpuSet]) -> CpuSet {
    sets.iter().fold(CpuSet::new(), |all, set| all.union(set))
}

#[cfg(test)]
mod tests;

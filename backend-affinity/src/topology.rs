//! What the kernel says of the machine: sockets, NUMA domains, caches, cores, kinds of core.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cpuset::LAST_CPU;
use crate::{CpuSet, sys};

/// The CPUs of a machine and what they share.
///
/// Each list divides the online CPUs: every CPU is in exactly one set of it. The lists stand in the order of the
/// machine: large cores before small ones, then by socket, NUMA domain, cache and core, and last by the CPUs'
/// numbers. Where the kernel does not say, the list is flat (each CPU a core of its own, one socket for all) and a
/// note says what is missing.
///
/// ```
/// use ringpool_affinity::Topology;
///
/// let machine = Topology::of_this_machine();
/// let cpus: usize = machine.cores().iter().map(|core| core.len()).sum();
/// assert_eq!(cpus, machine.online().len());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    online: CpuSet,
    cores: Vec<CpuSet>,
    ll_caches: Vec<CpuSet>,
    numa_domains: Vec<CpuSet>,
    sockets: Vec<CpuSet>,
    efficient: CpuSet,
    notes: Vec<String>,
}

impl Topology {
    /// The machine that this process runs on.
    ///
    /// ```
    /// assert!(!ringpool_affinity::Topology::of_this_machine().online().is_empty());
    /// ```
    pub fn of_this_machine() -> Self {
        let used = sys::mask_of(sys::HERE).unwrap_or_default();
        Self::with_used(Path::new("/"), &used)
    }

    /// The machine whose files lie under `root`, as `root/sys/devices/system/cpu/online`: `/`, or a copy taken
    /// elsewhere. Missing files are noted and never an error.
    ///
    /// ```
    /// use std::path::Path;
    /// let nothing = ringpool_affinity::Topology::read(Path::new("/no/such/machine"));
    /// assert!(!nothing.online().is_empty());
    /// assert!(!nothing.notes().is_empty());
    /// ```
    pub fn read(root: &Path) -> Self {
        Self::with_used(root, &CpuSet::new())
    }

    /// As [`read`](Self::read), with CPUs that are there for sure because something runs on them: a container may
    /// show a list of its own invention, or none.
    pub(crate) fn with_used(root: &Path, used: &CpuSet) -> Self {
        Reader::new(root).read(used)
    }

    /// The CPUs that are switched on.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert!(!machine.online().is_empty());
    /// ```
    pub fn online(&self) -> &CpuSet {
        &self.online
    }

    /// The hardware threads, each by itself: those of a core one after the other.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert_eq!(machine.threads().len(), machine.online().len());
    /// ```
    pub fn threads(&self) -> Vec<CpuSet> {
        let threads = self.cores.iter().flat_map(CpuSet::iter);
        threads.map(|cpu| CpuSet::from(cpu..=cpu)).collect()
    }

    /// The physical cores, each with its hardware threads.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert!(machine.cores().len() <= machine.online().len());
    /// ```
    pub fn cores(&self) -> &[CpuSet] {
        &self.cores
    }

    /// What shares a last-level cache.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert!(!machine.ll_caches().is_empty());
    /// ```
    pub fn ll_caches(&self) -> &[CpuSet] {
        &self.ll_caches
    }

    /// What is nearest to the same memory. Domains without CPUs are left out.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert!(!machine.numa_domains().is_empty());
    /// ```
    pub fn numa_domains(&self) -> &[CpuSet] {
        &self.numa_domains
    }

    /// The packages.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert!(!machine.sockets().is_empty());
    /// ```
    pub fn sockets(&self) -> &[CpuSet] {
        &self.sockets
    }

    /// The CPUs of small cores, on a machine with large and small ones; none where all are alike.
    ///
    /// ```
    /// let machine = ringpool_affinity::Topology::of_this_machine();
    /// assert!(machine.efficient().len() < machine.online().len());
    /// ```
    pub fn efficient(&self) -> &CpuSet {
        &self.efficient
    }

    /// What could not be read, and what was assumed instead.
    ///
    /// ```
    /// for note in ringpool_affinity::Topology::of_this_machine().notes() {
    ///     println!("{note}");
    /// }
    /// ```
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// One line: how many of each.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let parts = [
            count(self.sockets.len(), "socket"),
            count(self.numa_domains.len(), "NUMA domain"),
            count(self.ll_caches.len(), "last-level cache"),
            count(self.cores.len(), "core"),
            count(self.online.len(), "CPU"),
        ];
        write!(f, "{} ({})", parts.join(", "), self.online)?;
        if !self.efficient.is_empty() {
            write!(f, ", of them small cores: {}", self.efficient)?;
        }
        Ok(())
    }
}

/// Reads the files of one machine and collects what it could not find.
struct Reader {
    system: PathBuf,
    root: PathBuf,
    notes: Vec<String>,
}

impl Reader {
    fn new(root: &Path) -> Self {
        Self {
            system: root.join("sys/devices/system"),
            root: root.to_owned(),
            notes: Vec::new(),
        }
    }

    fn read(mut self, used: &CpuSet) -> Topology {
        let online = self.online(used);
        let cores = self.cores(&online);
        let sockets = self.sockets(&online);
        let ll_caches = self.ll_caches(&online, &sockets);
        let numa_domains = self.numa_domains(&online);
        let efficient = self.efficient(&online);

        let sockets = ordered(sockets, &efficient, &[]);
        let numa_domains = ordered(numa_domains, &efficient, &[&sockets]);
        let ll_caches = ordered(ll_caches, &efficient, &[&sockets, &numa_domains]);
        let cores = ordered(cores, &efficient, &[&sockets, &numa_domains, &ll_caches]);
        Topology {
            online,
            cores,
            ll_caches,
            numa_domains,
            sockets,
            efficient,
            notes: self.notes,
        }
    }

    fn note(&mut self, missing: &CpuSet, what: &str, instead: &str) {
        if !missing.is_empty() {
            self.notes
                .push(format!("CPU {missing}: {what} cannot be read; {instead}"));
        }
    }

    fn cpu(&self, cpu: usize, file: &str) -> PathBuf {
        self.system.join(format!("cpu/cpu{cpu}")).join(file)
    }

    fn online(&mut self, used: &CpuSet) -> CpuSet {
        let Some(listed) = self.listed() else {
            if !used.is_empty() {
                self.note(used, "the list of CPUs", "those in use are taken");
                return used.clone();
            }
            let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let cpus = CpuSet::from(0..=count - 1);
            self.note(&cpus, "the list of CPUs", "this process may use so many");
            return cpus;
        };
        let unlisted = used.difference(&listed);
        if !unlisted.is_empty() {
            self.notes.push(format!(
                "CPU {unlisted}: in use, but not in the list of CPUs that are online"
            ));
        }
        listed.union(&unlisted)
    }

    /// The CPUs that are online by the kernel's list, or else those that have a folder.
    fn listed(&mut self) -> Option<CpuSet> {
        let folder = self.system.join("cpu");
        let possible = CpuSet::from(0..=LAST_CPU);
        let listed = set(&folder.join("online"))
            .map(|cpus| cpus.intersection(&possible))
            .filter(|cpus| !cpus.is_empty());
        if listed.is_some() {
            return listed;
        }
        let cpus = CpuSet::from_iter(numbered(&folder, "cpu")).intersection(&possible);
        self.note(
            &cpus,
            "the list of CPUs that are online",
            "all that have a folder are taken",
        );
        Some(cpus).filter(|cpus| !cpus.is_empty())
    }

    fn cores(&mut self, online: &CpuSet) -> Vec<CpuSet> {
        let siblings = |cpu| {
            // The second is the older name of the first.
            set(&self.cpu(cpu, "topology/core_cpus_list"))
                .or_else(|| set(&self.cpu(cpu, "topology/thread_siblings_list")))
        };
        let (mut cores, unknown) = divide(online, siblings);
        // Without lists: the threads of a core have the same numbers.
        let numbers = |cpu| {
            let core = number(&self.cpu(cpu, "topology/core_id"))?;
            let die = number(&self.cpu(cpu, "topology/die_id"));
            let package = number(&self.cpu(cpu, "topology/physical_package_id"));
            Some((package, die, core))
        };
        let (numbered, unknown) = group(&unknown, numbers);
        cores.extend(numbered);
        self.note(
            &unknown,
            "which CPUs share a core",
            "each counts as a core of its own",
        );
        cores.extend(unknown.iter().map(|cpu| CpuSet::from(cpu..=cpu)));
        cores
    }

    fn sockets(&mut self, online: &CpuSet) -> Vec<CpuSet> {
        // Older kernels for Arm say -1 where the firmware does not tell.
        let package = |cpu| {
            number(&self.cpu(cpu, "topology/physical_package_id")).filter(|number| *number >= 0)
        };
        let (mut sockets, unknown) = group(online, package);
        self.note(&unknown, "the socket", "they count as one socket");
        sockets.extend(Some(unknown).filter(|cpus| !cpus.is_empty()));
        sockets
    }

    fn ll_caches(&mut self, online: &CpuSet, sockets: &[CpuSet]) -> Vec<CpuSet> {
        let (mut caches, unknown) = divide(online, |cpu| self.last_cache_of(cpu));
        self.note(&unknown, "the caches", "each socket counts as one cache");
        let rests = sockets.iter().map(|socket| socket.intersection(&unknown));
        caches.extend(rests.filter(|rest| !rest.is_empty()));
        caches
    }

    /// The CPUs that share this CPU's cache of the highest level.
    fn last_cache_of(&self, cpu: usize) -> Option<CpuSet> {
        let folder = self.cpu(cpu, "cache");
        let caches = numbered(&folder, "index").into_iter().filter_map(|index| {
            let cache = folder.join(format!("index{index}"));
            let holds_data = text(&cache.join("type")).is_none_or(|kind| kind != "Instruction");
            let level = number(&cache.join("level"))?;
            holds_data.then_some(())?;
            Some((level, set(&cache.join("shared_cpu_list"))?))
        });
        caches.max_by_key(|(level, _)| *level).map(|(_, cpus)| cpus)
    }

    fn numa_domains(&mut self, online: &CpuSet) -> Vec<CpuSet> {
        let folder = self.system.join("node");
        let mut rest = online.clone();
        let mut domains = Vec::new();
        for node in numbered(&folder, "node") {
            let cpus = set(&folder.join(format!("node{node}/cpulist"))).unwrap_or_default();
            let cpus = cpus.intersection(&rest);
            rest = rest.difference(&cpus);
            // Nodes that hold only memory have no CPU.
            domains.extend(Some(cpus).filter(|cpus| !cpus.is_empty()));
        }
        self.note(&rest, "the NUMA domain", "they count as one domain");
        domains.extend(Some(rest).filter(|cpus| !cpus.is_empty()));
        domains
    }

    fn efficient(&mut self, online: &CpuSet) -> CpuSet {
        // Hybrid processors of Intel have one device for the performance counters of each kind of core.
        let devices = self.root.join("sys/devices");
        let large = set(&devices.join("cpu_core/cpus")).map(|cpus| cpus.intersection(online));
        let small = ["cpu_atom/cpus", "cpu_lowpower/cpus"]
            .iter()
            .filter_map(|name| set(&devices.join(name)))
            .fold(CpuSet::new(), |all, cpus| all.union(&cpus))
            .intersection(online);
        if large.is_some_and(|cpus| !cpus.is_empty()) && !small.is_empty() {
            return small;
        }
        // On Arm and others the kernel gives each CPU a capacity, 1024 for the largest.
        let capacities = Vec::from_iter(online.iter().filter_map(|cpu| {
            let capacity = number(&self.cpu(cpu, "cpu_capacity"))?;
            Some((cpu, capacity))
        }));
        let kinds = BTreeSet::from_iter(capacities.iter().map(|(_, capacity)| *capacity));
        let Some(&largest) = kinds.last().filter(|capacity| **capacity > 0) else {
            return CpuSet::new();
        };
        // Of two kinds the small one may have more than half of the other's capacity, and cores that are alike but for
        // their clock differ by less than a quarter. Of three kinds the middle one is within half of the largest, and
        // the small ones far below it.
        let (parts, of) = if kinds.len() == 2 { (3, 4) } else { (1, 2) };
        let small = capacities
            .iter()
            .filter(|(_, capacity)| i128::from(*capacity) * of <= i128::from(largest) * parts);
        let small: CpuSet = small.map(|(cpu, _)| *cpu).collect();
        let unknown = online.difference(&capacities.iter().map(|(cpu, _)| *cpu).collect());
        self.note(&unknown, "the capacity", "they count as large cores");
        small
    }
}

/// Divides CPUs by a function that gives the set each one belongs to; returns the sets, and the CPUs without one.
/// No CPU comes into two sets, whatever the files say.
fn divide(cpus: &CpuSet, set_of: impl Fn(usize) -> Option<CpuSet>) -> (Vec<CpuSet>, CpuSet) {
    let mut rest = cpus.clone();
    let (mut sets, mut unknown) = (Vec::new(), CpuSet::new());
    while let Some(cpu) = rest.first() {
        if let Some(set) = set_of(cpu).filter(|set| set.contains(cpu)) {
            // One file speaks for all, which spares thousands of reads on a large machine.
            let set = set.intersection(&rest);
            rest = rest.difference(&set);
            sets.push(set);
        } else {
            rest.remove(cpu);
            unknown.insert(cpu);
        }
    }
    (sets, unknown)
}

/// Groups CPUs by a key; returns the groups, and the CPUs without a key.
fn group<K: Ord>(cpus: &CpuSet, key_of: impl Fn(usize) -> Option<K>) -> (Vec<CpuSet>, CpuSet) {
    let mut groups = BTreeMap::new();
    let mut unknown = CpuSet::new();
    for cpu in cpus.iter() {
        match key_of(cpu) {
            Some(key) => groups.entry(key).or_insert_with(CpuSet::new).insert(cpu),
            None => unknown.insert(cpu),
        }
    }
    (groups.into_values().collect(), unknown)
}

/// Sets in the order of the machine: large cores first, then as the lists of what is larger than they are, then by
/// number. A set that lies in several of a list counts where its first CPU does.
fn ordered(mut sets: Vec<CpuSet>, small: &CpuSet, larger: &[&[CpuSet]]) -> Vec<CpuSet> {
    sets.sort_by_cached_key(|set| {
        let first = set.first().unwrap_or_default();
        let place = |sets: &&[CpuSet]| sets.iter().position(|set| set.contains(first));
        let places = Vec::from_iter(larger.iter().map(place));
        (set.is_subset(small), places, first)
    });
    sets
}

/// A small file without its newline; `None` if it is missing, unreadable or not text.
fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

fn set(path: &Path) -> Option<CpuSet> {
    text(path)?.parse().ok()
}

fn number(path: &Path) -> Option<i64> {
    text(path)?.parse().ok()
}

/// The numbers of the entries of a folder whose names are `prefix` and a number, ascending.
fn numbered(folder: &Path, prefix: &str) -> Vec<usize> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers = Vec::from_iter(entries.filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.strip_prefix(prefix)?.parse().ok()
    }));
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests;

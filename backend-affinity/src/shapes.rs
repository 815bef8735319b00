//! Machines for tests: directory trees in the format that the kernel documents, written to a folder of their own.
//!
//! The shapes follow machines that exist: what number the firmware gives to which thread, which caches are shared,
//! which files a kernel or a container leaves out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::CpuSet;

/// A folder that is removed when the test ends.
pub(crate) struct Tree(PathBuf);

static TREES: AtomicUsize = AtomicUsize::new(0);

impl Tree {
    pub(crate) fn new() -> Self {
        // Relaxed: only the number matters.
        let number = TREES.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringpool-affinity-{}-{number}", process::id());
        // In memory where the system has such a folder: a large machine has thousands of files.
        let folders = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let mut paths = folders.iter().map(|folder| folder.join(&name));
        let path = paths.find(|path| fs::create_dir(path).is_ok());
        Self(path.expect("a folder for temporary files can be written"))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// Writes a file as the kernel does, with a newline.
    pub(crate) fn put(&self, path: &str, text: impl std::fmt::Display) {
        let path = self.0.join(path);
        let folder = path.parent().expect("it lies in the tree");
        fs::create_dir_all(folder).expect("the tree can be written");
        fs::write(path, format!("{text}\n")).expect("the tree can be written");
    }

    pub(crate) fn cpu(&self, cpu: usize, file: &str, text: impl std::fmt::Display) {
        self.put(&format!("sys/devices/system/cpu/cpu{cpu}/{file}"), text);
    }

    /// Removes a file or a folder.
    pub(crate) fn remove(&self, path: &str) {
        let path = self.0.join(path);
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.expect("the test removes what is there");
    }

    fn level(&self, cpu: usize, index: usize, level: u32, kind: &str, shared: &CpuSet) {
        let folder = format!("cache/index{index}");
        self.cpu(cpu, &format!("{folder}/level"), level);
        self.cpu(cpu, &format!("{folder}/type"), kind);
        self.cpu(cpu, &format!("{folder}/shared_cpu_list"), shared);
    }

    /// What every CPU has: its core, its socket, two caches of its core and the last one.
    fn full(&self, cpu: usize, core: &CpuSet, numbers: (usize, usize), last: &CpuSet) {
        self.cpu(cpu, "topology/core_id", numbers.0);
        self.cpu(cpu, "topology/physical_package_id", numbers.1);
        self.cpu(cpu, "topology/die_id", 0);
        self.cpu(cpu, "topology/thread_siblings_list", core);
        self.cpu(cpu, "topology/core_cpus_list", core);
        self.level(cpu, 0, 1, "Data", core);
        self.level(cpu, 1, 1, "Instruction", core);
        self.level(cpu, 2, 2, "Unified", core);
        self.level(cpu, 3, 3, "Unified", last);
    }

    fn lists(&self, online: &str, possible: &str) {
        self.put("sys/devices/system/cpu/online", online);
        self.put("sys/devices/system/cpu/possible", possible);
    }

    fn node(&self, node: usize, cpus: &str) {
        self.put(&format!("sys/devices/system/node/node{node}/cpulist"), cpus);
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // A folder that stays behind harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pair(a: usize, b: usize) -> CpuSet {
    CpuSet::from_iter([a, b])
}

/// Two sockets of `cores` cores with two threads each, numbered as Intel servers are: first the first threads of
/// both sockets, then the second ones.
pub(crate) fn two_sockets(cores: usize) -> Tree {
    let tree = Tree::new();
    let half = 2 * cores;
    tree.lists(
        &format!("0-{}", 2 * half - 1),
        &format!("0-{}", 2 * half - 1),
    );
    for socket in 0..2 {
        let base = socket * cores;
        let last = CpuSet::from(base..=base + cores - 1)
            .union(&CpuSet::from(half + base..=half + base + cores - 1));
        tree.node(socket, &last.to_string());
        for core in 0..cores {
            let threads = pair(base + core, half + base + core);
            for cpu in threads.iter() {
                tree.full(cpu, &threads, (core, socket), &last);
            }
        }
    }
    tree
}

/// The same machine as some vendors number it: even CPUs on socket 0, odd ones on socket 1.
pub(crate) fn interleaved_sockets() -> Tree {
    let tree = Tree::new();
    tree.lists("0-7", "0-7");
    for cpu in 0..8 {
        let socket = cpu % 2;
        let last: CpuSet = (0..8).filter(|other| other % 2 == socket).collect();
        tree.full(cpu, &CpuSet::from(cpu..=cpu), (cpu / 2, socket), &last);
        tree.node(socket, &last.to_string());
    }
    tree
}

/// One socket with eight NUMA domains of two cache complexes each, four cores a complex, two threads a core.
pub(crate) fn epyc() -> Tree {
    let tree = Tree::new();
    tree.lists("0-127", "0-255");
    for core in 0..64 {
        let threads = pair(core, core + 64);
        let complex = core / 4 * 4;
        let last =
            CpuSet::from(complex..=complex + 3).union(&CpuSet::from(complex + 64..=complex + 67));
        for cpu in threads.iter() {
            tree.full(cpu, &threads, (core, 0), &last);
        }
    }
    for node in 0..8 {
        let first = node * 8;
        tree.node(
            node,
            &format!("{first}-{},{}-{}", first + 7, first + 64, first + 71),
        );
    }
    // A node that holds memory only.
    tree.node(8, "");
    tree
}

/// Four large cores with two threads each, numbered in pairs, and eight small ones that share their level-2 caches by
/// four. All share the last one.
pub(crate) fn hybrid() -> Tree {
    let tree = Tree::new();
    tree.lists("0-15", "0-15");
    let all = CpuSet::from(0..=15);
    tree.node(0, "0-15");
    for cpu in 0..8 {
        let first = cpu / 2 * 2;
        tree.full(
            cpu,
            &CpuSet::from(first..=first + 1),
            (cpu / 2 * 4, 0),
            &all,
        );
    }
    for cpu in 8..16 {
        tree.full(cpu, &CpuSet::from(cpu..=cpu), (cpu + 8, 0), &all);
        let first = cpu / 4 * 4;
        tree.level(cpu, 2, 2, "Unified", &CpuSet::from(first..=first + 3));
    }
    tree.put("sys/devices/cpu_core/cpus", "0-7");
    tree.put("sys/devices/cpu_atom/cpus", "8-15");
    tree
}

/// Four small cores, three middle ones, one large one; no cache files, no package numbers, as older kernels.
pub(crate) fn big_little() -> Tree {
    let tree = Tree::new();
    tree.lists("0-7", "0-7");
    for cpu in 0..8 {
        tree.cpu(cpu, "topology/core_id", cpu % 4);
        tree.cpu(cpu, "topology/physical_package_id", -1);
        tree.cpu(cpu, "topology/thread_siblings_list", cpu);
        let capacity = match cpu {
            0..4 => 250,
            4..7 => 620,
            _ => 1024,
        };
        tree.cpu(cpu, "cpu_capacity", capacity);
    }
    tree
}

/// 2,048 CPUs: 16 sockets of 64 cores with two threads, numbered in pairs.
pub(crate) fn large() -> Tree {
    let tree = Tree::new();
    tree.lists("0-2047", "0-8191");
    for cpu in 0..2048 {
        let (first, socket) = (cpu / 2 * 2, cpu / 128);
        let last = CpuSet::from(socket * 128..=socket * 128 + 127);
        let core = CpuSet::from(first..=first + 1);
        tree.cpu(cpu, "topology/physical_package_id", socket);
        tree.cpu(cpu, "topology/core_cpus_list", &core);
        tree.level(cpu, 0, 3, "Unified", &last);
        tree.node(socket, &last.to_string());
    }
    tree
}

/// Four cores of two threads, of which CPU 5 and the whole core of 3 and 7 are switched off. The kernel takes a
/// CPU that is off out of its siblings' lists, but leaves its folder.
pub(crate) fn partly_offline() -> Tree {
    let tree = Tree::new();
    tree.lists("0-2,4,6", "0-7");
    let last: CpuSet = "0-2,4,6".parse().expect("a good list");
    for (cpu, core) in [(0, "0,4"), (4, "0,4"), (1, "1"), (2, "2,6"), (6, "2,6")] {
        let core = core.parse().expect("a good list");
        tree.full(cpu, &core, (cpu % 4, 0), &last);
    }
    for cpu in [3, 5, 7] {
        tree.cpu(cpu, "online", 0);
    }
    tree.node(0, "0-2,4,6");
    tree
}

/// A container that hides everything but the list of CPUs.
pub(crate) fn hidden() -> Tree {
    let tree = Tree::new();
    tree.lists("0-3", "0-3");
    tree
}

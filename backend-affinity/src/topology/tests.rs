use super::*;
use crate::shapes::{self, Tree};

fn texts(sets: &[CpuSet]) -> Vec<String> {
    sets.iter().map(CpuSet::to_string).collect()
}

/// Every list divides the online CPUs.
fn check(machine: &Topology) {
    for sets in [
        machine.cores(),
        machine.ll_caches(),
        machine.numa_domains(),
        machine.sockets(),
    ] {
        let all = sets.iter().fold(CpuSet::new(), |all, set| all.union(set));
        assert_eq!(&all, machine.online());
        let sum: usize = sets.iter().map(CpuSet::len).sum();
        assert_eq!(sum, machine.online().len(), "no CPU is in two sets");
        assert!(sets.iter().all(|set| !set.is_empty()));
    }
    assert!(machine.efficient().is_subset(machine.online()));
}

fn read(tree: &Tree) -> Topology {
    let machine = Topology::read(tree.root());
    check(&machine);
    machine
}

// A9
#[test]
fn two_sockets_with_two_threads_a_core() {
    let machine = read(&shapes::two_sockets(4));
    assert_eq!(texts(machine.sockets()), ["0-3,8-11", "4-7,12-15"]);
    assert_eq!(machine.numa_domains(), machine.sockets());
    assert_eq!(machine.ll_caches(), machine.sockets());
    assert_eq!(texts(&machine.cores()[..2]), ["0,8", "1,9"]);
    assert_eq!(machine.cores().len(), 8);
    assert!(machine.efficient().is_empty() && machine.notes().is_empty());
    assert_eq!(
        machine.to_string(),
        "2 sockets, 2 NUMA domains, 2 last-level caches, 8 cores, 16 CPUs (0-15)"
    );
}

// A9
#[test]
fn eight_numa_domains_and_sixteen_caches_in_one_socket() {
    let machine = read(&shapes::epyc());
    assert_eq!(machine.sockets().len(), 1);
    assert_eq!(
        machine.numa_domains().len(),
        8,
        "a node without CPUs does not count"
    );
    assert_eq!(machine.numa_domains()[1].to_string(), "8-15,72-79");
    assert_eq!(machine.ll_caches().len(), 16);
    assert_eq!(machine.ll_caches()[1].to_string(), "4-7,68-71");
    assert_eq!(machine.cores().len(), 64);
    assert!(machine.notes().is_empty());
}

// A10
#[test]
fn hybrid_processors_have_two_kinds_of_core() {
    let machine = read(&shapes::hybrid());
    assert_eq!(machine.efficient().to_string(), "8-15");
    assert_eq!(machine.cores().len(), 12);
    assert_eq!(
        machine.ll_caches(),
        [CpuSet::from(0..=15)],
        "what four small cores share is not the last cache"
    );
    assert!(machine.to_string().ends_with("small cores: 8-15"));
}

// A10
#[test]
fn capacities_tell_small_cores_from_large_ones() {
    let machine = read(&shapes::big_little());
    assert_eq!(machine.efficient().to_string(), "0-3");
    assert_eq!(machine.sockets().len(), 1);
    assert_eq!(machine.ll_caches().len(), 1);
    let notes = machine.notes().join("\n");
    for missing in ["the socket", "the caches", "the NUMA domain"] {
        assert!(notes.contains(missing), "{notes}");
    }
}

// A10
#[test]
fn of_two_kinds_of_core_the_small_one_is_far_from_the_large_one() {
    let small = |capacities: [i64; 2]| {
        let tree = shapes::hidden();
        for cpu in 0..4 {
            tree.cpu(cpu, "cpu_capacity", capacities[cpu % 2]);
        }
        read(&tree).efficient().to_string()
    };
    // Apple's M2, Arm's Juno, and a processor of which two cores have a higher clock.
    assert_eq!(small([572, 1024]), "0,2");
    assert_eq!(small([446, 1024]), "0,2");
    assert_eq!(small([900, 1024]), "none");
    assert_eq!(small([1024, 1024]), "none");
    assert_eq!(small([0, 0]), "none");
    assert_eq!(small([i64::MAX - 1, i64::MAX]), "none");
}

// A4
#[test]
fn two_thousand_cpus_are_read() {
    let machine = read(&shapes::large());
    assert_eq!(machine.online().len(), 2048);
    assert_eq!(machine.cores().len(), 1024);
    assert_eq!(machine.sockets().len(), 16);
    assert_eq!(machine.ll_caches()[15].to_string(), "1920-2047");
}

// A9
#[test]
fn cpus_that_are_off_do_not_exist() {
    let machine = read(&shapes::partly_offline());
    assert_eq!(machine.online().to_string(), "0-2,4,6");
    assert_eq!(texts(machine.cores()), ["0,4", "1", "2,6"]);
}

// A9
#[test]
fn hidden_files_give_a_flat_machine_and_notes() {
    let machine = read(&shapes::hidden());
    assert_eq!(texts(machine.cores()), ["0", "1", "2", "3"]);
    assert_eq!(texts(machine.sockets()), ["0-3"]);
    assert_eq!(machine.notes().len(), 4, "{:?}", machine.notes());
    assert!(machine.notes()[0].starts_with("CPU 0-3: which CPUs share a core cannot be read"));
}

#[test]
fn an_empty_tree_falls_back_to_the_process() {
    let machine = read(&Tree::new());
    assert!(
        machine.notes()[0].contains("this process may use so many"),
        "{:?}",
        machine.notes()
    );
}

// A9
#[test]
fn each_missing_file_has_its_stand_in() {
    let tree = shapes::two_sockets(2);
    tree.remove("sys/devices/system/cpu/online");
    tree.put("sys/devices/system/cpu/possible", "0-99");
    let all = read(&tree);
    assert_eq!(all.online().to_string(), "0-7", "folders step in");
    for cpu in 0..8 {
        tree.remove(&format!(
            "sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list"
        ));
    }
    assert_eq!(read(&tree).cores(), all.cores(), "the older name steps in");
    for cpu in 0..8 {
        tree.remove(&format!(
            "sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        ));
    }
    assert_eq!(read(&tree).cores(), all.cores(), "the numbers step in");
    tree.remove("sys/devices/system/cpu/cpu3/cache");
    assert_eq!(
        read(&tree).ll_caches(),
        all.ll_caches(),
        "a sibling's file speaks for CPU 3"
    );
    tree.remove("sys/devices/system/cpu/cpu3/topology");
    let machine = read(&tree);
    assert_eq!(
        machine.sockets().len(),
        3,
        "CPU 3 has no socket that is known"
    );
    assert!(
        machine
            .notes()
            .iter()
            .any(|note| note.starts_with("CPU 3: the socket"))
    );
}

#[test]
fn files_that_lie_do_no_harm() {
    let tree = shapes::two_sockets(2);
    tree.put("sys/devices/system/cpu/online", "0-4000000000");
    assert_eq!(
        read_unchecked(&tree).online().len(),
        LAST_CPU + 1,
        "nothing walks to the end of the numbers"
    );
    tree.put("sys/devices/system/cpu/online", "0-7");
    tree.cpu(0, "topology/core_cpus_list", "1-7");
    tree.cpu(1, "topology/core_cpus_list", "0-4000000000");
    tree.cpu(2, "topology/core_cpus_list", "two and three");
    tree.put("sys/devices/system/node/node0/cpulist", "0-7");
    tree.put("sys/devices/system/node/node1/cpulist", "0-7");
    tree.put("sys/devices/cpu_core/cpus", "100");
    tree.put("sys/devices/cpu_atom/cpus", "0-7");
    let machine = read(&tree);
    assert_eq!(
        texts(machine.numa_domains()),
        ["0-7"],
        "the first to claim a CPU has it"
    );
    assert!(
        machine.efficient().is_empty(),
        "no machine has small cores only"
    );
}

/// The test before has tens of thousands of CPUs without files, of which each counts as its own core.
fn read_unchecked(tree: &Tree) -> Topology {
    Topology::read(tree.root())
}

#[test]
fn this_machine_is_read() {
    let machine = Topology::of_this_machine();
    check(&machine);
    println!("this machine: {machine}\nnotes: {:?}", machine.notes());
}

// A2
#[test]
fn lists_stand_in_the_order_of_the_machine() {
    let machine = read(&shapes::interleaved_sockets());
    assert_eq!(texts(machine.sockets()), ["0,2,4,6", "1,3,5,7"]);
    assert_eq!(
        texts(machine.cores()),
        ["0", "2", "4", "6", "1", "3", "5", "7"]
    );
    let machine = read(&shapes::two_sockets(2));
    assert_eq!(
        texts(&machine.threads()),
        ["0", "4", "1", "5", "2", "6", "3", "7"]
    );
    let machine = read(&shapes::big_little());
    assert_eq!(texts(machine.cores())[..5], ["4", "5", "6", "7", "0"]);
}

// A17
#[test]
fn cpus_in_use_are_there_whatever_the_list_says() {
    let with_used = |tree: &Tree, used: &str| {
        let used = used.parse().expect("a good list");
        let machine = Topology::with_used(tree.root(), &used);
        check(&machine);
        machine
    };
    // A container that numbers its CPUs from 0, while the mask has the machine's numbers.
    let tree = shapes::two_sockets(2);
    tree.put("sys/devices/system/cpu/online", "0-1");
    let machine = with_used(&tree, "6-7");
    assert_eq!(texts(machine.cores()), ["0", "1", "6", "7"]);
    assert_eq!(
        machine.notes(),
        ["CPU 6-7: in use, but not in the list of CPUs that are online"]
    );
    let machine = with_used(&Tree::new(), "5,9");
    assert_eq!(machine.online().to_string(), "5,9");
    assert!(machine.notes()[0].starts_with("CPU 5,9: the list of CPUs cannot be read"));
    let machine = with_used(&shapes::two_sockets(2), "6-7");
    assert!(machine.notes().is_empty(), "{:?}", machine.notes());
}

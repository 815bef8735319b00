//! Pools in processes that are confined from outside: by `taskset`, and by a cgroup's quota.
//!
//! Two tests start this very program again, confined, to run the third one and say what it saw. Where the machine does
//! not allow that, a line says so.
#![cfg(all(feature = "libc", any(target_os = "linux", target_os = "android")))]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use ringpool_affinity::{Bind, CpuSet, Pinned, Places, Quota, Topology};
use ringpool_core::Builder;
use ringpool_std::Std;

/// The CPUs that this process may use, as the kernel tells everybody.
fn mask() -> CpuSet {
    let status = fs::read_to_string("/proc/self/status").expect("it can be read");
    let mut lines = status.lines();
    let list = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.expect("the kernel tells it")
        .parse()
        .expect("a good list")
}

/// What stands before what the third test saw: if that did not run, it is missing.
const SEEN: &str = "the pool saw";

// A1, A17
#[test]
fn a_pool_is_as_its_process_is_confined() {
    let pinned = Pinned::new().places(Places::Threads).bind(Bind::None);
    let pool = Builder::<Std>::with_spawner(pinned.clone())
        .build()
        .expect("the mask has a CPU");
    let workers = pool.worker_count();
    let report = pinned.report();
    assert_eq!(*report.allowed(), mask());
    assert_eq!(report.workers().len(), workers);
    for worker in report.workers() {
        assert_eq!(worker.effective.as_ref(), Some(&mask()));
    }
    assert_eq!(pinned.verify(), Ok(workers));
    assert!(mask().is_subset(Topology::of_this_machine().online()));
    let quota = Quota::of_this_process();
    let quota = quota.map_or("all the time".into(), |quota| quota.to_string());
    println!("{SEEN} {workers} workers on CPUs {} for {quota}", mask());
}

/// Runs the test above under `command`, and returns what it saw.
fn confined(mut command: Command) -> String {
    let this = env::current_exe().expect("this program has a path");
    command.arg(this);
    command.args(["--exact", "--nocapture"]);
    command.arg("a_pool_is_as_its_process_is_confined");
    let output = command.output().expect("the program starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    let mut lines = printed.lines();
    let seen = lines.find_map(|line| Some(line.split_once(SEEN)?.1.trim().to_owned()));
    seen.unwrap_or_else(|| panic!("the test did not run: {printed}\n{errors}"))
}

// A17
#[test]
fn taskset_confines_a_pool_without_any_setting() {
    if Command::new("taskset").arg("--version").output().is_err() {
        println!("not run: this machine has no taskset");
        return;
    }
    for cpu in mask().iter() {
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", &cpu.to_string()]);
        let seen = confined(taskset);
        let expected = format!("1 workers on CPUs {cpu} for ");
        assert!(seen.starts_with(&expected), "{seen}");
    }
}

/// A cgroup with a fifth of one CPU's time, in whichever version this machine has; removed at the end.
struct Limited(PathBuf);

impl Limited {
    fn new() -> io::Result<Self> {
        let name = format!("ringpool-affinity-{}", process::id());
        let one = Path::new("/sys/fs/cgroup/cpu");
        let two = Path::new("/sys/fs/cgroup");
        if one.join("cpu.cfs_quota_us").exists() {
            let group = Self(one.join(name));
            fs::create_dir(&group.0)?;
            fs::write(group.0.join("cpu.cfs_period_us"), "100000")?;
            fs::write(group.0.join("cpu.cfs_quota_us"), "20000")?;
            Ok(group)
        } else {
            let group = Self(two.join(name));
            fs::create_dir(&group.0)?;
            fs::write(group.0.join("cpu.max"), "20000 100000")?;
            Ok(group)
        }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

// A11
#[test]
fn a_quota_limits_the_workers_and_not_their_cpus() {
    let group = match Limited::new() {
        Ok(group) => group,
        Err(error) => {
            println!("not run: this machine lets nobody here make a cgroup: {error}");
            return;
        }
    };
    // The shell joins the group and becomes the program.
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo $$ >\"$0\"/cgroup.procs && exec \"$@\""]);
    shell.arg(&group.0);
    assert_eq!(
        confined(shell),
        format!("1 workers on CPUs {} for 0.20 CPUs", mask())
    );
}

//! Pools in processes that are confined from outside: by `taskset`, by a cgroup's quota, and by a cpuset, also one that
//! shrinks.
//!
//! Four tests start this very program again, confined, to run one of the others and say what it saw. Where the machine
//! does not allow that, a line says so.
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

/// What stands before what a test saw: if that did not run, it is missing.
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

/// Runs a test of this file under `command`, and returns what it saw.
fn confined(mut command: Command, test: &str) -> String {
    let this = env::current_exe().expect("this program has a path");
    command.arg(this);
    command.args(["--exact", "--nocapture", test]);
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
        let seen = confined(taskset, "a_pool_is_as_its_process_is_confined");
        let expected = format!("1 workers on CPUs {cpu} for ");
        assert!(seen.starts_with(&expected), "{seen}");
    }
}

/// A cgroup, in whichever version this machine has; removed at the end.
struct Limited(PathBuf);

impl Limited {
    fn to_cpus(cpus: &CpuSet) -> io::Result<Self> {
        // Two tests may each have one at the same time, of other sizes.
        let name = format!("ringpool-affinity-{}-cpus-{}", cpus.len(), process::id());
        let one = Path::new("/sys/fs/cgroup/cpuset");
        let group = if one.join("cpuset.mems").exists() {
            let group = Self(one.join(name));
            fs::create_dir(&group.0)?;
            let memory = fs::read(one.join("cpuset.mems"))?;
            fs::write(group.0.join("cpuset.mems"), memory)?;
            group
        } else {
            let group = Self(Path::new("/sys/fs/cgroup").join(name));
            fs::create_dir(&group.0)?;
            group
        };
        fs::write(group.0.join("cpuset.cpus"), cpus.to_string())?;
        group.tried()
    }

    /// With a fifth of one CPU's time.
    fn in_time() -> io::Result<Self> {
        let name = format!("ringpool-affinity-{}", process::id());
        let one = Path::new("/sys/fs/cgroup/cpu");
        let two = Path::new("/sys/fs/cgroup");
        let group = if one.join("cpu.cfs_quota_us").exists() {
            let group = Self(one.join(name));
            fs::create_dir(&group.0)?;
            fs::write(group.0.join("cpu.cfs_period_us"), "100000")?;
            fs::write(group.0.join("cpu.cfs_quota_us"), "20000")?;
            group
        } else {
            let group = Self(two.join(name));
            fs::create_dir(&group.0)?;
            fs::write(group.0.join("cpu.max"), "20000 100000")?;
            group
        };
        group.tried()
    }

    /// Has a process join: not every group that can be made takes one.
    fn tried(self) -> io::Result<Self> {
        let output = self.shell().arg("true").output()?;
        if output.status.success() {
            return Ok(self);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = format!("it takes no process: {}", errors.trim());
        Err(io::Error::other(text))
    }

    /// Or says why there is none.
    fn or_say_why(made: io::Result<Self>) -> Option<Self> {
        made.inspect_err(|error| {
            println!("not run: this machine has no such cgroup for us: {error}");
        })
        .ok()
    }

    /// A shell that joins the group and becomes the program.
    fn shell(&self) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo $$ >\"$0\"/cgroup.procs && exec \"$@\""]);
        shell.arg(&self.0);
        shell
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
    let Some(group) = Limited::or_say_why(Limited::in_time()) else {
        return;
    };
    assert_eq!(
        confined(group.shell(), "a_pool_is_as_its_process_is_confined"),
        format!("1 workers on CPUs {} for 0.20 CPUs", mask())
    );
}

// A1, A17
#[test]
fn a_cpuset_confines_a_pool_without_any_setting() {
    let all = mask();
    let last = all.last().expect("this thread runs on one");
    if all.len() == 1 {
        println!("not run: this thread may use one CPU only");
        return;
    }
    // The last one, which is nobody's place by its number.
    let last = CpuSet::from(last..=last);
    let Some(group) = Limited::or_say_why(Limited::to_cpus(&last)) else {
        return;
    };
    let seen = confined(group.shell(), "a_pool_is_as_its_process_is_confined");
    let expected = format!("1 workers on CPUs {last} for ");
    assert!(seen.starts_with(&expected), "{seen}");
}

/// Names the folder of a cpuset that the next test may change, and is in.
const CPUSET: &str = "RINGPOOL_CPUSET";

// S7, A12, A15, A18
#[test]
fn a_pool_whose_cpus_are_taken_away_goes_on_and_tells() {
    let Some(group) = env::var_os(CPUSET) else {
        println!("left to the next test, which runs this one");
        return;
    };
    let all = mask();
    let pinned = Pinned::new().places(Places::Threads);
    let pool = Builder::<Std>::with_spawner(pinned.clone())
        .workers(all.len())
        .max_jobs_per_worker(1)
        .caller_participates()
        .build()
        .expect("these CPUs may be used");
    pool.broadcast(|_| ()).expect("the pool is open");
    assert_eq!(pinned.verify(), Ok(all.len() - 1), "all but the caller");

    let left = pinned.report().places()[0].clone();
    fs::write(Path::new(&group).join("cpuset.cpus"), left.to_string()).expect("it is ours");
    // A worker has asked for its replacement when it takes its next job.
    for _ in 0..2 {
        pool.broadcast(|_| ()).expect("the pool goes on");
    }
    let drift = pinned
        .verify()
        .expect_err("the others have lost their CPUs");
    assert_eq!(drift.workers().len(), all.len() - 1);
    let notes = pinned.report().notes().join("\n");
    let note = "worker 1 was not replaced: the system put a thread on CPUs";
    assert!(notes.contains(note), "{notes}");
    assert_eq!(mask(), left, "the caller has what is left");
    println!("{SEEN} {left} of {all}");
}

// A15
#[test]
fn a_cpuset_that_shrinks_while_a_pool_runs_is_found() {
    let all = mask();
    if all.len() == 1 {
        println!("not run: this thread may use one CPU only");
        return;
    }
    let Some(group) = Limited::or_say_why(Limited::to_cpus(&all)) else {
        return;
    };
    let mut shell = group.shell();
    shell.env(CPUSET, &group.0);
    let seen = confined(shell, "a_pool_whose_cpus_are_taken_away_goes_on_and_tells");
    assert!(seen.ends_with(&format!(" of {all}")), "{seen}");
}

use super::*;
use crate::shapes;

fn plan(settings: &Settings, quota: Option<Quota>) -> Plan {
    let tree = shapes::two_sockets(2);
    let survey = Survey {
        machine: Topology::read(tree.root()),
        mask: Ok(CpuSet::from(0..=7)),
        quota,
        quota_notes: Vec::new(),
    };
    Plan::make(settings, survey).expect("the wish can be fulfilled")
}

fn worker(plan: &Plan, index: usize, workers: usize) -> PinnedWorker {
    let wanted = plan.cpus_of(index, workers);
    PinnedWorker {
        index,
        generation: 0,
        workers,
        thread: 100,
        place: plan.place_of(index, workers),
        wanted: Some(wanted.clone()),
        effective: Some(wanted),
        problem: None,
    }
}

// A16
#[test]
fn the_text_shows_the_machine_and_who_sits_where() {
    let plan = plan(&Settings::default(), None);
    let mut workers = Vec::from_iter((0..4).map(|index| worker(&plan, index, 4)));
    workers[1].generation = 2;
    workers[3].effective = Some(CpuSet::from(0..=0));
    workers[3].problem = Some("it was refused".into());
    let report = Report::new(plan, None, workers);
    assert_eq!(
        report.to_string(),
        "\
machine: 2 sockets, 2 NUMA domains, 2 last-level caches, 4 cores, 8 CPUs (0-7)
  socket with CPUs 0-1,4-5
    NUMA domain with CPUs 0-1,4-5
      last-level cache with CPUs 0-1,4-5, by core {0,4} {1,5}
  socket with CPUs 2-3,6-7
    NUMA domain with CPUs 2-3,6-7
      last-level cache with CPUs 2-3,6-7, by core {2,6} {3,7}
allowed: CPUs 0-7, all the time
places: 4, bind close, policy strict
  place 0: CPUs 0,4
  place 1: CPUs 1,5
  place 2: CPUs 2,6
  place 3: CPUs 3,7
workers: 4
  worker 0: place 0, CPUs 0,4, thread 100
  worker 1 (replacement 2): place 1, CPUs 1,5, thread 100
  worker 2: place 2, CPUs 2,6, thread 100
  worker 3: place 3, CPUs 3,7, thread 100, runs on CPUs 0
note: worker 3: it was refused
"
    );
}

// A16
#[test]
fn sharing_is_noted() {
    let plan = plan(&Settings::default(), Some(Quota::new(200_000, 100_000)));
    let workers = Vec::from_iter((0..6).map(|index| worker(&plan, index, 6)));
    let report = Report::new(plan, None, workers);
    assert_eq!(
        report.notes(),
        [
            "the cgroup's quota of 2.00 CPUs pays for 2 of 4 places",
            "6 workers share 4 places",
            "6 workers share the cgroup's quota of 2.00 CPUs",
        ]
    );
    assert!(report.to_string().contains("for the time of 2.00 CPUs\n"));
}

// A16
#[test]
fn workers_that_are_all_on_the_first_place_share_it() {
    let settings = Settings {
        bind: Bind::Primary,
        ..Settings::default()
    };
    let plan = plan(&settings, None);
    let workers = Vec::from_iter((0..4).map(|index| worker(&plan, index, 4)));
    assert_eq!(
        Report::new(plan, None, workers).notes(),
        ["4 workers share 1 place"]
    );
}

// A16
#[test]
fn a_worker_that_is_no_longer_where_it_was_put_is_noted_once() {
    let plan = plan(&Settings::default(), None);
    let notes = |effective, problem| {
        let worker = PinnedWorker {
            effective,
            problem,
            ..worker(&plan, 3, 4)
        };
        Report::new(plan.clone(), None, vec![worker]).notes
    };
    let elsewhere = || Some(CpuSet::from(0..=0));
    let note = "worker 3 should be on CPUs 3,7 and may run on 0";
    assert_eq!(notes(elsewhere(), None), [note]);
    let refused = Some("it was refused".into());
    assert_eq!(notes(elsewhere(), refused), ["worker 3: it was refused"]);
    assert!(notes(None, None).is_empty(), "nothing is known");
}

#[test]
fn unpinned_workers_say_so() {
    let plan = plan(&Settings::default(), None);
    let mut unpinned = worker(&plan, 0, 1);
    unpinned.wanted = None;
    unpinned.place = None;
    assert_eq!(
        unpinned.to_string(),
        "worker 0: not pinned, thread 100, runs on CPUs 0,4"
    );
    let anywhere = PinnedWorker {
        place: None,
        ..worker(&plan, 0, 1)
    };
    assert_eq!(anywhere.to_string(), "worker 0: CPUs 0,4, thread 100");
}

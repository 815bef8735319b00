//! From what a builder was told to what the engine is told.

use super::fake::Fake;
use crate::backoff::Backoff;
use crate::builder::Builder;
use crate::engine::WaitPolicy;
use crate::spawner::{Placement, Spawner, WorkerStart};

/// Has a worker by default, and CPUs as it is told.
struct One {
    cpus: usize,
}

impl Spawner for One {
    type Handle = ();
    type Error = core::fmt::Error;

    fn default_workers(&self) -> usize {
        1
    }

    fn parallelism(&self) -> usize {
        self.cpus
    }

    fn spawn(&mut self, _: WorkerStart, _: Placement) -> Result<(), core::fmt::Error> {
        Err(core::fmt::Error)
    }

    fn reclaim(&mut self, (): ()) {}
}

#[test]
fn workers_wait_by_the_cpus_that_they_share() {
    for (workers, cpus) in [(1, 1), (2, 1), (4, 4), (5, 4)] {
        let builder = Builder::<Fake>::with_spawner(One { cpus }).workers(workers);
        let (settings, counted) = builder.settings().expect("the settings are good");
        assert_eq!(counted, cpus);
        let expected = Backoff::searching(workers, cpus);
        assert_eq!(format!("{:?}", settings.search), format!("{expected:?}"));
    }
}

#[test]
fn workers_look_more_often_where_callers_take_part() {
    let builder = Builder::<Fake>::with_spawner(One { cpus: 2 });
    let (settings, _) = builder
        .workers(2)
        .caller_participates()
        .settings()
        .expect("the settings are good");
    let (searching, keen) = (settings.search, Backoff::searching(2, 2).keen());
    assert_eq!(format!("{searching:?}"), format!("{keen:?}"));
}

#[test]
fn cpus_do_not_decide_how_many_workers_there_are() {
    let builder = Builder::<Fake>::with_spawner(One { cpus: 4 });
    let (settings, _) = builder.settings().expect("the settings are good");
    assert_eq!(settings.workers, 1);
}

#[test]
fn workers_that_outnumber_their_cpus_do_not_stay_awake_against_each_other() {
    use WaitPolicy::{Active, Adaptive, Passive};
    let policy = |wished, workers| {
        let builder = Builder::<Fake>::with_spawner(One { cpus: 4 });
        let builder = builder.workers(workers).wait_policy(wished);
        let (settings, _) = builder.settings().expect("the settings are good");
        settings.wait_policy
    };
    for (wished, crowded) in [(Active, Adaptive), (Adaptive, Adaptive), (Passive, Passive)] {
        assert_eq!((policy(wished, 1), policy(wished, 4)), (wished, wished));
        assert_eq!((policy(wished, 5), policy(wished, 64)), (crowded, crowded));
    }
}

//! From what a builder was told to what the engine is told.

use super::fake::Fake;
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

/// Looks of a worker that searches in vain.
fn looks(workers: usize, cpus: usize, caller_participates: bool) -> usize {
    let mut builder = Builder::<Fake>::with_spawner(One { cpus }).workers(workers);
    if caller_participates {
        builder = builder.caller_participates();
    }
    let (settings, counted) = builder.settings().expect("the settings are good");
    assert_eq!(counted, cpus);
    let mut looks = 0;
    assert!(!settings.search.until::<Fake>(|| {
        looks += 1;
        false
    }));
    looks
}

// A13
#[test]
fn workers_search_as_long_as_the_cpus_allow_that_they_share() {
    // 64 pauses or 16, of which each two looks have one more between them, up to 8.
    for (workers, cpus, expected) in [(1, 1, 13), (2, 1, 7), (4, 4, 13), (5, 4, 7)] {
        assert_eq!(looks(workers, cpus, false), expected);
    }
}

// S51
#[test]
fn workers_look_more_often_where_callers_take_part() {
    assert_eq!((looks(2, 2, false), looks(2, 2, true)), (13, 34));
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

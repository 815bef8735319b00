//! What is taken in turns, and how workers start and leave.

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use loom::thread::{self, JoinHandle};

use super::{Checked, Machine, Stage, before_the_race, explore, join, shared};
use crate::builder::Builder;
use crate::engine::WaitPolicy;
use crate::error::{BuildError, JobError};
use crate::participation::WorkerZero;
use crate::pool::Pool;
use crate::spawner::{Placement, Spawner, WorkerInfo, WorkerStart};
use crate::spawning::{SpawnerLock, erase};

/// Starts workers on threads of the model, or drops their tokens there.
struct Crew {
    drops: bool,
    /// How many workers it starts before it refuses.
    left: usize,
    used: Arc<Checked>,
}

/// Why a crew starts no worker.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model starts no more workers")
    }
}

impl std::error::Error for Refused {}

impl Crew {
    fn new(drops: bool) -> Self {
        Self {
            drops,
            left: usize::MAX,
            used: Arc::new(Checked::new()),
        }
    }

    fn of(left: usize) -> Self {
        Self {
            left,
            ..Self::new(false)
        }
    }
}

impl Spawner for Crew {
    type Handle = JoinHandle<()>;
    type Error = Refused;

    fn default_workers(&self) -> usize {
        self.used.read();
        1
    }

    fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<JoinHandle<()>, Refused> {
        self.used.write();
        self.left = self.left.checked_sub(1).ok_or(Refused)?;
        let drops = self.drops;
        Ok(thread::spawn(
            move || if drops { drop(start) } else { start.run() },
        ))
    }

    fn reclaim(&mut self, handle: JoinHandle<()>) {
        self.used.write();
        handle.join().unwrap();
    }
}

fn builder(crew: Crew) -> Builder<Machine> {
    Builder::with_spawner(crew)
        .workers(1)
        .capacity(1)
        .wait_policy(WaitPolicy::Passive)
}

fn build(crew: Crew) -> Result<Pool<Machine>, BuildError> {
    builder(crew).build()
}

#[test]
fn one_thread_at_a_time_has_the_spawner() {
    explore(3, || {
        let locks = shared::<_, 2>(SpawnerLock::new(erase::<Machine, _>(Crew::new(false))));
        join(locks.map(|lock| {
            thread::spawn(move || lock.with::<Machine, _>(|spawning| spawning.default_workers()))
        }));
    });
}

// S51
#[test]
fn one_caller_at_a_time_is_worker_zero() {
    explore(3, || {
        let stage = Stage::with(2, 2, |settings| settings.caller_participates = true);
        // SAFETY: the state of a stage is the unit.
        unsafe {
            stage.set_worker_zero(WorkerZero {
                state: NonNull::dangling(),
                caller: None,
            });
        }
        let callers = shared::<_, 2>((stage, Checked::new()));
        join(callers.map(|caller| {
            thread::spawn(move || {
                let (stage, state) = &*caller;
                stage.as_participant(None, |frame| {
                    if frame.is_some() {
                        state.write();
                    }
                });
            })
        }));
    });
}

// S44, S46
#[test]
fn every_joiner_sees_the_workers_gone() {
    // Four threads: bound 1 ends in seconds.
    explore(1, || {
        let crew = Crew::new(false);
        let used = Arc::clone(&crew.used);
        let pools = before_the_race(|| shared::<_, 2>(build(crew).unwrap()));
        pools[0].close();
        join(pools.map(|pool| {
            let used = Arc::clone(&used);
            thread::spawn(move || {
                pool.join().unwrap();
                // Nobody reclaims a handle any more.
                used.read();
            })
        }));
    });
}

// S7, S46
#[test]
fn who_joins_waits_for_replacements_as_well() {
    explore(2, || {
        let crew = Crew::new(false);
        let pool = before_the_race(|| builder(crew).max_jobs_per_worker(1).build().unwrap());
        let job = pool.apply_async(|| ()).unwrap();
        pool.close();
        pool.join().unwrap();
        assert!(job.ready());
    });
}

// S5, S7
#[test]
fn a_replacement_begins_after_the_exit_hook_of_its_predecessor() {
    explore(2, || {
        let [begins, ends] = shared(Checked::new());
        let builder = builder(Crew::new(false))
            .max_jobs_per_worker(1)
            .initializer(move |_| begins.write())
            .exit_hook(move |_, ()| ends.write());
        let pool = before_the_race(|| builder.build().unwrap());
        drop(pool.apply_async(|| ()).unwrap());
        pool.close();
        pool.join().unwrap();
    });
}

// S7
#[test]
fn a_worker_that_cannot_be_replaced_stays() {
    explore(2, || {
        let pool = builder(Crew::of(1)).max_jobs_per_worker(1).build().unwrap();
        let [first, second] = [0; 2].map(|_| pool.apply_async(|| ()).unwrap());
        pool.close();
        pool.join().unwrap();
        assert!(first.get().is_ok() && second.get().is_ok());
    });
}

/// A pool that breaks after one job: its worker is replaced by one that has no state.
fn breaks() -> Pool<Machine> {
    let make = |info: &WorkerInfo<'_>| match info.generation() {
        0 => Ok(()),
        _ => Err(Refused),
    };
    let builder = builder(Crew::new(false))
        .max_jobs_per_worker(1)
        .try_initializer(make);
    before_the_race(|| builder.build().unwrap())
}

// S6
#[test]
fn what_is_queued_when_the_pool_breaks_is_resolved() {
    explore(2, || {
        let pool = breaks();
        let first = pool.apply_async(|| ()).unwrap();
        // Refused, or accepted and then run or refused: but not forgotten.
        if let Ok(second) = pool.apply_async(|| ()) {
            assert!(matches!(second.get(), Err(JobError::Broken)));
        }
        first.get().unwrap();
        pool.join().unwrap();
    });
}

// S6, S43
#[test]
fn a_broadcast_ends_though_the_pool_breaks() {
    explore(2, || {
        let pool = breaks();
        drop(pool.apply_async(|| ()).unwrap());
        let [calls, pool] = shared(pool);
        join([thread::spawn(move || _ = calls.broadcast(|_| ()))]);
        drop(pool);
    });
}

// S4
#[test]
fn a_pool_whose_worker_is_dropped_unrun_is_not_built() {
    explore(3, || assert!(build(Crew::new(true)).is_err()));
}

// S48
#[test]
fn a_pool_may_be_dropped_while_a_worker_starts() {
    explore(2, || drop(build(Crew::new(false)).unwrap()));
}

/// One thread drops a worker's token, after it has used the pool, and another forgets the worker.
fn drop_and_forget(forgets: fn(&Stage) -> bool) {
    explore(3, move || {
        let pools = shared::<_, 2>((Stage::new(1), Checked::new()));
        let [drops, frees] = pools;
        drops.0.slots()[0].spawn_begins();
        join([
            thread::spawn(move || {
                drops.1.read();
                let _ = drops.0.slots()[0].spawn_is_dropped();
            }),
            thread::spawn(move || {
                if forgets(&frees.0) {
                    frees.1.write();
                }
            }),
        ]);
    });
}

// S4
#[test]
fn who_was_told_of_a_worker_that_does_not_come_forgets_it_after_its_token() {
    drop_and_forget(|stage| {
        let slot = &stage.slots()[0];
        let forgets = !slot.spawn_succeeds();
        assert!(!forgets || slot.was_dropped());
        forgets
    });
}

// S4
#[test]
fn who_is_refused_a_worker_forgets_it_after_its_token() {
    drop_and_forget(|stage| stage.slots()[0].was_dropped());
}

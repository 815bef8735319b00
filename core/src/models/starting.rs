//! What is taken in turns, and how workers start and leave.

use std::convert::Infallible;
use std::ptr::NonNull;

use loom::thread::{self, JoinHandle};

use super::{Checked, Machine, Stage, before_the_race, explore, join, shared};
use crate::builder::Builder;
use crate::engine::WaitPolicy;
use crate::error::BuildError;
use crate::participation::WorkerZero;
use crate::pool::Pool;
use crate::spawner::{Placement, Spawner, WorkerStart};
use crate::spawning::{SpawnerLock, erase};

/// Starts workers on threads of the model, or drops their tokens there.
struct Crew {
    drops: bool,
    used: Checked,
}

impl Crew {
    fn new(drops: bool) -> Self {
        Self {
            drops,
            used: Checked::new(),
        }
    }
}

impl Spawner for Crew {
    type Handle = JoinHandle<()>;
    type Error = Infallible;

    fn default_workers(&self) -> usize {
        self.used.read();
        1
    }

    fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<JoinHandle<()>, Infallible> {
        self.used.write();
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

fn build(crew: Crew) -> Result<Pool<Machine>, BuildError> {
    let builder: Builder<Machine> = Builder::with_spawner(crew);
    builder
        .workers(1)
        .capacity(1)
        .wait_policy(WaitPolicy::Passive)
        .build()
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
        let pools = before_the_race(|| shared::<_, 2>(build(Crew::new(false)).unwrap()));
        pools[0].close();
        join(pools.map(|pool| thread::spawn(move || pool.join().unwrap())));
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

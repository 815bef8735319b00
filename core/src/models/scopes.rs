//! Scopes: their list of jobs, and their end.

use std::sync::Arc;

use loom::thread;

use super::{Checked, Machine, Stage, explore, join, let_this_call_panic, shared};
use crate::error::JobError;
use crate::job::PlainFn;
use crate::scope_core::{ScopeCore, submit_in};

fn submit(scope: &ScopeCore<Machine>, stage: &Stage, f: impl FnOnce()) {
    let submitted = submit_in(scope, stage, PlainFn(f), (), true);
    drop(submitted.unwrap_or_else(|_| panic!("the pool takes the job")));
}

/// A stage, and what the jobs of a scope borrow.
struct Room {
    stage: Stage,
    scope: ScopeCore<Machine>,
    lent: [Checked; 2],
}

impl Room {
    fn new(lists_all: bool) -> Self {
        Self {
            stage: Stage::new(2),
            scope: ScopeCore::new(lists_all),
            lent: [Checked::new(), Checked::new()],
        }
    }

    fn end(&self) {
        self.scope.finish(&self.stage).unwrap();
        self.lent.iter().for_each(Checked::write);
    }
}

// S42
#[test]
fn after_a_scope_what_it_lent_is_there_again() {
    explore(3, || {
        let [opens, ends, works] = shared(Room::new(false));
        let lends = Arc::clone(&opens);
        submit(&opens.scope, &opens.stage, move || lends.lent[0].write());
        drop(opens);
        join([
            thread::spawn(move || ends.end()),
            thread::spawn(move || assert!(works.stage.step(0))),
        ]);
    });
}

// S42
#[test]
fn a_scope_tells_of_the_panic_of_its_job() {
    explore(1, || {
        let [opens, ends, works] = shared(Room::new(false));
        submit(&opens.scope, &opens.stage, let_this_call_panic);
        drop(opens);
        join([
            thread::spawn(move || {
                let ended = ends.scope.finish(&ends.stage);
                assert!(matches!(ended, Err(JobError::Panicked(_))));
            }),
            thread::spawn(move || assert!(works.stage.step(0))),
        ]);
    });
}

/// The owner of a scope, a worker, waits for its jobs, of which another worker takes so many.
fn finish_on_a_worker(takes: usize) {
    explore(2, move || {
        let [opens, owns, works] = shared(Room::new(true));
        let submits = Arc::clone(&opens);
        submit(&opens.scope, &opens.stage, move || {
            let lends = Arc::clone(&submits);
            submit(&submits.scope, &submits.stage, move || {
                lends.lent[1].write();
            });
            submits.lent[0].write();
        });
        drop(opens);
        join([
            thread::spawn(move || owns.stage.on(0, |_| owns.end())),
            thread::spawn(move || _ = (0..takes).all(|_| works.stage.step(1))),
        ]);
    });
}

// S41, S42
#[test]
fn a_scope_on_a_worker_finds_the_jobs_that_its_jobs_submit() {
    finish_on_a_worker(1);
}

// S42
#[test]
fn a_scope_lets_go_of_the_jobs_that_others_have_run() {
    finish_on_a_worker(2);
}

//! Verbs that return a handle at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ringpool::JobError;

use super::row::{
    ENDINGS, Ending, Gate, ITEMS, OUTCOMES, Outcome, Phase, Row, Tally, TrackedPool, Trigger, Work,
    payload_number, run_rows, shapes,
};
use super::submissions::{BARE, Handles, ON_WORKER, Submitted, TOLD, Verb, cancel, submit};
use crate::census::{Census, Kind};

fn rows(verbs: &'static [Verb]) -> impl Iterator<Item = Row<Verb>> {
    shapes().flat_map(move |shape| {
        verbs.iter().flat_map(move |&verb| {
            ENDINGS.into_iter().flat_map(move |ending| {
                OUTCOMES.into_iter().flat_map(move |outcome| {
                    [Phase::Held, Phase::During].map(|phase| Row {
                        verb,
                        outcome,
                        ending,
                        phase,
                        shape,
                    })
                })
            })
        })
    })
}

/// A pool that a job may take from the thread that submits, to be the last who has it.
type Given = Arc<Mutex<Option<Arc<TrackedPool>>>>;

/// What the job with the right number does in the phase `During`.
fn ending_inside(row: Row<Verb>, pool: &Arc<TrackedPool>, given: &Given) -> Trigger {
    let weak = Arc::downgrade(pool);
    match row.ending {
        Ending::Close => Trigger::at(1, move || {
            weak.upgrade().expect("it is joined later").close();
        }),
        Ending::Terminate => Trigger::at(1, move || {
            weak.upgrade().expect("it is joined later").terminate();
        }),
        Ending::DropPool | Ending::DrainPool => {
            let given = Arc::clone(given);
            // Where the thread that submits may wait for room, the last job, which holds up none behind it.
            let waits = row.shape.capacity.is_some() && !row.verb.is_batch();
            let number = if waits { ITEMS - 1 } else { 0 };
            Trigger::at(number, move || {
                loop {
                    let pool = given.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(pool) = pool {
                        return drop(pool);
                    }
                    thread::yield_now();
                }
            })
        }
        _ => Trigger::none(),
    }
}

fn run(row: Row<Verb>, census: &'static Census) -> Vec<(Kind, usize)> {
    let Row {
        verb,
        outcome,
        ending,
        phase,
        shape,
    } = row;
    let pool = shape.build(census, ending);
    let held = phase == Phase::Held;
    let gate = held.then(|| Gate::hold(&pool, shape));
    let given = Given::default();
    let trigger = if held {
        Trigger::none()
    } else {
        ending_inside(row, &pool, &given)
    };
    let work = Work::new(census, outcome, trigger.clone());
    let waits_for_room = held && !verb.tries();
    let count = if waits_for_room {
        shape.queued_jobs()
    } else {
        ITEMS
    };
    let Submitted {
        mut handles,
        accepted,
        refused,
    } = submit(row, &pool, &work, count);
    drop(work);
    if verb.is_batch() && matches!(ending, Ending::DropHandles | Ending::LeakHandles) {
        let handle = handles.take();
        if ending == Ending::LeakHandles {
            ringpool_tests::forget(handle);
        } else {
            drop(handle);
        }
    }
    check_submission(row, accepted.len(), &refused);
    if ending == Ending::Cancel {
        match &handles {
            Some(Handles::Single(handles)) if held => {
                for (_, handle) in handles {
                    cancel(handle, true);
                }
            }
            Some(Handles::Batch(handle)) => cancel(handle, held),
            _ => {}
        }
        if held {
            assert_eq!(
                census.alive(Kind::Item) + census.alive(Kind::Capture),
                0,
                "captures outlive a cancel"
            );
        }
    }

    let tally = end(row, pool, gate, &given, &trigger, handles, accepted.len());
    if !held && matches!(ending, Ending::DropPool | Ending::DrainPool) {
        // The worker that dropped the pool has left it to the last one.
        census.settle(0);
    }
    check(row, tally, &accepted, census);
    leaks(row, &accepted)
}

/// Ends the pool as the row says, and takes the results.
fn end(
    row: Row<Verb>,
    pool: Arc<TrackedPool>,
    gate: Option<Gate>,
    given: &Given,
    trigger: &Trigger,
    handles: Option<Handles>,
    accepted: usize,
) -> Tally {
    match row.ending {
        Ending::DropPool | Ending::DrainPool if gate.is_none() => {
            *given.lock().unwrap_or_else(PoisonError::into_inner) = Some(pool);
            // Jobs whose number was refused cannot do it.
            if !row.verb.is_batch() && accepted < ITEMS {
                trigger.pull();
            }
            take(row, handles, false)
        }
        Ending::DropPool => {
            drop(pool);
            take(row, handles, true)
        }
        Ending::DrainPool => {
            drop(gate);
            drop(pool);
            take(row, handles, true)
        }
        ending => {
            if ending == Ending::Terminate && gate.is_some() {
                pool.terminate();
            }
            pool.close();
            drop(gate);
            pool.join().expect("it is closed");
            let never_started = pool.stats().never_started;
            if row.phase == Phase::Held {
                let expected = if ending == Ending::Terminate {
                    accepted
                } else {
                    0
                };
                assert_eq!(never_started, expected, "jobs that never started");
            }
            take(row, handles, true)
        }
    }
}

/// Takes every result.
fn take(row: Row<Verb>, handles: Option<Handles>, must_be_ready: bool) -> Tally {
    let mut tally = Tally::default();
    match handles {
        None => {}
        Some(Handles::Single(handles)) => {
            for (number, handle) in handles {
                assert!(
                    !must_be_ready || handle.ready(),
                    "a job is not ready after the end of its pool"
                );
                tally.count(row.outcome, Some(number), handle.get());
            }
        }
        Some(Handles::Batch(handle)) => {
            assert!(
                !must_be_ready || handle.ready(),
                "a batch is not ready after the end of its pool"
            );
            match handle.get() {
                Ok(values) => {
                    assert!(
                        values.iter().map(|value| value.number).eq(0..ITEMS),
                        "the values are others"
                    );
                    assert_eq!(row.outcome.first_panic(ITEMS), None);
                    tally.values = 1;
                }
                Err(JobError::Panicked(panic)) => {
                    let first = row.outcome.first_panic(ITEMS);
                    assert_eq!(panic.index(), first);
                    assert_eq!(
                        Some(payload_number(panic)),
                        first,
                        "the panic is not that of the lowest item"
                    );
                    tally.panics = 1;
                }
                Err(JobError::Cancelled) => tally.cancelled = 1,
                Err(JobError::Terminated) => tally.terminated = 1,
                Err(other) => panic!("an outcome that this row cannot have: {other:?}"),
            }
        }
    }
    tally
}

fn check_submission(row: Row<Verb>, accepted: usize, refused: &[JobError]) {
    let held = row.phase == Phase::Held;
    for error in refused {
        let expected = match (error, row.ending) {
            (JobError::Full, _) => row.verb.tries(),
            (JobError::Closed, Ending::Close) | (JobError::Terminated, Ending::Terminate) => !held,
            _ => false,
        };
        assert!(expected, "a submission was refused: {error:?}");
    }
    let all = accepted + refused.len();
    if row.verb.is_batch() {
        assert_eq!((accepted, all), (1, 1));
    } else if held {
        assert_eq!(
            accepted,
            row.shape.queued_jobs(),
            "a held pool takes what its queue holds"
        );
    } else {
        assert_eq!(all, ITEMS);
    }
}

/// What a row has when every accepted job runs.
fn everything(row: Row<Verb>, accepted: &[usize]) -> Tally {
    let mut tally = Tally::default();
    if row.verb.is_batch() {
        tally.panics = usize::from(row.outcome.first_panic(ITEMS).is_some());
    } else {
        tally.panics = accepted
            .iter()
            .filter(|&&number| row.outcome.panics(number))
            .count();
    }
    tally.values = accepted.len() - tally.panics;
    tally
}

/// What handles that were leaked keep.
fn leaks(row: Row<Verb>, accepted: &[usize]) -> Vec<(Kind, usize)> {
    if row.ending != Ending::LeakHandles {
        return Vec::new();
    }
    let all = everything(row, accepted);
    let size = if row.verb.is_batch() { ITEMS } else { 1 };
    vec![
        (Kind::Value, all.values * size),
        (Kind::Payload, all.panics),
    ]
}

fn check(row: Row<Verb>, tally: Tally, accepted: &[usize], census: &Census) {
    let held = row.phase == Phase::Held;
    let all = everything(row, accepted);
    let of_none = Tally::default();
    // What the jobs did: known from the results, or, without handles, from the promise that all have run.
    let did = match row.ending {
        Ending::DropHandles | Ending::LeakHandles => all,
        _ => tally,
    };
    let expected = match row.ending {
        Ending::Close | Ending::DrainPool | Ending::DropHandles | Ending::LeakHandles => all,
        Ending::Terminate | Ending::DropPool if held => Tally {
            terminated: accepted.len(),
            ..of_none
        },
        Ending::Cancel if held => Tally {
            cancelled: accepted.len(),
            ..of_none
        },
        Ending::Terminate | Ending::DropPool => Tally {
            terminated: accepted.len() - did.ran(),
            ..did
        },
        Ending::Cancel => Tally {
            cancelled: accepted.len() - did.ran(),
            ..did
        },
    };
    assert_eq!(did, expected, "the jobs ended otherwise");
    if row.verb.is_told() {
        assert_eq!(
            census.callbacks(),
            (did.values, accepted.len() - did.values),
            "callbacks"
        );
    }
    if !row.verb.is_batch() {
        assert_eq!(census.runs(), did.ran(), "results and runs differ");
    } else if did.ran() == 0 && held {
        assert_eq!(
            census.runs(),
            0,
            "something of a batch has run that never began"
        );
    } else if did == all && row.outcome == Outcome::Returns {
        assert_eq!(census.runs(), ITEMS, "not every item has run");
    }
}

#[test]
fn detached_verbs() {
    run_rows(rows(&BARE), run);
}

#[test]
fn detached_verbs_with_callbacks() {
    run_rows(rows(&TOLD), run);
}

#[test]
fn detached_verbs_on_a_worker() {
    run_rows(rows(&ON_WORKER), run);
}

//! Scopes: single jobs and batches that borrow.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;

use ringpool::{AsyncResult, CancelOutcome, JobError, Scope};

use super::row::{
    ENDINGS, Ending, Gate, ITEMS, OUTCOMES, Phase, Row, Tally, TrackedPool, Trigger, Work,
    payload_number, run_rows, shapes,
};
use crate::census::{Census, Kind, Tracked};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Apply,
    TryApply,
    Map,
}

const VERBS: [Verb; 3] = [Verb::Apply, Verb::TryApply, Verb::Map];

/// The handles of a scope: several single jobs, or one batch.
#[derive(Default)]
struct Handles {
    /// The numbers of what was accepted, or refused through its handle.
    submitted: Vec<usize>,
    single: Vec<(usize, AsyncResult<Tracked>)>,
    batch: Option<AsyncResult<Vec<Tracked>>>,
}

fn submit<'scope, 'env>(
    row: Row<Verb>,
    scope: &'scope Scope<'scope, 'env, Tracked>,
    work: &'env Work,
    count: usize,
    handles: &mut Handles,
) {
    if row.verb == Verb::Map {
        // The function owns its capture and borrows the rest.
        let own = work.clone();
        let run = move |item: Tracked| {
            work.look();
            own.run(item)
        };
        let handle = scope.map_async(work.items(), run);
        match (row.ending, row.phase) {
            (Ending::DropHandles, _) => drop(handle),
            (Ending::LeakHandles, _) => ringpool_tests::forget(handle),
            (Ending::Cancel, Phase::During) => {
                handle.cancel();
                handles.batch = Some(handle);
            }
            _ => handles.batch = Some(handle),
        }
        handles.submitted.push(0);
        return;
    }
    for number in 0..count {
        let (own, item) = (work.clone(), work.item(number));
        let job = move || {
            work.look();
            own.run(item)
        };
        let handle = if row.verb == Verb::TryApply {
            match scope.try_apply_async(job) {
                Ok(handle) => handle,
                Err(refused) => {
                    assert!(
                        refused.is_full() || row.phase == Phase::During,
                        "{refused:?}"
                    );
                    continue;
                }
            }
        } else {
            scope.apply_async(job)
        };
        handles.submitted.push(number);
        match (row.ending, row.phase) {
            (Ending::DropHandles, _) => drop(handle),
            (Ending::LeakHandles, _) => ringpool_tests::forget(handle),
            (Ending::Cancel, Phase::During) => {
                let was_queued = handle.cancel() == CancelOutcome::NeverRan;
                assert!(!was_queued || handle.successful() == Some(false));
                handles.single.push((number, handle));
            }
            _ => handles.single.push((number, handle)),
        }
    }
}

fn rows() -> impl Iterator<Item = Row<Verb>> {
    shapes().flat_map(move |shape| {
        VERBS.into_iter().flat_map(move |verb| {
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

fn run(row: Row<Verb>, census: &'static Census) -> Vec<(Kind, usize)> {
    let Row {
        verb,
        outcome,
        ending,
        phase,
        shape,
    } = row;
    let pool = shape.build(census, ending);
    let gate = (phase == Phase::Held).then(|| Gate::hold(&pool, shape));
    let weak = Arc::downgrade(&pool);
    let open = move || weak.upgrade().expect("it is joined later");
    let trigger = match ending {
        _ if phase == Phase::Held => Trigger::none(),
        Ending::Close => Trigger::at(1, move || open().close()),
        Ending::Terminate => Trigger::at(1, move || {
            open().terminate();
        }),
        _ => Trigger::none(),
    };
    let work = Work::new(census, outcome, trigger);
    let waits_for_room = phase == Phase::Held && verb == Verb::Apply;
    let count = if waits_for_room {
        shape.queued_jobs()
    } else {
        ITEMS
    };
    let mut handles = Handles::default();
    let ended = pool.scope(|scope| {
        submit(row, scope, &work, count, &mut handles);
        if let Some(gate) = &gate {
            end_while_held(row, &pool, &handles, census);
            gate.open();
        }
    });
    let (runs, submitted) = (census.runs(), std::mem::take(&mut handles.submitted));
    check_end(row, ended, &submitted);
    let tally = take(row, handles);
    drop(work);
    match ending {
        Ending::DropPool | Ending::DrainPool => {}
        _ => {
            pool.close();
            pool.join().expect("it is closed");
        }
    }
    drop(pool);
    assert_eq!(census.runs(), runs, "something runs after its scope");
    check(row, tally, &submitted, runs);
    if ending != Ending::LeakHandles {
        return Vec::new();
    }
    let all = everything(row, &submitted);
    let size = if verb == Verb::Map { ITEMS } else { 1 };
    vec![
        (Kind::Value, all.values * size),
        (Kind::Payload, all.panics),
    ]
}

fn end_while_held(row: Row<Verb>, pool: &TrackedPool, handles: &Handles, census: &Census) {
    match row.ending {
        Ending::Close => pool.close(),
        Ending::Terminate => {
            pool.terminate();
        }
        Ending::Cancel => {
            for (_, handle) in &handles.single {
                assert_eq!(handle.cancel(), CancelOutcome::NeverRan);
                assert!(handle.ready());
            }
            if let Some(handle) = &handles.batch {
                assert_eq!(handle.cancel(), CancelOutcome::NeverRan);
                assert!(handle.ready());
            }
            assert_eq!(census.alive(Kind::Item), 0, "items outlive a cancel");
            assert_eq!(census.alive(Kind::Capture), 1, "captures outlive a cancel");
        }
        _ => {}
    }
}

/// What a row has when everything that was submitted runs.
fn everything(row: Row<Verb>, submitted: &[usize]) -> Tally {
    let panics = if row.verb == Verb::Map {
        usize::from(row.outcome.first_panic(ITEMS).is_some())
    } else {
        submitted
            .iter()
            .filter(|&&number| row.outcome.panics(number))
            .count()
    };
    Tally {
        values: submitted.len() - panics,
        panics,
        ..Tally::default()
    }
}

/// A scope reports the first job submitted that panicked and whose handle nobody has asked.
fn check_end(row: Row<Verb>, ended: Result<(), JobError>, submitted: &[usize]) {
    let first = match row.verb {
        _ if row.ending != Ending::DropHandles => None,
        Verb::Map => row.outcome.first_panic(ITEMS),
        _ => submitted
            .iter()
            .copied()
            .find(|&number| row.outcome.panics(number)),
    };
    match ended {
        Ok(()) => assert_eq!(first, None, "the scope has lost a panic"),
        Err(JobError::Panicked(panic)) => {
            assert_eq!(
                Some(payload_number(panic)),
                first,
                "the scope reports another panic"
            );
        }
        Err(other) => panic!("the scope ended with {other:?}"),
    }
}

/// Takes every result; all of them are ready.
fn take(row: Row<Verb>, handles: Handles) -> Tally {
    let mut tally = Tally::default();
    for (number, handle) in handles.single {
        assert!(handle.ready(), "a job is not ready after its scope");
        tally.count(row.outcome, Some(number), handle.get());
    }
    if let Some(handle) = handles.batch {
        assert!(handle.ready(), "a batch is not ready after its scope");
        match handle.get() {
            Ok(values) => {
                assert!(
                    values.iter().map(|value| value.number).eq(0..ITEMS),
                    "the values are others"
                );
                tally.values = 1;
            }
            Err(JobError::Panicked(panic)) => {
                assert_eq!(Some(payload_number(panic)), row.outcome.first_panic(ITEMS));
                tally.panics = 1;
            }
            Err(other) => tally.count(row.outcome, None, Err(other)),
        }
    }
    tally
}

fn check(row: Row<Verb>, tally: Tally, submitted: &[usize], runs: usize) {
    let count = submitted.len();
    let of_none = Tally::default();
    let all = everything(row, submitted);
    let ran = Tally {
        values: tally.values,
        panics: tally.panics,
        ..of_none
    };
    let held = row.phase == Phase::Held;
    let expected = match row.ending {
        Ending::DropHandles | Ending::LeakHandles => of_none,
        Ending::DropPool | Ending::DrainPool => all,
        Ending::Close if held => all,
        Ending::Terminate if held => Tally {
            terminated: count,
            ..of_none
        },
        Ending::Cancel if held => Tally {
            cancelled: count,
            ..of_none
        },
        Ending::Close => Tally {
            closed: count - ran.ran(),
            ..ran
        },
        Ending::Terminate => Tally {
            terminated: count - ran.ran(),
            ..ran
        },
        Ending::Cancel => Tally {
            cancelled: count - ran.ran(),
            ..ran
        },
    };
    assert_eq!(tally, expected, "the jobs ended otherwise");
    let has_handles = !matches!(row.ending, Ending::DropHandles | Ending::LeakHandles);
    if row.verb != Verb::Map {
        assert_eq!(
            runs,
            if has_handles { tally.ran() } else { count },
            "results and runs differ"
        );
    } else if held && has_handles && tally.ran() == 0 {
        assert_eq!(runs, 0, "something of a batch has run that never began");
    }
}

#[test]
fn scoped_verbs() {
    run_rows(rows(), run);
}

/// A row of `scopes_whose_body_panics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BodyPanics;

// S42
#[test]
fn scopes_whose_body_panics() {
    let rows = shapes().flat_map(|shape| {
        OUTCOMES.into_iter().flat_map(move |outcome| {
            [Ending::Close, Ending::DropHandles, Ending::LeakHandles].map(|ending| Row {
                verb: BodyPanics,
                outcome,
                ending,
                phase: Phase::During,
                shape,
            })
        })
    });
    run_rows(rows, |row, census| {
        let pool = row.shape.build(census, row.ending);
        let work = Work::new(census, row.outcome, Trigger::none());
        let scoped = AssertUnwindSafe(|| {
            pool.scope(|scope| {
                let handles = (0..ITEMS)
                    .map(|number| {
                        let (own, item, borrowed) = (work.clone(), work.item(number), &work);
                        scope.apply_async(move || {
                            borrowed.look();
                            own.run(item)
                        })
                    })
                    .collect::<Vec<_>>();
                match row.ending {
                    Ending::DropHandles => drop(handles),
                    Ending::LeakHandles => ringpool_tests::forget(handles),
                    // Dropped by the panic.
                    _ => {
                        let _handles = handles;
                        panic_any(census.track(Kind::Payload, 99))
                    }
                }
                panic_any(census.track(Kind::Payload, 99))
            })
        });
        let unwound = catch_unwind(scoped);
        let Err(payload) = unwound.map(|ended: Result<(), JobError>| ended.is_ok()) else {
            panic!("the panic of the body did not unwind on")
        };
        assert_eq!(
            payload
                .downcast::<Tracked>()
                .expect("it is the body's")
                .number,
            99
        );
        assert_eq!(
            census.runs(),
            ITEMS,
            "the scope has not waited for its jobs"
        );
        drop(work);
        drop(pool);
        if row.ending != Ending::LeakHandles {
            return Vec::new();
        }
        let all = Tally::everything(row.outcome, ITEMS);
        vec![(Kind::Value, all.values), (Kind::Payload, all.panics)]
    });
}

//! Verbs that block, also those of a `Worker`.

use std::sync::Arc;
use std::thread;

use ringpool::{Control, JobError};

use super::calls::{Got, Verb, call};
use super::row::{
    Ending, Gate, OUTCOMES, Outcome, Phase, Row, Trigger, Work, payload_number, run_rows, shapes,
};
use crate::census::{Census, Kind};

const PLAIN: [Verb; 12] = [
    Verb::Apply,
    Verb::Map,
    Verb::MapPull,
    Verb::MapStatic,
    Verb::MapInto,
    Verb::MapIntoSlots,
    Verb::TryMap,
    Verb::Starmap,
    Verb::ForEach,
    Verb::ForEachChunk,
    Verb::Reduce,
    Verb::Broadcast,
];

const ON_WORKER: [Verb; 14] = [
    Verb::ApplyOn,
    Verb::MapOn,
    Verb::MapIntoOn,
    Verb::TryMapOn,
    Verb::StarmapOn,
    Verb::ForEachOn,
    Verb::ForEachChunkOn,
    Verb::ReduceOn,
    Verb::BroadcastOn,
    Verb::NestedApply,
    Verb::NestedMap,
    Verb::NestedStarmap,
    Verb::NestedForEach,
    Verb::NestedReduce,
];

fn rows(verbs: &'static [Verb]) -> impl Iterator<Item = Row<Verb>> {
    const MIDST: [Ending; 3] = [Ending::Close, Ending::Terminate, Ending::Cancel];
    shapes().flat_map(move |shape| {
        let row = move |verb, outcome, ending, phase| Row {
            verb,
            outcome,
            ending,
            phase,
            shape,
        };
        verbs.iter().flat_map(move |&verb| {
            let before = MIDST.map(|ending| row(verb, Outcome::Returns, ending, Phase::Before));
            let others = OUTCOMES.into_iter().flat_map(move |outcome| {
                let held = verb.is_queued() && !shape.caller_participates;
                let held = if held { &MIDST[..] } else { &[] };
                let held = held
                    .iter()
                    .map(move |&ending| row(verb, outcome, ending, Phase::Held));
                let during = MIDST.map(|ending| row(verb, outcome, ending, Phase::During));
                held.chain(during)
                    .chain([row(verb, outcome, Ending::DropPool, Phase::After)])
            });
            before.into_iter().chain(others)
        })
    })
}

fn run(row: Row<Verb>, census: &'static Census) -> Vec<(Kind, usize)> {
    let Row {
        verb,
        ending,
        phase,
        ..
    } = row;
    let pool = row.shape.build(census, ending);
    let control = Control::new();
    let weak = Arc::downgrade(&pool);
    let other = control.clone();
    let end = move || {
        let pool = weak.upgrade().expect("the caller borrows it");
        match ending {
            Ending::Close => pool.close(),
            Ending::Terminate => {
                pool.terminate();
            }
            _ => other.cancel(),
        }
    };
    let count = verb.count(&pool);
    let got = match phase {
        Phase::Before => {
            end();
            call(
                verb,
                &pool,
                &Work::new(census, row.outcome, Trigger::none()),
                &control,
            )
        }
        Phase::During => {
            let trigger = Trigger::at(1.min(count - 1), end);
            call(
                verb,
                &pool,
                &Work::new(census, row.outcome, trigger),
                &control,
            )
        }
        Phase::After => call(
            verb,
            &pool,
            &Work::new(census, row.outcome, Trigger::none()),
            &control,
        ),
        Phase::Held => thread::scope(|threads| {
            let gate = Gate::hold(&pool, row.shape);
            let (pool, control) = (&pool, &control);
            let caller = threads.spawn(move || {
                call(
                    verb,
                    pool,
                    &Work::new(census, row.outcome, Trigger::none()),
                    control,
                )
            });
            while pool.stats().queued == 0 {
                thread::yield_now();
            }
            end();
            if ending == Ending::Cancel {
                // A cancelled call ends without the workers.
                return caller.join();
            }
            gate.open();
            caller.join()
        })
        .expect("the call must not unwind"),
    };
    check(row, count, got, census.runs());
    if ending != Ending::DropPool {
        pool.close();
        pool.join().expect("it is closed");
    }
    drop(pool);
    Vec::new()
}

fn check(row: Row<Verb>, count: usize, got: Got, runs: usize) {
    let Row {
        verb,
        outcome,
        ending,
        phase,
        shape,
    } = row;
    let first = outcome.first_panic(count);
    let held = phase == Phase::Held;
    // A job that was accepted before the close makes its own calls after it.
    let is_late = held && ending == Ending::Close && !verb.is_under_control();
    let never_began = phase == Phase::Before || held && ending != Ending::Close || is_late;
    if never_began {
        let Got::Error(error) = got else {
            panic!("a call that never began has a value")
        };
        let expected = matches!(
            (&error, ending),
            (JobError::Closed, Ending::Close)
                | (JobError::Terminated, Ending::Terminate)
                | (JobError::Cancelled, Ending::Cancel)
        );
        assert!(expected, "{error:?}");
        assert_eq!(runs, 0, "something of the call has run");
        return;
    }
    let cuts = phase == Phase::During && matches!(ending, Ending::Terminate | Ending::Cancel);
    let mut was_cut = false;
    match got {
        Got::Values(values) => {
            assert_eq!(first, None, "a call with a panic has values");
            let numbers = values.iter().map(|value| (value.kind, value.number));
            assert!(
                numbers.eq((0..count).map(|number| (Kind::Value, number))),
                "the values are others"
            );
        }
        Got::Sum(sum) => {
            assert_eq!(first, None, "a call with a panic has a sum");
            assert_eq!((sum.kind, sum.number), (Kind::Value, (0..count).sum()));
        }
        Got::Nothing => assert_eq!(first, None, "a call with a panic ends well"),
        Got::Failed(error) => {
            assert!(verb.is_try() && outcome == Outcome::Mixed);
            assert_eq!((error.kind, Some(error.number)), (Kind::Error, first));
        }
        Got::Error(JobError::Panicked(panic)) => {
            assert!(
                !(verb.is_try() && outcome == Outcome::Mixed),
                "the function has returned an error"
            );
            let (index, number) = (panic.index(), payload_number(panic));
            if verb.reports_lowest() {
                assert_eq!(
                    Some(number),
                    first,
                    "the panic is not that of the lowest item"
                );
                assert!(count == 1 || index == first, "index {index:?}");
            } else {
                assert!(outcome.panics(number));
                assert!(
                    index.is_some_and(|index| index <= number),
                    "index {index:?}"
                );
            }
        }
        Got::Error(JobError::Terminated) if cuts && ending == Ending::Terminate => was_cut = true,
        Got::Error(JobError::Cancelled) if cuts && ending == Ending::Cancel => was_cut = true,
        Got::Error(other) => panic!("an outcome that this row cannot have: {other:?}"),
    }
    // Whatever cuts a batch does so in a job that fails itself, if any fails.
    assert!(!(was_cut && first.is_some()), "the panic is lost");
    assert!(runs <= count, "{runs} runs of {count} jobs");
    let stops_early = cuts || verb.is_try() && outcome == Outcome::Mixed;
    if first.is_none() && !was_cut || verb.is_one_by_one() && !stops_early {
        assert_eq!(runs, count, "not every job has run");
    }
    let alone = shape.workers == 1 && !shape.caller_participates;
    if cuts && alone && verb.is_one_by_one() && verb.is_under_control() && !verb.is_try() {
        assert_eq!(runs, 2, "a chunk has started after the end");
    }
}

#[test]
fn blocking_verbs() {
    run_rows(rows(&PLAIN), run);
}

#[test]
fn blocking_verbs_on_a_worker() {
    run_rows(rows(&ON_WORKER), run);
}

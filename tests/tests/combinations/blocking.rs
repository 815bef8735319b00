//! Verbs that block, also those of a `Worker`.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::thread;

use ringpool::{Control, JobError, Schedule, pull};

use super::row::{
    Ending, Gate, ITEMS, OUTCOMES, Outcome, Phase, Row, TrackedPool, TrackedWorker, Trigger, Work,
    payload_number, run_rows, shapes,
};
use crate::census::{Census, Kind, Tracked};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Apply,
    Map,
    MapPull,
    MapStatic,
    MapInto,
    MapIntoSlots,
    TryMap,
    Starmap,
    ForEach,
    ForEachChunk,
    Reduce,
    Broadcast,
    ApplyOn,
    MapOn,
    MapIntoOn,
    TryMapOn,
    StarmapOn,
    ForEachOn,
    ForEachChunkOn,
    ReduceOn,
    BroadcastOn,
    NestedApply,
    NestedMap,
    NestedStarmap,
    NestedForEach,
    NestedReduce,
}

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

impl Verb {
    /// How many jobs or items a call has.
    fn count(self, pool: &TrackedPool) -> usize {
        match self {
            Self::Apply | Self::ApplyOn | Self::NestedApply => 1,
            Self::Broadcast | Self::BroadcastOn => pool.worker_count(),
            _ => ITEMS,
        }
    }

    fn is_try(self) -> bool {
        matches!(self, Self::TryMap | Self::TryMapOn)
    }

    /// Whether each item is a chunk of its own, claimed in order, and none is left out after a panic.
    fn is_one_by_one(self) -> bool {
        matches!(
            self,
            Self::Map
                | Self::MapPull
                | Self::MapInto
                | Self::MapIntoSlots
                | Self::TryMap
                | Self::Starmap
                | Self::ForEach
                | Self::MapOn
                | Self::MapIntoOn
                | Self::TryMapOn
                | Self::StarmapOn
                | Self::ForEachOn
        )
    }

    /// Whether the lowest failing item is always the one that is reported.
    fn reports_lowest(self) -> bool {
        !matches!(
            self,
            Self::MapStatic
                | Self::Broadcast
                | Self::BroadcastOn
                | Self::ForEachChunk
                | Self::ForEachChunkOn
        )
    }

    /// Whether a call waits in the queue, where another thread can see it.
    fn is_queued(self) -> bool {
        !matches!(self, Self::MapStatic | Self::Broadcast | Self::BroadcastOn)
    }

    /// Whether a control ends the batch inside, not only the call around it.
    fn is_under_control(self) -> bool {
        !matches!(
            self,
            Self::NestedApply
                | Self::NestedMap
                | Self::NestedStarmap
                | Self::NestedForEach
                | Self::NestedReduce
        )
    }
}

/// What a call gave.
enum Got {
    Values(Vec<Tracked>),
    Sum(Tracked),
    Nothing,
    /// The `Err` of a function.
    Failed(Tracked),
    Error(JobError),
}

fn or_error<T>(result: Result<T, JobError>, f: impl FnOnce(T) -> Got) -> Got {
    result.map_or_else(Got::Error, f)
}

fn tried(result: Result<Result<Vec<Tracked>, Tracked>, JobError>) -> Got {
    or_error(result, |inner| inner.map_or_else(Got::Failed, Got::Values))
}

fn nothing((): ()) -> Got {
    Got::Nothing
}

fn call_plain(verb: Verb, pool: &TrackedPool, work: &Work, control: &Control) -> Got {
    let with = || pool.with().chunk_size(1).control(control);
    let own = work.clone();
    let run = move |item| own.run(item);
    match verb {
        Verb::Apply => {
            let item = work.item(0);
            or_error(with().apply(move || run(item)), |value| {
                Got::Values(vec![value])
            })
        }
        Verb::Map => or_error(with().map(work.items(), run), Got::Values),
        Verb::MapPull => or_error(with().map(pull(work.items()), run), Got::Values),
        Verb::MapStatic => {
            let with = pool.with().control(control).schedule(Schedule::Static);
            or_error(with.map(work.items(), run), Got::Values)
        }
        Verb::MapInto => {
            let mut out = Vec::from_iter((0..=ITEMS).map(|_| work.census.track(Kind::Value, 99)));
            let result = with().map_into(work.items(), &mut out[..], run);
            or_error(result, |count| {
                out.truncate(count);
                Got::Values(out)
            })
        }
        Verb::MapIntoSlots => {
            let mut out = [const { MaybeUninit::<Tracked>::uninit() }; ITEMS];
            let result = with().map_into(work.items(), &mut out, run);
            or_error(result, |count| {
                assert_eq!(count, ITEMS);
                // SAFETY: the call has said that every place was written.
                Got::Values(
                    out.into_iter()
                        .map(|value| unsafe { value.assume_init() })
                        .collect(),
                )
            })
        }
        Verb::TryMap => {
            let own = work.clone();
            tried(with().try_map(work.items(), move |item| own.attempt(item)))
        }
        Verb::Starmap => {
            let star = move |item, other| {
                drop::<Tracked>(other);
                run(item)
            };
            or_error(with().starmap(work.pairs(), star), Got::Values)
        }
        Verb::ForEach => or_error(
            with().for_each(work.items(), move |item| drop(run(item))),
            nothing,
        ),
        Verb::ForEachChunk => {
            let own = work.clone();
            let mut items = work.items();
            let each = move |chunk: &mut [Tracked]| {
                for item in chunk {
                    own.see(item);
                }
            };
            or_error(
                with().chunk_size(2).for_each_chunk(&mut items, each),
                nothing,
            )
        }
        Verb::Reduce => {
            let (own, identity) = (work.clone(), work.census.track(Kind::Value, 0));
            let add = move |a, b| own.add(a, b);
            or_error(with().reduce(work.items(), identity, run, add), Got::Sum)
        }
        Verb::Broadcast => {
            let own = work.clone();
            or_error(
                with().broadcast(move |worker| own.make(worker.index())),
                Got::Values,
            )
        }
        _ => call_on_worker(verb, pool, work, control),
    }
}

fn call_on_worker(verb: Verb, pool: &TrackedPool, work: &Work, control: &Control) -> Got {
    let with = || pool.with_worker().chunk_size(1).control(control);
    let own = work.clone();
    let check = |state: &Tracked| assert_eq!(state.kind, Kind::State);
    match verb {
        Verb::ApplyOn => {
            let item = work.item(0);
            let result = with().apply(move |worker| {
                check(worker.state);
                own.run(item)
            });
            or_error(result, |value| Got::Values(vec![value]))
        }
        Verb::MapOn => or_error(
            with().map(work.items(), move |worker, item| {
                check(worker.state);
                own.run(item)
            }),
            Got::Values,
        ),
        Verb::MapIntoOn => {
            let mut out = Vec::new();
            let result = with().map_into(work.items(), &mut out, move |_, item| own.run(item));
            or_error(result, |count| {
                assert_eq!(count, out.len());
                Got::Values(out)
            })
        }
        Verb::TryMapOn => tried(with().try_map(work.items(), move |_, item| own.attempt(item))),
        Verb::StarmapOn => {
            let star = move |worker: &mut TrackedWorker<'_>, item, other| {
                check(worker.state);
                drop::<Tracked>(other);
                own.run(item)
            };
            or_error(with().starmap(work.pairs(), star), Got::Values)
        }
        Verb::ForEachOn => or_error(
            with().for_each(work.items(), move |_, item| drop(own.run(item))),
            nothing,
        ),
        Verb::ForEachChunkOn => {
            let mut items = work.items();
            let result =
                with()
                    .chunk_size(2)
                    .for_each_chunk(&mut items, move |_, chunk: &mut [Tracked]| {
                        for item in chunk {
                            own.see(item);
                        }
                    });
            or_error(result, nothing)
        }
        Verb::ReduceOn => {
            let (other, identity) = (work.clone(), work.census.track(Kind::Value, 0));
            let map = move |_: &mut TrackedWorker<'_>, item| own.run(item);
            or_error(
                with().reduce(work.items(), identity, map, move |a, b| other.add(a, b)),
                Got::Sum,
            )
        }
        Verb::BroadcastOn => or_error(
            with().broadcast(move |worker| own.make(worker.index())),
            Got::Values,
        ),
        _ => call_nested(verb, pool, work, control),
    }
}

/// Through the `Worker` of a job around the call.
fn call_nested(verb: Verb, pool: &TrackedPool, work: &Work, control: &Control) -> Got {
    let with = pool.with_worker().control(control);
    let own = work.clone();
    let flat = |result: Result<Got, JobError>| result.unwrap_or_else(Got::Error);
    match verb {
        Verb::NestedApply => {
            let item = work.item(0);
            flat(with.apply(move |worker| {
                or_error(worker.apply(move |_| own.run(item)), |value| {
                    Got::Values(vec![value])
                })
            }))
        }
        Verb::NestedMap => {
            let items = work.items();
            flat(with.apply(move |worker| {
                or_error(worker.map(items, move |_, item| own.run(item)), Got::Values)
            }))
        }
        Verb::NestedStarmap => {
            let pairs = work.pairs();
            flat(with.apply(move |worker| {
                let star = move |_: &mut TrackedWorker<'_>, item, other| {
                    drop::<Tracked>(other);
                    own.run(item)
                };
                or_error(worker.starmap(pairs, star), Got::Values)
            }))
        }
        Verb::NestedForEach => {
            let items = work.items();
            flat(with.apply(move |worker| {
                or_error(
                    worker.for_each(items, move |_, item| drop(own.run(item))),
                    nothing,
                )
            }))
        }
        Verb::NestedReduce => {
            let (items, other) = (work.items(), work.clone());
            let identity = work.census.track(Kind::Value, 0);
            flat(with.apply(move |worker| {
                let map = move |_: &mut TrackedWorker<'_>, item| own.run(item);
                or_error(
                    worker.reduce(items, identity, map, move |a, b| other.add(a, b)),
                    Got::Sum,
                )
            }))
        }
        plain => unreachable!("{plain:?} is called elsewhere"),
    }
}

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
            call_plain(
                verb,
                &pool,
                &Work::new(census, row.outcome, Trigger::none()),
                &control,
            )
        }
        Phase::During => {
            let trigger = Trigger::at(1.min(count - 1), end);
            call_plain(
                verb,
                &pool,
                &Work::new(census, row.outcome, trigger),
                &control,
            )
        }
        Phase::After => call_plain(
            verb,
            &pool,
            &Work::new(census, row.outcome, Trigger::none()),
            &control,
        ),
        Phase::Held => thread::scope(|threads| {
            let gate = Gate::hold(&pool, row.shape);
            let (pool, control) = (&pool, &control);
            let caller = threads.spawn(move || {
                call_plain(
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
        let expected = match (&error, ending) {
            (JobError::Closed, Ending::Close)
            | (JobError::Terminated, Ending::Terminate)
            | (JobError::Cancelled, Ending::Cancel) => true,
            _ => false,
        };
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

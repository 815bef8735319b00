//! Every blocking verb, called with functions that are counted.

use std::mem::MaybeUninit;

use ringpool::{Control, JobError, Schedule, pull};

use super::row::{ITEMS, TrackedPool, TrackedWorker, Work};
use crate::census::{Kind, Tracked};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
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

impl Verb {
    /// How many jobs or items a call has.
    pub(crate) fn count(self, pool: &TrackedPool) -> usize {
        match self {
            Self::Apply | Self::ApplyOn | Self::NestedApply => 1,
            Self::Broadcast | Self::BroadcastOn => pool.worker_count(),
            _ => ITEMS,
        }
    }

    pub(crate) fn is_try(self) -> bool {
        matches!(self, Self::TryMap | Self::TryMapOn)
    }

    /// Whether each item is a chunk of its own, claimed in order, and none is left out after a panic.
    pub(crate) fn is_one_by_one(self) -> bool {
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
    pub(crate) fn reports_lowest(self) -> bool {
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
    pub(crate) fn is_queued(self) -> bool {
        !matches!(self, Self::MapStatic | Self::Broadcast | Self::BroadcastOn)
    }

    /// Whether a control ends the batch inside, not only the call around it.
    pub(crate) fn is_under_control(self) -> bool {
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
pub(crate) enum Got {
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

/// Calls a verb of the pool, or of the worker of a job around it.
pub(crate) fn call(verb: Verb, pool: &TrackedPool, work: &Work, control: &Control) -> Got {
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
            let mut out = (0..=ITEMS)
                .map(|_| work.census.track(Kind::Value, 99))
                .collect::<Vec<_>>();
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

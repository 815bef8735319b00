//! Verbs inside verbs of the same pool, down to one worker and one place in the queue.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use ringpool::{JobError, Schedule, pull};

use super::row::{
    Ending, Outcome, Phase, Row, Shape, TrackedPool, TrackedWorker, Trigger, Work, run_rows,
};
use crate::census::{Census, Kind, Tracked};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Apply,
    ApplyAsync,
    TryApplyAsync,
    GetTimeout,
    Await,
    Map,
    MapPull,
    MapStatic,
    MapInto,
    TryMap,
    Starmap,
    ForEach,
    ForEachChunk,
    Reduce,
    MapAsync,
    StarmapAsync,
    Imap,
    ImapUnordered,
    Istarmap,
    IstarmapUnordered,
    ScopeApply,
    ScopeMap,
    ScopeImap,
    ScopeImapUnordered,
    /// Refused inside of a worker of the pool.
    Broadcast,
    /// Refused where the worker's state is lent.
    ApplyOn,
    MapAsyncOn,
    ImapOn,
}

const VERBS: [Verb; 28] = [
    Verb::Apply,
    Verb::ApplyAsync,
    Verb::TryApplyAsync,
    Verb::GetTimeout,
    Verb::Await,
    Verb::Map,
    Verb::MapPull,
    Verb::MapStatic,
    Verb::MapInto,
    Verb::TryMap,
    Verb::Starmap,
    Verb::ForEach,
    Verb::ForEachChunk,
    Verb::Reduce,
    Verb::MapAsync,
    Verb::StarmapAsync,
    Verb::Imap,
    Verb::ImapUnordered,
    Verb::Istarmap,
    Verb::IstarmapUnordered,
    Verb::ScopeApply,
    Verb::ScopeMap,
    Verb::ScopeImap,
    Verb::ScopeImapUnordered,
    Verb::Broadcast,
    Verb::ApplyOn,
    Verb::MapAsyncOn,
    Verb::ImapOn,
];

impl Verb {
    /// How often the function of one call runs; `None` where that depends on where the call is made.
    fn calls(self) -> Option<usize> {
        match self {
            Self::Apply
            | Self::ApplyAsync
            | Self::TryApplyAsync
            | Self::GetTimeout
            | Self::Await => Some(1),
            Self::Broadcast | Self::ApplyOn | Self::MapAsyncOn | Self::ImapOn => None,
            _ => Some(2),
        }
    }
}

/// The verbs of a row, outermost first.
#[derive(Clone, Copy)]
struct Stack {
    verbs: [Verb; 4],
    depth: usize,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.verbs[..self.depth]).finish()
    }
}

/// One level of a row: calls its verb with functions that go one level deeper.
#[derive(Clone)]
struct Level {
    stack: Stack,
    at: usize,
    work: Work,
}

fn is_value(value: &Tracked) {
    assert_eq!(value.kind, Kind::Value);
}

impl Level {
    /// The value, or the panic of a deeper level, which unwinds on.
    fn value<T>(&self, result: Result<T, impl Into<JobError>>) -> T {
        match result.map_err(Into::into) {
            Ok(value) => value,
            Err(JobError::Panicked(panic)) => resume_unwind(panic.into_payload()),
            // Nobody waits for this call: what was around it has been refused or has panicked.
            Err(JobError::Closed) => panic_any(self.work.census.track(Kind::Payload, 1)),
            Err(other) => panic!("a nested call ended with {other:?}"),
        }
    }

    /// The same; `None` where the state is lent.
    fn value_unless_lent<T>(&self, result: Result<T, JobError>) -> Option<T> {
        match result {
            Err(JobError::StateLent) => None,
            other => Some(self.value(other)),
        }
    }

    fn items(&self) -> Vec<Tracked> {
        vec![self.work.item(0), self.work.item(1)]
    }

    fn pairs(&self) -> Vec<(Tracked, Tracked)> {
        self.items()
            .into_iter()
            .map(|item| (item, self.work.item(9)))
            .collect()
    }

    /// What every function of this level does.
    fn deeper(&self) -> Self {
        Self {
            at: self.at + 1,
            ..self.clone()
        }
    }

    /// Runs the rest of the stack.
    fn go(&self, pool: &Arc<TrackedPool>, item: Tracked) -> Tracked {
        if self.at == self.stack.depth {
            return self.work.run(item);
        }
        let verb = self.stack.verbs[self.at];
        let inner = self.deeper();
        let values = match verb {
            Verb::Apply
            | Verb::Map
            | Verb::MapPull
            | Verb::MapStatic
            | Verb::MapInto
            | Verb::TryMap
            | Verb::Starmap
            | Verb::ForEach
            | Verb::ForEachChunk
            | Verb::Reduce
            | Verb::Broadcast
            | Verb::ApplyOn => self.block(verb, pool, &inner),
            Verb::ScopeApply | Verb::ScopeMap | Verb::ScopeImap | Verb::ScopeImapUnordered => {
                self.scope(verb, pool, &inner)
            }
            _ => self.detach(verb, pool, inner),
        };
        values.iter().for_each(is_value);
        if let Some(calls) = verb.calls()
            && verb != Verb::ForEach
            && verb != Verb::ForEachChunk
            && verb != Verb::Reduce
        {
            assert_eq!(values.len(), calls, "values are missing");
        }
        self.work.census.track(Kind::Value, item.number)
    }

    /// Blocking verbs; their functions borrow the pool.
    fn block(&self, verb: Verb, pool: &Arc<TrackedPool>, inner: &Self) -> Vec<Tracked> {
        let run = |item| inner.go(pool, item);
        match verb {
            Verb::Apply => {
                let item = self.work.item(0);
                vec![self.value(pool.apply(|| run(item)))]
            }
            Verb::Map => self.value(pool.map(self.items(), run)),
            Verb::MapPull => self.value(pool.map(pull(self.items()), run)),
            Verb::MapStatic => self.value(
                pool.with()
                    .schedule(Schedule::Static)
                    .map(self.items(), run),
            ),
            Verb::MapInto => {
                let mut out = Vec::new();
                assert_eq!(
                    self.value(pool.map_into(self.items(), &mut out, run)),
                    out.len()
                );
                out
            }
            Verb::TryMap => {
                match self.value(pool.try_map(self.items(), |item| Ok::<_, ()>(run(item)))) {
                    Ok(values) => values,
                    Err(()) => unreachable!("the function returns no error"),
                }
            }
            Verb::Starmap => self.value(pool.starmap(self.pairs(), |item, _: Tracked| run(item))),
            Verb::ForEach => {
                self.value(pool.for_each(self.items(), |item| drop(run(item))));
                Vec::new()
            }
            Verb::ForEachChunk => {
                let mut items = self.items();
                let each = |chunk: &mut [Tracked]| {
                    for item in chunk {
                        run(self.work.item(item.number));
                    }
                };
                self.value(pool.with().chunk_size(1).for_each_chunk(&mut items, each));
                Vec::new()
            }
            Verb::Reduce => {
                let zero = self.work.census.track(Kind::Value, 0);
                vec![self.value(pool.reduce(self.items(), zero, run, |a, b| self.work.add(a, b)))]
            }
            Verb::Broadcast => match pool.broadcast(|_| run(self.work.item(0))) {
                Err(JobError::FromWorker) if self.at > 0 => Vec::new(),
                other => self.value(other),
            },
            _ => {
                let item = self.work.item(0);
                let job = |_: &mut TrackedWorker<'_>| run(item);
                self.value_unless_lent(pool.with_worker().apply(job))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Detached and lazy verbs; their functions share the pool.
    fn detach(&self, verb: Verb, pool: &Arc<TrackedPool>, inner: Self) -> Vec<Tracked> {
        let shared = Arc::clone(pool);
        let run = move |item| inner.go(&shared, item);
        let star = |run: &dyn Fn(Tracked) -> Tracked, item, other: Tracked| {
            drop(other);
            run(item)
        };
        match verb {
            Verb::ApplyAsync | Verb::TryApplyAsync | Verb::GetTimeout | Verb::Await => {
                let item = self.work.item(0);
                let job = move || run(item);
                let handle = match verb {
                    Verb::TryApplyAsync => match pool.try_apply_async(job) {
                        Ok(handle) => handle,
                        Err(refused) => {
                            let closed = matches!(refused.reason(), JobError::Closed);
                            assert!(refused.is_full() || closed, "{refused:?}");
                            return vec![(refused.into_inner())()];
                        }
                    },
                    _ => self.value(pool.apply_async(job)),
                };
                vec![self.value(match verb {
                    Verb::GetTimeout => {
                        let mut handle = handle;
                        handle
                            .get_timeout(Duration::MAX)
                            .map_err(|error| match error {
                                ringpool::GetError::Job(error) => error,
                                other => panic!("an endless wait ended with {other:?}"),
                            })
                    }
                    Verb::Await => block_on(handle),
                    _ => handle.get(),
                })]
            }
            Verb::MapAsync => self.value(self.value(pool.map_async(self.items(), run)).get()),
            Verb::StarmapAsync => {
                let handle = pool.starmap_async(self.pairs(), move |a, b| star(&run, a, b));
                self.value(self.value(handle).get())
            }
            Verb::Imap => pool
                .imap(self.items(), run)
                .map(|result| self.value(result))
                .collect(),
            Verb::ImapUnordered => pool
                .imap_unordered(self.items(), run)
                .map(|result| self.value(result))
                .collect(),
            Verb::Istarmap => pool
                .istarmap(self.pairs(), move |a, b| star(&run, a, b))
                .map(|result| self.value(result))
                .collect(),
            Verb::IstarmapUnordered => pool
                .istarmap_unordered(self.pairs(), move |a, b| star(&run, a, b))
                .map(|result| self.value(result))
                .collect(),
            Verb::MapAsyncOn => {
                let handle = pool
                    .with_worker()
                    .map_async(self.items(), move |_, item| run(item));
                let values = match handle.map_err(JobError::from) {
                    Ok(handle) => handle.get(),
                    Err(refused) => Err(refused),
                };
                self.value_unless_lent(values)
                    .into_iter()
                    .flatten()
                    .collect()
            }
            _ => {
                let stream = pool
                    .with_worker()
                    .imap(self.items(), move |_, item| run(item));
                stream
                    .filter_map(|result| self.value_unless_lent(result))
                    .collect()
            }
        }
    }

    fn scope(&self, verb: Verb, pool: &Arc<TrackedPool>, inner: &Self) -> Vec<Tracked> {
        let run = |item| inner.go(pool, item);
        let ended = pool.scope(|scope| match verb {
            Verb::ScopeApply => {
                let handles = self
                    .items()
                    .into_iter()
                    .map(|item| scope.apply_async(move || run(item)));
                // Both are submitted before the first is waited for.
                let handles = handles.collect::<Vec<_>>();
                handles
                    .into_iter()
                    .map(|handle| self.value(handle.get()))
                    .collect()
            }
            Verb::ScopeMap => self.value(scope.map_async(self.items(), run).get()),
            Verb::ScopeImap => scope
                .imap(self.items(), run)
                .map(|result| self.value(result))
                .collect::<Vec<_>>(),
            _ => scope
                .imap_unordered(self.items(), run)
                .map(|result| self.value(result))
                .collect(),
        });
        self.value(ended)
    }
}

/// Unparks the thread that awaits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn small_shapes() -> impl Iterator<Item = Shape> {
    let by_workers = [1, 2]
        .into_iter()
        .flat_map(|workers| [Some(1), None].map(|c| (workers, c)));
    by_workers.flat_map(|(workers, capacity)| {
        [(false, None), (false, Some(1)), (true, Some(1))].map(|(caller_participates, max_jobs)| {
            Shape {
                workers,
                capacity,
                caller_participates,
                max_jobs,
            }
        })
    })
}

fn rows(stacks: impl Iterator<Item = Stack> + Clone) -> impl Iterator<Item = Row<Stack>> {
    small_shapes().flat_map(move |shape| {
        stacks.clone().flat_map(move |verb| {
            [Outcome::Returns, Outcome::Mixed].map(|outcome| Row {
                verb,
                outcome,
                ending: Ending::Close,
                phase: Phase::After,
                shape,
            })
        })
    })
}

fn run(row: Row<Stack>, census: &'static Census) -> Vec<(Kind, usize)> {
    let pool = row.shape.build(census, row.ending);
    let work = Work::new(census, row.outcome, Trigger::none());
    let top = Level {
        stack: row.verb,
        at: 0,
        work,
    };
    let item = top.work.item(0);
    let result = catch_unwind(AssertUnwindSafe(|| top.go(&pool, item)));
    drop(top);
    let verbs = row.verb.verbs[..row.verb.depth].iter();
    let calls = verbs.map(|verb| verb.calls()).product::<Option<usize>>();
    match result {
        Ok(value) => is_value(&value),
        Err(payload) => {
            assert_eq!(row.outcome, Outcome::Mixed, "a nested call was refused");
            let payload = payload.downcast::<Tracked>().expect("a leaf has panicked");
            assert_eq!((payload.kind, payload.number % 2), (Kind::Payload, 1));
        }
    }
    pool.close();
    pool.join().expect("it is closed");
    if row.outcome == Outcome::Returns
        && let Some(calls) = calls
    {
        assert_eq!(census.runs(), calls, "leaves have run");
    }
    drop(pool);
    Vec::new()
}

// S25, S41
#[test]
fn every_verb_inside_every_verb() {
    let pairs = VERBS.into_iter().flat_map(|outer| {
        VERBS.into_iter().map(move |inner| Stack {
            verbs: [outer, inner, inner, inner],
            depth: 2,
        })
    });
    run_rows(rows(pairs), run);
}

// S25, S41
#[test]
fn every_verb_four_deep() {
    run_rows(
        rows(VERBS.into_iter().map(|verb| Stack {
            verbs: [verb; 4],
            depth: 4,
        })),
        run,
    );
}

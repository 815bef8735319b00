//! Lazy streams, those of scopes included.

use std::sync::Arc;
use std::time::Duration;
use std::vec;

use ringpool::{GetError, IMap, JobError};

use super::row::{
    ENDINGS, Ending, Gate, ITEMS, OUTCOMES, Phase, Row, Shape, Tally, TrackedPool, TrackedWorker,
    Trigger, Work, run_rows, shapes,
};
use crate::census::{Census, Kind, Tracked};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Imap,
    ImapUnordered,
    Istarmap,
    IstarmapUnordered,
    ImapOn,
    ImapUnorderedOn,
    IstarmapOn,
    IstarmapUnorderedOn,
    ScopeImap,
    ScopeImapUnordered,
}

const PLAIN: [Verb; 4] = [
    Verb::Imap,
    Verb::ImapUnordered,
    Verb::Istarmap,
    Verb::IstarmapUnordered,
];
const ON_WORKER: [Verb; 4] = [
    Verb::ImapOn,
    Verb::ImapUnorderedOn,
    Verb::IstarmapOn,
    Verb::IstarmapUnorderedOn,
];
const SCOPED: [Verb; 2] = [Verb::ScopeImap, Verb::ScopeImapUnordered];

impl Verb {
    fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::Imap | Self::Istarmap | Self::ImapOn | Self::IstarmapOn | Self::ScopeImap
        )
    }

    fn is_scoped(self) -> bool {
        SCOPED.contains(&self)
    }

    fn is_star(self) -> bool {
        matches!(
            self,
            Self::Istarmap | Self::IstarmapUnordered | Self::IstarmapOn | Self::IstarmapUnorderedOn
        )
    }

    /// Items in a chunk.
    fn chunk(self) -> usize {
        if self.is_star() { 2 } else { 1 }
    }

    /// Items that may be under way: while workers are held, no more than the queue has room for, since the
    /// consumer waits for room.
    fn window(self, phase: Phase, shape: Shape) -> usize {
        let by_default = shape
            .workers
            .max(if shape.caller_participates { 2 } else { 1 })
            * 4;
        match phase {
            Phase::Held if !self.is_scoped() => self.chunk() * shape.capacity.unwrap_or(2).min(2),
            _ => by_default * self.chunk(),
        }
    }
}

/// A stream over items or pairs of items.
enum Stream<'p> {
    Items(IMap<'p, vec::IntoIter<Tracked>, Tracked>),
    Pairs(IMap<'p, vec::IntoIter<(Tracked, Tracked)>, Tracked>),
}

impl Stream<'_> {
    fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Tracked>, GetError> {
        match self {
            Self::Items(stream) => stream.next_timeout(timeout),
            Self::Pairs(stream) => stream.next_timeout(timeout),
        }
    }

    fn cancel(&mut self) {
        match self {
            Self::Items(stream) => stream.cancel(),
            Self::Pairs(stream) => stream.cancel(),
        }
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<Tracked, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Items(stream) => stream.next(),
            Self::Pairs(stream) => stream.next(),
        }
    }
}

fn stream<'p>(verb: Verb, pool: &'p TrackedPool, work: &Work, window: usize) -> Stream<'p> {
    let own = work.clone();
    let with = pool.with().window(window).chunk_size(verb.chunk());
    let star = |own: &Work, a: Tracked, b: Tracked| {
        drop(b);
        own.run(a)
    };
    let items = || work.items().into_iter();
    let pairs = || work.pairs().into_iter();
    let on = |worker: &mut TrackedWorker<'_>| assert_eq!(worker.state.kind, Kind::State);
    match verb {
        Verb::Imap => Stream::Items(with.imap(items(), move |item| own.run(item))),
        Verb::ImapUnordered => {
            Stream::Items(with.imap_unordered(items(), move |item| own.run(item)))
        }
        Verb::Istarmap => Stream::Pairs(with.istarmap(pairs(), move |a, b| star(&own, a, b))),
        Verb::IstarmapUnordered => {
            Stream::Pairs(with.istarmap_unordered(pairs(), move |a, b| star(&own, a, b)))
        }
        Verb::ImapOn => Stream::Items(with.with_worker().imap(items(), move |worker, item| {
            on(worker);
            own.run(item)
        })),
        Verb::ImapUnorderedOn => Stream::Items(with.with_worker().imap_unordered(
            items(),
            move |worker, item| {
                on(worker);
                own.run(item)
            },
        )),
        Verb::IstarmapOn => {
            let star = move |_: &mut TrackedWorker<'_>, a: Tracked, b: Tracked| star(&own, a, b);
            Stream::Pairs(with.with_worker().istarmap(pairs(), star))
        }
        _ => {
            let star = move |_: &mut TrackedWorker<'_>, a: Tracked, b: Tracked| star(&own, a, b);
            Stream::Pairs(with.with_worker().istarmap_unordered(pairs(), star))
        }
    }
}

fn rows(verbs: &'static [Verb]) -> impl Iterator<Item = Row<Verb>> {
    shapes().flat_map(move |shape| {
        verbs.iter().flat_map(move |&verb| {
            ENDINGS.into_iter().flat_map(move |ending| {
                OUTCOMES.into_iter().flat_map(move |outcome| {
                    // The window of a scope's stream cannot be set.
                    let may_be_held = !verb.is_scoped() || shape.capacity.is_none();
                    let held = may_be_held.then_some(Phase::Held);
                    let phases = held.into_iter().chain([Phase::During]);
                    phases.map(move |phase| Row {
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
        Ending::Close => Trigger::at(1, move || open().close()),
        Ending::Terminate => Trigger::at(1, move || {
            open().terminate();
        }),
        _ => Trigger::none(),
    };
    let trigger = if gate.is_some() {
        Trigger::none()
    } else {
        trigger
    };
    let work = Work::new(census, outcome, trigger);
    let tally = if verb.is_scoped() {
        let ended = pool.scope(|scope| {
            let own = work.clone();
            let (items, run) = (work.items().into_iter(), move |item| own.run(item));
            let stream = match verb {
                Verb::ScopeImap => scope.imap(items, run),
                _ => scope.imap_unordered(items, run),
            };
            let tally = consume(row, &pool, Stream::Items(stream), gate.as_ref(), census);
            if let Some(gate) = &gate {
                gate.open();
            }
            tally
        });
        ended.expect("a stream's panics come out of the stream")
    } else {
        let window = verb.window(phase, shape);
        consume(
            row,
            &pool,
            stream(verb, &pool, &work, window),
            gate.as_ref(),
            census,
        )
    };
    drop(work);
    if ending == Ending::DropPool {
        drop(pool);
        drop(gate);
    } else {
        drop(gate);
        if ending != Ending::DrainPool {
            pool.close();
            pool.join().expect("it is closed");
        }
        drop(pool);
    }
    check(row, tally, census)
}

/// Consumes and ends the stream as the row says.
fn consume(
    row: Row<Verb>,
    pool: &TrackedPool,
    mut stream: Stream<'_>,
    gate: Option<&Gate>,
    census: &Census,
) -> Tally {
    let mut tally = Tally::default();
    if gate.is_some() {
        let looked = stream.next_timeout(Duration::ZERO);
        assert!(
            matches!(looked, Err(GetError::TimedOut)),
            "a held pool has a result"
        );
        let chunks = pulled_while_held(row).div_ceil(row.verb.chunk());
        assert_eq!(pool.stats().queued, chunks, "chunks in the queue");
    } else if !matches!(row.ending, Ending::Close | Ending::Terminate) {
        let first = stream.next().expect("nothing has ended it");
        tally.count(row.outcome, row.verb.is_ordered().then_some(0), first);
    }
    match row.ending {
        Ending::Close | Ending::Terminate | Ending::Cancel => {
            match row.ending {
                Ending::Cancel => stream.cancel(),
                Ending::Terminate if gate.is_some() => {
                    pool.terminate();
                }
                Ending::Close if gate.is_some() => pool.close(),
                _ => {}
            }
            if row.ending != Ending::Cancel
                && let Some(gate) = gate
            {
                gate.open();
            }
            for result in stream.by_ref() {
                let number = row.verb.is_ordered().then_some(tally.all());
                tally.count(row.outcome, number, result);
            }
            assert!(stream.next().is_none(), "a stream that has ended goes on");
        }
        Ending::LeakHandles => ringpool_tests::forget(stream),
        Ending::DropPool | Ending::DrainPool | Ending::DropHandles => {
            drop(stream);
            if gate.is_some() {
                assert_eq!(census.alive(Kind::Item), 0, "items outlive their stream");
                assert_eq!(
                    census.alive(Kind::Capture),
                    1,
                    "the function outlives its stream"
                );
            }
        }
    }
    tally
}

/// How many items a stream pulls before it waits for held workers.
fn pulled_while_held(row: Row<Verb>) -> usize {
    row.verb.window(Phase::Held, row.shape).min(ITEMS)
}

/// Checks the results, and tells what a leaked stream keeps.
fn check(row: Row<Verb>, tally: Tally, census: &Census) -> Vec<(Kind, usize)> {
    let Row {
        verb,
        outcome,
        ending,
        phase,
        shape,
    } = row;
    let runs = census.runs();
    let pulled = pulled_while_held(row);
    // Unless the stream has seen the end of its input, it tells why it stops.
    let last = usize::from(verb.window(phase, shape) < pulled + verb.chunk());
    let of_none = Tally::default();
    let expected = match (ending, phase) {
        (Ending::Close, Phase::Held) => Tally {
            closed: last,
            ..Tally::everything(outcome, pulled)
        },
        (Ending::Terminate, Phase::Held) => Tally {
            terminated: pulled + last,
            ..of_none
        },
        (Ending::Cancel, Phase::Held) => Tally {
            cancelled: pulled,
            ..of_none
        },
        (_, Phase::Held) => of_none,
        (Ending::Close, _) => Tally {
            closed: tally.closed.min(1),
            ..Tally::everything(outcome, runs)
        },
        (Ending::Terminate, _) => Tally {
            terminated: tally.terminated,
            ..ran(tally)
        },
        (Ending::Cancel, _) => Tally {
            cancelled: tally.cancelled,
            ..ran(tally)
        },
        _ => ran(tally),
    };
    assert_eq!(tally, expected, "the results are others");
    match (ending, phase) {
        (Ending::LeakHandles, Phase::Held) => assert_eq!(runs, pulled, "chunks under way must run"),
        (Ending::Close | Ending::Terminate | Ending::Cancel, _) => {
            assert_eq!(tally.ran(), runs, "results and runs differ");
            let is_cut = phase == Phase::During && ending != Ending::Cancel && runs < ITEMS;
            assert!(
                !is_cut || tally.closed + tally.terminated > 0,
                "the stream does not tell why it stopped"
            );
        }
        (_, Phase::Held) => assert_eq!(runs, 0, "a dropped chunk has run"),
        _ => {
            assert_eq!(tally.all(), 1);
            assert!((1..=ITEMS).contains(&runs));
        }
    }
    if ending != Ending::LeakHandles {
        return Vec::new();
    }
    let made = Tally::everything(outcome, runs);
    let size = if verb.is_star() { 2 } else { 1 };
    vec![
        (Kind::Value, made.values - tally.values),
        (Kind::Payload, made.panics - tally.panics),
        (Kind::Item, (ITEMS - runs) * size),
        (Kind::Capture, 1),
    ]
}

/// The part of a tally that has run.
fn ran(tally: Tally) -> Tally {
    Tally {
        values: tally.values,
        panics: tally.panics,
        ..Tally::default()
    }
}

#[test]
fn lazy_verbs() {
    run_rows(rows(&PLAIN), run);
}

#[test]
fn lazy_verbs_on_a_worker() {
    run_rows(rows(&ON_WORKER), run);
}

#[test]
fn lazy_verbs_of_scopes() {
    run_rows(rows(&SCOPED), run);
}

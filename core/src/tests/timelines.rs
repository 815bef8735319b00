//! What a timeline holds, and what a pool without one does not do.

use std::rc::Rc;

use super::fake::{Fake, before_clock, expect, log, on_park, set_clock};
use super::stage::{Stage, chunks, for_each, pool, workers_come};
use crate::platform::Platform;
use crate::ring::Chain;
use crate::timeline::{Lane, Span, SpanKind};
use crate::verbs::How;
use crate::worker::Leave;

/// A pool whose workers keep so many spans.
fn pool_with_timeline(workers: usize, spans: usize) -> Rc<Stage> {
    Stage::build(workers, Chain::unbounded(), |settings| {
        settings.timeline = spans;
    })
}

fn lane(stage: &Stage, index: usize) -> Lane {
    stage.slots()[index].track.lane()
}

/// A span as text: what, which call, which items, from when to when.
fn told(span: &Span) -> String {
    let Span {
        kind,
        name,
        call,
        items,
        start,
        end,
    } = span;
    let (start, end) = (start.as_nanos(), end.as_nanos());
    format!("{kind:?} {name:?} {call} {items:?} {start}-{end}")
}

fn all_told(lane: &Lane) -> Vec<String> {
    lane.spans.iter().map(told).collect()
}

#[test]
fn chunks_carry_name_call_and_items() {
    let stage = pool_with_timeline(1, 10);
    set_clock(100);
    let mut how = chunks(3);
    how.options = stage.options();
    how.options.name = Some("squares");
    workers_come(&stage, [0]);
    for_each(&stage, 4, how, |item| {
        set_clock(200 + u64::from(item.unsigned_abs()));
    })
    .unwrap();
    assert_eq!(
        all_told(&lane(&stage, 0)),
        [
            "Chunk Some(\"squares\") 1 0..3 100-202",
            "Chunk Some(\"squares\") 1 3..4 202-203",
        ]
    );
}

#[test]
fn calls_are_told_apart_and_what_runs_inside_a_wait_lies_within() {
    let stage = pool_with_timeline(1, 10);
    set_clock(10);
    let there = Rc::clone(&stage);
    stage.submit(move || {
        for name in ["one", "other"] {
            set_clock(there_after(20));
            let options = crate::job::Options {
                name: Some(name),
                ..there.options()
            };
            let how = How {
                options,
                ..chunks(9)
            };
            for_each(&there, 2, how, |_| set_clock(there_after(5))).unwrap();
        }
    });
    assert!(stage.step(0));
    assert_eq!(
        all_told(&lane(&stage, 0)),
        [
            "Chunk Some(\"one\") 1 0..2 30-40",
            "Chunk Some(\"other\") 2 0..2 60-70",
            "Job None 0 0..0 10-70",
        ]
    );
}

/// The time so much later.
fn there_after(nanos: u64) -> u64 {
    Fake::now().expect("there is a clock").as_nanos() + nanos
}

#[test]
fn sleep_is_noted_from_the_announcement_to_the_wake() {
    let stage = pool_with_timeline(1, 10);
    set_clock(1_000);
    let there = Rc::clone(&stage);
    on_park(move || {
        set_clock(3_000);
        there.close();
    });
    assert_eq!(stage.work(0), Leave::Closed);
    assert_eq!(all_told(&lane(&stage, 0)), ["Asleep None 0 0..0 1000-3000"]);
}

#[test]
fn the_latest_spans_are_kept_and_the_others_counted() {
    let stage = pool_with_timeline(1, 2);
    workers_come(&stage, [0]);
    for_each(&stage, 5, chunks(1), |_| ()).unwrap();
    let lane = lane(&stage, 0);
    let items: Vec<_> = lane.spans.iter().map(|span| span.items.clone()).collect();
    assert_eq!((lane.dropped, items), (3, vec![3..4, 4..5]));
}

#[test]
fn without_a_timeline_no_job_looks_at_the_clock() {
    let stage = pool(1);
    before_clock(|| log("clock"));
    let job = stage.submit_named("job");
    assert!(stage.step(0));
    job.get().unwrap();
    expect(["job runs"]);
    assert_eq!(
        (stage.options().call, lane(&stage, 0)),
        (0, Lane::default())
    );
    let _ = Fake::now();
    expect(["clock"]);
}

#[test]
fn the_slowest_span_comes_first_and_sleep_is_none() {
    let stage = pool_with_timeline(1, 10);
    set_clock(0);
    workers_come(&stage, [0]);
    for_each(&stage, 3, chunks(1), |item| {
        set_clock([10, 40, 60][usize::try_from(item).unwrap()]);
    })
    .unwrap();
    let timeline = crate::timeline::Timeline {
        workers: vec![Lane::default(), lane(&stage, 0)],
    };
    let slowest = timeline.slowest(2);
    let slowest: Vec<_> = slowest
        .iter()
        .map(|(worker, span)| (*worker, span.items.start))
        .collect();
    assert_eq!(slowest, [(1, 1), (1, 2)]);
    assert!(
        timeline
            .slowest(9)
            .iter()
            .all(|(_, span)| span.kind == SpanKind::Chunk)
    );
}

//! What a pool counts.

use std::rc::Rc;
use std::time::Duration;

use super::fake::{expect, log, on_park, set_clock, stop_clock};
use super::stage::{Stage, chunks, for_each, pool, workers_come};
use crate::stats::WorkerStats;
use crate::worker::Leave;

fn stats(stage: &Stage, index: usize) -> WorkerStats {
    stage.slots()[index].stats.get(0)
}

#[test]
fn a_chunk_is_one_job_and_counts_its_items() {
    let stage = pool(2);
    workers_come(&stage, [1]);
    for_each(&stage, 10, chunks(4), |_| ()).unwrap();
    stage.submit(|| ());
    assert!(stage.step(1));
    let counted = stats(&stage, 1);
    assert_eq!((counted.jobs, counted.items), (4, 11));
    assert_eq!(stats(&stage, 0), WorkerStats::default());
}

/// One job wakes the worker after it has slept, and the end of the pool wakes it again.
fn wakes_twice(stage: &Rc<Stage>) -> WorkerStats {
    let there = Rc::clone(stage);
    on_park(move || {
        set_clock(5_000);
        drop(there.submit_named("job"));
        set_clock(5_300);
    });
    let there = Rc::clone(stage);
    on_park(move || {
        set_clock(9_000);
        there.close();
        set_clock(9_100);
    });
    assert_eq!(stage.work(0), Leave::Closed);
    stats(stage, 0)
}

#[test]
fn wake_latency_is_the_mean_time_from_a_wake_until_the_worker_runs() {
    set_clock(1_000);
    let counted = wakes_twice(&pool(1));
    assert_eq!((counted.parks, counted.jobs), (2, 1));
    assert_eq!(counted.wake_latency, Duration::from_nanos(200));
}

#[test]
fn wake_latency_is_zero_without_a_clock() {
    stop_clock();
    let counted = wakes_twice(&pool(1));
    assert_eq!((counted.parks, counted.jobs), (2, 1));
    assert_eq!(counted.wake_latency, Duration::ZERO);
}

#[test]
fn a_worker_is_busy_from_the_work_that_it_finds_until_it_has_none_and_idle_else() {
    set_clock(1_000);
    let stage = pool(1);
    let there = Rc::clone(&stage);
    on_park(move || {
        set_clock(5_000);
        for _ in 0..2 {
            let about = Rc::clone(&there);
            drop(there.submit(move || {
                // What it works on counts when it has nothing left to do.
                let WorkerStats { busy, idle, .. } = stats(&about, 0);
                log(format!("busy {busy:?}, idle {idle:?}"));
                set_clock(8_000);
            }));
        }
    });
    let there = Rc::clone(&stage);
    on_park(move || {
        set_clock(20_000);
        there.close();
    });
    assert_eq!(stage.work(0), Leave::Closed);
    expect([
        "worker 0 parks",
        "unpark worker 0",
        "busy 0ns, idle 4µs",
        "busy 0ns, idle 4µs",
        "worker 0 parks",
        "unpark worker 0",
    ]);
    let counted = stats(&stage, 0);
    assert_eq!(counted.jobs, 2);
    assert_eq!(counted.busy, Duration::from_micros(3));
    assert_eq!(counted.idle, Duration::from_micros(16));
}

// S7: a worker without a limit is not replaced, however many jobs a word can count.
#[test]
fn what_has_no_limit_is_not_counted_down() {
    let stage = pool(1);
    for (limit, left) in [(usize::MAX, usize::MAX), (2, 1), (1, 0)] {
        stage.on(0, |frame| {
            frame.set_quota(limit);
            let _ = frame.begin(1);
            assert_eq!(frame.quota(), left);
        });
    }
}

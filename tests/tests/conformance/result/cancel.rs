//! Cancelling, where it needs a queue of a given size or a batch with a handle.

use ringpool::{CancelOutcome, JobError, Pool};
use ringpool_tests::{Gate, Log, Tracker, hold, pool, watchdog};

// S20, S13
#[test]
fn cancelled_jobs_do_not_pile_up() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(2).build().unwrap();
    let gate = hold(&pool, 1);
    for round in 0..1000 {
        let result = pool
            .try_apply_async(|| ())
            .unwrap_or_else(|e| panic!("{e} in round {round}"));
        assert_eq!(result.cancel(), CancelOutcome::NeverRan);
    }
    let kept = pool.try_apply_async(|| 1).unwrap();
    let behind = pool.try_apply_async(|| 2).unwrap();
    behind.cancel();
    gate.open();
    assert_eq!(kept.get().unwrap(), 1);
}

// S20, S13
#[test]
fn a_job_cancelled_behind_a_waiting_one_keeps_nothing_but_its_place() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(2).build().unwrap();
    let gate = hold(&pool, 1);
    let kept = pool.try_apply_async(|| 1).unwrap();
    let tracker = Tracker::new();
    let value = tracker.make();
    let behind = pool.try_apply_async(move || value.id()).unwrap();
    assert_eq!(behind.cancel(), CancelOutcome::NeverRan);
    tracker.assert_all_dropped_once();
    gate.open();
    assert_eq!(kept.get().unwrap(), 1);
    let gate = hold(&pool, 1);
    for _ in 0..2 {
        assert!(
            pool.try_apply_async(|| ()).is_ok(),
            "the head has passed it, so there is room"
        );
    }
    gate.open();
}

// S20, S33
#[test]
fn a_cancelled_batch_starts_no_further_chunk() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let gate = Gate::new();
    let (at, ran) = (gate.clone(), Log::new());
    let log = ran.clone();
    let result = pool
        .with()
        .chunk_size(1)
        .map_async(tracker.make_vec(10), move |item| {
            log.push(item.id());
            at.pass();
            item
        });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    gate.open();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    assert_eq!(ran.take(), [0]);
    tracker.assert_all_dropped_once();
}

// S20, S33
#[test]
fn a_cancelled_queued_batch_never_runs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let result = pool.map_async(tracker.make_vec(10), |item| item).unwrap();
    assert_eq!(result.cancel(), CancelOutcome::NeverRan);
    tracker.assert_all_dropped_once();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    gate.open();
}

//! Watching and cancelling a batch.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::{CancelOutcome, Control, JobError, Pool, Schedule};
use ringpool_tests::{Gate, Log, hold, pool, watchdog};

// S40
#[test]
fn progress_of_a_running_batch_is_told_through_its_handle() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let result = pool.with().chunk_size(1).map_async(0..10, move |i| {
        if i == 4 {
            at.pass();
        }
    });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    let progress = result.progress();
    assert_eq!((progress.done, progress.total), (4, Some(10)));
    gate.open();
    result.wait();
    let progress = result.progress();
    assert_eq!((progress.done, progress.total), (10, Some(10)));
}

// S40
#[test]
fn progress_of_a_blocking_batch_is_told_through_its_control() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let control = Control::new();
    thread::scope(|s| {
        let mapper = s.spawn(|| {
            let with = pool.with().chunk_size(2).control(&control);
            with.map(0..10, |i| {
                if i == 6 {
                    gate.pass();
                }
            })
        });
        gate.wait_for_arrivals(1);
        let progress = control.progress();
        assert_eq!((progress.done, progress.total), (6, Some(10)));
        gate.open();
        mapper.join().unwrap().unwrap();
        assert_eq!(control.progress().done, 10);
    });
}

// S40
#[test]
fn every_blocking_batch_tells_its_control_how_many_items_are_done() {
    type Call = fn(&Pool, &Control) -> Result<(), JobError>;
    let calls: [(&str, Call); 8] = [
        ("map", |pool, control| {
            pool.with().control(control).map(0..10, |_| ()).map(drop)
        }),
        ("starmap", |pool, control| {
            let pairs = (0..10).map(|n| (n, n)).collect::<Vec<_>>();
            let with = pool.with().control(control);
            with.starmap(pairs, |_: i32, _: i32| ()).map(drop)
        }),
        ("try_map", |pool, control| {
            let with = pool.with().control(control);
            let done = with.try_map(0..10, |_| Ok::<_, ()>(()));
            done.map(drop).map_err(|_| JobError::Cancelled)
        }),
        ("map_into", |pool, control| {
            pool.with()
                .control(control)
                .map_into(0..10, &mut [0; 10][..], |n| n)
                .map(drop)
        }),
        ("for_each", |pool, control| {
            pool.with().control(control).for_each(0..10, drop)
        }),
        ("for_each, static", |pool, control| {
            let with = pool.with().control(control);
            with.schedule(Schedule::Static).for_each(0..10, drop)
        }),
        ("for_each_chunk", |pool, control| {
            pool.with()
                .control(control)
                .for_each_chunk(&mut [0; 10][..], |_| ())
        }),
        ("reduce", |pool, control| {
            let with = pool.with().control(control);
            with.reduce(0..10, 0, |n| n, |a, b| a + b).map(drop)
        }),
    ];
    let _watch = watchdog();
    for workers in [1, 3] {
        let pool = pool(workers);
        for (name, call) in calls {
            let control = Control::new();
            call(&pool, &control).expect(name);
            let progress = control.progress();
            assert_eq!((progress.done, progress.total), (10, Some(10)), "{name}");
        }
    }
}

// S40
#[test]
fn progress_of_a_single_job_is_zero_or_one() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let result = pool.apply_async(|| ()).unwrap();
    assert_eq!(
        (result.progress().done, result.progress().total),
        (0, Some(1))
    );
    gate.open();
    result.wait();
    assert_eq!(
        (result.progress().done, result.progress().total),
        (1, Some(1))
    );
}

// S20, S40
#[test]
fn a_control_cancels_a_blocking_batch() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let control = Control::new();
    let ran = AtomicUsize::new(0);
    thread::scope(|s| {
        let mapper = s.spawn(|| {
            pool.with().chunk_size(1).control(&control).map(0..10, |_| {
                ran.fetch_add(1, Ordering::SeqCst);
                gate.pass();
            })
        });
        gate.wait_for_arrivals(1);
        assert!(!control.is_cancelled());
        control.clone().cancel();
        assert!(control.is_cancelled());
        gate.open();
        assert!(matches!(mapper.join().unwrap(), Err(JobError::Cancelled)));
    });
    assert_eq!(ran.into_inner(), 1);
}

// S20
#[test]
fn a_control_cancelled_before_the_call_lets_nothing_run() {
    let _watch = watchdog();
    let pool = pool(1);
    let control = Control::new();
    control.cancel();
    let error = pool
        .with()
        .control(&control)
        .map(0..10, |_| unreachable!("cancelled"))
        .map(|_: Vec<()>| ());
    assert!(matches!(error, Err(JobError::Cancelled)), "{error:?}");
}

// S20, S40
#[test]
fn the_jobs_of_a_cancelled_batch_see_their_token() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let seen = Log::new();
    let log = seen.clone();
    let result = pool
        .with_worker()
        .chunk_size(1)
        .map_async(0..3, move |w, _| {
            log.push(w.is_cancelled());
            at.pass();
            log.push(w.is_cancelled());
        });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    gate.open();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    assert_eq!(seen.take(), [false, true]);
}

// S20, S40
#[test]
fn a_control_ends_a_blocking_call_that_is_still_queued() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let control = Control::new();
    thread::scope(|s| {
        let apply = s.spawn(|| {
            pool.with()
                .control(&control)
                .apply(|| unreachable!("cancelled"))
        });
        let map = s.spawn(|| pool.with().control(&control).map(0..9, |_| ()));
        control.cancel();
        assert!(matches!(apply.join().unwrap(), Err(JobError::Cancelled)));
        assert!(matches!(map.join().unwrap(), Err(JobError::Cancelled)));
        assert!(!gate.is_open(), "neither had to wait for the worker");
    });
    gate.open();
}

// S20
#[test]
fn a_job_sees_that_its_control_was_cancelled() {
    let _watch = watchdog();
    let pool = pool(1);
    let control = Control::new();
    let seen = pool.with_worker().control(&control).apply(|w| {
        let before = w.is_cancelled();
        control.cancel();
        (before, w.is_cancelled())
    });
    assert_eq!(seen.unwrap(), (false, true));
}

//! Deadlines.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{GetError, JobError, Schedule};
use ringpool_tests::{FlagWaker, Log, Tally, Tracker, block_on, hold, poll_once, pool, watchdog};

use super::A_MOMENT;

// S50
#[test]
fn a_blocked_waiter_resolves_a_queued_job_at_its_deadline() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let errors = Log::new();
    let (value, log) = (tracker.make(), errors.clone());
    let with = pool
        .with()
        .deadline(A_MOMENT)
        .on_error(move |error| log.push(format!("{error:?}")));
    let result = with.apply_async(move || value.id()).unwrap();
    // The only worker is held, so nobody but this thread can resolve it.
    assert!(matches!(result.get(), Err(JobError::DeadlineExpired)));
    assert_eq!(errors.take(), ["DeadlineExpired"]);
    tracker.assert_all_dropped_once();

    let result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    result.wait();
    assert_eq!(result.successful(), Some(false));
    let mut result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    assert!(matches!(
        result.get_timeout(Duration::MAX),
        Err(GetError::Job(JobError::DeadlineExpired))
    ));
    let result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    assert!(result.wait_timeout(Duration::MAX));
    assert!(matches!(
        pool.with().deadline(A_MOMENT).apply(|| ()),
        Err(JobError::DeadlineExpired)
    ));
    assert!(matches!(
        pool.with().deadline(A_MOMENT).map(0..9, |_| ()),
        Err(JobError::DeadlineExpired)
    ));
    let batch = pool
        .with()
        .deadline(A_MOMENT)
        .map_async(0..9, |_| ())
        .unwrap();
    assert!(matches!(batch.get(), Err(JobError::DeadlineExpired)));
    gate.open();
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
}

// S50
#[test]
fn a_waiter_with_an_earlier_time_out_leaves_the_job_alone() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let mut result = pool
        .with()
        .deadline(Duration::MAX)
        .apply_async(|| 5)
        .unwrap();
    assert!(matches!(
        result.get_timeout(A_MOMENT),
        Err(GetError::TimedOut)
    ));
    gate.open();
    assert_eq!(result.get().unwrap(), 5);
}

// S50
#[test]
fn a_deadline_of_zero_lets_nothing_start() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = AtomicUsize::new(0);
    for _ in 0..100 {
        let never = || {
            ran.fetch_add(1, Ordering::SeqCst);
        };
        assert!(matches!(
            pool.with().deadline(Duration::ZERO).apply(never),
            Err(JobError::DeadlineExpired)
        ));
        let never = |_| {
            ran.fetch_add(1, Ordering::SeqCst);
        };
        assert!(matches!(
            pool.with().deadline(Duration::ZERO).map(0..10, never),
            Err(JobError::DeadlineExpired)
        ));
        let result = pool
            .with()
            .deadline(Duration::ZERO)
            .apply_async(|| ())
            .unwrap();
        assert!(matches!(result.get(), Err(JobError::DeadlineExpired)));
    }
    assert_eq!(ran.into_inner(), 0);
}

// S50
#[test]
fn a_deadline_for_ever_is_none() {
    let _watch = watchdog();
    let pool = pool(1);
    assert_eq!(pool.with().deadline(Duration::MAX).apply(|| 1).unwrap(), 1);
    assert_eq!(
        pool.with()
            .deadline(Duration::MAX)
            .map(0..3, |x| x)
            .unwrap(),
        [0, 1, 2]
    );
    assert_eq!(
        pool.with()
            .deadline(Duration::MAX)
            .apply_async(|| 2)
            .unwrap()
            .get()
            .unwrap(),
        2
    );
    assert_eq!(
        pool.with()
            .deadline(Duration::MAX)
            .imap(0..3, |x| x)
            .map(Result::unwrap)
            .sum::<i32>(),
        3
    );
}

// S50
#[test]
fn a_worker_that_reaches_a_job_too_late_does_not_start_it() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let ran = Tally::new();
    let count = ran.clone();
    let late = pool
        .with()
        .deadline(A_MOMENT)
        .apply_async(move || count.add())
        .unwrap();
    let other = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    other.wait();
    // That deadline has passed, so the earlier one has.
    gate.open();
    assert_eq!(pool.apply(|| 1).unwrap(), 1);
    assert!(late.ready(), "its worker has resolved it");
    assert!(matches!(late.get(), Err(JobError::DeadlineExpired)));
    assert_eq!(ran.get(), 0);
}

// S50
#[test]
fn a_running_job_sees_its_deadline_and_its_value_counts() {
    let _watch = watchdog();
    let pool = pool(1);
    let result = pool
        .with_worker()
        .deadline(Duration::from_millis(200))
        .apply_async(|w| {
            while !w.is_cancelled() {
                thread::yield_now();
            }
            5
        })
        .unwrap();
    match result.get() {
        // On a very slow machine the deadline may pass before the job starts.
        Ok(5) | Err(JobError::DeadlineExpired) => {}
        other => panic!("{other:?}"),
    }
    let seen = pool
        .with_worker()
        .deadline(Duration::MAX)
        .apply(|w| w.is_cancelled());
    assert!(!seen.unwrap());
}

// S50
#[test]
fn a_batch_starts_no_chunk_after_its_deadline() {
    let _watch = watchdog();
    let pool = pool(1);
    let ran = AtomicUsize::new(0);
    let mapped = pool
        .with_worker()
        .chunk_size(1)
        .deadline(Duration::from_millis(200))
        .map(0..10, |w, i| {
            ran.fetch_add(1, Ordering::SeqCst);
            while i == 3 && !w.is_cancelled() {
                thread::yield_now();
            }
        });
    assert!(
        matches!(mapped, Err(JobError::DeadlineExpired)),
        "{mapped:?}"
    );
    assert!(ran.into_inner() <= 4);
}

// S50, S34
#[test]
fn a_lazy_iterator_has_a_deadline_for_the_whole_call() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    for ordered in [true, false] {
        let with = pool.with().chunk_size(1).window(4).deadline(A_MOMENT);
        let items = if ordered {
            with.imap(0..8, |x| x)
        } else {
            with.imap_unordered(0..8, |x| x)
        };
        let results: Vec<_> = items.collect();
        assert!(!results.is_empty() && results.len() <= 8);
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Err(JobError::DeadlineExpired))),
            "{results:?}"
        );
    }
    gate.open();
}

// S50, S21
#[test]
fn an_awaited_job_with_a_deadline_resolves_when_it_is_reached() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let mut result = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    // A poll may resolve it or leave it to the worker, but nothing may be lost.
    let _ = poll_once(&mut result, &FlagWaker::new());
    let other = pool.with().deadline(A_MOMENT).apply_async(|| ()).unwrap();
    other.wait();
    gate.open();
    if !result.ready() {
        assert!(matches!(
            block_on(&mut result),
            Err(JobError::DeadlineExpired)
        ));
    }
}

// S50, S43
#[test]
fn a_deadline_ends_the_wait_for_workers_that_are_busy() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let with = pool.with().schedule(Schedule::Static).deadline(A_MOMENT);
    assert!(matches!(
        with.map(0..10, |x| x),
        Err(JobError::DeadlineExpired)
    ));
    let called = pool.with().deadline(A_MOMENT).broadcast(|w| w.index());
    assert!(matches!(called, Err(JobError::DeadlineExpired)));
    assert!(!gate.is_open());
    gate.open();
    assert_eq!(pool.broadcast(|w| w.index()).unwrap(), [0, 1]);
}

// S50
#[test]
fn a_deadline_ends_the_longest_batch() {
    let _watch = watchdog();
    let pool = pool(2);
    let with = pool.with().chunk_size(1).deadline(A_MOMENT);
    assert!(matches!(
        with.for_each(0..usize::MAX, |_| ()),
        Err(JobError::DeadlineExpired)
    ));
}

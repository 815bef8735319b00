//! Nested calls and worker state.

use std::sync::Arc;
use std::time::Duration;

use ringpool::{JobError, Pool};
use ringpool_tests::{boom, watchdog};

// S41, S5
#[test]
fn nested_stateful_calls_go_through_the_worker() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_u32)
        .build()
        .unwrap();
    let total = pool.with_worker().apply(|w| {
        *w.state += 1;
        w.apply(|w| *w.state += 10).unwrap();
        w.for_each(0..3, |w, _| *w.state += 100).unwrap();
        assert_eq!(w.map(0..2, |w, x| *w.state + x).unwrap(), [311, 312]);
        assert_eq!(
            w.starmap([(1, 2)], |w, a, b| *w.state + a + b).unwrap(),
            [314]
        );
        assert_eq!(w.index(), 0);
        *w.state += 1000;
        *w.state
    });
    assert_eq!(total.unwrap(), 1311);
    assert_eq!(pool.broadcast(|w| *w.state).unwrap(), [1311]);
}

// S41
#[test]
fn state_that_is_lent_is_not_lent_again() {
    let _watch = watchdog();
    let pool = Arc::new(
        Pool::builder()
            .workers(1)
            .initializer(|_| 5_u32)
            .build()
            .unwrap(),
    );
    let inner = Arc::clone(&pool);
    let checked = pool.with_worker().apply(move |w| {
        assert!(matches!(
            inner.with_worker().apply(|w| *w.state),
            Err(JobError::StateLent)
        ));
        assert!(matches!(
            inner.with_worker().map(0..2, |w, _| *w.state),
            Err(JobError::StateLent)
        ));
        assert!(matches!(
            inner.with_worker().for_each(0..2, |w, _| *w.state = 0),
            Err(JobError::StateLent)
        ));
        let queued = inner.with_worker().apply_async(|w| *w.state).unwrap();
        assert!(matches!(queued.get(), Err(JobError::StateLent)));
        let mut queued = inner.with_worker().apply_async(|w| *w.state).unwrap();
        let timed = queued.get_timeout(Duration::MAX);
        assert!(
            matches!(timed, Err(ringpool::GetError::Job(JobError::StateLent))),
            "{timed:?}"
        );
        assert_eq!(inner.apply(|| 1).unwrap(), 1, "stateless calls are free");
        assert_eq!(inner.apply_async(|| 2).unwrap().get().unwrap(), 2);
        *w.state
    });
    assert_eq!(checked.unwrap(), 5);
}

// S41
#[test]
fn waiting_for_a_stateful_job_while_state_is_lent_panics() {
    let _watch = watchdog();
    let pool = Arc::new(
        Pool::builder()
            .workers(1)
            .initializer(|_| 5_u32)
            .build()
            .unwrap(),
    );
    for timed in [false, true] {
        let inner = Arc::clone(&pool);
        let waited = pool.with_worker().apply(move |_| {
            let queued = inner.with_worker().apply_async(|w| *w.state).unwrap();
            if timed {
                queued.wait_timeout(Duration::MAX);
            } else {
                queued.wait();
            }
        });
        assert!(matches!(waited, Err(JobError::Panicked(_))), "{waited:?}");
    }
    assert_eq!(
        pool.with_worker().apply(|w| *w.state).unwrap(),
        5,
        "the state is free again"
    );
}

// S41
#[test]
fn a_stateful_job_runs_in_place_where_no_state_is_lent() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 5_u32)
        .build()
        .unwrap();
    let value = pool.apply(|| {
        let applied = pool.with_worker().apply(|w| *w.state).unwrap();
        let queued = pool
            .with_worker()
            .apply_async(|w| *w.state * 10)
            .unwrap()
            .get()
            .unwrap();
        let mapped = pool.with_worker().map(0..2, |w, x| *w.state + x).unwrap();
        (applied, queued, mapped)
    });
    assert_eq!(value.unwrap(), (5, 50, vec![5, 6]));
}

// S41
#[test]
fn state_is_free_again_after_a_job_that_panicked() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_u32)
        .build()
        .unwrap();
    let panicked = pool.with_worker().apply(|w| {
        *w.state = 3;
        boom("with state in hand")
    });
    assert!(matches!(panicked, Err(JobError::Panicked(_))));
    assert_eq!(pool.with_worker().apply(|w| *w.state).unwrap(), 3);
}

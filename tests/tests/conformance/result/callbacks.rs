//! Callbacks of batches with a handle, and calls among them.

use std::sync::Arc;
use std::sync::Mutex;

use ringpool::JobError;
use ringpool_tests::{Log, Tracker, boom, pool, watchdog};

// S23
#[test]
fn callbacks_of_a_batch_run_once_also_when_it_is_empty() {
    let _watch = watchdog();
    let pool = pool(2);
    let lengths = Log::new();
    for length in [0, 1, 100] {
        let log = lengths.clone();
        let with = pool
            .with()
            .on_success(move |values: &Vec<usize>| log.push(values.len()));
        assert_eq!(
            with.map_async(0..length, |i| i)
                .unwrap()
                .get()
                .unwrap()
                .len(),
            length
        );
    }
    assert_eq!(lengths.take(), [0, 1, 100]);
    let errors = Log::new();
    let log = errors.clone();
    let with = pool
        .with()
        .chunk_size(1)
        .on_error(move |error| log.push(error.to_string()));
    let result = with
        .map_async(0..10, |i| if i % 2 == 1 { boom("odd") } else { i })
        .unwrap();
    assert!(result.get().is_err());
    assert_eq!(errors.len(), 1);
}

// S24
#[test]
fn a_panicking_callback_of_a_batch_is_its_error() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let with = pool.with().on_success(|_| boom("of a batch"));
    let result = with.map_async(tracker.make_vec(20), |item| item).unwrap();
    assert!(matches!(result.get(), Err(JobError::Panicked(_))));
    tracker.assert_all_dropped_once();
    assert_eq!(pool.map(0..3, |x| x).unwrap(), [0, 1, 2]);
}

// S25, S41
#[test]
fn blocking_in_a_callback_cannot_deadlock() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let with = pool.with().on_success(move |value: &i32| {
        let mut log = log.lock().unwrap();
        log.push(inner.apply(|| *value + 1).unwrap());
        log.push(inner.apply_async(|| 10).unwrap().get().unwrap());
        log.extend(inner.map(0..3, |x| x + 20).unwrap());
        log.extend(inner.map_async(0..3, |x| x + 30).unwrap().get().unwrap());
        log.extend(inner.imap(0..3, |x| x + 40).map(Result::unwrap));
    });
    with.apply_async(|| 1).unwrap().wait();
    assert_eq!(
        *seen.lock().unwrap(),
        [2, 10, 20, 21, 22, 30, 31, 32, 40, 41, 42]
    );
}

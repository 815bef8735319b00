//! How a batch is cut into chunks.

use std::sync::Mutex;

use ringpool::{JobError, Pool, Schedule, pull};
use ringpool_tests::{pool, watchdog};

/// The lengths of the chunks that a schedule cuts, sorted.
fn chunk_lengths(pool: &Pool, length: usize, schedule: Schedule) -> Vec<usize> {
    let lengths = Mutex::new(Vec::new());
    let with = pool.with().schedule(schedule);
    with.for_each_chunk(0..length, |chunk| lengths.lock().unwrap().push(chunk.len()))
        .unwrap();
    let mut lengths = lengths.into_inner().unwrap();
    lengths.sort_unstable();
    lengths
}

// S27
#[test]
fn pythons_chunk_size_can_be_asked_for() {
    let _watch = watchdog();
    for workers in 1..=3 {
        let pool = pool(workers);
        for length in [1_usize, 7, 8, 100, 1001] {
            let size = length.div_ceil(4 * workers);
            let mut expected = vec![size; length / size];
            if length % size > 0 {
                expected.insert(0, length % size);
            }
            assert_eq!(
                chunk_lengths(&pool, length, Schedule::Python),
                expected,
                "{length} items, {workers} workers"
            );
        }
    }
}

// S27
#[test]
fn a_chunk_size_is_kept_to() {
    let _watch = watchdog();
    let pool = pool(2);
    let chunks = Schedule::Chunks(7.try_into().unwrap());
    assert_eq!(chunk_lengths(&pool, 20, chunks), [6, 7, 7]);
    for schedule in [Schedule::Auto, Schedule::Guided, Schedule::Static] {
        assert_eq!(
            chunk_lengths(&pool, 1000, schedule)
                .into_iter()
                .sum::<usize>(),
            1000
        );
    }
    assert_eq!(chunk_lengths(&pool, 100, Schedule::Static), [50, 50]);
}

// S27
#[test]
fn a_chunk_size_of_zero_is_an_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let is_refused = |error: JobError| {
        assert!(
            matches!(
                error,
                JobError::InvalidOption {
                    option: "chunk_size",
                    value: 0
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("chunk_size") && error.to_string().contains('0'));
    };
    is_refused(pool.with().chunk_size(0).map(0..3, |x| x).unwrap_err());
    is_refused(
        pool.with()
            .chunk_size(0)
            .for_each(0..3, |_| ())
            .unwrap_err(),
    );
    is_refused(
        pool.with()
            .chunk_size(0)
            .starmap([(1, 2)], |a, b| a + b)
            .unwrap_err(),
    );
    is_refused(
        pool.with()
            .chunk_size(0)
            .map(pull(0..3), |x| x)
            .unwrap_err(),
    );
    let refused = pool
        .with()
        .chunk_size(0)
        .map_async(vec![1, 2], |x| x)
        .err()
        .unwrap();
    let (reason, (items, _)) = refused.into_parts();
    is_refused(reason);
    assert_eq!(items, [1, 2]);
    let mut lazy = pool.with().chunk_size(0).imap(0..3, |x| x);
    is_refused(lazy.next().unwrap().unwrap_err());
    assert!(lazy.next().is_none());
}

// S43, S27
#[test]
fn a_static_schedule_gives_each_worker_its_own_range_every_time() {
    let _watch = watchdog();
    let pool = pool(3);
    for _ in 0..50 {
        let owners = pool
            .with_worker()
            .schedule(Schedule::Static)
            .map(0..90, |w, _| w.index())
            .unwrap();
        let expected: Vec<_> = (0..90).map(|i| i / 30).collect();
        assert_eq!(owners, expected);
    }
    let owners = pool
        .with_worker()
        .schedule(Schedule::Static)
        .map(0..2, |w, _| w.index())
        .unwrap();
    assert_eq!(owners.len(), 2);
}

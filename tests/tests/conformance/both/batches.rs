//! Batches and streams whose results need no vector, and the end of a pool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringpool::{JobError, Schedule, enumerate, zip};
use ringpool_tests::{Tracker, boom, watchdog};

// S26, S27
#[test]
fn every_item_is_mapped_once_whatever_the_schedule() {
    let _watch = watchdog();
    pool!(pool: 3);
    for schedule in [
        Schedule::Auto,
        Schedule::Guided,
        Schedule::Python,
        Schedule::Static,
    ] {
        for len in [0_usize, 1, 2, 3, 100] {
            let items: Vec<usize> = (0..len).collect();
            let mut out = vec![0; len];
            let with = pool.with().schedule(schedule);
            let told = with.map_into(&items, &mut out[..], |x| x + len);
            assert_eq!(told.unwrap(), len);
            assert!(out.into_iter().eq(len..2 * len), "{schedule:?}");
        }
    }
}

// S26
#[test]
fn sources_are_split_in_place() {
    let _watch = watchdog();
    pool!(pool: 2);
    let mut grid = [[0_usize; 4]; 8];
    pool.for_each(enumerate(&mut grid), |(row, places)| places.fill(row))
        .unwrap();
    let sum = AtomicUsize::new(0);
    let add = |(left, right): (&[usize; 4], usize)| {
        assert_eq!(left, &[right; 4]);
        sum.fetch_add(right, Ordering::Relaxed);
    };
    pool.for_each(zip(&grid, 0..8_usize), add).unwrap();
    assert_eq!(sum.into_inner(), 28);
}

// S26
#[test]
fn a_sum_is_the_same_to_the_last_bit_in_every_run() {
    let _watch = watchdog();
    pool!(pool: 3);
    let items: Vec<f64> = (1..3000_u32).map(|x| f64::from(x).sqrt().recip()).collect();
    let sum = || pool.reduce(&items, 0.0, |x| *x, |a, b| a + b).unwrap();
    let first: f64 = sum();
    for _ in 0..20 {
        assert_eq!(sum().to_bits(), first.to_bits());
    }
}

// S30
#[test]
fn the_panic_of_the_lowest_index_is_told_and_the_items_are_dropped() {
    let _watch = watchdog();
    pool!(pool: 2);
    let tracker = Tracker::new();
    let items: Vec<_> = (0..40).map(|_| tracker.make()).collect();
    let failed = pool.with().chunk_size(4).for_each(items, |item| {
        if item.id() % 10 == 7 {
            boom("seven")
        }
    });
    match failed.unwrap_err() {
        JobError::Panicked(panic) => assert_eq!(panic.index(), Some(7)),
        error => panic!("{error:?}"),
    }
    tracker.assert_all_dropped_once();
}

// S12, S44
#[test]
fn a_closed_pool_refuses_batches_and_leaves_what_was_lent() {
    let _watch = watchdog();
    pool!(pool: 1);
    pool.close();
    let mut out = [7; 3];
    let refused = pool.map_into(0..3, &mut out, |x| x);
    assert!(matches!(refused, Err(JobError::Closed)));
    assert_eq!(out, [7; 3]);
    assert!(matches!(pool.broadcast(|_| ()), Err(JobError::Closed)));
}

// S43
#[test]
fn a_broadcast_runs_once_on_every_worker_and_not_from_one() {
    let _watch = watchdog();
    pool!(pool: 3);
    for _ in 0..20 {
        assert_eq!(pool.broadcast(|worker| worker.index()).unwrap(), [0, 1, 2]);
    }
    let refused = pool.apply(|| pool.broadcast(|_| ()).map(|_| ()));
    assert!(matches!(refused.unwrap(), Err(JobError::FromWorker)));
}

// S41
#[test]
fn nested_batches_finish_on_one_worker() {
    let _watch = watchdog();
    pool!(pool: 1);
    let sum = pool.apply(|| {
        let each = |x| pool.reduce(0..=x, 0, |y| y, |a, b| a + b).unwrap();
        pool.reduce(0..5_u32, 0, each, |a, b| a + b)
    });
    assert_eq!(sum.unwrap().unwrap(), 20);
}

// S34, S35
#[test]
fn streams_give_every_result() {
    let _watch = watchdog();
    pool!(pool: 2);
    let ordered: Result<Vec<_>, _> = pool.imap(0..100, |x| x * 2).collect();
    assert!(ordered.unwrap().into_iter().eq((0..100).map(|x| x * 2)));
    let unordered: Result<Vec<_>, _> = pool.imap_unordered(0..100, |x| x * 2).collect();
    let mut unordered = unordered.unwrap();
    unordered.sort_unstable();
    assert!(unordered.into_iter().eq((0..100).map(|x| x * 2)));
}

// S45, S46, S47
#[test]
fn a_terminated_pool_resolves_what_is_queued_and_is_joined() {
    let _watch = watchdog();
    pool!(pool: 1);
    let gate = hold!(pool, 1);
    let queued = [(); 3].map(|()| pool.apply_async(|| ()).unwrap());
    assert_eq!(pool.terminate(), 3);
    for job in queued {
        assert!(matches!(job.get(), Err(JobError::Terminated)));
    }
    assert_eq!(pool.join_timeout(Duration::ZERO), Ok(false));
    gate.open();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| pool.join().unwrap());
        }
    });
    assert_eq!(pool.join_timeout(Duration::ZERO), Ok(true));
}

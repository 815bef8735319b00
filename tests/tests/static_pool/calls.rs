//! Blocking verbs.

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringpool::{JobError, Schedule, StaticPool, Std};
use ringpool_tests::{Tracker, boom, watchdog};

use super::with_workers;

type Pool<const WORKERS: usize> = StaticPool<WORKERS, 8, 64, Std>;

// S9, S26
#[test]
fn blocking_verbs_borrow_and_give_what_was_asked_for() {
    let _watch = watchdog();
    let pool = Pool::<3>::new();
    with_workers(&pool, || {
        let text = String::from("lent");
        assert_eq!(pool.apply(|| text.len()).unwrap(), 4);
        for len in [0_usize, 1, 2, 7, 1000] {
            let items: Vec<usize> = (0..len).collect();
            let expected: Vec<usize> = items.iter().map(|x| x * x).collect();
            let mut squares = vec![0; len];
            assert_eq!(
                pool.map_into(&items, &mut squares[..], |x| x * x).unwrap(),
                len
            );
            assert_eq!(squares, expected);
            let mut fresh = vec![MaybeUninit::uninit(); len];
            pool.map_into(&items, &mut fresh[..], |x| x * x).unwrap();
            // SAFETY: every place was written.
            let written = |x: &MaybeUninit<usize>| unsafe { x.assume_init() };
            assert!(fresh.iter().map(written).eq(expected));

            let sum = AtomicUsize::new(0);
            let add = |x| {
                sum.fetch_add(x, Ordering::Relaxed);
            };
            pool.for_each(0..len, add).unwrap();
            pool.for_each_chunk(&items, |chunk| add(chunk.iter().sum()))
                .unwrap();
            let folded = pool.reduce(&items, 0, |x| *x, |a, b| a + b).unwrap();
            assert_eq!(sum.into_inner(), 2 * folded);
            assert_eq!(folded, len * len.saturating_sub(1) / 2);
        }
    });
}

// S26: what a refused call was lent stays as it was.
#[test]
fn a_vector_of_fixed_size_takes_results_up_to_its_capacity() {
    let _watch = watchdog();
    let pool = Pool::<2>::new();
    let tracker = Tracker::new();
    with_workers(&pool, || {
        let mut out = heapless::Vec::<_, 4>::new();
        for len in [4_usize, 0, 3] {
            let told = pool.map_into(0..len, &mut out, |_| tracker.make());
            assert_eq!((told.unwrap(), out.len()), (len, len));
        }
        let refused = pool.map_into(0..5, &mut out, |_| tracker.make());
        assert!(matches!(
            refused,
            Err(JobError::InvalidOption { value: 5, .. })
        ));
        assert_eq!(out.len(), 3);
        let failed = pool.map_into(0..2, &mut out, |_| boom("map"));
        assert!(failed.is_err() && out.is_empty());
    });
    tracker.assert_all_dropped_once();
}

// S27, S43
#[test]
fn every_schedule_covers_every_item_once() {
    let _watch = watchdog();
    let pool = Pool::<3>::new();
    let chunks = Schedule::Chunks(NonZeroUsize::new(7).unwrap());
    with_workers(&pool, || {
        for schedule in [
            Schedule::Auto,
            Schedule::Guided,
            Schedule::Python,
            Schedule::Static,
            chunks,
        ] {
            let mut hits = [0_u8; 100];
            pool.with()
                .schedule(schedule)
                .for_each(&mut hits, |hit| *hit += 1)
                .unwrap();
            assert_eq!(hits, [1; 100], "{schedule:?}");
        }
    });
}

// S26
#[test]
fn a_sum_is_the_same_to_the_last_bit_for_every_number_of_workers() {
    fn sum<const WORKERS: usize>(items: &[f64]) -> u64 {
        let pool = Pool::<WORKERS>::new();
        let mut sum = 0.0;
        with_workers(&pool, || {
            sum = pool.reduce(items, 0.0, |x| *x, |a, b| a + b).unwrap();
            let nested = pool.apply(|| pool.reduce(items, 0.0, |x| *x, |a, b| a + b));
            assert_eq!(nested.unwrap().unwrap().to_bits(), sum.to_bits());
        });
        sum.to_bits()
    }
    let _watch = watchdog();
    let items: Vec<f64> = (1..5000_u32).map(|x| f64::from(x).sqrt().recip()).collect();
    let sums = BTreeSet::from([sum::<1>(&items), sum::<2>(&items), sum::<5>(&items)]);
    assert_eq!(sums.len(), 1);
    let one_by_one: f64 = items.iter().sum();
    assert!(
        !sums.contains(&one_by_one.to_bits()),
        "these items tell orders apart"
    );
}

// S30
#[test]
fn a_panic_ends_its_chunk_only_and_the_lowest_index_is_told() {
    let _watch = watchdog();
    let pool = Pool::<2>::new();
    let tracker = Tracker::new();
    with_workers(&pool, || {
        let ran = AtomicUsize::new(0);
        let mut out = [const { MaybeUninit::uninit() }; 100];
        let result = pool.with().chunk_size(10).map_into(0..100, &mut out, |i| {
            ran.fetch_add(1, Ordering::Relaxed);
            if i == 35 || i == 60 {
                boom("map")
            }
            tracker.make()
        });
        match result.unwrap_err() {
            JobError::Panicked(panic) => assert_eq!(panic.index(), Some(35)),
            error => panic!("{error:?}"),
        }
        assert_eq!(ran.into_inner(), 100 - 4 - 9);
        tracker.assert_all_dropped_once();
        // The pool goes on.
        assert_eq!(pool.apply(|| 1).unwrap(), 1);
    });
}

// S43
#[test]
fn a_broadcast_runs_once_in_every_seat_and_its_panic_tells_the_worker() {
    let _watch = watchdog();
    let pool = Pool::<3>::new();
    with_workers(&pool, || {
        for _ in 0..50 {
            assert_eq!(pool.broadcast(|worker| worker.index()).unwrap(), [0, 1, 2]);
        }
        let error = pool.broadcast(|worker| {
            if worker.index() > 0 {
                boom("there")
            }
        });
        match error.unwrap_err() {
            JobError::Panicked(panic) => assert_eq!(panic.index(), Some(1)),
            error => panic!("{error:?}"),
        }
        let refused = pool.apply(|| pool.broadcast(|_| ())).unwrap();
        assert!(matches!(refused, Err(JobError::FromWorker)));
    });
}

// S13: the one place is taken, and nobody waits for it.
#[test]
fn blocking_calls_on_a_full_pool_answer_full() {
    static POOL: StaticPool<1, 1, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let queued = POOL.apply_async(|| 1).unwrap();
    let tracker = Tracker::new();
    let captured = tracker.make();
    let refused = POOL.apply(move || drop(captured));
    assert!(matches!(refused, Err(JobError::Full)));
    let items = [tracker.make(), tracker.make()];
    let refused = POOL.for_each(items, drop);
    assert!(matches!(refused, Err(JobError::Full)));
    tracker.assert_all_dropped_once();
    let mut seat = POOL.seat(0).unwrap();
    assert!(seat.run_one());
    assert_eq!(queued.get().unwrap(), 1);
}

// S50
#[test]
fn a_call_whose_deadline_has_passed_does_not_start() {
    let _watch = watchdog();
    let pool = Pool::<1>::new();
    with_workers(&pool, || {
        let late = pool
            .with()
            .deadline(Duration::ZERO)
            .for_each(0..10, |_| boom("ran"));
        assert!(matches!(late, Err(JobError::DeadlineExpired)), "{late:?}");
        let late = pool
            .with()
            .deadline(Duration::ZERO)
            .broadcast(|_| boom("ran"));
        assert!(matches!(late, Err(JobError::DeadlineExpired)), "{late:?}");
    });
}

// S28: the sum of a block is dropped while the panic of its next item unwinds.
#[test]
fn a_sum_whose_destructor_panics_is_contained_when_the_map_panics() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            boom("destructor")
        }
    }
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let map = |item| match item {
        0 => Some(Grenade),
        1 => boom("map"),
        _ => None,
    };
    let sum = seat.participate(|| POOL.reduce(0..64, None, map, |_, right| right));
    assert!(matches!(sum.map(drop), Err(JobError::Panicked(panic)) if panic.index() == Some(1)));
}

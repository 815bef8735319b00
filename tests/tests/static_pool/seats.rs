//! Workers that come by themselves, and their states.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::{JobError, JoinError, SeatError, StaticPool, Std, WaitPolicy, WorkerInfo};
use ringpool_tests::{Tracked, Tracker, watchdog};

use super::with_workers;

// S5
#[test]
fn a_seat_is_one_workers_at_a_time() {
    let _watch = watchdog();
    let pool = StaticPool::<2, 4, 64, Std>::new();
    let seat = pool.seat(1).unwrap();
    assert_eq!(seat.index(), 1);
    assert_eq!(pool.seat(1).unwrap_err(), SeatError::Taken { index: 1 });
    assert_eq!(
        pool.seat(2).unwrap_err(),
        SeatError::NoSuchSeat { index: 2 }
    );
    assert_eq!(
        pool.seat(2).unwrap_err().to_string(),
        "the pool has no seat 2; there is one for each worker, from 0 on"
    );
    assert_eq!(
        pool.run_worker(1).unwrap_err().to_string(),
        "seat 1 is taken; whoever has it must leave it first"
    );
    drop(pool.seat(0).unwrap());
    drop(seat);
    drop(pool.seat(1).unwrap());
}

// S5
#[test]
fn each_worker_has_the_state_of_its_initializer_and_ends_it_in_the_exit_hook() {
    static LEFT: Mutex<Vec<(usize, usize, u32)>> = Mutex::new(Vec::new());
    static POOL: StaticPool<2, 4, 64, Std, u32> = StaticPool::new()
        .initializer(|worker| u32::try_from(worker.index() * 100).unwrap())
        .exit_hook(|worker, state| {
            let mut left = LEFT.lock().unwrap();
            left.push((worker.index(), worker.generation(), state));
        })
        .wait_policy(WaitPolicy::Passive);
    let _watch = watchdog();
    for index in 0..2 {
        let mut seat = POOL.seat(index).unwrap();
        let job = POOL.with_worker().apply_async(|worker| {
            *worker.state += 1;
            *worker.state
        });
        assert!(seat.run_one());
        let expected = if index == 0 { 1 } else { 101 };
        assert_eq!(job.unwrap().get().unwrap(), expected);
    }
    assert_eq!(*LEFT.lock().unwrap(), [(0, 0, 1), (1, 0, 101)]);
    // The next in the seat starts anew; its state may be its own.
    drop(POOL.seat_with(1, 7).unwrap());
    assert_eq!(LEFT.lock().unwrap().last(), Some(&(1, 1, 7)));
    let so_far = POOL.stats();
    assert_eq!(
        so_far.workers.map(|worker| (worker.jobs, worker.replaced)),
        [(1, 0), (1, 1)]
    );
    with_workers(&POOL, || {
        let states = POOL.broadcast(|worker| *worker.state).unwrap();
        assert_eq!(states, [0, 100]);
        let each = POOL
            .with_worker()
            .for_each(0..10, |worker, _| *worker.state += 1);
        each.unwrap();
        let states = POOL.broadcast(|worker| *worker.state).unwrap();
        assert_eq!(states.iter().sum::<u32>(), 110);
    });
}

// S5: a state that could not be made leaves the seat free, one that is refused is dropped.
#[test]
fn a_seat_that_is_not_taken_is_left_as_it_was() {
    let _watch = watchdog();
    let pool = StaticPool::<1, 4, 64, Std>::new().initializer(|_| ringpool_tests::boom("state"));
    let panicked = std::panic::catch_unwind(|| drop(pool.seat(0)));
    assert!(panicked.is_err());
    drop(pool.seat_with(0, ()).unwrap());

    let tracker = Tracker::new();
    let pool = StaticPool::<1, 4, 64, Std, Option<Tracked>>::new();
    let seat = pool.seat_with(0, Some(tracker.make())).unwrap();
    assert!(pool.seat_with(0, Some(tracker.make())).is_err());
    drop(seat);
    tracker.assert_all_dropped_once();
}

// S9, S26, S41, S51
#[test]
fn a_loop_that_participates_works_on_its_own_calls() {
    static POOL: StaticPool<1, 4, 64, Std, u32> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    assert!(!seat.run_one());
    let mut out = [0; 10];
    seat.participate(|| {
        assert_eq!(POOL.apply(|| 1).unwrap(), 1);
        POOL.map_into(0..10, &mut out, |x| x + 1).unwrap();
        let queued = POOL.apply_async(|| 2).unwrap();
        assert_eq!(queued.get().unwrap(), 2);
        POOL.with_worker()
            .apply(|worker| *worker.state += 1)
            .unwrap();
        assert!(matches!(POOL.broadcast(|_| ()), Err(JobError::FromWorker)));
    });
    assert_eq!(out, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let state = seat.participate(|| POOL.with_worker().apply(|worker| *worker.state));
    assert_eq!(state.unwrap(), 1);
}

// S43
#[test]
fn a_loop_takes_part_in_a_broadcast_one_step_at_a_time() {
    let _watch = watchdog();
    let pool = StaticPool::<2, 4, 64, Std>::new();
    std::thread::scope(|scope| {
        scope.spawn(|| pool.run_worker(1).unwrap());
        let answer = scope.spawn(|| {
            let answer = pool.broadcast(|worker| worker.index());
            pool.close();
            answer
        });
        let mut seat = pool.seat(0).unwrap();
        while !seat.run_one() {
            std::thread::yield_now();
        }
        assert_eq!(answer.join().unwrap().unwrap(), [0, 1]);
    });
}

#[test]
fn pools_and_seats_can_be_shared_as_they_should() {
    const fn shared<T: Send + Sync>() {}
    // States stay on their threads, so they need be neither `Send` nor `Sync`.
    shared::<StaticPool<2, 4, 64, Std, *mut ()>>();
    let pool = StaticPool::<2, 4, 64, Std>::default();
    assert_eq!(pool.worker_count(), 2);
    assert_eq!(
        format!("{pool:?}"),
        "StaticPool { workers: 2, queued: 0, .. }"
    );
}

// S44, S46: hooks run as the worker they are for.
#[test]
fn what_a_hook_waits_for_is_done_by_its_worker() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new().initializer(hook).exit_hook(last);
    fn hook(_: &WorkerInfo<'_>) {
        assert_eq!(POOL.apply(|| 1).unwrap(), 1);
        let queued = POOL.apply_async(|| 2).unwrap();
        assert_eq!(queued.get().unwrap(), 2);
    }
    fn last(_: &WorkerInfo<'_>, (): ()) {
        let queued = POOL.apply_async(|| 3).unwrap();
        assert_eq!(queued.get().unwrap(), 3);
        POOL.close();
        assert_eq!(POOL.join(), Err(JoinError::FromWorker));
        ENDED.fetch_add(1, Ordering::Relaxed);
    }
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let _watch = watchdog();
    drop(POOL.seat(0).unwrap());
    POOL.join().unwrap();
    assert_eq!(ENDED.load(Ordering::Relaxed), 1);
}

//! Backends for systems that std does not run on, each complete and under a hundred lines of code. Here they run
//! on mocks, which end the process when a rule of the system is broken.
#![allow(
    unreachable_pub,
    reason = "backends and mocks read as they would in crates of their own"
)]

mod executor;
mod mocks;
mod rtos;
mod second_core;
mod unikernel;

mod breaches;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ringpool::generic::{Builder, Pool};
use ringpool::platform::Timed;
use ringpool::{BuildError, GetError, JobError, StartError, StaticPool};
use ringpool_tests::{Gate, watchdog};

use executor::{Async, worker};
use mocks::executor::run;
use mocks::rtos::{Stack, interrupt};
use mocks::second_core::power_on;
use mocks::unikernel::{MOST_TASKS, OUT_OF_MEMORY};
use mocks::without_allocator;
use rtos::{Rtos, Tasks};
use second_core::{Chip, Launched, SecondCore};
use unikernel::{Refused, Unikernel};

// S9, S10, S17, S26, S44, S46, S50: nothing allocates, neither here nor on the tasks.
#[test]
fn an_rtos_with_static_stacks_runs_a_pool_in_place() {
    static STACKS: [Stack; 2] = [const { Stack::new() }; 2];
    static POOL: StaticPool<2, 8, 64, Rtos> = StaticPool::new();
    static GO_ON: AtomicBool = AtomicBool::new(false);
    let _watchdog = watchdog();
    without_allocator(|| {
        let running = POOL.start(Tasks(&STACKS)).unwrap();
        assert_eq!(POOL.apply(|| 6 * 7).unwrap(), 42);
        let mut squares = [0; 100];
        POOL.map_into(0..100_u32, &mut squares, |x| x * x).unwrap();
        assert!(squares.into_iter().eq((0..100).map(|x| x * x)));

        // A worker that sleeps is woken by an interrupt.
        while POOL.stats().workers.iter().any(|worker| worker.parks == 0) {
            std::thread::yield_now();
        }
        let mut submitted = None;
        interrupt(|| submitted = POOL.isr().try_apply_async(|| 7).ok());
        assert_eq!(submitted.unwrap().get().unwrap(), 7);

        // Both workers wait, so the job that they wait for stays queued, and its waiter gives up.
        let held = [(); 2].map(|()| {
            let wait = || {
                while !GO_ON.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            };
            POOL.apply_async(wait).unwrap()
        });
        let mut late = POOL.apply_async(|| 5).unwrap();
        let timed_out = late.get_timeout(Duration::from_millis(3));
        assert!(matches!(timed_out, Err(GetError::TimedOut)));
        let expired = POOL.with().deadline(Duration::from_millis(3)).apply(|| 6);
        assert!(matches!(expired, Err(JobError::DeadlineExpired)));
        GO_ON.store(true, Ordering::Relaxed);
        for held in held {
            held.get().unwrap();
        }
        assert_eq!(late.get().unwrap(), 5);

        POOL.close();
        let _stacks = running.join().unwrap();
    });
}

// S4, S46: who has a stack was started, and has left it when `start` gives up.
#[test]
fn an_rtos_with_too_few_stacks_refuses_a_pool_in_place() {
    static STACKS: [Stack; 2] = [const { Stack::new() }; 2];
    static LARGE: StaticPool<3, 8, 64, Rtos> = StaticPool::new();
    static SMALL: StaticPool<2, 8, 64, Rtos> = StaticPool::new();
    let _watchdog = watchdog();
    without_allocator(|| {
        let refused = LARGE.start(Tasks(&STACKS));
        assert!(matches!(refused, Err(StartError::Spawn { worker: 2, .. })));
        let running = SMALL.start(Tasks(&STACKS)).unwrap();
        SMALL.close();
        let _stacks = running.join().unwrap();
    });
}

// S4, S7, S9, S26, S41, S44, S46: the one worker recycles in place, for its core cannot be launched again.
#[test]
fn a_second_core_that_is_launched_once_runs_a_pool_in_place() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static POOL: StaticPool<1, 8, 64, Chip> = StaticPool::new()
        .initializer(|_| {
            MADE.fetch_add(1, Ordering::Relaxed);
        })
        .max_jobs_per_worker(5);
    static OTHER: StaticPool<1, 8, 64, Chip> = StaticPool::new();
    let _watchdog = watchdog();
    power_on(|| {
        let running = POOL.start(SecondCore).unwrap();
        for round in 0..20 {
            assert_eq!(POOL.apply(move || round + 1).unwrap(), round + 1);
        }
        let mut squares = [0; 100];
        POOL.map_into(0..100_u32, &mut squares, |x| x * x).unwrap();
        assert!(squares.into_iter().eq((0..100).map(|x| x * x)));
        let nested = POOL.apply(|| POOL.reduce(0..10, 0, |x| x, |a, b| a + b).unwrap());
        assert_eq!(nested.unwrap(), 45);
        assert!(MADE.load(Ordering::Relaxed) >= 4);
        POOL.close();
        let _core = running.join().unwrap();

        let refused = OTHER.start(SecondCore);
        assert!(matches!(
            refused,
            Err(StartError::Spawn {
                worker: 0,
                source: Launched
            })
        ));
    });
}

// S10, S13, S21, S41, S44, S46: one thread is worker, submitter and interrupt handler.
#[test]
fn an_executor_without_threads_runs_a_pool_in_place() {
    static POOL: StaticPool<1, 4, 64, Async> = StaticPool::new();
    static RAN: AtomicUsize = AtomicUsize::new(0);
    fn submit() {
        let count = || RAN.fetch_add(1, Ordering::Relaxed);
        drop(POOL.isr().try_apply_async(count).unwrap());
    }
    let _watchdog = watchdog();
    let mut sum = 0;
    {
        let worker = pin!(worker(&POOL));
        let submitter = pin!(async {
            for round in 0..10 {
                let first = POOL.apply_async(move || round).unwrap();
                let second = POOL.apply_async(move || {
                    let inner = POOL.apply_async(move || round * 10).unwrap();
                    inner.get().unwrap()
                });
                sum += second.unwrap().await.unwrap() + first.await.unwrap();
            }
        });
        // The worker sleeps before the first job and between the last ones, when only interrupts can wake it.
        run(&mut [worker, submitter], &[submit, submit, || POOL.close()]);
    }
    POOL.join().unwrap();
    assert_eq!(sum, 45 * 11);
    assert_eq!(RAN.load(Ordering::Relaxed), 2);
}

/// What a program does with a pool that has an allocator.
fn use_pool<P: Timed>(pool: &Pool<P>) {
    assert_eq!(pool.apply(|| 6 * 7).unwrap(), 42);
    let squares = pool.map(0..100_u32, |x| x * x).unwrap();
    assert!(squares.into_iter().eq((0..100).map(|x| x * x)));
    let streamed = pool.imap(0..100_u32, |x| x + 1).map(Result::unwrap);
    assert!(streamed.eq(1..101));
    let sum = pool.reduce(0..100_u32, 0, |x| x, |a, b| a + b);
    assert_eq!(sum.unwrap(), 4950);

    let gate = Gate::new();
    let at = gate.clone();
    let mut held = pool.apply_async(move || at.pass()).unwrap();
    gate.wait_for_arrivals(1);
    let timed_out = held.get_timeout(Duration::from_millis(2));
    assert!(matches!(timed_out, Err(GetError::TimedOut)));
    gate.open();
    held.get().unwrap();
}

// S1, S4, S7, S9, S17, S26, S34, S44, S46, S48
#[test]
fn a_unikernel_with_futexes_runs_pools() {
    let _watchdog = watchdog();
    for round in 0..10 {
        let pool = Pool::<Unikernel>::new().unwrap();
        assert_eq!(pool.worker_count(), 2);
        use_pool(&pool);
        if round % 2 == 0 {
            pool.close();
            pool.join().unwrap();
        }
    }
    let pool = Pool::<Unikernel>::builder()
        .workers(1)
        .max_jobs_per_worker(3);
    let pool = pool.build().unwrap();
    for round in 0..20 {
        assert_eq!(pool.apply(move || round + 1).unwrap(), round + 1);
    }
    drop(pool);

    // Those that were started have ended, and were joined: the next pool finds room for as many.
    let builder = || Builder::<Unikernel>::with_spawner(unikernel::Tasks);
    let refused = builder().workers(MOST_TASKS + 1).build();
    let Err(BuildError::Spawn { worker, source }) = refused else {
        panic!("the system has room for {MOST_TASKS} tasks: {refused:?}");
    };
    assert_eq!(worker, MOST_TASKS);
    assert_eq!(source.downcast_ref(), Some(&Refused(OUT_OF_MEMORY)));
    use_pool(&builder().workers(MOST_TASKS).build().unwrap());
}

#[test]
fn a_backend_is_under_a_hundred_lines_of_code() {
    for (name, text) in [
        ("rtos", include_str!("rtos.rs")),
        ("second_core", include_str!("second_core.rs")),
        ("unikernel", include_str!("unikernel.rs")),
        ("executor", include_str!("executor.rs")),
    ] {
        let code = text.lines().map(str::trim);
        let code = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
        let lines = code.count();
        assert!(
            (1..100).contains(&lines),
            "{name} has {lines} lines of code"
        );
    }
}

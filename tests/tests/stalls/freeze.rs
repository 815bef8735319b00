//! Threads that stand still for ever, as far as the others can tell.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use ringpool::generic::{Builder, Pool};
use ringpool::ring::Ring;
use ringpool::{CancelOutcome, JobError, Threads, WaitPolicy};
use ringpool_tests::{Gate, watchdog};

use crate::board::Board;
use crate::hook;
use crate::queues::{Case, PLACES, Queue, Vyukov, instructions};

const RUNNING: u32 = 0;
const FROZEN: u32 = 1;
const GOES_ON: u32 = 2;

/// Where one thread stands still until another lets it go on. Signal-safe.
struct Ice(AtomicU32);

impl Ice {
    const fn new() -> Self {
        Self(AtomicU32::new(RUNNING))
    }

    /// Stands still until [`thaw`](Self::thaw), unless that came first.
    fn freeze(&self) {
        let frozen =
            (self.0).compare_exchange(RUNNING, FROZEN, Ordering::AcqRel, Ordering::Acquire);
        if frozen.is_ok() {
            hook::futex_wake(&self.0);
        }
        while self.0.load(Ordering::Acquire) == FROZEN {
            hook::futex_wait(&self.0, FROZEN);
        }
    }

    fn is_running(&self) -> bool {
        self.0.load(Ordering::Acquire) == RUNNING
    }

    /// Waits until a thread is frozen, or will not be any more; tells which.
    fn wait(&self) -> bool {
        while self.is_running() {
            hook::futex_wait(&self.0, RUNNING);
        }
        self.0.load(Ordering::Acquire) == FROZEN
    }

    /// Lets the thread go on, or says that none will freeze.
    fn thaw(&self) {
        self.0.store(GOES_ON, Ordering::Release);
        hook::futex_wake(&self.0);
    }
}

/// Freezes a thread after the instruction of `operation` that has the number `at`, and calls `others` meanwhile; `None`
/// if there are fewer instructions.
fn freeze<R>(at: usize, operation: impl FnOnce() + Send, others: impl FnOnce() -> R) -> Option<R> {
    let ice = Ice::new();
    let at_each = |instruction| {
        if instruction < at {
            return ControlFlow::Continue(());
        }
        ice.freeze();
        ControlFlow::Break(())
    };
    thread::scope(|threads| {
        let thread = threads.spawn(|| {
            hook::step(&at_each, operation);
            ice.thaw();
        });
        let outcome = ice.wait().then(others);
        ice.thaw();
        thread.join().expect("it goes on");
        outcome
    })
}

/// Freezes a thread at every instruction of every operation. Returns how often, and how often others were stuck.
fn freeze_everywhere<Q: Queue + Send>(make: fn() -> Q) -> (usize, usize) {
    let (mut frozen, mut stuck) = (0, 0);
    for (number, case) in Case::all().enumerate() {
        for at in instructions(number) {
            let scene = case.on(make());
            match freeze(at, || scene.operate(), || scene.others_go_on()) {
                None => {
                    assert!(at > 10, "{} has more instructions than {at}", case.name);
                    break;
                }
                Some(true) => scene.end(),
                Some(false) => stuck += 1,
            }
            frozen += 1;
        }
    }
    (frozen, stuck)
}

#[test]
fn a_thread_frozen_anywhere_in_the_ring_stops_nobody() {
    let _watch = watchdog();
    let (frozen, stuck) = freeze_everywhere(Ring::<usize, PLACES>::new);
    println!("frozen {frozen} times");
    assert_eq!(stuck, 0, "of {frozen} times");
}

#[test]
fn a_thread_frozen_in_a_ring_after_vyukov_stops_others() {
    let _watch = watchdog();
    let (frozen, stuck) = freeze_everywhere(Vyukov::<PLACES>::new);
    println!("others were stuck {stuck} of {frozen} times");
    assert!(stuck > 0, "of {frozen} times");
}

fn pool(workers: usize, policy: WaitPolicy) -> Pool<Board> {
    let builder = Builder::with_spawner(Threads::new()).workers(workers);
    builder
        .wait_policy(policy)
        .build()
        .expect("a small pool can be built")
}

// S10
#[test]
fn a_thread_frozen_anywhere_in_a_submission_stops_no_submission() {
    /// More than the queue's first segment holds.
    const OTHERS: usize = 70;
    let _watch = watchdog();
    for at in instructions(0) {
        let (pool, ran) = (pool(1, WaitPolicy::Passive), Arc::new(AtomicUsize::new(0)));
        let submit = || {
            let ran = Arc::clone(&ran);
            let job = move || ran.fetch_add(1, Ordering::AcqRel);
            drop(pool.apply_async(job).expect("it is open"));
        };
        let frozen = freeze(at, submit, || (0..OTHERS).for_each(|_| submit()));
        pool.close();
        pool.join().expect("it is closed");
        if frozen.is_none() {
            assert!(at > 100, "a submission has more instructions than {at}");
            break;
        }
        assert_eq!(ran.load(Ordering::Acquire), OTHERS + 1);
    }
}

// S20
#[test]
fn a_thread_frozen_anywhere_in_a_cancel_stops_nobody() {
    let _watch = watchdog();
    for at in instructions(0) {
        let pool = pool(1, WaitPolicy::Passive);
        let gate = Gate::new();
        let held = gate.clone();
        pool.apply_async(move || held.pass()).expect("it is open");
        gate.wait_for_arrivals(1);
        let [first, second] =
            [1, 2].map(|value| pool.apply_async(move || value).expect("it is open"));
        let cancel = || {
            first.cancel();
        };
        let frozen = freeze(at, cancel, || {
            assert_eq!(second.cancel(), CancelOutcome::NeverRan);
            let third = pool.apply_async(|| 3).expect("it is open");
            gate.open();
            assert_eq!(third.get().expect("it returns"), 3);
        });
        gate.open();
        let ended = first.get();
        assert!(
            matches!(ended, Ok(1) | Err(JobError::Cancelled)),
            "{ended:?}"
        );
        if frozen.is_none() {
            assert!(at > 100, "a cancel has more instructions than {at}");
            break;
        }
    }
}

static ICE: Ice = Ice::new();
/// How many instructions the worker may still go on.
static LEFT: AtomicUsize = AtomicUsize::new(0);

fn freeze_worker() -> ControlFlow<()> {
    if LEFT.fetch_sub(1, Ordering::AcqRel) > 1 {
        return ControlFlow::Continue(());
    }
    ICE.freeze();
    ControlFlow::Break(())
}

fn parks(pool: &Pool<Board>) -> usize {
    pool.stats().workers.iter().map(|worker| worker.parks).sum()
}

// S11
#[test]
fn jobs_that_wait_for_each_other_start_wherever_a_worker_stood_still_before_its_sleep() {
    let _watch = watchdog();
    let mut frozen = 0;
    for at in instructions(0) {
        let pool = pool(2, WaitPolicy::Adaptive);
        while parks(&pool) < 2 {
            thread::yield_now();
        }
        ICE.0.store(RUNNING, Ordering::Release);
        LEFT.store(at, Ordering::Release);
        // A worker that is about to sleep yields first. Not from the end of the job, for it searches before, which
        // takes long step by step.
        let stepping = pool.apply_async(|| {
            hook::set(Some(&freeze_worker));
            hook::step_after_yield();
        });
        drop(stepping.expect("it is open"));
        while ICE.is_running() && parks(&pool) < 3 {
            thread::yield_now();
        }
        let sleeps = ICE.is_running();
        let started = Arc::new(AtomicUsize::new(0));
        let jobs = [0; 2].map(|_| {
            let started = Arc::clone(&started);
            let meet = move || {
                started.fetch_add(1, Ordering::AcqRel);
                while started.load(Ordering::Acquire) < 2 {
                    thread::yield_now();
                }
            };
            pool.apply_async(meet).expect("it is open")
        });
        ICE.thaw();
        for job in jobs {
            job.get().expect("it returns");
        }
        if sleeps {
            break;
        }
        frozen += 1;
    }
    assert!(frozen > 10, "frozen {frozen} times");
}

//! Handlers that use what they have interrupted.

use std::cell::Cell;
use std::env;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use ringpool::generic::{AsyncResult, Builder, Pool};
use ringpool::ring::{PopError, PushError, Ring};
use ringpool::{Threads, WaitPolicy};
use ringpool_tests::watchdog;

use crate::board::Board;
use crate::hook::{self, Timer};
use crate::queues::{Books, Case, PLACES, Queue, Vyukov, insist, instructions};

/// Calls `handler` once, after the instruction of `operation` that has the number `at`; `None` if there are fewer.
pub(crate) fn interrupt<R>(
    at: usize,
    operation: impl FnOnce(),
    handler: impl Fn() -> R,
) -> Option<R> {
    let outcome = Cell::new(None);
    let at_each = |instruction| {
        if instruction < at {
            return ControlFlow::Continue(());
        }
        outcome.set(Some(handler()));
        ControlFlow::Break(())
    };
    hook::step(&at_each, operation);
    outcome.into_inner()
}

/// Interrupts every operation at every instruction. Returns how often, and how often the handler could not go on.
fn interrupt_everywhere<Q: Queue>(make: fn() -> Q) -> (usize, usize) {
    let (mut interrupts, mut stuck) = (0, 0);
    for (number, case) in Case::all().enumerate() {
        for at in instructions(number) {
            let scene = case.on(make());
            match interrupt(at, || scene.operate(), || scene.others_go_on()) {
                None => {
                    assert!(at > 10, "{} has more instructions than {at}", case.name);
                    break;
                }
                Some(true) => scene.end(),
                Some(false) => stuck += 1,
            }
            interrupts += 1;
        }
    }
    (interrupts, stuck)
}

#[test]
fn a_handler_may_use_the_ring_whatever_instruction_of_it_was_interrupted() {
    let _watch = watchdog();
    let (interrupts, stuck) = interrupt_everywhere(Ring::<usize, PLACES>::new);
    println!("{interrupts} interrupts");
    assert_eq!(stuck, 0, "of {interrupts} handlers");
}

#[test]
fn a_handler_that_interrupts_a_ring_after_vyukov_gets_stuck() {
    let _watch = watchdog();
    let (interrupts, stuck) = interrupt_everywhere(Vyukov::<PLACES>::new);
    println!("{stuck} of {interrupts} handlers got stuck");
    assert!(stuck > 0, "of {interrupts} handlers");
}

#[test]
fn a_handler_may_close_the_ring_whatever_instruction_of_it_was_interrupted() {
    let _watch = watchdog();
    let operations: [fn(&Ring<usize, PLACES>); 3] = [
        |ring| {
            let _ = ring.push(7);
        },
        |ring| {
            let _ = ring.pop();
        },
        Ring::close,
    ];
    for (number, operation) in operations.into_iter().enumerate() {
        for at in instructions(number) {
            let ring = Ring::<usize, PLACES>::new();
            let interrupted = interrupt(
                at,
                || operation(&ring),
                || {
                    ring.close();
                    assert_eq!(ring.push(8), Err(PushError::Closed(8)));
                    while ring.pop().is_ok() {}
                    assert_eq!(ring.pop(), Err(PopError::Closed));
                },
            );
            assert!(ring.is_closed() || interrupted.is_none());
            if interrupted.is_none() {
                break;
            }
        }
    }
}

/// Operations that a storm of interrupts goes on for, those of the handlers included.
pub(crate) fn operations() -> usize {
    env::var("STALLS_OPERATIONS").map_or(300_000, |number| number.parse().expect("a number"))
}

/// At most so many: a storm goes on until there were enough interrupts, too.
const OPERATIONS_PER_INTERRUPT: usize = 100;

/// Two threads push and pop, and are interrupted at random by handlers that do the same, for so many operations.
/// Tells whether all went on.
fn storm_on<Q: Queue>(queue: &Q, operations: usize) -> bool {
    let (books, handlers, stuck) = (Books::new(), AtomicUsize::new(0), AtomicBool::new(false));
    // Each thread and each handler has one value inside at most.
    let push_and_pop = |value| {
        // Handlers that try in vain take longer than the timer's interval, so nothing else would run.
        if stuck.load(Ordering::Acquire) {
            return;
        }
        if !insist(|| books.push(queue, value)) || !insist(|| books.pop(queue)) {
            stuck.store(true, Ordering::Release);
        }
    };
    let enough = || {
        books.operations() >= operations
            && handlers.load(Ordering::Relaxed) >= operations / OPERATIONS_PER_INTERRUPT
    };
    let victim = |number: usize| {
        let next = Cell::new(number << 24);
        let handler = || {
            handlers.fetch_add(1, Ordering::Relaxed);
            for _ in 0..4 {
                next.set(next.get() + 1);
                push_and_pop(next.get());
            }
            ControlFlow::Continue(())
        };
        hook::with(&handler, || {
            let _timer = Timer::start();
            let mut value = (number + 2) << 24;
            while !stuck.load(Ordering::Acquire) && !enough() {
                value += 1;
                push_and_pop(value);
            }
        });
    };
    thread::scope(|threads| {
        threads.spawn(|| victim(1));
        threads.spawn(|| victim(2));
    });
    let stuck = stuck.into_inner();
    if !stuck {
        books.close(queue);
    }
    println!(
        "{} operations, {} interrupts",
        books.operations(),
        handlers.into_inner()
    );
    !stuck
}

#[test]
fn a_storm_of_interrupts_loses_nothing_and_hangs_nowhere() {
    let operations = operations();
    // Each round has a watchdog of its own.
    let rounds = operations.div_ceil(1_000_000);
    for _ in 0..rounds {
        let _watch = watchdog();
        assert!(storm_on(&Ring::<usize, 16>::new(), operations / rounds));
    }
}

#[test]
fn a_storm_of_interrupts_gets_stuck_on_a_ring_after_vyukov() {
    let _watch = watchdog();
    // It takes thousands; the bound is for a day on which nothing is interrupted at the wrong moment.
    assert!(!storm_on(&Vyukov::<16>::new(), 1000 * operations()));
}

/// A pool that handlers submit to; a handler reaches it through a static.
struct Stage {
    pool: OnceLock<Pool<Board, Timer>>,
    accepted: AtomicUsize,
    by_handlers: AtomicUsize,
    ran: AtomicUsize,
}

static STAGES: [Stage; 2] = [const { Stage::new() }; 2];

impl Stage {
    const fn new() -> Self {
        Self {
            pool: OnceLock::new(),
            accepted: AtomicUsize::new(0),
            by_handlers: AtomicUsize::new(0),
            ran: AtomicUsize::new(0),
        }
    }

    fn in_flight(&self) -> usize {
        let accepted = self.accepted.load(Ordering::Acquire);
        accepted.saturating_sub(self.ran.load(Ordering::Acquire))
    }

    /// Submits a job that only counts itself.
    fn submit(&'static self, pool: &Pool<Board, Timer>) -> Option<AsyncResult<(), Board>> {
        let job = || {
            self.ran.fetch_add(1, Ordering::AcqRel);
        };
        let handle = pool.apply_async(job).ok()?;
        self.accepted.fetch_add(1, Ordering::AcqRel);
        Some(handle)
    }
}

/// What an interrupt does on the stage with this number.
fn submit_in_handler<const STAGE: usize>() -> ControlFlow<()> {
    let stage = &STAGES[STAGE];
    // Handlers come faster than jobs end.
    if let Some(pool) = stage.pool.get()
        && stage.in_flight() < 100
        && stage.submit(pool).is_some()
    {
        stage.by_handlers.fetch_add(1, Ordering::Relaxed);
    }
    ControlFlow::Continue(())
}

/// Two workers and two submitters, who wait for each job, are interrupted at random by handlers that submit.
fn storm_on_pool<const STAGE: usize>(policy: WaitPolicy) {
    let _watch = watchdog();
    let stage = &STAGES[STAGE];
    let pool = Builder::<Board>::with_spawner(Threads::new())
        .workers(2)
        .wait_policy(policy)
        .initializer(|_| {
            hook::set(Some(&submit_in_handler::<STAGE>));
            Timer::start()
        })
        .build()
        .expect("a small pool can be built");
    let pool = stage.pool.get_or_init(|| pool);
    // Without a clock, waits beside strangers last for time slices.
    let jobs = operations() / 200;
    let enough = || {
        stage.accepted.load(Ordering::Acquire) >= jobs
            && stage.by_handlers.load(Ordering::Acquire) >= jobs / OPERATIONS_PER_INTERRUPT
    };
    let submitter = || {
        hook::with(&submit_in_handler::<STAGE>, || {
            let _timer = Timer::start();
            while !enough() {
                let handle = stage.submit(pool).expect("it is open");
                handle.get().expect("it returns");
            }
        });
    };
    thread::scope(|threads| {
        threads.spawn(submitter);
        threads.spawn(submitter);
    });
    pool.close();
    pool.join().expect("it is closed");
    println!(
        "{:?} jobs, {:?} from handlers",
        stage.accepted, stage.by_handlers
    );
    assert_eq!(
        stage.accepted.load(Ordering::Acquire),
        stage.ran.load(Ordering::Acquire)
    );
}

// S14
#[test]
fn handlers_submit_whatever_they_interrupt_in_a_pool_that_sleeps() {
    storm_on_pool::<0>(WaitPolicy::Passive);
}

// S14
#[test]
fn handlers_submit_whatever_they_interrupt_in_a_pool_that_searches() {
    storm_on_pool::<1>(WaitPolicy::Adaptive);
}

//! Handlers that submit to a pool in a static, whatever they interrupt.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ringpool::generic::AsyncResult;
use ringpool::{Seat, StaticPool};
use ringpool_tests::watchdog;

use crate::board::Board;
use crate::hook::{self, Timer};
use crate::interrupts::{interrupt, operations};
use crate::queues::instructions;

// S14: the pool's own steps, one by one.
#[test]
fn a_handler_may_submit_whatever_instruction_of_a_pool_was_interrupted() {
    static POOL: StaticPool<1, 8, 64, Board> = StaticPool::new();
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let _watch = watchdog();
    let count = || RAN.fetch_add(1, Ordering::Relaxed);
    let steps: [fn(&mut Seat<'_, Board>); 4] = [
        |_| drop(POOL.apply_async(|| 1)),
        |seat| _ = seat.run_one(),
        |_| drop(POOL.isr().try_apply_async(|| 2)),
        |seat| seat.participate(|| drop(POOL.apply_async(|| 3).map(AsyncResult::get))),
    ];
    let mut seat = POOL.seat(0).expect("nobody has it");
    let mut interrupts = 0;
    for (number, step) in steps.into_iter().enumerate() {
        for at in instructions(number) {
            let before = RAN.load(Ordering::Relaxed);
            let queued = POOL.apply_async(count).expect("there is room");
            let handler = || POOL.isr().try_apply_async(count).expect("there is room");
            let Some(handle) = interrupt(at, || step(&mut seat), handler) else {
                assert!(at > 10, "step {number} has more instructions than {at}");
                while seat.run_one() {}
                drop(queued);
                break;
            };
            while seat.run_one() {}
            let order = [queued, handle].map(|handle| handle.get().expect("it ran"));
            assert_eq!(order, [before, before + 1]);
            interrupts += 1;
        }
    }
    println!("{interrupts} interrupts");
}

static STORM: StaticPool<2, 16, 64, Board, Option<Timer>> = StaticPool::new().initializer(|_| {
    hook::set(Some(&submit_in_handler));
    Some(Timer::start())
});
static ACCEPTED: AtomicUsize = AtomicUsize::new(0);
static BY_HANDLERS: AtomicUsize = AtomicUsize::new(0);
static RAN: AtomicUsize = AtomicUsize::new(0);

fn count() {
    RAN.fetch_add(1, Ordering::AcqRel);
}

fn submit_in_handler() -> ControlFlow<()> {
    if STORM.isr().try_apply_async(count).is_ok() {
        ACCEPTED.fetch_add(1, Ordering::AcqRel);
        BY_HANDLERS.fetch_add(1, Ordering::AcqRel);
    }
    ControlFlow::Continue(())
}

// S13, S14: slots and places are few, so the pool is full again and again.
#[test]
fn a_storm_of_interrupts_on_a_small_pool_loses_no_job() {
    let _watch = watchdog();
    let jobs = operations() / 200;
    let enough = || {
        ACCEPTED.load(Ordering::Acquire) >= jobs
            && BY_HANDLERS.load(Ordering::Acquire) >= jobs / 100
    };
    let submitter = || {
        hook::with(&submit_in_handler, || {
            let _timer = Timer::start();
            while !enough() {
                match STORM.apply_async(count) {
                    Ok(handle) => {
                        ACCEPTED.fetch_add(1, Ordering::AcqRel);
                        handle.get().expect("it returns");
                    }
                    Err(refused) => {
                        assert!(refused.is_full());
                        thread::yield_now();
                    }
                }
            }
        });
    };
    thread::scope(|threads| {
        for index in 0..2 {
            threads.spawn(move || STORM.run_worker(index).expect("nobody has the seat"));
        }
        let submitters = [threads.spawn(submitter), threads.spawn(submitter)];
        for submitter in submitters {
            submitter.join().expect("it does not panic");
        }
        STORM.close();
    });
    STORM.join().expect("it is closed");
    println!("{ACCEPTED:?} jobs, {BY_HANDLERS:?} from handlers");
    assert_eq!(
        ACCEPTED.load(Ordering::Acquire),
        RAN.load(Ordering::Acquire)
    );
}

//! The mocks end who breaks their rules: each breach is tried in a process of its own.

use std::env;
use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::ptr;
use std::thread;

use ringpool::StaticPool;

use crate::executor::{Async, worker};
use crate::mocks::executor::run;
use crate::mocks::rtos::{Semaphore, Stack, create_task, interrupt};
use crate::mocks::second_core::{core, launch_second_core, power_on};
use crate::mocks::unikernel;
use crate::mocks::without_allocator;
use crate::rtos::Rtos;

const BREACH: &str = "RINGPOOL_BREACH";

static STACK: Stack = Stack::new();
static POOL: StaticPool<1, 2, 16, Rtos> = StaticPool::new();

/// Each breach with what the mock says to it.
const BREACHES: [(fn(), &str); 11] = [
    (a_task_returns, "a task must not return"),
    (a_worker_returns, "a task must not return"),
    (two_tasks_on_one_stack, "a stack has one task at a time"),
    (
        || drop(without_allocator(|| black_box(Box::new(1)))),
        "there is no allocator here",
    ),
    (
        || interrupt(|| assert!(Semaphore::new().take(None))),
        "an interrupt handler must not block",
    ),
    (
        || interrupt(|| Semaphore::new().give()),
        "an interrupt handler gives a semaphore by `give_from_interrupt`",
    ),
    (two_launches, "the second core is launched once"),
    (|| assert_eq!(core(), 0), "nothing runs but on a core"),
    (joined_twice, "a task is joined once"),
    (a_task_blocks, "a task must not block its executor"),
    (nobody_wakes, "nothing will ever wake this executor"),
];

unsafe extern "C" fn returns(_: *mut ()) {}

unsafe extern "C" fn works(_: *mut ()) {
    POOL.run_worker(0).expect("the seat is free");
}

fn a_task_returns() {
    // SAFETY: the entry makes nothing of its argument.
    unsafe { create_task(returns, ptr::null_mut(), &STACK) };
    thread::park();
}

/// The mistake that `WorkerStart::run_then` is there to avoid.
fn a_worker_returns() {
    // SAFETY: the entry makes nothing of its argument.
    unsafe { create_task(works, ptr::null_mut(), &STACK) };
    POOL.close();
    thread::park();
}

fn two_tasks_on_one_stack() {
    for _ in 0..2 {
        // SAFETY: the entry makes nothing of its argument.
        unsafe { create_task(works, ptr::null_mut(), &STACK) };
    }
}

fn two_launches() {
    fn entry() -> ! {
        loop {
            thread::park();
        }
    }
    power_on(|| {
        launch_second_core(entry);
        launch_second_core(entry);
    });
}

fn joined_twice() {
    unsafe extern "C" fn task(_: usize) {}
    // SAFETY: the entry makes nothing of its argument.
    let task = unsafe { unikernel::spawn(task, 0) };
    unikernel::join(task);
    unikernel::join(task);
}

fn a_task_blocks() {
    static POOL: StaticPool<1, 2, 16, Async> = StaticPool::new();
    let blocks = pin!(async {
        let job = POOL.apply_async(|| 1).expect("there is room");
        job.wait();
    });
    run(&mut [pin!(worker(&POOL)), blocks], &[]);
}

fn nobody_wakes() {
    static POOL: StaticPool<1, 2, 16, Async> = StaticPool::new();
    run(&mut [pin!(worker(&POOL))], &[]);
}

#[test]
fn the_mocks_end_who_breaks_their_rules() {
    if let Ok(number) = env::var(BREACH) {
        let number: usize = number.parse().expect("this test has set it");
        BREACHES[number].0();
        return;
    }
    let program = env::current_exe().expect("this program has a path");
    for (number, (_, rule)) in BREACHES.iter().enumerate() {
        let mut child = Command::new(&program);
        child.args(["--exact", "breaches::the_mocks_end_who_breaks_their_rules"]);
        let output = child.env(BREACH, number.to_string()).output();
        let output = output.expect("the program starts again");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{rule}: {output:?}");
        assert!(
            said.contains(&format!("broken rule: {rule}")),
            "{rule}: {said}"
        );
    }
}

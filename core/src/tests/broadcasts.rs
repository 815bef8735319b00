//! Regions: `broadcast` and static ranges, which every worker visits once.

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use super::fake::{Fake, expect, fail, log, on_park, on_yield, set_clock, yields_take};
use super::stage::{Stage, pool};
use crate::batch::Schedule;
use crate::batch::everyone;
use crate::batch::work::Plain;
use crate::engine::WaitPolicy;
use crate::error::JobError;
use crate::job::Options;
use crate::participation::WorkerZero;
use crate::ring::Chain;
use crate::source::Source;
use crate::time::Instant;
use crate::verbs::{self, How};
use crate::worker::{Leave, Worker};

fn broadcast<R>(
    stage: &Stage,
    f: impl Fn(&mut Worker<'_, Fake, ()>) -> R,
) -> Result<Vec<R>, JobError> {
    // SAFETY: the state of a stage is the unit.
    unsafe { everyone::broadcast_to_vec(stage, f, &Options::default()) }
}

fn statically(options: Options) -> How {
    How {
        schedule: Schedule::Static,
        options,
    }
}

// S43
#[test]
fn a_broadcast_wakes_every_worker_and_is_visited_by_each_once() {
    let stage = pool(3);
    for index in 0..3 {
        stage.falls_asleep(index);
    }
    for index in [2, 0, 1] {
        let there = Rc::clone(&stage);
        on_park(move || {
            assert!(there.visit(index), "the region waits for worker {index}");
            assert!(!there.visit(index), "worker {index} has been there");
        });
    }
    let values = broadcast(&stage, |worker| {
        log(format!("worker {} visits", worker.index()));
        10 * worker.index()
    });
    expect([
        "unpark worker 0",
        "unpark worker 1",
        "unpark worker 2",
        "waiter parks",
        "worker 2 visits",
        "worker 0 visits",
        "worker 1 visits",
        "unpark waiter",
    ]);
    assert_eq!(values.unwrap(), [0, 10, 20]);
}

// S43
#[test]
fn each_broadcast_is_a_new_one() {
    let stage = pool(1);
    let visits = Cell::new(0);
    for round in 1..=3 {
        let there = Rc::clone(&stage);
        on_park(move || assert!(there.visit(0)));
        broadcast(&stage, |_| visits.set(visits.get() + 1)).unwrap();
        assert_eq!(visits.get(), round);
        assert!(!stage.visit(0));
        expect(["waiter parks", "unpark waiter"]);
    }
}

// S43
#[test]
fn the_loop_of_a_worker_visits_before_it_takes_the_next_job_and_before_it_leaves() {
    let stage = pool(1);
    let job = stage.submit_named("job");
    let there = Rc::clone(&stage);
    on_park(move || {
        there.close();
        assert_eq!(there.work(0), Leave::Closed);
    });
    broadcast(&stage, |_| log("visit")).unwrap();
    expect(["waiter parks", "visit", "unpark waiter", "job runs"]);
    job.get().unwrap();
}

// S43, S44
#[test]
fn a_closed_pool_lets_no_region_in() {
    let stage = pool(1);
    stage.close();
    let refused = broadcast(&stage, |_| log("visit"));
    assert!(matches!(refused, Err(JobError::Closed)));
    assert!(!stage.visit(0));
    expect([]);
}

// S43
#[test]
fn a_broadcast_from_a_worker_is_refused() {
    let stage = pool(1);
    let refused = stage.on(0, |_| broadcast(&stage, |_| log("visit")));
    assert!(matches!(refused, Err(JobError::FromWorker)));
    expect([]);
}

// S45
#[test]
fn who_has_not_visited_at_terminate_skips_and_the_region_counts_as_cut_short() {
    let stage = pool(2);
    let there = Rc::clone(&stage);
    on_park(move || {
        assert!(there.visit(1));
        assert_eq!(there.terminate(), 1);
        assert!(there.visit(0));
    });
    let outcome = broadcast(&stage, |worker| {
        log(format!("worker {} visits", worker.index()));
        super::stage::Traced("value")
    });
    assert!(matches!(outcome, Err(JobError::Terminated)));
    expect([
        "waiter parks",
        "worker 1 visits",
        "unpark waiter",
        "value dropped",
    ]);
    assert_eq!(stage.never_started(), 1);
}

// S45
#[test]
fn a_region_that_the_last_worker_has_begun_is_not_cut_short() {
    let stage = pool(1);
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.visit(0)));
    let there = Rc::clone(&stage);
    let values = broadcast(&stage, |worker| {
        assert_eq!(there.terminate(), 0);
        worker.is_cancelled()
    });
    assert_eq!(values.unwrap(), [true]);
    expect(["waiter parks", "unpark waiter"]);
}

// S30, S43
#[test]
fn the_panic_of_the_lowest_worker_is_told_after_all_have_visited() {
    let stage = pool(3);
    let there = Rc::clone(&stage);
    on_park(move || {
        for index in [2, 1, 0] {
            assert!(there.visit(index));
        }
    });
    let outcome: Result<Vec<()>, _> = broadcast(&stage, |worker| match worker.index() {
        0 => log("worker 0 visits"),
        1 => fail("one"),
        _ => fail("two"),
    });
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a job panicked at item 1: one; mend it, or return a `Result` from it"
    );
    expect(["waiter parks", "worker 0 visits", "unpark waiter"]);
}

// S43
#[test]
fn a_static_range_goes_to_its_worker() {
    let stage = pool(2);
    let there = Rc::clone(&stage);
    on_park(move || {
        assert!(there.visit(1));
        log("now worker 0");
        assert!(there.visit(0));
    });
    let items = (0..5).into_feed();
    let call = Plain(|item: i32| {
        log(format!("item {item}"));
        item
    });
    let values = verbs::map(&stage, items, call, statically(Options::default()));
    expect([
        "waiter parks",
        "item 3",
        "item 4",
        "now worker 0",
        "item 0",
        "item 1",
        "item 2",
        "unpark waiter",
    ]);
    assert_eq!(values.unwrap(), [0, 1, 2, 3, 4]);
}

// S45, S15
#[test]
fn a_static_range_that_is_skipped_drops_its_items() {
    let stage = pool(2);
    let there = Rc::clone(&stage);
    on_park(move || {
        assert!(there.visit(0));
        assert_eq!(there.terminate(), 1);
        assert!(there.visit(1));
    });
    let items = ["first", "second"].map(super::stage::Traced);
    let call = Plain(|item: super::stage::Traced| log(format!("{} runs", item.0)));
    let outcome = verbs::for_each(
        &stage,
        items.into_feed(),
        call,
        statically(Options::default()),
    );
    assert!(matches!(outcome, Err(JobError::Terminated)));
    expect([
        "waiter parks",
        "first runs",
        "first dropped",
        "unpark waiter",
        "second dropped",
    ]);
}

// S43
#[test]
fn a_nested_static_batch_is_worked_on_by_its_caller() {
    let stage = pool(2);
    let call = Plain(|item: i32| log(format!("item {item}")));
    stage.on(1, |_| {
        verbs::for_each(
            &stage,
            (0..2).into_feed(),
            call,
            statically(Options::default()),
        )
        .unwrap();
    });
    expect(["item 0", "item 1"]);
}

/// Runs a step at a yield that only who is active comes to.
fn after_many_yields(step: impl FnOnce() + 'static) {
    fn after(yields: usize, step: Box<dyn FnOnce()>) {
        match yields {
            0 => step(),
            _ => on_yield(move || after(yields - 1, step)),
        }
    }
    after(100, Box::new(step));
}

/// A pool in which this thread is worker 0.
fn team(policy: WaitPolicy) -> Rc<Stage> {
    let stage = Stage::build(2, Chain::unbounded(), |settings| {
        settings.wait_policy = policy;
        settings.caller_participates = true;
    });
    let zero = WorkerZero {
        // The unit lies nowhere.
        state: NonNull::dangling(),
        caller: None,
    };
    // SAFETY: the state of a stage is the unit.
    unsafe { stage.set_worker_zero(zero) };
    stage
}

// S43, S51
#[test]
fn a_caller_that_takes_part_in_an_active_pool_yields_until_the_others_have_come() {
    let stage = team(WaitPolicy::Active);
    let there = Rc::clone(&stage);
    after_many_yields(move || assert!(there.visit(1)));
    let visits =
        |worker: &mut Worker<'_, Fake, ()>| log(format!("worker {} visits", worker.index()));
    broadcast(&stage, visits).unwrap();
    expect(["worker 0 visits", "worker 1 visits"]);
}

// S50, S51
#[test]
fn a_caller_that_takes_part_in_an_active_pool_notices_its_deadline() {
    let stage = team(WaitPolicy::Active);
    after_many_yields(|| set_clock(2));
    let options = Options {
        deadline: Some(Instant::from_nanos(1)),
        ..Options::default()
    };
    // SAFETY: the state of a stage is the unit.
    let ended: Result<Vec<()>, _> =
        unsafe { everyone::broadcast_to_vec(&stage, |_: &mut Worker<'_, Fake, ()>| (), &options) };
    assert!(matches!(ended, Err(JobError::DeadlineExpired)));
    assert!(yields_take(0) < 200, "it waits no longer");
    expect([]);
}

// S43, S51
#[test]
fn a_caller_that_takes_part_in_an_active_pool_sleeps_in_the_end() {
    let stage = team(WaitPolicy::Active);
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.visit(1)));
    broadcast(&stage, |_| ()).unwrap();
    expect(["waiter parks", "unpark waiter"]);
}

// S43, S51
#[test]
fn a_caller_that_takes_part_waits_for_the_others_as_a_worker_waits_for_work() {
    for (policy, yields) in [(WaitPolicy::Adaptive, 151), (WaitPolicy::Passive, 0)] {
        let stage = team(policy);
        let there = Rc::clone(&stage);
        on_park(move || {
            // Whoever is about to sleep yields a few times more.
            assert_eq!(yields_take(0), yields + 8);
            assert!(there.visit(1));
        });
        yields_take(1_000);
        broadcast(&stage, |_| ()).unwrap();
        expect(["waiter parks", "unpark waiter"]);
    }
}

//! Whom a submission wakes, and who passes the wake on.

use std::rc::Rc;

use super::fake::{Fake, expect, log, on_park, on_yield, stop_clock, take_events, yields_take};
use super::stage::{Stage, chunks, for_each, pool};
use crate::backoff::{Backoff, Turns};
use crate::engine::WaitPolicy;
use crate::platform::Park;
use crate::ring::Chain;
use crate::worker::Leave;

// S11
#[test]
fn a_submission_wakes_one_sleeper_and_the_next_relies_on_it() {
    let stage = pool(3);
    for index in 0..3 {
        stage.falls_asleep(index);
    }
    let first = stage.submit_named("first");
    expect(["unpark worker 0"]);
    let second = stage.submit_named("second");
    expect([]);
    assert!(stage.step(0) && stage.step(0) && !stage.step(0));
    expect(["first runs", "second runs"]);
    drop((first, second));
}

// S11
#[test]
fn a_submission_wakes_nobody_while_a_worker_searches() {
    let stage = pool(2);
    assert!(stage.idle.start_searching());
    stage.falls_asleep(1);
    let job = stage.submit_named("job");
    expect([]);
    assert!(stage.step(0));
    job.get().unwrap();
    expect(["job runs"]);
}

#[test]
fn a_submission_to_workers_that_are_busy_wakes_nobody() {
    let stage = pool(2);
    let job = stage.submit_named("job");
    expect([]);
    assert!(stage.step(1));
    expect(["job runs"]);
    drop(job);
}

// S11
#[test]
fn a_searcher_that_leaves_with_work_passes_the_wake_on_if_there_is_more() {
    let stage = pool(2);
    stage.falls_asleep(1);
    let there = Rc::clone(&stage);
    on_park(move || {
        drop(there.submit_named("first"));
        drop(there.submit_named("second"));
    });
    let there = Rc::clone(&stage);
    on_park(move || there.close());
    assert_eq!(stage.work(0), Leave::Closed);
    expect([
        "worker 0 parks",
        "unpark worker 0",
        // Before it begins with the first job.
        "unpark worker 1",
        "first runs",
        "second runs",
        "worker 0 parks",
        "unpark worker 0",
    ]);
}

// S11
#[test]
fn a_searcher_that_leaves_with_the_only_work_lets_the_others_sleep() {
    let stage = pool(2);
    stage.falls_asleep(1);
    let there = Rc::clone(&stage);
    on_park(move || drop(there.submit_named("job")));
    let there = Rc::clone(&stage);
    on_park(move || there.close());
    assert_eq!(stage.work(0), Leave::Closed);
    expect([
        "worker 0 parks",
        "unpark worker 0",
        "job runs",
        "worker 0 parks",
        "unpark worker 0",
        "unpark worker 1",
    ]);
}

#[test]
fn a_searcher_passes_the_wake_on_only_if_it_is_the_last() {
    let stage = pool(3);
    stage.falls_asleep(2);
    let there = Rc::clone(&stage);
    on_park(move || {
        // Worker 1 begins to search as well, and goes on when worker 0 has found its job.
        drop(there.submit_named("first"));
        assert!(there.idle.start_searching());
        drop(there.submit_named("second"));
    });
    let there = Rc::clone(&stage);
    on_park(move || there.close());
    assert_eq!(stage.work(0), Leave::Closed);
    expect([
        "worker 0 parks",
        "unpark worker 0",
        "first runs",
        "second runs",
        "worker 0 parks",
        "unpark worker 0",
        "unpark worker 2",
    ]);
}

// S11
#[test]
fn a_worker_that_is_unparked_for_nothing_sleeps_again_and_can_be_woken() {
    let stage = pool(1);
    let there = Rc::clone(&stage);
    on_park(move || there.slots()[0].berth.token.unpark());
    let there = Rc::clone(&stage);
    on_park(move || drop(there.submit_named("job")));
    let there = Rc::clone(&stage);
    on_park(move || there.close());
    assert_eq!(stage.work(0), Leave::Closed);
    expect([
        "worker 0 parks",
        "unpark worker 0",
        "worker 0 parks",
        "unpark worker 0",
        "job runs",
        "worker 0 parks",
        "unpark worker 0",
    ]);
}

// S44
#[test]
fn a_worker_finishes_what_was_accepted_before_it_leaves() {
    let stage = pool(1);
    let job = stage.submit_named("job");
    stage.close();
    assert_eq!(stage.work(0), Leave::Closed);
    job.get().unwrap();
    expect(["job runs"]);
}

#[test]
fn a_batch_wakes_a_worker_for_each_invitation_less_those_that_search() {
    let stage = pool(3);
    for index in 0..3 {
        stage.falls_asleep(index);
    }
    for index in 0..3 {
        let there = Rc::clone(&stage);
        on_park(move || {
            // What a woken worker's loop does when it has found work.
            if there.idle.stop_searching() && there.has_news(index) {
                there.idle.wake_one(there.slots());
            }
            log(format!("worker {index} comes"));
            if index == 2 {
                assert!(there.step(index));
            }
        });
    }
    let items = |item| log(format!("item {item}"));
    for_each(&stage, 3, chunks(1), items).unwrap();
    expect([
        "unpark worker 0",
        // Two more invitations; worker 0 counts as searching.
        "unpark worker 1",
        "waiter parks",
        "worker 0 comes",
        "unpark worker 2",
        "worker 1 comes",
        "worker 2 comes",
        "item 0",
        "item 1",
        "item 2",
        "unpark waiter",
    ]);
}

// S11
#[test]
fn a_worker_that_had_to_wait_for_a_stranger_yields_no_more_for_a_while() {
    // The yields of a wait in which the news come with the first yield, or not at all.
    let wait = |nanos, yields, news| {
        let _ = yields_take(nanos);
        let looks = core::cell::Cell::new(0);
        let seen = Backoff::new(0, yields).until::<Fake>(|| {
            looks.set(looks.get() + 1);
            news && looks.get() > 1
        });
        (seen, yields_take(0))
    };
    assert_eq!(wait(1_000, 32, false), (false, 32));
    assert_eq!(
        wait(4_000_000, 32, false),
        (false, 1),
        "a late yield is the last"
    );
    assert_eq!(
        wait(1_000, 32, false),
        (false, 32),
        "nothing had come meanwhile"
    );
    for waits in [8, 16, 32, 64, 128, 256, 512, 1024, 1024] {
        assert_eq!(wait(4_000_000, 32, true), (true, 1));
        for _ in 0..waits {
            assert_eq!(wait(1_000, 32, true), (false, 0), "of {waits}");
        }
    }
    for _ in 0..1020 {
        assert_eq!(wait(1_000, 32, true), (true, 1));
    }
    assert_eq!(wait(4_000_000, 32, true), (true, 1));
    for _ in 0..8 {
        assert_eq!(wait(1_000, 32, true), (false, 0));
    }
    assert_eq!(
        wait(1_000, 32, true),
        (true, 1),
        "waits in time were counted"
    );
    assert_eq!(
        wait(60_000, 512, false),
        (false, 3),
        "yields that take turns of others end after 150 µs"
    );
    stop_clock();
    assert_eq!(
        wait(1_000, 32, false),
        (false, 4),
        "nobody can tell a late one"
    );
}

/// Of a wait with pauses.
fn looks_before_the_first_yield() -> usize {
    let mut looks = 0;
    yields_take(0);
    Backoff::new(64, 1).until::<Fake>(|| {
        looks += 1;
        yields_take(0) > 0
    });
    looks - 1
}

// S11
#[test]
fn who_has_woken_a_worker_begins_its_next_wait_with_yields() {
    let with_pauses = looks_before_the_first_yield();
    assert!(with_pauses > 1);
    let stage = pool(2);
    stage.falls_asleep(0);
    let first = stage.submit_named("first");
    expect(["unpark worker 0"]);
    assert_eq!(looks_before_the_first_yield(), 1, "it has woken a worker");
    assert_eq!(looks_before_the_first_yield(), with_pauses, "once");
    let second = stage.submit_named("second");
    expect([]);
    assert_eq!(looks_before_the_first_yield(), with_pauses, "nobody slept");
    assert!(stage.step(0) && stage.step(0));
    expect(["first runs", "second runs"]);
    drop((first, second));
}

// S11
#[test]
fn a_worker_that_was_woken_begins_its_next_wait_with_yields() {
    let stage = pool(1);
    let there = Rc::clone(&stage);
    on_park(move || {
        drop(there.submit(|| log(format!("{} look", looks_before_the_first_yield()))));
        // Its waker is this very thread, and forgets that.
        looks_before_the_first_yield();
        there.close();
    });
    assert_eq!(stage.work(0), Leave::Closed);
    expect(["worker 0 parks", "unpark worker 0", "1 look"]);
}

/// A worker that finds a job with each of so many first yields, while worker 1 sleeps.
fn takes_turns(turns: usize, then: impl FnOnce(Rc<Stage>) + 'static) -> Vec<String> {
    fn submit_at_yields(there: Rc<Stage>, yields: usize, then: impl FnOnce(Rc<Stage>) + 'static) {
        on_yield(move || {
            drop(there.submit(|| ()));
            match yields {
                1 => then(there),
                _ => submit_at_yields(there, yields - 1, then),
            }
        });
    }
    let stage = Stage::build(2, Chain::unbounded(), |settings| {
        settings.wait_policy = WaitPolicy::Adaptive;
    });
    stage.falls_asleep(1);
    submit_at_yields(Rc::clone(&stage), turns, then);
    assert_eq!(stage.work(0), Leave::Closed);
    take_events()
}

// S11
#[test]
fn a_worker_that_takes_turns_with_its_submitter_hands_over_to_a_sleeper() {
    // Worker 0 counts as searching, so no submission wakes worker 1.
    let close_at_yield = |there: Rc<Stage>| on_yield(move || there.close());
    assert_eq!(takes_turns(15, close_at_yield), ["unpark worker 1"]);
    let close_at_park = |there: Rc<Stage>| on_park(move || there.close());
    assert_eq!(
        takes_turns(16, close_at_park),
        ["unpark worker 1", "worker 0 parks", "unpark worker 0"]
    );
}

#[test]
fn turns_that_go_on_after_a_handover_are_borne_twice_as_long() {
    let mut turns = Turns::new();
    let bears = |turns: &mut Turns| {
        let mut borne = 0;
        while !turns.are_too_many() {
            turns.note(Some(1));
            borne += 1;
        }
        turns.hand_over();
        borne
    };
    assert_eq!((bears(&mut turns), bears(&mut turns)), (16, 32));
    turns.note(Some(1));
    turns.note(Some(2));
    assert_eq!(bears(&mut turns), 64, "in a row");
    turns.note(None);
    assert_eq!(bears(&mut turns), 16, "it was not needed");
    for _ in 0..20 {
        bears(&mut turns);
    }
    assert_eq!(bears(&mut turns), 4096, "at most");
    for _ in 0..100_000 {
        turns.note(Some(1));
    }
    assert!(turns.are_too_many(), "while nobody sleeps");
}

// S11, S51
#[test]
fn workers_wait_longer_before_they_sleep_where_callers_take_part() {
    let yields = |caller_participates| {
        let stage = Stage::build(1, Chain::unbounded(), |settings| {
            settings.wait_policy = WaitPolicy::Adaptive;
            settings.caller_participates = caller_participates;
        });
        let there = Rc::clone(&stage);
        on_park(move || there.close());
        yields_take(1_000);
        assert_eq!(stage.work(0), Leave::Closed);
        expect(["worker 0 parks", "unpark worker 0"]);
        yields_take(0)
    };
    assert_eq!((yields(false), yields(true)), (32, 151), "150 µs at most");
}

#[test]
fn an_active_worker_never_sleeps_and_lets_others_run() {
    let stage = Stage::build(1, Chain::unbounded(), |settings| {
        settings.wait_policy = WaitPolicy::Active;
    });
    let there = Rc::clone(&stage);
    on_yield(move || {
        drop(there.submit_named("job"));
        let again = Rc::clone(&there);
        on_yield(move || again.close());
    });
    assert_eq!(stage.work(0), Leave::Closed);
    expect(["job runs"]);
}

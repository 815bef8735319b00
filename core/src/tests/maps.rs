//! Blocking batches: chunks, tickets, panics and errors.

use std::cell::Cell;
use std::rc::Rc;

use super::fake::{expect, fail, log, on_park};
use super::stage::{Stage, Traced, bounded, chunks, for_each, pool, workers_come};
use crate::batch::work::Plain;
use crate::source::Source;
use crate::verbs;
use crate::worker::{Leave, Replacement, work};

// S26
#[test]
fn tickets_are_taken_back_as_soon_as_the_work_is_claimed() {
    let stage = pool(4);
    let there = Rc::clone(&stage);
    on_park(move || {
        assert_eq!(there.queued(), 4);
        assert!(there.step(3));
        assert_eq!(there.queued(), 0);
    });
    for_each(&stage, 8, chunks(2), |item| log(format!("item {item}"))).unwrap();
    expect([
        "waiter parks",
        "item 0",
        "item 1",
        "item 2",
        "item 3",
        "item 4",
        "item 5",
        "item 6",
        "item 7",
        "unpark waiter",
    ]);
}

// S26
#[test]
fn a_batch_invites_no_more_workers_than_it_has_chunks() {
    let stage = pool(4);
    for (items, size, invited) in [(2, 1, 2), (9, 5, 2), (8, 9, 1)] {
        let there = Rc::clone(&stage);
        on_park(move || {
            assert_eq!(there.queued(), invited);
            assert!(there.step(0));
        });
        for_each(&stage, items, chunks(size), |_| ()).unwrap();
        expect(["waiter parks", "unpark waiter"]);
    }
}

// S26
#[test]
fn the_caller_goes_on_when_the_last_chunk_has_ended_wherever_that_is() {
    let stage = pool(2);
    workers_come(&stage, [0]);
    let second = Cell::new(false);
    let inner = Rc::clone(&stage);
    let values = verbs::map(
        &stage,
        (0..3).into_feed(),
        Plain(move |item: i32| {
            log(format!("item {item} begins"));
            // While worker 0 is in the first item, worker 1 takes the others.
            if item == 0 && !second.replace(true) {
                assert!(inner.step(1));
            }
            log(format!("item {item} ends"));
            item * item
        }),
        chunks(1),
    );
    assert_eq!(values.unwrap(), [0, 1, 4]);
    expect([
        "waiter parks",
        "item 0 begins",
        "item 1 begins",
        "item 1 ends",
        "item 2 begins",
        "item 2 ends",
        "item 0 ends",
        "unpark waiter",
    ]);
}

// S26
#[test]
fn an_empty_batch_asks_nobody() {
    let stage = pool(2);
    stage.falls_asleep(0);
    for_each(&stage, 0, chunks(1), |_| log("runs")).unwrap();
    expect([]);
}

// S30
#[test]
fn a_panic_ends_its_chunk_only_and_the_lowest_index_is_told() {
    let stage = pool(2);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    let outcome = for_each(&stage, 8, chunks(2), |item| {
        log(format!("item {item}"));
        match item {
            // The panic of item 6 comes first.
            1 => {
                assert!(inner.step(1));
                fail("one");
            }
            4 => fail("four"),
            6 => fail("six"),
            _ => {}
        }
    });
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a job panicked at item 1: one; mend it, or return a `Result` from it"
    );
    expect([
        "waiter parks",
        "item 0",
        "item 1",
        "item 2",
        "item 3",
        "item 4",
        "item 6",
        "unpark waiter",
    ]);
}

// S30, S15
#[test]
fn a_batch_that_panics_drops_every_item_and_every_value_once() {
    let stage = pool(1);
    workers_come(&stage, [0]);
    let items = ["a", "b", "c", "d", "e", "f"].map(Traced);
    let closure = Traced("closure");
    let call = Plain(move |item: Traced| {
        let _closure = &closure;
        let value = match item.0 {
            "a" => "value of a",
            "b" => "value of b",
            "c" => "value of c",
            "d" => "value of d",
            "e" => fail("at e"),
            _ => unreachable!("the rest of a chunk that panicked does not run"),
        };
        std::mem::forget(item);
        Traced(value)
    });
    let outcome = verbs::map(&stage, items.into_feed(), call, chunks(3));
    let error = outcome.map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a job panicked at item 4: at e; mend it, or return a `Result` from it"
    );
    expect([
        "waiter parks",
        "e dropped",
        "f dropped",
        "value of d dropped",
        "unpark waiter",
        "closure dropped",
        "value of a dropped",
        "value of b dropped",
        "value of c dropped",
    ]);
}

// S31
#[test]
fn an_error_stops_the_chunks_that_have_not_begun() {
    let stage = pool(1);
    workers_come(&stage, [0]);
    let call = Plain(|item: i32| {
        log(format!("item {item}"));
        if item == 2 { Err(item) } else { Ok(item) }
    });
    let outcome = verbs::try_map(&stage, (0..8).into_feed(), call, chunks(2));
    assert_eq!(outcome.unwrap(), Err(2));
    expect([
        "waiter parks",
        "item 0",
        "item 1",
        "item 2",
        "unpark waiter",
    ]);
    assert_eq!(stage.terminate(), 0);
}

// S31
#[test]
fn the_error_of_the_lowest_index_counts_whichever_came_first() {
    let stage = pool(2);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    let call = Plain(move |item: i32| {
        log(format!("item {item}"));
        if item == 0 {
            assert!(inner.step(1));
        }
        Err::<(), _>(item)
    });
    let outcome = verbs::try_map(&stage, (0..4).into_feed(), call, chunks(1));
    assert_eq!(outcome.unwrap(), Err(0));
    expect(["waiter parks", "item 0", "item 1", "unpark waiter"]);
}

// S31, S30
#[test]
fn a_panic_below_the_first_error_comes_first() {
    let stage = pool(2);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    let call = Plain(move |item: i32| {
        if item == 0 {
            assert!(inner.step(1));
            fail("zero");
        }
        Err::<(), _>(Traced("error"))
    });
    let outcome = verbs::try_map(&stage, (0..4).into_feed(), call, chunks(1));
    let error = outcome.map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a job panicked at item 0: zero; mend it, or return a `Result` from it"
    );
    expect(["waiter parks", "unpark waiter", "error dropped"]);
}

// S41
#[test]
fn a_nested_batch_is_worked_on_by_its_caller_and_runs_nothing_else() {
    let stage = pool(3);
    let other = stage.submit_named("other");
    stage.on(0, |_| {
        for_each(&stage, 3, chunks(1), |item| log(format!("item {item}"))).unwrap();
    });
    expect(["item 0", "item 1", "item 2"]);
    assert_eq!(
        stage.queued(),
        1 + 2,
        "emptied places behind a job that waits"
    );
    assert!(stage.step(0) && !stage.step(0));
    expect(["other runs"]);
    other.get().unwrap();
}

// S13
#[test]
fn a_batch_that_finds_no_room_waits_for_its_first_ticket_only() {
    let stage = bounded(2, 1);
    let first = stage.submit_named("first");
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    let there = Rc::clone(&stage);
    on_park(move || assert!(there.step(0)));
    for_each(&stage, 2, chunks(1), |item| log(format!("item {item}"))).unwrap();
    first.get().unwrap();
    expect([
        "waiter parks",
        "unpark waiter",
        "first runs",
        "waiter parks",
        "item 0",
        "item 1",
        "unpark waiter",
    ]);
}

// S11, S33
#[test]
fn every_worker_is_invited_even_if_none_sleeps_and_there_are_more_than_tickets() {
    let stage = pool(20);
    workers_come(&stage, [0]);
    let inner = Rc::clone(&stage);
    let came = Cell::new(1);
    for_each(&stage, 20, chunks(1), |_| {
        // Each worker that is here finds an invitation for the next: no chunk ends before all have come.
        let index = came.get();
        if index < 20 {
            came.set(index + 1);
            assert!(
                inner.step(index),
                "worker {index} finds nothing in the queue"
            );
        }
    })
    .unwrap();
    assert_eq!(came.get(), 20);
    super::fake::take_events();
}

// S26
#[test]
fn a_caller_that_works_itself_invites_nobody_to_a_single_item() {
    let stage = pool(2);
    stage.falls_asleep(1);
    let inner = Rc::clone(&stage);
    let job = stage.submit(move || {
        let there = Rc::clone(&inner);
        let item = move |_| log(format!("item, {} invited", there.queued()));
        for_each(&inner, 1, chunks(1), item).unwrap();
    });
    expect(["unpark worker 1"]);
    assert!(stage.step(0));
    job.get().unwrap();
    expect(["item, 0 invited"]);
}

// S26, S36
#[test]
fn a_batch_that_found_the_queue_full_invites_when_there_is_room() {
    let stage = bounded(2, 1);
    let there = Rc::clone(&stage);
    on_park(move || {
        assert_eq!(there.queued(), 1);
        assert!(there.step(0));
    });
    let inner = Rc::clone(&stage);
    for_each(&stage, 2, chunks(1), move |item| {
        log(format!("item {item}"));
        if item == 0 {
            assert!(inner.step(1), "worker 1 was not invited");
            log("worker 1 has come");
        }
    })
    .unwrap();
    expect([
        "waiter parks",
        "item 0",
        "item 1",
        "worker 1 has come",
        "unpark waiter",
    ]);
}

/// This worker works until a replacement takes its place.
fn is_replaced(stage: &Stage, index: usize) {
    let leave = stage.on(index, |frame| {
        work(frame, |_| {
            log("replaced");
            Replacement::Started
        })
    });
    assert_eq!(leave, Leave::Replaced);
}

// S7
#[test]
fn a_spent_worker_hands_over_also_where_all_tickets_are_queued() {
    let queue = crate::ring::Chain::unbounded();
    let stage = Stage::build(18, queue, |settings| settings.jobs_per_worker = 1);
    for _ in 0..40 {
        let there = Rc::clone(&stage);
        on_park(move || is_replaced(&there, 0));
    }
    for_each(&stage, 40, chunks(1), |_| log("item")).unwrap();
    let events = super::fake::take_events();
    let work: Vec<&str> = events
        .iter()
        .map(String::as_str)
        .filter(|event| ["item", "replaced"].contains(event))
        .collect();
    assert_eq!(work, ["item", "replaced"].repeat(40));
}

// S7
#[test]
fn a_spent_worker_waits_for_nobody_where_all_tickets_are_handed_over() {
    let queue = crate::ring::Chain::unbounded();
    let stage = Stage::build(17, queue, |settings| settings.jobs_per_worker = 1);
    let there = Rc::clone(&stage);
    on_park(move || {
        // Each of 17 workers has a chunk in hand; 16 leave their tickets, and the first, which leaves last, has none.
        is_replaced(&there, 0);
        // The replacements of the others.
        (1..=16).for_each(|index| is_replaced(&there, index));
        // What is left of the tickets is given back.
        there.close();
        for index in 0..17 {
            let leave = there.on(index, |frame| work(frame, |_| Replacement::Refused));
            assert_eq!(leave, Leave::Closed);
        }
    });
    let inner = Rc::clone(&stage);
    let (here, done) = (Cell::new(1), Cell::new(0));
    let first_is_back = Cell::new(false);
    for_each(&stage, 35, chunks(1), |_| {
        let index = here.get();
        if index < 17 {
            here.set(index + 1);
            is_replaced(&inner, index);
        } else if done.get() == 17 && !first_is_back.replace(true) {
            // Its replacement is invited like a worker that never came.
            is_replaced(&inner, 0);
        }
        done.set(done.get() + 1);
    })
    .unwrap();
    assert!(done.get() == 35 && first_is_back.get());
    super::fake::take_events();
}

// S7
#[test]
fn a_worker_that_is_replaced_hands_its_ticket_to_the_next() {
    let queue = crate::ring::Chain::unbounded();
    let stage = Stage::build(1, queue, |settings| settings.jobs_per_worker = 2);
    let there = Rc::clone(&stage);
    on_park(move || {
        is_replaced(&there, 0);
        assert_eq!(there.queued(), 0);
        // The replacement; once it has nothing left to do, it leaves, for the pool is closed.
        let inner = Rc::clone(&there);
        on_park(move || inner.close());
        let leave = there.on(0, |frame| work(frame, |_| Replacement::Refused));
        assert_eq!(leave, Leave::Closed);
    });
    for_each(&stage, 3, chunks(1), |item| log(format!("item {item}"))).unwrap();
    expect([
        "waiter parks",
        "item 0",
        "item 1",
        "replaced",
        "item 2",
        "unpark waiter",
        "worker 0 parks",
        "unpark worker 0",
    ]);
}

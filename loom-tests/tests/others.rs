//! Races that are no pair of two events of the matrix.
#![cfg(ringpool_loom)]

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::thread;
use ringpool_core::{BuildError, Builder, JobError, Pool, WaitPolicy};
use ringpool_loom_tests::{Crew, Drops, Loom, begin_race, end_race, explore, let_time_pass};

/// The settings of a pool of one worker that sleeps as soon as it finds nothing.
fn one_worker(crew: &Crew) -> Builder<Loom> {
    Builder::with_spawner(crew.clone())
        .workers(1)
        .wait_policy(WaitPolicy::Passive)
}

fn model(preemptions: usize, f: impl Fn(&Crew, &Drops) + Send + Sync + 'static) {
    let report = explore(preemptions, move || {
        let (crew, drops) = (Crew::default(), Drops::new());
        f(&crew, &drops);
        assert_eq!(crew.alive(), 0, "a worker was left behind");
        drops.assert_each_dropped_once();
    });
    let name = std::thread::current();
    println!("{}: {report}", name.name().unwrap_or("model"));
}

// S4
#[test]
fn a_pool_whose_second_worker_is_refused_takes_the_first_down() {
    explore(3, || {
        let crew = Crew::limited(1);
        begin_race();
        let built = Builder::<Loom>::with_spawner(crew.clone())
            .workers(2)
            .build();
        end_race();
        assert!(matches!(built, Err(BuildError::Spawn { worker: 1, .. })));
        assert_eq!(crew.alive(), 0);
    });
}

// S48
#[test]
fn a_pool_dropped_in_its_own_job_ends_without_its_owner() {
    model(2, |crew, drops| {
        let pool = one_worker(crew).build().expect("the crew starts it");
        let (pool, captured) = (Arc::new(pool), drops.make());
        let owner = Arc::clone(&pool);
        let handle = pool
            .apply_async(move || {
                let made = captured.make();
                drop(owner);
                made
            })
            .expect("it is open");
        begin_race();
        let dropper = thread::spawn(move || drop(pool));
        let got = thread::spawn(move || handle.get());
        dropper.join().expect("a failure ends the model");
        match got.join().expect("a failure ends the model") {
            Ok(_) | Err(JobError::Terminated) => {}
            Err(error) => panic!("{error}"),
        }
        end_race();
        // The worker frees the pool, and nobody joins it.
        while crew.alive() > 0 {
            thread::yield_now();
        }
    });
}

// S21
#[test]
fn a_future_dropped_while_it_is_pending_leaves_neither_value_nor_waker_behind() {
    model(3, |crew, drops| {
        let pool = one_worker(crew).build().expect("the crew starts it");
        let captured = drops.make();
        let mut handle = pool
            .apply_async(move || captured.make())
            .expect("it is open");
        let held = Arc::new(Held(drops.make()));
        let waker = Waker::from(Arc::clone(&held));
        begin_race();
        let poller = thread::spawn(move || {
            let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
            drop(waker);
            if let Poll::Ready(outcome) = polled {
                drop(outcome.expect("nobody stops it"));
            }
        });
        poller.join().expect("a failure ends the model");
        end_race();
        drop((pool, held));
    });
}

/// A waker that does nothing but hold a value.
struct Held(#[allow(dead_code, reason = "held for its drop")] ringpool_loom_tests::Tracked);

impl std::task::Wake for Held {
    fn wake(self: Arc<Self>) {}
}

// S17
#[test]
fn after_a_time_out_the_handle_can_be_waited_for_again() {
    model(2, |crew, drops| {
        let pool = one_worker(crew).build().expect("the crew starts it");
        let captured = drops.make();
        let mut handle = pool
            .apply_async(move || captured.make())
            .expect("it is open");
        begin_race();
        let clock = thread::spawn(let_time_pass);
        let waiter = thread::spawn(move || {
            let value = match handle.get_timeout(Duration::from_secs(1)) {
                Ok(value) => Ok(value),
                Err(_) => handle.get(),
            };
            drop(value.expect("nobody stops it"));
        });
        waiter.join().expect("a failure ends the model");
        clock.join().expect("a failure ends the model");
        end_race();
        drop(pool);
    });
}

/// A detached batch of two chunks, raced by what `f` does with the pool.
fn detached_batch(preemptions: usize, f: fn(&Pool<Loom>, Batch)) {
    model(preemptions, move |crew, drops| {
        let pool = Arc::new(one_worker(crew).build().expect("the crew starts it"));
        let items = vec![drops.make(), drops.make()];
        let batch = pool
            .with()
            .chunk_size(1)
            .map_async(items, |item| item.make())
            .expect("it is open");
        begin_race();
        let lent = Arc::clone(&pool);
        let racer = thread::spawn(move || f(&lent, batch));
        racer.join().expect("a failure ends the model");
        end_race();
        drop(pool);
    });
}

type Batch = ringpool_core::AsyncResult<Vec<ringpool_loom_tests::Tracked>, Loom>;

// S20, S33
#[test]
fn a_cancelled_batch_drops_each_item_and_value_once() {
    detached_batch(2, |_, batch| {
        batch.cancel();
        match batch.get() {
            Ok(_) | Err(JobError::Cancelled) => {}
            Err(error) => panic!("{error}"),
        }
    });
}

// S22, S33
#[test]
fn a_batch_whose_handle_is_dropped_drops_its_values() {
    detached_batch(2, |_, batch| drop(batch));
}

// S45
#[test]
fn a_terminated_batch_resolves() {
    detached_batch(2, |pool, batch| {
        pool.terminate();
        match batch.get() {
            Ok(_) | Err(JobError::Terminated) => {}
            Err(error) => panic!("{error}"),
        }
    });
}

// S35
#[test]
fn an_unordered_stream_yields_each_item_once() {
    model(2, |crew, drops| {
        let pool = Arc::new(one_worker(crew).build().expect("the crew starts it"));
        let items = [drops.make(), drops.make()];
        begin_race();
        let lent = Arc::clone(&pool);
        let consumer = thread::spawn(move || {
            let stream = lent
                .with()
                .window(2)
                .imap_unordered(items, |item| item.make());
            assert_eq!(stream.flatten().count(), 2);
        });
        consumer.join().expect("a failure ends the model");
        end_race();
        drop(pool);
    });
}

// S51
#[test]
fn two_callers_that_participate_both_get_their_result() {
    model(2, |crew, drops| {
        let builder = one_worker(crew).workers(2).caller_participates();
        let pool = Arc::new(builder.build().expect("the crew starts it"));
        begin_race();
        let callers = [(); 2].map(|()| {
            let (lent, captured) = (Arc::clone(&pool), drops.make());
            thread::spawn(move || drop(lent.apply(|| captured.make()).expect("it is open")))
        });
        for caller in callers {
            caller.join().expect("a failure ends the model");
        }
        end_race();
        drop(pool);
    });
}

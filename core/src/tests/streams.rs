//! Streams whose consumer is a worker.

use std::rc::Rc;

use super::fake::{Fake, expect, log, on_park};
use super::stage::{Stage, pool};
use crate::batch::work::Plain;
use crate::engine::Engine;
use crate::error::JobError;
use crate::job::{Body, Options};
use crate::lazy::{IMap, Settings, Submitter};
use crate::result::AsyncResult;
use crate::submit;
use crate::verbs::Order;

struct To<'a>(&'a Stage);

// SAFETY: there is one thread.
unsafe impl Send for To<'_> {}

impl<'a> Submitter<'a, Fake> for To<'a> {
    fn submit<B: Body<Fake> + 'a>(
        &self,
        body: B,
        options: Options,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, Fake>, (JobError, B)> {
        submit::apply_async(self.0, body, options, wait)
    }

    fn engine(&self) -> &'a Engine<Fake> {
        self.0
    }
}

/// What a worker sees that consumes three items, of which another worker has begun the first.
fn consumes_on_a_worker(order: Order) {
    let stage = pool(2);
    let there = Rc::clone(&stage);
    let input = (0..3).inspect(move |item| {
        if *item == 1 {
            let first = there.take().unwrap();
            let there = Rc::clone(&there);
            on_park(move || {
                // SAFETY: `take` has exchanged the entry out of its cell.
                there.on(1, |frame| unsafe { frame.execute(first) });
            });
        }
    });
    let settings = Settings {
        chunk_size: Some(1),
        window: Some(3),
        options: Options::default(),
    };
    let call = Plain(|item| {
        log(format!("item {item} runs"));
        item
    });
    stage.on(0, |_| {
        let stream = IMap::new(To(&stage), input, call, order, settings);
        for item in stream {
            log(format!("item {} comes", item.unwrap()));
        }
    });
}

// S34, S41
#[test]
fn a_worker_that_consumes_in_order_runs_no_chunk_but_the_one_it_waits_for() {
    consumes_on_a_worker(Order::Input);
    expect([
        "waiter parks",
        "item 0 runs",
        "unpark waiter",
        "item 0 comes",
        "item 1 runs",
        "item 1 comes",
        "item 2 runs",
        "item 2 comes",
    ]);
}

// S35, S41
#[test]
fn a_worker_that_consumes_in_any_order_waits_when_all_chunks_are_begun() {
    consumes_on_a_worker(Order::Completion);
    expect([
        "item 1 runs",
        "item 1 comes",
        "item 2 runs",
        "item 2 comes",
        "waiter parks",
        "item 0 runs",
        "unpark waiter",
        "item 0 comes",
    ]);
}

//! Detached batches: `map_async`.

use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::rc::Rc;

use super::fake::{Fake, expect, fail, log, on_park, set_clock};
use super::stage::{Block, Handle, Stage, Traced, bounded, pool, until};
use crate::batch::Schedule;
use crate::batch::detached::{self, Detached};
use crate::batch::work::{Call, OnWorker, Plain};
use crate::error::JobError;
use crate::job::{Callbacks, Extra, JobWord, OnSuccess, Options};
use crate::result::{AsyncResult, CancelOutcome};
use crate::source::{Feed, Source};
use crate::stats::Progress;
use crate::worker::Worker;

/// A batch of chunks of one item.
fn batch<D, G, C, X>(feed: D, call: G, callbacks: C, extra: X) -> Detached<D, G, G::Out, C, X>
where
    D: Feed,
    G: Call<Fake, D::Item>,
{
    let len = feed.try_len().expect("the tests' feeds know their length");
    Detached {
        feed,
        call,
        values: Vec::with_capacity(len),
        callbacks,
        extra,
        len,
        schedule: Schedule::Chunks(NonZeroUsize::MIN),
        options: Options::default(),
        word: JobWord::new(),
    }
}

/// Submits a batch to a pool that takes it.
fn accept<D, G, C, X>(
    stage: &Stage,
    batch: Detached<D, G, G::Out, C, X>,
) -> AsyncResult<Vec<G::Out>, Fake>
where
    D: Feed,
    G: Call<Fake, D::Item>,
    C: Callbacks<Vec<G::Out>>,
    X: Extra<Fake>,
{
    let job = detached::submit(stage, batch, |_, _| ());
    job.map_err(|(error, ..)| error).expect("the pool is open")
}

/// Submits a batch with callbacks and a captured value that tell how far it is.
fn submit(stage: &Stage, items: i32, options: Options, f: impl Fn(i32) -> i32) -> Handle<Vec<i32>> {
    let handle = Handle::empty();
    submit_to(&handle, stage, items, options, f);
    handle
}

/// As `submit`, for functions that use the handle.
fn submit_to(
    handle: &Handle<Vec<i32>>,
    stage: &Stage,
    items: i32,
    options: Options,
    f: impl Fn(i32) -> i32,
) {
    let capture = handle.capture("closure");
    let call = Plain(move |item| {
        let _capture = &capture;
        f(item)
    });
    let batch = Detached {
        options,
        ..batch((0..items).into_feed(), call, handle.callbacks(), ())
    };
    handle.put(accept(stage, batch));
}

fn tell(item: i32) -> i32 {
    log(format!("item {item}"));
    item
}

fn progress(handle: &Handle<Vec<i32>>) -> usize {
    let Progress { done, total } = handle.with(AsyncResult::progress);
    assert_eq!(total, Some(3));
    done
}

// S33, S15, S23, S40
#[test]
fn the_last_worker_drops_the_function_calls_the_callback_and_publishes() {
    let stage = pool(2);
    stage.falls_asleep(0);
    stage.falls_asleep(1);
    let handle = submit(&stage, 3, Options::default(), tell);
    expect(["unpark worker 0"]);
    assert_eq!((stage.queued(), progress(&handle)), (2, 0));
    assert!(stage.step(0) && !stage.step(1));
    handle.log("after");
    // Worker 1 sleeps while chunks are left: it was invited, and nobody is invited twice.
    expect([
        "item 0",
        "item 1",
        "item 2",
        "closure dropped, pending",
        "on_success, pending",
        "after, ready",
    ]);
    assert_eq!(progress(&handle), 3);
    assert_eq!(handle.take().get().unwrap(), [0, 1, 2]);
}

// S33, S15
#[test]
fn a_batch_ends_where_its_last_chunk_does() {
    let stage = pool(2);
    let inner = Rc::clone(&stage);
    let handle = submit(&stage, 3, Options::default(), move |item| {
        if item == 0 {
            assert!(inner.step(1));
            log("worker 1 is done");
        }
        tell(item)
    });
    assert!(stage.step(0));
    expect([
        "item 1",
        "item 2",
        "worker 1 is done",
        "item 0",
        "closure dropped, pending",
        "on_success, pending",
    ]);
    assert_eq!(handle.take().get().unwrap(), [0, 1, 2]);
}

// S20, S15, S23
#[test]
fn a_batch_that_nobody_has_begun_is_cancelled_on_the_spot() {
    let stage = pool(2);
    let handle = submit(&stage, 3, Options::default(), tell);
    assert_eq!(handle.with(AsyncResult::cancel), CancelOutcome::NeverRan);
    assert_eq!(stage.queued(), 0);
    expect([
        "closure dropped, pending",
        "on_error: the job was cancelled; whoever has its handle, its stream or its `Control` asked for that, pending",
    ]);
    assert!(matches!(handle.take().get(), Err(JobError::Cancelled)));
    assert_eq!(stage.terminate(), 0);
}

// S20, S30
#[test]
fn no_chunk_of_a_cancelled_batch_starts_after_those_that_run() {
    let stage = pool(2);
    let handle = Handle::empty();
    let own = handle.clone();
    submit_to(&handle, &stage, 3, Options::default(), move |item| {
        if item == 1 {
            let outcome = own.with(AsyncResult::cancel);
            assert_eq!(outcome, CancelOutcome::StillRuns);
        }
        tell(item)
    });
    assert!(stage.step(0) && !stage.step(1));
    expect([
        "item 0",
        "item 1",
        "closure dropped, pending",
        "on_error: the job was cancelled; whoever has its handle, its stream or its `Control` asked for that, pending",
    ]);
    assert!(matches!(handle.take().get(), Err(JobError::Cancelled)));
    assert_eq!(stage.terminate(), 0);
}

// S20
#[test]
fn a_chunk_that_runs_sees_that_its_batch_is_cancelled() {
    let stage = pool(1);
    let handle = Handle::empty();
    let own = handle.clone();
    let f = move |worker: &mut Worker<'_, Fake, ()>, _: i32| {
        log(format!("cancelled: {}", worker.is_cancelled()));
        own.with(AsyncResult::cancel);
        log(format!("cancelled: {}", worker.is_cancelled()));
    };
    let call = OnWorker(f, PhantomData);
    handle.put(accept(&stage, batch((0..1).into_feed(), call, (), ())));
    assert!(stage.step(0));
    expect(["cancelled: false", "cancelled: true"]);
    // It was the last chunk, so nothing is missing.
    assert_eq!(handle.take().get().unwrap(), [()]);
}

// S45, S15, S23
#[test]
fn terminate_ends_a_batch_that_nobody_has_begun_and_counts_it_once() {
    let stage = pool(3);
    let handle = submit(&stage, 3, Options::default(), tell);
    assert_eq!(stage.terminate(), 1);
    expect([
        "closure dropped, pending",
        "on_error: the pool was terminated before the job ran; `close` lets queued jobs run, pending",
    ]);
    assert!(matches!(handle.take().get(), Err(JobError::Terminated)));
}

// S30, S23
#[test]
fn the_error_callback_sees_the_panic_after_every_other_chunk_has_run() {
    let stage = pool(1);
    let handle = submit(&stage, 3, Options::default(), |item| {
        if item == 1 { fail("one") } else { tell(item) }
    });
    assert!(stage.step(0));
    expect([
        "item 0",
        "item 2",
        "closure dropped, pending",
        "on_error: a job panicked at item 1: one; mend it, or return a `Result` from it, pending",
    ]);
    drop(handle.take());
}

// S23
#[test]
fn an_empty_batch_is_ready_at_once_and_calls_its_callback() {
    let stage = pool(1);
    let callbacks = OnSuccess {
        f: |values: &Vec<()>| log(format!("on_success: {values:?}")),
        others: (),
    };
    let call = Plain(|_: i32| log("runs"));
    let job = accept(&stage, batch((0..0).into_feed(), call, callbacks, ()));
    expect(["on_success: []"]);
    assert!(job.ready());
    assert_eq!(job.get().unwrap(), []);
    assert_eq!(stage.queued(), 0);
}

// S50
#[test]
fn a_blocked_waiter_resolves_a_batch_that_nobody_has_begun_at_its_deadline() {
    let stage = pool(2);
    let handle = submit(&stage, 3, until(50), tell);
    on_park(|| set_clock(50));
    handle.with(AsyncResult::wait);
    expect([
        "waiter parks until 50",
        "closure dropped, pending",
        "on_error: the deadline passed before the job ran; it counts from the call, the wait in the queue included, pending",
        "unpark waiter",
    ]);
    assert_eq!(stage.queued(), 0);
    assert!(matches!(
        handle.take().get(),
        Err(JobError::DeadlineExpired)
    ));
}

// S41
#[test]
fn a_wait_on_a_worker_works_on_the_batch_and_on_nothing_else() {
    let stage = pool(1);
    let other = stage.submit_named("other");
    let handle = submit(&stage, 3, Options::default(), tell);
    stage.on(0, |_| handle.with(AsyncResult::wait));
    expect([
        "item 0",
        "item 1",
        "item 2",
        "closure dropped, pending",
        "on_success, pending",
    ]);
    assert!(stage.step(0));
    expect(["other runs"]);
    drop((other, handle.take()));
}

// S12
#[test]
fn a_closed_pool_gives_items_and_function_back() {
    let stage = pool(1);
    stage.close();
    let closure = Traced("closure");
    let call = Plain(move |_: Traced| {
        let _closure = &closure;
    });
    let batch = batch(["a", "b"].map(Traced).into_feed(), call, (), ());
    let Err((error, feed, call)) = detached::submit(&stage, batch, |(), _| ()) else {
        panic!("the pool is closed");
    };
    assert!(matches!(error, JobError::Closed));
    expect([]);
    drop(call);
    expect(["closure dropped"]);
    drop(feed);
    expect(["a dropped", "b dropped"]);
}

// S13
#[test]
fn a_worker_that_finds_no_room_works_on_its_batch_at_once() {
    let stage = bounded(1, 1);
    let first = stage.submit_named("first");
    let batch = batch((0..2).into_feed(), Plain(tell), (), ());
    let job = stage.on(0, |_| accept(&stage, batch));
    assert!(job.ready());
    expect(["item 0", "item 1"]);
    assert!(stage.step(0));
    first.get().unwrap();
    expect(["first runs"]);
}

// S22, S15
#[test]
fn a_batch_whose_handle_is_gone_runs_and_its_last_worker_drops_the_values() {
    let stage = pool(1);
    let call = Plain(|_: i32| Traced("value"));
    let batch = batch((0..2).into_feed(), call, (), Block);
    drop(accept(&stage, batch));
    expect([]);
    assert!(stage.step(0));
    expect(["value dropped", "value dropped", "block freed"]);
}

// S13
#[test]
fn a_worker_that_found_no_room_and_did_all_itself_leaves_no_invitation_behind() {
    let stage = bounded(2, 1);
    let there = Rc::clone(&stage);
    let job = stage.submit(move || {
        let _fills_the_queue = there.submit_named("other");
        let inner = Rc::clone(&there);
        let call = Plain(move |item| {
            if item == 0 {
                assert!(inner.step(1), "there is room from now on");
            }
            tell(item)
        });
        let handle = accept(&there, batch((0..3).into_feed(), call, (), ()));
        assert!(handle.ready() && there.queued() == 0);
    });
    assert!(stage.step(0));
    job.get().unwrap();
    expect(["other runs", "item 0", "item 1", "item 2"]);
}

//! `AsyncResult`.

use std::sync::Arc;
use std::sync::Mutex;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ringpool::{AsyncResult, CancelOutcome, GetError, JobError, Pool};
use ringpool_tests::{
    FlagWaker, Gate, Log, Tally, Tracker, block_on, boom, hold, hold_at, poll_once, pool, watchdog,
};

/// Long enough that a test which waits so long has failed.
const FOR_EVER: Duration = Duration::MAX;
/// Short enough to pass while a gate holds the worker.
const A_MOMENT: Duration = Duration::from_millis(2);

// S16
#[test]
fn get_takes_the_value() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let taken = pool.apply_async(move || value).unwrap().get().unwrap();
    assert_eq!(tracker.alive(), 1);
    drop(taken);
    tracker.assert_all_dropped_once();
}

// S16
#[test]
fn get_blocks_until_the_value_is_there() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let result = pool.apply_async(|| 9).unwrap();
    thread::scope(|s| {
        let getter = s.spawn(|| (result.get().unwrap(), gate.is_open()));
        gate.open();
        assert_eq!(getter.join().unwrap(), (9, true));
    });
}

// S16, S21
#[test]
fn a_value_is_taken_once() {
    let _watch = watchdog();
    let pool = pool(1);
    let mut result = pool.apply_async(|| String::from("once")).unwrap();
    assert_eq!(block_on(&mut result).unwrap(), "once");
    assert!(matches!(
        result.get_timeout(Duration::ZERO),
        Err(GetError::Job(JobError::Taken))
    ));
    assert!(matches!(block_on(&mut result), Err(JobError::Taken)));
    assert!(matches!(result.get(), Err(JobError::Taken)));
    let mut result = pool.apply_async(|| String::from("twice")).unwrap();
    assert_eq!(result.get_timeout(FOR_EVER).unwrap(), "twice");
    assert!(result.ready());
    assert!(matches!(result.get(), Err(JobError::Taken)));
}

// S17
#[test]
fn get_timeout_leaves_the_handle_usable() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let mut result = pool.apply_async(|| 3).unwrap();
    for _ in 0..3 {
        assert!(matches!(
            result.get_timeout(Duration::ZERO),
            Err(GetError::TimedOut)
        ));
        assert!(matches!(
            result.get_timeout(A_MOMENT),
            Err(GetError::TimedOut)
        ));
    }
    gate.open();
    assert_eq!(result.get_timeout(FOR_EVER).unwrap(), 3);
}

// S17
#[test]
fn a_time_out_of_zero_takes_a_value_that_is_there() {
    let _watch = watchdog();
    let pool = pool(1);
    let mut result = pool.apply_async(|| 3).unwrap();
    result.wait();
    assert_eq!(result.get_timeout(Duration::ZERO).unwrap(), 3);
    let mut panicked = pool.apply_async(|| boom("no")).unwrap();
    panicked.wait();
    assert!(matches!(
        panicked.get_timeout(Duration::ZERO),
        Err(GetError::Job(JobError::Panicked(_)))
    ));
}

// S17
#[test]
fn a_huge_time_out_does_not_overflow() {
    let _watch = watchdog();
    let pool = pool(1);
    for huge in [
        FOR_EVER,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(u64::MAX / 2),
    ] {
        let gate = hold(&pool, 1);
        let mut result = pool.apply_async(|| 3).unwrap();
        thread::scope(|s| {
            s.spawn(|| gate.open());
            assert!(result.wait_timeout(huge));
            assert_eq!(result.get_timeout(huge).unwrap(), 3);
        });
    }
}

// S17
#[test]
fn on_a_worker_a_time_out_of_zero_only_looks() {
    let _watch = watchdog();
    let pool = pool(1);
    pool.apply(|| {
        let ran = Tally::new();
        let count = ran.clone();
        let mut queued = pool.apply_async(move || count.add()).unwrap();
        assert!(matches!(
            queued.get_timeout(Duration::ZERO),
            Err(GetError::TimedOut)
        ));
        assert!(!queued.wait_timeout(Duration::ZERO));
        assert_eq!(ran.get(), 0);
        assert_eq!(
            queued.get_timeout(FOR_EVER).unwrap(),
            0,
            "a longer one runs it in place"
        );
    })
    .unwrap();
}

// S18
#[test]
fn waiting_does_not_take_the_value() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let result = pool.apply_async(|| 8).unwrap();
    assert!(!result.wait_timeout(Duration::ZERO));
    assert!(!result.wait_timeout(A_MOMENT));
    gate.open();
    result.wait();
    assert!(result.wait_timeout(Duration::ZERO));
    result.wait();
    assert_eq!(result.get().unwrap(), 8);
}

// S18
#[test]
fn several_threads_wait_on_one_handle() {
    let _watch = watchdog();
    let pool = pool(1);
    for _ in 0..50 {
        let gate = hold(&pool, 1);
        let result = pool.apply_async(|| 8).unwrap();
        thread::scope(|s| {
            for i in 0..6 {
                let result = &result;
                s.spawn(move || match i % 3 {
                    0 => result.wait(),
                    1 => assert!(result.wait_timeout(FOR_EVER)),
                    _ => while !result.wait_timeout(Duration::from_micros(50)) {},
                });
            }
            gate.open();
        });
        assert_eq!(result.get().unwrap(), 8);
    }
}

// S19
#[test]
fn successful_is_unknown_until_ready() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let good = pool.apply_async(|| ()).unwrap();
    let bad = pool.apply_async(|| boom("bad")).unwrap();
    let cancelled = pool.apply_async(|| ()).unwrap();
    assert_eq!((good.ready(), good.successful()), (false, None));
    assert_eq!((bad.ready(), bad.successful()), (false, None));
    cancelled.cancel();
    assert_eq!(
        (cancelled.ready(), cancelled.successful()),
        (true, Some(false))
    );
    gate.open();
    good.wait();
    bad.wait();
    assert_eq!((good.ready(), good.successful()), (true, Some(true)));
    assert_eq!((bad.ready(), bad.successful()), (true, Some(false)));
}

// S20
#[test]
fn a_cancelled_queued_job_never_runs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let ran = Tally::new();
    let count = ran.clone();
    let result = pool.apply_async(move || count.add()).unwrap();
    assert_eq!(result.cancel(), CancelOutcome::NeverRan);
    assert_eq!(result.cancel(), CancelOutcome::AlreadyDone);
    assert!(result.ready());
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(ran.get(), 0);
}

// S20
#[test]
fn cancel_drops_captures_and_calls_back_on_the_cancelling_thread() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let called_on = Log::new();
    let log = called_on.clone();
    let with = pool.with().on_error(move |error| {
        log.push((matches!(error, JobError::Cancelled), thread::current().id()));
    });
    let result = with.apply_async(move || value.id()).unwrap();
    let me = thread::scope(|s| {
        let canceller = s.spawn(|| {
            result.cancel();
            assert_eq!(tracker.alive(), 0, "the captures are dropped now");
            thread::current().id()
        });
        canceller.join().unwrap()
    });
    assert_eq!(tracker.dropped_on(0), Some(me));
    assert_eq!(called_on.take(), [(true, me)]);
    tracker.assert_all_dropped_once();
    gate.open();
}

// S20, S13
#[test]
fn cancelled_jobs_do_not_pile_up() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(2).build().unwrap();
    let gate = hold(&pool, 1);
    for round in 0..1000 {
        let result = pool
            .try_apply_async(|| ())
            .unwrap_or_else(|e| panic!("{e} in round {round}"));
        assert_eq!(result.cancel(), CancelOutcome::NeverRan);
    }
    let kept = pool.try_apply_async(|| 1).unwrap();
    let behind = pool.try_apply_async(|| 2).unwrap();
    behind.cancel();
    gate.open();
    assert_eq!(kept.get().unwrap(), 1);
}

// S20, S13
#[test]
fn a_job_cancelled_behind_a_waiting_one_keeps_nothing_but_its_place() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(2).build().unwrap();
    let gate = hold(&pool, 1);
    let kept = pool.try_apply_async(|| 1).unwrap();
    let tracker = Tracker::new();
    let value = tracker.make();
    let behind = pool.try_apply_async(move || value.id()).unwrap();
    assert_eq!(behind.cancel(), CancelOutcome::NeverRan);
    tracker.assert_all_dropped_once();
    gate.open();
    assert_eq!(kept.get().unwrap(), 1);
    let gate = hold(&pool, 1);
    for _ in 0..2 {
        assert!(
            pool.try_apply_async(|| ()).is_ok(),
            "the head has passed it, so there is room"
        );
    }
    gate.open();
}

// S20
#[test]
fn a_cancelled_running_job_sees_its_token_and_goes_on() {
    let _watch = watchdog();
    let pool = pool(1);
    let (begun, cancelled) = (Gate::new(), Gate::new());
    let (at_begin, at_cancel) = (begun.clone(), cancelled.clone());
    begun.open();
    let result = pool.with_worker().apply_async(move |w| {
        let before = w.is_cancelled();
        at_begin.pass();
        at_cancel.pass();
        (before, w.is_cancelled())
    });
    let result = result.unwrap();
    begun.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    assert!(!result.ready());
    cancelled.open();
    result.wait();
    assert_eq!(result.cancel(), CancelOutcome::AlreadyDone);
    assert_eq!(result.get().unwrap(), (false, true), "its value counts");
    assert!(
        !pool.with_worker().apply(|w| w.is_cancelled()).unwrap(),
        "the token is the job's, not the worker's"
    );
}

// S20, S33
#[test]
fn a_cancelled_batch_starts_no_further_chunk() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let gate = Gate::new();
    let (at, ran) = (gate.clone(), Log::new());
    let log = ran.clone();
    let result = pool
        .with()
        .chunk_size(1)
        .map_async(tracker.make_vec(10), move |item| {
            log.push(item.id());
            at.pass();
            item
        });
    let result = result.unwrap();
    gate.wait_for_arrivals(1);
    assert_eq!(result.cancel(), CancelOutcome::StillRuns);
    gate.open();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    assert_eq!(ran.take(), [0]);
    tracker.assert_all_dropped_once();
}

// S20, S33
#[test]
fn a_cancelled_queued_batch_never_runs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let result = pool.map_async(tracker.make_vec(10), |item| item).unwrap();
    assert_eq!(result.cancel(), CancelOutcome::NeverRan);
    tracker.assert_all_dropped_once();
    assert!(matches!(result.get(), Err(JobError::Cancelled)));
    gate.open();
}

// S20, S14
#[test]
fn cancel_races_with_the_worker_and_one_of_them_wins() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..2000 {
        let tracker = Tracker::new();
        let value = tracker.make();
        let result = pool.apply_async(move || value).unwrap();
        let outcome = result.cancel();
        match (outcome, result.get()) {
            (CancelOutcome::NeverRan, Err(JobError::Cancelled)) => {}
            (CancelOutcome::StillRuns | CancelOutcome::AlreadyDone, Ok(value)) => drop(value),
            other => panic!("{other:?}"),
        }
        tracker.assert_all_dropped_once();
    }
}

// S21
#[test]
fn a_result_can_be_awaited() {
    let _watch = watchdog();
    let pool = pool(2);
    let gate = hold(&pool, 2);
    let results: Vec<_> = (0..20)
        .map(|i| pool.apply_async(move || i).unwrap())
        .collect();
    thread::scope(|s| {
        s.spawn(|| gate.open());
        let sum = block_on(async {
            let mut sum = 0;
            for result in results {
                sum += result.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 190);
    });
    let error = block_on(pool.apply_async(|| boom("awaited")).unwrap()).unwrap_err();
    assert!(matches!(error, JobError::Panicked(_)));
}

// S21
#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let (first, second) = (FlagWaker::new(), FlagWaker::new());
    let done = Tally::new();
    let mut result = pool.apply_async(|| 5).unwrap();
    assert!(poll_once(&mut result, &first).is_pending());
    assert!(poll_once(&mut result, &second).is_pending());
    assert!(poll_once(&mut result, &second).is_pending());
    assert_eq!(second.wakes(), 0);
    let count = done.clone();
    let after = pool.apply_async(move || count.add()).unwrap();
    gate.open();
    // The job after it has begun, so the worker is through with the wake.
    done.wait_for(1);
    assert_eq!(second.wakes(), 1);
    assert!(matches!(poll_once(&mut result, &first), Poll::Ready(Ok(5))));
    after.wait();
}

// S21, S22
#[test]
fn dropping_the_future_does_not_cancel_the_job() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let (ran, tracker) = (Tally::new(), Tracker::new());
    let (count, value) = (ran.clone(), tracker.make());
    let mut result = pool
        .apply_async(move || {
            count.add();
            value
        })
        .unwrap();
    let waker = FlagWaker::new();
    assert!(poll_once(&mut result, &waker).is_pending());
    drop(result);
    gate.open();
    ran.wait_for(1);
    drop(pool);
    tracker.assert_all_dropped_once();
    assert_eq!(
        Arc::strong_count(&waker),
        1,
        "the waker is dropped with the job"
    );
}

// S21, S18
#[test]
fn a_polled_result_can_still_be_waited_for() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let waker = FlagWaker::new();
    let mut result = pool.apply_async(|| 5).unwrap();
    assert!(poll_once(&mut result, &waker).is_pending());
    thread::scope(|s| {
        s.spawn(|| result.wait());
        s.spawn(|| gate.open());
    });
    assert_eq!(result.get().unwrap(), 5);
}

// S21, S41
#[test]
fn awaiting_on_a_worker_runs_the_queued_job() {
    let _watch = watchdog();
    let pool = pool(1);
    let threads = pool.apply(|| {
        let queued = pool.apply_async(|| thread::current().id()).unwrap();
        (thread::current().id(), block_on(queued).unwrap())
    });
    let (outer, inner) = threads.unwrap();
    assert_eq!(outer, inner);
}

// S21
#[test]
fn awaiting_a_batch_gives_all_its_values() {
    let _watch = watchdog();
    let pool = pool(2);
    assert_eq!(
        block_on(pool.map_async(0..50, |i| i * 2).unwrap())
            .unwrap()
            .len(),
        50
    );
    assert_eq!(
        pool.apply(|| block_on(pool.map_async(0..50, |i| i * 2).unwrap())
            .unwrap()
            .len())
            .unwrap(),
        50
    );
}

// S21
#[test]
fn handles_have_the_auto_traits_their_values_allow() {
    fn shared<T: Send + Sync + Unpin>() {}
    fn unpin<T: Unpin>() {}
    shared::<AsyncResult<Vec<u8>>>();
    unpin::<AsyncResult<std::marker::PhantomPinned>>();
    shared::<Pool>();
    shared::<Pool<std::rc::Rc<()>>>();
    shared::<JobError>();
    shared::<ringpool::SubmitError<std::cell::Cell<()>>>();
}

// S22
#[test]
fn a_job_without_a_handle_runs_and_its_worker_drops_the_value() {
    let _watch = watchdog();
    let pool = pool(1);
    let worker = pool.apply(|| thread::current().id()).unwrap();
    let gate = hold(&pool, 1);
    let tracker = Tracker::new();
    let value = tracker.make();
    drop(pool.apply_async(move || value).unwrap());
    assert_eq!(tracker.alive(), 1);
    gate.open();
    pool.close();
    pool.join().unwrap();
    tracker.assert_all_dropped_once();
    assert_eq!(tracker.dropped_on(0), Some(worker));
}

// S22
#[test]
fn a_handle_dropped_late_drops_the_value_itself() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let result = pool.apply_async(move || value).unwrap();
    result.wait();
    drop(pool);
    assert_eq!(
        tracker.alive(),
        1,
        "a value outlives its pool in its handle"
    );
    drop(result);
    tracker.assert_all_dropped_once();
    assert_eq!(tracker.dropped_on(0), Some(thread::current().id()));
}

// S22, S14
#[test]
fn a_leaked_handle_harms_nobody() {
    let _watch = watchdog();
    let pool = pool(2);
    let ran = Tally::new();
    for i in 0..100 {
        let count = ran.clone();
        std::mem::forget(pool.apply_async(move || count.add()).unwrap());
        if i % 10 == 0 {
            std::mem::forget(pool.map_async(0..10, |x| x).unwrap());
        }
    }
    pool.close();
    pool.join().unwrap();
    assert_eq!(ran.get(), 100);
}

/// Counts of success and error callbacks.
fn callbacks() -> (Log<String>, impl Fn(&Log<String>) -> Vec<String>) {
    (Log::new(), |log: &Log<String>| log.take())
}

// S23
#[test]
fn exactly_one_callback_runs_before_the_result_is_ready() {
    let _watch = watchdog();
    let pool = pool(1);
    let (log, taken) = callbacks();
    let with = || {
        let (good, bad) = (log.clone(), log.clone());
        pool.with()
            .on_success(move |value: &i32| good.push(format!("value {value}")))
            .on_error(move |error| bad.push(format!("error {error}")))
    };
    with().apply_async(|| 5).unwrap().wait();
    assert_eq!(taken(&log), ["value 5"]);
    let result = with().apply_async(|| boom("it went wrong")).unwrap();
    result.wait();
    let entries = taken(&log);
    assert!(
        entries.len() == 1 && entries[0].contains("it went wrong"),
        "{entries:?}"
    );
    assert!(
        result.get().is_err(),
        "the error is still there to be taken"
    );
    drop(with().apply_async(|| 6).unwrap());
    pool.apply(|| ()).unwrap();
    assert_eq!(taken(&log), ["value 6"], "also without a handle");
}

// S23
#[test]
fn a_result_is_not_ready_while_its_callback_runs() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = Gate::new();
    let at = gate.clone();
    let mut result = pool
        .with()
        .on_success(move |_| at.pass())
        .apply_async(|| 1)
        .unwrap();
    gate.wait_for_arrivals(1);
    assert!(!result.ready());
    assert_eq!(result.successful(), None);
    assert!(matches!(
        result.get_timeout(Duration::ZERO),
        Err(GetError::TimedOut)
    ));
    gate.open();
    assert_eq!(result.get().unwrap(), 1);
}

// S23
#[test]
fn callbacks_of_a_batch_run_once_also_when_it_is_empty() {
    let _watch = watchdog();
    let pool = pool(2);
    let lengths = Log::new();
    for length in [0, 1, 100] {
        let log = lengths.clone();
        let with = pool
            .with()
            .on_success(move |values: &Vec<usize>| log.push(values.len()));
        assert_eq!(
            with.map_async(0..length, |i| i)
                .unwrap()
                .get()
                .unwrap()
                .len(),
            length
        );
    }
    assert_eq!(lengths.take(), [0, 1, 100]);
    let errors = Log::new();
    let log = errors.clone();
    let with = pool
        .with()
        .chunk_size(1)
        .on_error(move |error| log.push(error.to_string()));
    let result = with
        .map_async(0..10, |i| if i % 2 == 1 { boom("odd") } else { i })
        .unwrap();
    assert!(result.get().is_err());
    assert_eq!(errors.len(), 1);
}

// S23, S12
#[test]
fn callbacks_tell_every_way_to_end_and_nothing_of_refusals() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let (log, taken) = callbacks();
    let submit = || {
        let (good, bad) = (log.clone(), log.clone());
        let with = pool
            .with()
            .on_success(move |()| good.push("success".into()));
        with.on_error(move |error| bad.push(format!("{error:?}")))
            .apply_async(|| ())
    };
    submit().unwrap().cancel();
    assert_eq!(taken(&log), ["Cancelled"]);
    let left = submit().unwrap();
    pool.terminate();
    left.wait();
    assert_eq!(taken(&log), ["Terminated"]);
    let refused = submit().err().unwrap();
    assert!(matches!(refused.reason(), JobError::Terminated));
    drop(refused);
    assert!(log.is_empty());
    gate.open();
}

// S24
#[test]
fn a_panicking_callback_is_the_jobs_error() {
    let _watch = watchdog();
    let pool = pool(1);
    let tracker = Tracker::new();
    let value = tracker.make();
    let with = pool
        .with()
        .on_success(|_| boom("in on_success"))
        .on_error(|_| unreachable!("one callback only"));
    let JobError::Panicked(panic) = with.apply_async(move || value).unwrap().get().unwrap_err()
    else {
        panic!()
    };
    assert_eq!(panic.message(), Some("in on_success"));
    tracker.assert_all_dropped_once();

    let with = pool.with().on_error(|_| boom("in on_error"));
    let JobError::Panicked(panic) = with
        .apply_async(|| boom("in the job"))
        .unwrap()
        .get()
        .unwrap_err()
    else {
        panic!()
    };
    assert_eq!(panic.message(), Some("in on_error"));

    let gate = hold(&pool, 1);
    let cancelled = pool
        .with()
        .on_error(|_| boom("on cancel"))
        .apply_async(|| ())
        .unwrap();
    cancelled.cancel();
    assert!(matches!(cancelled.get(), Err(JobError::Panicked(_))));
    gate.open();
    assert_eq!(pool.apply(|| 4).unwrap(), 4, "the pool goes on");
}

// S24
#[test]
fn a_panicking_callback_of_a_batch_is_its_error() {
    let _watch = watchdog();
    let pool = pool(2);
    let tracker = Tracker::new();
    let with = pool.with().on_success(|_| boom("of a batch"));
    let result = with.map_async(tracker.make_vec(20), |item| item).unwrap();
    assert!(matches!(result.get(), Err(JobError::Panicked(_))));
    tracker.assert_all_dropped_once();
    assert_eq!(pool.map(0..3, |x| x).unwrap(), [0, 1, 2]);
}

// S25, S41
#[test]
fn blocking_in_a_callback_cannot_deadlock() {
    let _watch = watchdog();
    let pool = Arc::new(pool(1));
    let inner = Arc::clone(&pool);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let with = pool.with().on_success(move |value: &i32| {
        let mut log = log.lock().unwrap();
        log.push(inner.apply(|| *value + 1).unwrap());
        log.push(inner.apply_async(|| 10).unwrap().get().unwrap());
        log.extend(inner.map(0..3, |x| x + 20).unwrap());
        log.extend(inner.map_async(0..3, |x| x + 30).unwrap().get().unwrap());
        log.extend(inner.imap(0..3, |x| x + 40).map(Result::unwrap));
    });
    with.apply_async(|| 1).unwrap().wait();
    assert_eq!(
        *seen.lock().unwrap(),
        [2, 10, 20, 21, 22, 30, 31, 32, 40, 41, 42]
    );
}

// S25, S41
#[test]
fn blocking_in_a_job_cannot_deadlock() {
    let _watch = watchdog();
    let pool = pool(1);
    let values = pool.apply(|| {
        let queued: Vec<_> = (0..5)
            .map(|i| pool.apply_async(move || i).unwrap())
            .collect();
        queued
            .into_iter()
            .rev()
            .map(|result| result.get().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(values.unwrap(), [4, 3, 2, 1, 0]);
}

// S23, S15
#[test]
fn a_callback_that_does_not_run_is_dropped_before_the_result_is_ready() {
    let _watch = watchdog();
    let pool = pool(1);
    for fails in [false, true] {
        let tracker = Tracker::new();
        let (a, b) = (tracker.make(), tracker.make());
        let with = pool
            .with()
            .on_success(move |(): &()| drop(a))
            .on_error(move |_| drop(b));
        let result = with
            .apply_async(move || {
                if fails {
                    boom("fails")
                }
            })
            .unwrap();
        while !result.ready() {
            thread::yield_now();
        }
        tracker.assert_all_dropped_once();
    }
}

// S18, S20
#[test]
fn a_waiter_is_released_by_another_threads_cancel() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    for _ in 0..100 {
        let result = pool.apply_async(|| ()).unwrap();
        thread::scope(|s| {
            s.spawn(|| result.wait());
            s.spawn(|| assert_eq!(result.cancel(), CancelOutcome::NeverRan));
        });
    }
    gate.open();
}

// S16
#[test]
fn a_handle_may_be_used_after_its_pool_is_gone() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).drain_on_drop().build().unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 1);
    let (done, never) = (
        pool.apply_async(|| 1).unwrap(),
        pool.apply_async(|| 2).unwrap(),
    );
    never.cancel();
    gate.open();
    drop(pool);
    assert_eq!(done.get().unwrap(), 1);
    assert!(matches!(never.get(), Err(JobError::Cancelled)));
}

// S18
#[test]
fn hundreds_of_threads_wait_at_once() {
    let _watch = watchdog();
    let pool = pool(1);
    let gate = hold(&pool, 1);
    let shared = pool.apply_async(|| ()).unwrap();
    let arrived = Tally::new();
    thread::scope(|s| {
        for i in 0..300 {
            let own = pool.apply_async(move || i).unwrap();
            let (shared, arrived) = (&shared, arrived.clone());
            s.spawn(move || {
                arrived.add();
                shared.wait();
                assert_eq!(own.get().unwrap(), i);
            });
        }
        arrived.wait_for(300);
        gate.open();
    });
}

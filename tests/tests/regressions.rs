//! Faults that reviews have found, each as a test of its own.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use ringpool::{GetError, JobError, Pool, Schedule};
use ringpool_tests::{Gate, Grenade, Tracked, Tracker, hold, watchdog};

/// Rounds of a race; each takes some microseconds.
const ROUNDS: u32 = 20_000;

// S14, S20: values of chunks that never ran were handed out.
#[test]
fn a_batch_cancelled_at_any_moment_gives_all_values_or_none() {
    let _watchdog = watchdog();
    let pool = ringpool_tests::pool(2);
    for round in 0..ROUNDS {
        let batch = pool
            .with()
            .chunk_size(1)
            .map_async((0..8).collect::<Vec<_>>(), Box::<u32>::new)
            .unwrap();
        for _ in 0..round % 97 {
            std::hint::spin_loop();
        }
        let _ = batch.cancel();
        match batch.get() {
            Ok(values) => assert!(values.iter().map(|value| **value).eq(0..8)),
            Err(JobError::Cancelled) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

// S14, S50: a waiter took the withdrawal of a batch for its end.
#[test]
fn a_batch_whose_deadline_passes_at_any_moment_gives_all_values_or_none() {
    let _watchdog = watchdog();
    let pool = ringpool_tests::pool(2);
    for round in 0..ROUNDS {
        let batch = pool
            .with()
            .chunk_size(1)
            .deadline(Duration::from_nanos(u64::from(round % 20_000)))
            .map_async((0..8).collect::<Vec<_>>(), Box::<u32>::new)
            .unwrap();
        match batch.get() {
            Ok(values) => assert!(values.iter().map(|value| **value).eq(0..8)),
            Err(JobError::DeadlineExpired) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

// S34: a stream that cannot be waited for lost the rest of its input.
#[test]
fn a_stream_that_needs_lent_state_yields_an_error_for_each_item() {
    let _watchdog = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_u32)
        .build()
        .unwrap();
    let (ordered, unordered) = pool
        .with_worker()
        .apply(|_| {
            let with = || pool.with_worker().chunk_size(4);
            (
                with().imap(0..100, |_, x: i32| x).count(),
                with().imap_unordered(0..100, |_, x: i32| x).count(),
            )
        })
        .unwrap();
    assert_eq!((ordered, unordered), (100, 100));
}

// S37: `next_timeout` waited for room in a full pool without looking at the time.
#[test]
fn a_timed_next_ends_although_the_queue_is_full() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).capacity(1).build().unwrap();
    let gate = hold(&pool, 1);
    let queued = pool.apply_async(|| ()).unwrap();
    let mut stream = pool.imap(0..3, |x| x);
    let early = stream.next_timeout(Duration::from_millis(1));
    assert!(matches!(early, Err(GetError::TimedOut)), "{early:?}");
    gate.open();
    queued.get().unwrap();
    // Nothing was lost by the time-out.
    assert_eq!(stream.collect::<Result<Vec<_>, _>>().unwrap(), [0, 1, 2]);
}

// S47: `join_timeout` waited for the caller that is worker 0.
#[test]
fn a_timed_join_ends_although_a_caller_takes_part() {
    let _watchdog = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let gate = Gate::new();
    std::thread::scope(|scope| {
        scope.spawn(|| pool.apply(|| gate.pass()).unwrap());
        gate.wait_for_arrivals(1);
        pool.close();
        assert!(!pool.join_timeout(Duration::from_millis(1)).unwrap());
        gate.open();
    });
    pool.join().unwrap();
}

// S13, S41: a waiter for room was not told of the place that an awaited batch left.
#[test]
fn awaiting_a_batch_on_a_worker_makes_room_for_others() {
    let _watchdog = watchdog();
    let pool = Arc::new(Pool::builder().workers(1).capacity(1).build().unwrap());
    let inner = Arc::clone(&pool);
    let (submitted, until_submitted) = channel::<()>();
    let (full, until_full) = channel::<()>();
    let job = pool
        .apply_async(move || {
            let batch = inner.map_async((0..4).collect::<Vec<_>>(), |x| x).unwrap();
            full.send(()).unwrap();
            batch.get().unwrap();
            // Comes only if the other thread was let in while this job still runs.
            until_submitted.recv().unwrap();
        })
        .unwrap();
    until_full.recv().unwrap();
    let other = Arc::clone(&pool);
    let thread = std::thread::spawn(move || {
        let late = other.apply_async(|| ()).unwrap();
        submitted.send(()).unwrap();
        late.get().unwrap();
    });
    job.get().unwrap();
    thread.join().unwrap();
}

// S18: a third waiter parked without telling the word.
#[test]
fn many_waiters_of_one_job_all_wake() {
    let _watchdog = watchdog();
    let pool = ringpool_tests::pool(1);
    for _ in 0..200 {
        let job = pool.apply_async(std::thread::yield_now).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| job.wait());
            }
        });
    }
}

// S13, S37, S41: a timed wait for room in a full queue waited for the very worker that it was on.
#[test]
fn a_timed_next_on_the_only_worker_does_not_wait_for_room() {
    let _watchdog = watchdog();
    for timeout in [Duration::from_hours(1), Duration::MAX] {
        let pool = Arc::new(Pool::builder().workers(1).capacity(1).build().unwrap());
        let inner = Arc::clone(&pool);
        let job = move || {
            let other = inner.try_apply_async(|| ()).expect("there is room for one");
            let mut stream = inner.imap(0..3, |x| x);
            let looked = stream.next_timeout(Duration::ZERO);
            assert!(matches!(looked, Err(GetError::TimedOut)), "zero only looks");
            for expected in 0..3 {
                assert_eq!(stream.next_timeout(timeout).unwrap(), Some(expected));
            }
            assert_eq!(stream.next_timeout(timeout).unwrap(), None);
            assert!(!other.ready(), "a stranger's job was run in its place");
        };
        pool.apply(job).unwrap();
    }
}

// S15, S31: the first error of a batch with ranges of its own cut it like one with a cursor: items were dropped
// twice, and the count of open batches went below zero.
#[test]
fn the_first_error_of_a_static_batch_drops_every_item_once() {
    let _watchdog = watchdog();
    let pool = ringpool_tests::pool(2);
    for round in 0..ROUNDS / 20 {
        let tracker = Tracker::new();
        let failing = usize::try_from(round % 8).unwrap();
        let attempt = |item: Tracked| {
            let id = item.id();
            if id == failing { Err(id) } else { Ok(item) }
        };
        let with = pool.with().schedule(Schedule::Static);
        let result = with.try_map(tracker.make_vec(8), attempt).unwrap();
        assert_eq!(result.unwrap_err(), failing);
        tracker.assert_all_dropped_once();
    }
    assert_eq!(pool.terminate(), 0, "no batch is open");
}

// S13, S34: the same where the queue is full, so that the chunk is refused; it ended the stream.
#[test]
fn a_stream_that_needs_lent_state_and_finds_no_room_yields_an_error_for_each_item() {
    let _watchdog = watchdog();
    for chunk_size in [1, 2] {
        let pool = Pool::builder()
            .workers(1)
            .capacity(1)
            .initializer(|_| ())
            .build()
            .unwrap();
        let pool = Arc::new(pool);
        let inner = Arc::clone(&pool);
        let count_lent = move |_: &mut ringpool::Worker<'_>| {
            let _other = inner.try_apply_async(|| ()).expect("there is room for one");
            let stream = inner
                .with_worker()
                .chunk_size(chunk_size)
                .imap(0..3, |_, x: i32| x);
            stream
                .filter(|item| matches!(item, Err(JobError::StateLent)))
                .count()
        };
        assert_eq!(pool.with_worker().apply(count_lent).unwrap(), 3);
    }
}

// S13, S34, S50: the same where the deadline passes while a chunk waits for room.
#[test]
fn a_stream_whose_deadline_passes_yields_an_error_for_each_item() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).capacity(1).build().unwrap();
    let gate = hold(&pool, 1);
    let queued = pool.apply_async(|| ()).unwrap();
    let stream = pool.with().deadline(Duration::ZERO).imap(0..3, |x| x);
    let expired = stream.filter(|item| matches!(item, Err(JobError::DeadlineExpired)));
    assert_eq!(expired.count(), 3);
    gate.open();
    queued.get().unwrap();
}

// S14, S38: the panic of a destructor came out of the drop of a stream.
#[test]
fn destructors_that_panic_are_contained_when_a_stream_is_dropped() {
    let _watchdog = watchdog();
    let tracker = Tracker::new();
    for (unordered, chunk_size) in [(false, 1), (false, 3), (true, 1), (true, 3)] {
        let pool = ringpool_tests::pool(1);
        let function = Grenade::new(tracker);
        let make = move |_: i32| {
            let _own = &function;
            Grenade::new(tracker)
        };
        let with = pool.with().chunk_size(chunk_size).window(6);
        let mut stream = if unordered {
            with.imap_unordered(0..9, make)
        } else {
            with.imap(0..9, make)
        };
        let first = stream.next().unwrap().unwrap();
        // The other chunk of the window has ended as well.
        pool.apply(|| ()).unwrap();
        drop(stream);
        assert!(std::panic::catch_unwind(move || drop(first)).is_err());
    }
    tracker.assert_all_dropped_once();
}

// S7, S25: a worker that refused a late job ran its callback as if that were a ticket of its own loop: a batch that the
// callback waited for was left to the worker's replacement, which waited for the callback.
#[test]
fn a_callback_of_an_expired_job_may_wait_on_a_worker_that_is_replaced() {
    let _watchdog = watchdog();
    let builder = Pool::builder().workers(1).max_jobs_per_worker(1);
    let pool = Arc::new(builder.build().unwrap());
    let (inner, (tell, told)) = (Arc::clone(&pool), channel());
    let callback = move |_: &JobError| {
        let batch = inner.with().chunk_size(1).map_async(vec![1, 2, 3], |x| x);
        tell.send(batch.unwrap().get().unwrap()).unwrap();
    };
    let late = pool.with().deadline(Duration::ZERO).on_error(callback);
    drop(late.apply_async(|| ()).unwrap());
    assert_eq!(told.recv().unwrap(), [1, 2, 3]);
}

// S13, S20: a cancelled job whose place has come to the head keeps nobody out.
#[test]
fn a_bounded_queue_of_cancelled_jobs_is_not_full() {
    let _watch = watchdog();
    let pool = Pool::builder().workers(1).capacity(2).build().unwrap();
    let first = hold(&pool, 1);
    let second = Gate::new();
    let at = second.clone();
    let running = pool.apply_async(move || at.pass()).unwrap();
    let cancelled = pool.apply_async(|| ()).unwrap();
    cancelled.cancel();
    first.open();
    second.wait_for_arrivals(1);
    let queued = [(); 2].map(|()| pool.try_apply_async(|| ()).expect("there are two places"));
    second.open();
    running.get().unwrap();
    for job in queued {
        job.get().unwrap();
    }
}

//! Streams whose jobs lie in the pool's slots.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringpool::{GetError, JobError, StaticPool, Std};
use ringpool_tests::{Gate, Tracker, boom, watchdog};

use super::with_workers;

type Pool<const WORKERS: usize, const SLOTS: usize> = StaticPool<WORKERS, SLOTS, 64, Std>;

// S34, S36: more items than slots, and at most a window of them under way.
#[test]
fn results_come_in_order_of_the_input_and_the_window_bounds_what_is_pulled() {
    static POOL: Pool<2, 4> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        for window in [1, 3, 4, 100] {
            let pulled = Cell::new(0);
            let input = (0..50_usize).inspect(|_| pulled.set(pulled.get() + 1));
            let stream = POOL.with().window(window).imap(input, |x| x * x);
            for (yielded, result) in stream.enumerate() {
                assert_eq!(result.unwrap(), yielded * yielded);
                assert!(pulled.get() <= yielded + window.min(4));
            }
            assert_eq!(pulled.get(), 50);
        }
    });
}

// S35
#[test]
fn an_unordered_stream_yields_what_is_done_first() {
    static POOL: Pool<2, 2> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let gate = Gate::new();
        let at = gate.clone();
        let mut stream = POOL.imap_unordered(0..10, move |x| {
            if x == 0 {
                at.pass();
            }
            x
        });
        for expected in 1..10 {
            assert_eq!(stream.next().unwrap().unwrap(), expected);
        }
        assert_eq!(stream.progress().done, 9);
        gate.open();
        assert_eq!(stream.next().unwrap().unwrap(), 0);
        assert!(stream.next().is_none());
    });
}

// S14, S35: every slot is the stream's own, and each is free again as soon as its result was yielded.
#[test]
fn an_unordered_stream_never_finds_the_slots_full_that_it_uses_alone() {
    static POOL: Pool<3, 2> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let items = if cfg!(miri) { 50 } else { 20_000_usize };
        let mut sum = 0;
        for result in POOL.imap_unordered(0..items, |x| x) {
            sum += result.unwrap();
        }
        assert_eq!(sum, items * (items - 1) / 2);
    });
}

// S34, S30
#[test]
fn a_panic_is_the_result_of_its_item_and_the_stream_goes_on() {
    static POOL: Pool<1, 2> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let work = |x: usize| if x % 2 == 1 { boom("odd") } else { x };
        let results: Vec<_> = POOL.with().name("odd").imap(0..4, work).collect();
        for (index, result) in results.into_iter().enumerate() {
            match result {
                Ok(value) => assert_eq!((value, index % 2), (index, 0)),
                Err(JobError::Panicked(panic)) => {
                    assert_eq!(
                        (panic.index(), panic.job_name()),
                        (Some(index), Some("odd"))
                    );
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    });
}

// S13: the slots are somebody else's. The item waits in the stream, and none is lost.
#[test]
fn a_stream_without_room_says_so_and_tries_again() {
    static POOL: Pool<1, 1> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let other = POOL.apply_async(|| 7).unwrap();
    let mut stream = POOL.imap(0..2, |x| x);
    assert!(matches!(stream.next(), Some(Err(JobError::Full))));
    assert!(matches!(stream.next(), Some(Err(JobError::Full))));
    assert_eq!(
        (stream.progress().done, stream.progress().total),
        (0, Some(2))
    );
    assert_eq!(stream.size_hint(), (2, None));
    let each = |_, _| boom("nothing was submitted");
    let refused = POOL.stream_into(0..2, |x: i32| x, each);
    assert!(matches!(refused, Err(JobError::Full)));
    assert!(seat.run_one());
    assert_eq!(other.get().unwrap(), 7);
    let rest = seat.participate(|| stream.collect::<Result<Vec<_>, _>>());
    assert_eq!(rest.unwrap(), [0, 1]);
}

// S13, S41: an older job stays at the head of the queue, where what the stream leaves behind it is not freed. Only this
// worker could take it, so the stream needs no place for the rest.
#[test]
fn a_stream_on_the_only_worker_does_not_depend_on_room() {
    static POOL: Pool<1, 4> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    for slots in [1, 4] {
        let older: Vec<_> = (0..slots).map(|x| POOL.apply_async(move || x)).collect();
        let done = seat.participate(|| {
            let work = |x: usize| if x == 13 { boom("odd") } else { x };
            let results = POOL.with().name("here").imap(0..20, work).enumerate();
            for (index, result) in results {
                match result {
                    Ok(value) => assert_eq!(value, index),
                    Err(JobError::Panicked(panic)) => {
                        assert_eq!((panic.index(), panic.job_name()), (Some(13), Some("here")));
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            let mut sum = 0;
            let add = |index, result: Result<usize, JobError>| {
                assert_eq!(result.unwrap(), index);
                sum += index;
            };
            (POOL.stream_into(0..20, |x| x, add).unwrap(), sum)
        });
        assert_eq!(done, (20, 190));
        // It was not run inside the wait, for it is not what was waited for.
        for (expected, job) in older.into_iter().enumerate() {
            let job = job.unwrap();
            assert!(!job.ready());
            assert!(seat.run_one());
            assert_eq!(job.get().unwrap(), expected);
        }
    }
    // To look is not to work.
    let older = [(); 4].map(|()| POOL.apply_async(|| ()).unwrap());
    seat.participate(|| {
        let mut stream = POOL.imap(0..1, |x| x);
        let looked = stream.next_timeout(Duration::ZERO);
        assert!(matches!(looked, Err(GetError::Job(JobError::Full))));
        assert_eq!(stream.next().unwrap().unwrap(), 0);
        assert!(stream.next().is_none());
    });
    drop(older);
}

// S26, S42: nothing outlives the call, also where it ends early.
#[test]
fn stream_into_lends_its_items_and_its_function() {
    static POOL: Pool<2, 4> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let words = ["to", "be", "or", "not"].map(String::from);
        let offset = Box::new(10);
        let mut lengths = [0; 4];
        let told = POOL
            .stream_into(
                &words,
                |word| word.len() + *offset,
                |index, length| {
                    lengths[index] = length.unwrap();
                },
            )
            .unwrap();
        assert_eq!((told, lengths), (4, [12, 12, 12, 13]));

        let tracker = Tracker::new();
        let ran = AtomicUsize::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let items = std::iter::repeat_with(|| tracker.make());
            let work = |item| {
                ran.fetch_add(1, Ordering::Relaxed);
                (item, &ran)
            };
            POOL.stream_into(items, work, |index, result| {
                result.unwrap();
                if index == 5 {
                    boom("in each")
                }
            })
        }));
        assert!(panicked.is_err());
        tracker.assert_all_dropped_once();
        // How many more depends on who runs the sixth item, and when: the others go on meanwhile.
        assert!(ran.into_inner() >= 6);
    });
}

// S28
#[test]
fn the_panic_of_an_input_leaves_nothing_running() {
    static POOL: Pool<1, 4> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        let ended = std::sync::Arc::new(AtomicUsize::new(0));
        let counts = std::sync::Arc::clone(&ended);
        let input = (0..3).chain(std::iter::once_with(|| boom("input")));
        let mut stream = POOL.imap(input, move |_: i32| counts.fetch_add(1, Ordering::Relaxed));
        assert!(catch_unwind(AssertUnwindSafe(|| stream.next())).is_err());
        assert_eq!(ended.load(Ordering::Relaxed), 3);
    });
}

// S29
#[test]
fn an_input_that_lies_about_its_length_is_pulled_to_its_end() {
    struct Liar(i32, usize);

    impl Iterator for Liar {
        type Item = i32;

        fn next(&mut self) -> Option<i32> {
            self.0 += 1;
            (self.0 <= 9).then_some(self.0)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.1, Some(self.1))
        }
    }

    static POOL: Pool<1, 4> = StaticPool::new();
    let _watch = watchdog();
    with_workers(&POOL, || {
        for claimed in [0, 3, usize::MAX] {
            let mut stream = POOL.imap(Liar(0, claimed), |x| x);
            assert_eq!(stream.next().unwrap().unwrap(), 1);
            assert!(stream.size_hint().0 >= 3 && stream.progress().done == 1);
            let rest: Result<Vec<_>, _> = stream.collect();
            assert!(rest.unwrap().into_iter().eq(2..=9));
        }
    });
}

// S38
#[test]
fn a_dropped_stream_cancels_what_has_not_started() {
    static POOL: Pool<1, 4> = StaticPool::new();
    let _watch = watchdog();
    let tracker = Tracker::new();
    let mut seat = POOL.seat(0).unwrap();
    let items: Vec<_> = (0..5).map(|_| tracker.make()).collect();
    let mut stream = POOL.imap(items, |item| item);
    assert!(matches!(
        stream.next_timeout(Duration::ZERO),
        Err(GetError::TimedOut)
    ));
    assert_eq!(POOL.stats().queued, 4);
    assert!(seat.run_one());
    drop(stream);
    assert_eq!(POOL.stats().queued, 0);
    tracker.assert_all_dropped_once();
    assert!(!seat.run_one());
}

// S37, S40
#[test]
fn a_timed_next_leaves_the_stream_usable() {
    static POOL: Pool<1, 2> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    for unordered in [false, true] {
        let same: fn(i32) -> i32 = |x| x;
        let mut stream = if unordered {
            POOL.imap_unordered(1..=3, same)
        } else {
            POOL.imap(1..=3, same)
        };
        for timeout in [Duration::ZERO, Duration::from_millis(1)] {
            let timed_out = stream.next_timeout(timeout);
            assert!(matches!(timed_out, Err(GetError::TimedOut)));
        }
        for expected in 1..=3 {
            seat.run_one();
            let next = stream.next_timeout(Duration::ZERO).unwrap();
            assert_eq!(next, Some(expected));
        }
        assert_eq!(
            (stream.progress().done, stream.progress().total),
            (3, Some(3))
        );
        assert_eq!(stream.next_timeout(Duration::ZERO).unwrap(), None);
        assert_eq!(stream.size_hint(), (0, Some(0)));
    }
}

// S39
#[test]
fn a_stream_of_a_pool_that_closes_yields_what_is_under_way_and_why_it_ends() {
    static POOL: Pool<1, 2> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let mut stream = POOL.imap(0.., |x| x);
    assert!(stream.next_timeout(Duration::ZERO).is_err());
    POOL.close();
    assert_eq!(stream.size_hint(), (0, None));
    while seat.run_one() {}
    assert_eq!(stream.next().unwrap().unwrap(), 0);
    assert_eq!(stream.next().unwrap().unwrap(), 1);
    assert!(matches!(stream.next(), Some(Err(JobError::Closed))));
    assert!(stream.next().is_none());
    let closed = POOL.stream_into(0..3, |x| x, |_, _: Result<i32, _>| boom("closed"));
    assert!(matches!(closed, Err(JobError::Closed)));
}

// S50: nobody works, so the consumer resolves what is queued.
#[test]
fn a_stream_ends_at_its_deadline() {
    static POOL: Pool<1, 4> = StaticPool::new();
    let _watch = watchdog();
    for unordered in [false, true] {
        let with = POOL.with().deadline(Duration::from_millis(1));
        let same: fn(i32) -> i32 = |x| x;
        let stream = if unordered {
            with.imap_unordered(0..6, same)
        } else {
            with.imap(0..6, same)
        };
        let results: Vec<_> = stream.collect();
        assert_eq!(results.len(), 6);
        for result in results {
            assert!(
                matches!(result, Err(JobError::DeadlineExpired)),
                "{result:?}"
            );
        }
    }
}

// S41
#[test]
fn a_stream_in_a_job_works_on_its_own_items() {
    static POOL: StaticPool<1, 4, 64, Std, u32> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let outer = POOL
        .apply_async(|| {
            let ordered: Result<Vec<_>, _> = POOL.imap(0..10, |x| x + 1).collect();
            let mut sum = 0;
            let add = |_, result: Result<i32, JobError>| sum += result.unwrap();
            POOL.stream_into(ordered.unwrap(), |x| x, add).unwrap();
            sum
        })
        .unwrap();
    assert!(seat.run_one());
    assert_eq!(outer.get().unwrap(), 55);
    // What needs the state that this very job has borrowed cannot be waited for.
    let lent = POOL
        .with_worker()
        .apply_async(|_| {
            let one = POOL.with_worker().imap(0..1, |_, x| x).next();
            let other = POOL.with_worker().imap_unordered(0..1, |_, x| x).next();
            let into =
                POOL.with_worker()
                    .stream_into(0..1, |_, x| x, |_, _: Result<i32, _>| boom("lent"));
            [one.unwrap(), other.unwrap(), into.map(|_| 0)]
                .map(|result| matches!(result, Err(JobError::StateLent)))
        })
        .unwrap();
    assert!(seat.run_one());
    assert_eq!(lent.get().unwrap(), [true; 3]);
    while seat.run_one() {}
    // Otherwise they borrow it.
    let each = |worker: &mut ringpool::Worker<'_, u32>, x: u32| {
        *worker.state += x;
        *worker.state
    };
    let sums = seat.participate(|| {
        let stream = POOL.with_worker().imap(1..4, each);
        stream.collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(sums.unwrap(), [1, 3, 6]);
}

// S27
#[test]
fn settings_out_of_range_are_the_streams_only_result() {
    static POOL: Pool<1, 1> = StaticPool::new();
    let _watch = watchdog();
    for (with, wrong) in [
        (POOL.with().window(0), "window"),
        (POOL.with().chunk_size(0), "chunk_size"),
    ] {
        let mut stream = with.imap(0..3, |x| x);
        match stream.next() {
            Some(Err(JobError::InvalidOption { option, value: 0 })) => assert_eq!(option, wrong),
            other => panic!("{other:?}"),
        }
        assert!(stream.next().is_none());
    }
}

// S20, S23
#[test]
fn a_cancelled_stream_yields_a_result_for_each_item_it_has_submitted() {
    static POOL: Pool<1, 4> = StaticPool::new();
    static LOG: Mutex<Vec<i32>> = Mutex::new(Vec::new());
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let mut stream = POOL.imap(0..9, |x| LOG.lock().unwrap().push(x));
    assert!(stream.next_timeout(Duration::ZERO).is_err());
    assert!(seat.run_one());
    stream.cancel();
    let results: Vec<_> = stream.collect();
    assert!(matches!(
        results[..],
        [
            Ok(()),
            Err(JobError::Cancelled),
            Err(JobError::Cancelled),
            Err(JobError::Cancelled)
        ]
    ));
    assert_eq!(*LOG.lock().unwrap(), [0]);
}

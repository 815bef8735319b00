//! Handles that several threads use, also while their pool ends.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use ringpool::{AsyncResult, CancelOutcome, GetError, JobError, Pool};

use crate::rounds::{Alive, Count, Counted, Rng, dawdle, rounds};

/// A handle of a job or of a batch.
enum Handle {
    Job(AsyncResult<Counted>),
    Batch(AsyncResult<Vec<Counted>>),
}

fn is_outcome(error: &JobError) -> bool {
    matches!(error, JobError::Cancelled | JobError::Terminated)
}

fn check<T>(result: Result<T, JobError>) {
    if let Err(error) = result {
        assert!(is_outcome(&error), "{error:?}");
    }
}

/// Uses a handle in a random way until it is gone.
fn use_up<T: Send>(mut handle: AsyncResult<T>, rng: &mut Rng) {
    loop {
        match rng.below(9) {
            0 => {
                handle.cancel();
            }
            1 => match handle.get_timeout(Duration::from_micros(rng.next() % 60)) {
                Err(GetError::TimedOut) => {}
                Err(GetError::Job(error)) => return assert!(is_outcome(&error), "{error:?}"),
                Ok(_) => {
                    assert!(matches!(handle.get(), Err(JobError::Taken)));
                    return;
                }
                Err(other) => panic!("{other:?}"),
            },
            2 => {
                handle.wait_timeout(Duration::from_micros(rng.next() % 60));
            }
            3 => {
                handle.progress();
                assert!(handle.successful().is_none() || handle.ready());
            }
            4 => {
                let waker = Waker::from(Arc::new(Unpark(thread::current())));
                let poll = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
                if let Poll::Ready(result) = poll {
                    return check(result);
                }
            }
            5 => return check(handle.get()),
            6 => {
                handle.wait();
                assert!(handle.ready());
            }
            7 if rng.coin() => return,
            _ => dawdle(rng, 5),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

// S14, S15, S20, S48: a use after free shows under AddressSanitizer.
#[test]
fn handles_outlive_a_pool_that_another_thread_drops() {
    rounds("handles outlive the pool", 2000, |rng| {
        let workers = 1 + rng.below(3);
        let builder = Pool::builder().workers(workers);
        let builder = if rng.coin() {
            builder.drain_on_drop()
        } else {
            builder
        };
        let pool = builder.build().expect("a small pool can be built");
        let alive = Alive::default();
        let mut bags: Vec<Vec<Handle>> = vec![Vec::new(), Vec::new(), Vec::new()];
        let bag_count = bags.len();
        for number in 0..10 + rng.below(40) {
            let value = alive.make(number);
            let handle = if rng.below(4) == 0 {
                let items = (0..rng.below(6))
                    .map(|number| alive.make(number))
                    .collect::<Vec<_>>();
                let map = move |item: Counted| {
                    assert!(value.number() < 100);
                    item
                };
                Handle::Batch(pool.map_async(items, map).expect("the pool is open"))
            } else {
                let spins = rng.below(200);
                Handle::Job(
                    pool.apply_async(move || {
                        (0..spins).for_each(|_| std::hint::spin_loop());
                        value
                    })
                    .expect("the pool is open"),
                )
            };
            bags[number % bag_count].push(handle);
        }
        let start = Barrier::new(bag_count + 1);
        thread::scope(|threads| {
            for bag in bags {
                let seed = rng.next();
                let start = &start;
                threads.spawn(move || {
                    let mut rng = Rng::new(seed);
                    start.wait();
                    for handle in bag {
                        match handle {
                            Handle::Job(handle) => use_up(handle, &mut rng),
                            Handle::Batch(handle) => use_up(handle, &mut rng),
                        }
                    }
                });
            }
            let start = &start;
            let mut rng = Rng::new(rng.next());
            threads.spawn(move || {
                start.wait();
                dawdle(&mut rng, 40);
                drop(pool);
            });
        });
        alive.settle();
    });
}

// S20, S48: the pool ends on its own worker, while handles are cancelled outside.
#[test]
fn handles_outlive_a_pool_that_its_own_worker_drops() {
    rounds("handles outlive a pool dropped inside", 1500, |rng| {
        let pool = Pool::builder()
            .workers(1 + rng.below(3))
            .build()
            .expect("a small pool can be built");
        let alive = Alive::default();
        let (give, take) = mpsc::channel::<Pool>();
        let owner = pool
            .apply_async(move || drop(take.recv()))
            .expect("the pool is open");
        let handles = (0..20)
            .map(|number| {
                let value = alive.make(number);
                pool.apply_async(move || value).expect("the pool is open")
            })
            .collect::<Vec<_>>();
        let mut rest = handles.into_iter();
        thread::scope(|threads| {
            for _ in 0..2 {
                let mut rng = Rng::new(rng.next());
                let handles = rest.by_ref().take(10).collect::<Vec<_>>();
                threads.spawn(move || {
                    for handle in handles {
                        use_up(handle, &mut rng);
                    }
                });
            }
            dawdle(rng, 20);
            give.send(pool).expect("the job waits for it");
        });
        owner.get().expect("it runs to its end");
        alive.settle();
    });
}

// S17, S18
#[test]
fn several_threads_wait_with_timeouts_on_one_handle() {
    rounds("several waiters", 1500, |rng| {
        let pool = Pool::builder()
            .workers(1 + rng.below(2))
            .build()
            .expect("a small pool can be built");
        let alive = Alive::default();
        let spins = rng.below(3000);
        let value = alive.make(7);
        let handle = pool.apply_async(move || {
            (0..spins).for_each(|_| std::hint::spin_loop());
            value
        });
        let handle = handle.expect("the pool is open");
        let cancels = rng.below(4) == 0;
        thread::scope(|threads| {
            for waiter in 0..5 {
                let handle = &handle;
                let mut rng = Rng::new(rng.next());
                threads.spawn(move || {
                    match waiter {
                        0 => handle.wait(),
                        1 => assert!(handle.wait_timeout(Duration::MAX)),
                        _ => while !handle.wait_timeout(Duration::from_micros(rng.next() % 30)) {},
                    }
                    assert!(handle.ready());
                    assert!(handle.wait_timeout(Duration::ZERO));
                });
            }
            if cancels {
                handle.cancel();
            }
        });
        match handle.get() {
            Ok(value) => assert_eq!(value.number(), 7),
            Err(error) => assert!(cancels && is_outcome(&error), "{error:?}"),
        }
        drop(pool);
        assert_eq!(alive.now(), 0);
    });
}

/// Counts wakes, and unparks.
struct CountingWaker {
    wakes: AtomicUsize,
    thread: Thread,
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
        self.thread.unpark();
    }
}

// S21
#[test]
fn futures_are_polled_and_dropped_with_changing_wakers() {
    rounds("changing wakers", 1000, |rng| {
        let pool = Pool::builder()
            .workers(1 + rng.below(2))
            .build()
            .expect("a small pool can be built");
        let alive = Alive::default();
        let mut all_wakers = Vec::new();
        for number in 0..8 {
            let (value, spins) = (alive.make(number), rng.below(2000));
            let job = move || {
                (0..spins).for_each(|_| std::hint::spin_loop());
                value
            };
            let mut handle = pool.apply_async(job).expect("the pool is open");
            loop {
                let waker = Arc::new(CountingWaker {
                    wakes: AtomicUsize::new(0),
                    thread: thread::current(),
                });
                all_wakers.push(Arc::clone(&waker));
                let task = Waker::from(Arc::clone(&waker));
                let mut context = Context::from_waker(&task);
                if let Poll::Ready(result) = Pin::new(&mut handle).poll(&mut context) {
                    check(result);
                    break;
                }
                match rng.below(6) {
                    // Polled again with another waker at once.
                    0 | 1 => {}
                    // Polled again with the same waker.
                    2 => {
                        if let Poll::Ready(result) = Pin::new(&mut handle).poll(&mut context) {
                            check(result);
                            break;
                        }
                    }
                    3 => {
                        let outcome = handle.cancel();
                        assert!(outcome != CancelOutcome::NeverRan || handle.ready());
                    }
                    4 if rng.coin() => break,
                    // Only the last waker must be called.
                    _ => {
                        while waker.wakes.load(SeqCst) == 0 {
                            thread::park();
                        }
                        assert!(handle.ready(), "woken before it is ready");
                    }
                }
            }
        }
        drop(pool);
        assert_eq!(alive.now(), 0, "a value lives on");
        for waker in all_wakers {
            assert_eq!(Arc::strong_count(&waker), 1, "a waker was leaked");
            assert!(waker.wakes.load(SeqCst) <= 1, "a waker was called twice");
        }
    });
}

// S34, S35, S38
#[test]
fn lazy_streams_are_dropped_midway() {
    rounds("streams dropped midway", 500, |rng| {
        let builder = Pool::builder().workers(1 + rng.below(3));
        let builder = if rng.coin() {
            builder.capacity(1 + rng.below(2))
        } else {
            builder
        };
        let pool = builder.build().expect("a small pool can be built");
        let (alive, yielded) = (Alive::default(), Count::default());
        thread::scope(|threads| {
            for _ in 0..3 {
                let mut rng = Rng::new(rng.next());
                let (pool, alive, yielded) = (&pool, &alive, &yielded);
                threads.spawn(move || {
                    for _ in 0..4 {
                        let with = pool
                            .with()
                            .chunk_size(1 + rng.below(3))
                            .window(1 + rng.below(12));
                        let input = (0..).map(|number| alive.make(number));
                        let mut stream = if rng.coin() {
                            with.imap(input, |item| item)
                        } else {
                            with.imap_unordered(input, |item| item)
                        };
                        for _ in 0..rng.below(20) {
                            if rng.below(3) == 0 {
                                let _ = stream.next_timeout(Duration::from_micros(rng.next() % 20));
                            } else {
                                stream
                                    .next()
                                    .expect("the input is endless")
                                    .expect("the pool is open");
                            }
                            yielded.add();
                        }
                        match rng.below(4) {
                            0 => stream.cancel(),
                            1 => drop(stream.into_input()),
                            _ => {}
                        }
                    }
                });
            }
        });
        pool.close();
        pool.join().expect("it is closed");
        assert_eq!(alive.now(), 0, "items of dropped streams live on");
        assert!(yielded.get() < 10_000);
    });
}

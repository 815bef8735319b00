//! Workers that are tasks of an executor with one thread.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use ringpool::{JobError, RunAsync, Seat, StaticPool, Std, WaitPolicy};
use ringpool_tests::{boom, watchdog};

/// Counts how often it was called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// One task with a waker that counts.
struct Task<'a, 'p, W: 'static> {
    worker: RunAsync<'a, 'p, Std, W>,
    calls: Arc<Calls>,
}

impl<'a, 'p, W> Task<'a, 'p, W> {
    fn of(seat: &'a mut Seat<'p, Std, W>) -> Self {
        Self {
            worker: seat.run_async(),
            calls: Arc::default(),
        }
    }

    fn poll(&mut self) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.calls));
        Pin::new(&mut self.worker).poll(&mut Context::from_waker(&waker))
    }

    /// Ends the task without its destructor.
    fn leak(self) {
        ringpool_tests::forget(self.worker);
    }

    /// How often the waker was called since it was asked.
    fn wakes(&self) -> usize {
        self.calls.0.swap(0, Ordering::SeqCst)
    }

    /// Polls as an executor does: while the waker was called. Tells how often, and whether the task has ended.
    fn run(&mut self) -> (usize, bool) {
        let mut polls = 0;
        while self.wakes() > 0 {
            polls += 1;
            if self.poll().is_ready() {
                return (polls, true);
            }
        }
        (polls, false)
    }
}

// S10, S11, S44: it yields when there is no work, and is woken once for what arrives.
#[test]
fn a_worker_in_an_executor_sleeps_until_a_job_arrives() {
    static POOL: StaticPool<1, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let mut task = Task::of(&mut seat);
    assert!(task.poll().is_pending());
    assert_eq!(task.wakes(), 0, "there is nothing to do");
    // An executor may poll for no reason.
    assert!(task.poll().is_pending());
    assert_eq!(task.wakes(), 0);
    let first = POOL.apply_async(|| 1).unwrap();
    assert_eq!(task.calls.0.load(Ordering::SeqCst), 1);
    let second = POOL.apply_async(|| 2).unwrap();
    assert_eq!(task.wakes(), 1, "it is awake already");
    // One job for each poll, so that other tasks have their turns.
    assert!(task.poll().is_pending());
    assert_eq!(
        (first.ready(), second.ready(), task.wakes()),
        (true, false, 1)
    );
    assert!(task.poll().is_pending());
    assert_eq!((second.ready(), task.wakes()), (true, 1));
    assert!(task.poll().is_pending());
    assert_eq!(task.wakes(), 0, "it sleeps again");
    assert_eq!((first.get().unwrap(), second.get().unwrap()), (1, 2));

    let last = POOL.apply_async(|| 3).unwrap();
    POOL.close();
    assert_eq!(task.run(), (2, true));
    assert_eq!(last.get().unwrap(), 3);
}

// S44, S45
#[test]
fn a_sleeping_worker_is_woken_when_the_pool_ends() {
    let _watch = watchdog();
    for terminate in [false, true] {
        let pool = StaticPool::<1, 8, 64, Std>::new();
        let mut seat = pool.seat(0).unwrap();
        {
            let mut task = Task::of(&mut seat);
            assert!(task.poll().is_pending());
            if terminate {
                pool.terminate();
            } else {
                pool.close();
            }
            assert_eq!(task.run(), (1, true));
        }
        drop(seat);
        pool.join().unwrap();
    }
}

// S11: the executor is busy with another task, so it is woken for the job and does not poll.
#[test]
fn a_job_does_not_wait_for_an_executor_that_polls_late() {
    static POOL: StaticPool<3, 8, 64, Std> = StaticPool::new().wait_policy(WaitPolicy::Passive);
    let _watch = watchdog();
    let mut seats = [POOL.seat(0).unwrap(), POOL.seat(1).unwrap()];
    let mut tasks = seats.each_mut().map(Task::of);
    for task in &mut tasks {
        assert!(task.poll().is_pending());
    }
    std::thread::scope(|scope| {
        scope.spawn(|| POOL.run_worker(2).unwrap());
        for round in 1..4 {
            while POOL.stats().workers[2].parks < round {
                std::thread::yield_now();
            }
            assert_eq!(POOL.apply(move || round).unwrap(), round);
        }
        POOL.close();
    });
    // Each was woken once, and not again while it was awake.
    assert_eq!(tasks.each_ref().map(Task::wakes), [1, 1]);
    drop(tasks);
    drop(seats);
    POOL.join().unwrap();
}

// S22: what a dropped future was woken for is somebody else's.
#[test]
fn a_dropped_future_leaves_its_job_to_others_and_the_seat_usable() {
    static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seats = [POOL.seat(0).unwrap(), POOL.seat(1).unwrap()];
    let [first, second] = &mut seats;
    let mut other = Task::of(second);
    let job = {
        let mut task = Task::of(first);
        assert!(task.poll().is_pending());
        assert!(other.poll().is_pending());
        let job = POOL.apply_async(|| 1).unwrap();
        assert_eq!(task.wakes(), 1);
        job
    };
    assert!(!other.run().1);
    assert_eq!(job.get().unwrap(), 1);
    // Dropped asleep: nobody is woken in vain, and the seat's owner goes on in another way.
    {
        let mut task = Task::of(first);
        assert!(task.poll().is_pending());
    }
    let job = POOL.apply_async(|| 2).unwrap();
    assert_eq!(other.wakes(), 1);
    assert!(first.run_one());
    assert_eq!(job.get().unwrap(), 2);
}

// S11, S22: a leaked future, asleep or woken, leaves nothing that keeps the seat's owner or others asleep.
#[test]
fn a_leaked_future_leaves_the_seat_usable_and_nobody_relied_on() {
    static POOL: StaticPool<2, 8, 64, Std> = StaticPool::new().wait_policy(WaitPolicy::Passive);
    let _watch = watchdog();
    let mut other = POOL.seat(1).unwrap();
    for woken in [false, true] {
        let mut seat = POOL.seat(0).unwrap();
        let mut task = Task::of(&mut seat);
        assert!(task.poll().is_pending());
        let job = woken.then(|| POOL.apply_async(|| 1).unwrap());
        assert_eq!(task.wakes(), usize::from(woken));
        task.leak();
        if let Some(job) = job {
            // The seat's owner does nothing itself, and still others must be woken for what comes next.
            assert!(seat.run_one());
            assert_eq!(job.get().unwrap(), 1);
        }
        drop(seat);
        let mut task = Task::of(&mut other);
        assert!(task.poll().is_pending());
        let job = POOL.apply_async(|| 2).unwrap();
        assert_eq!(task.wakes(), 1, "nobody else is announced or counted");
        assert!(task.poll().is_pending());
        assert_eq!(job.get().unwrap(), 2);
    }
    // A worker that goes on as a thread parks on its token again.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seat = POOL.seat(0).unwrap();
            let mut task = Task::of(&mut seat);
            assert!(task.poll().is_pending());
            task.leak();
            seat.run();
        });
        while POOL.stats().workers[0].parks == 0 {
            std::thread::yield_now();
        }
        assert_eq!(POOL.apply(|| 3).unwrap(), 3);
        POOL.close();
    });
}

// S26, S43
#[test]
fn a_worker_in_an_executor_takes_part_in_batches_and_broadcasts() {
    static POOL: StaticPool<1, 8, 64, Std, u32> = StaticPool::new();
    let _watch = watchdog();
    let executor = std::thread::spawn(|| {
        let mut seat = POOL.seat(0).unwrap();
        block_on(async { seat.run_async().await });
    });
    let mut out = [0; 100];
    POOL.map_into(0..100, &mut out, |x| x * x).unwrap();
    assert!(out.into_iter().eq((0..100).map(|x| x * x)));
    for expected in 1..10 {
        let count = POOL.broadcast(|worker| {
            *worker.state += 1;
            *worker.state
        });
        assert_eq!(count.unwrap(), [expected]);
    }
    POOL.close();
    executor.join().unwrap();
}

// S7, S24: neither ends the task.
#[test]
fn panics_and_fresh_states_do_not_end_the_future() {
    static POOL: StaticPool<1, 8, 64, Std, u32> = StaticPool::new().max_jobs_per_worker(2);
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let mut task = Task::of(&mut seat);
    assert!(task.poll().is_pending());
    let bad = POOL.apply_async(|| boom("job")).unwrap();
    let states = [(); 2].map(|()| {
        let count = |worker: &mut ringpool::Worker<'_, u32>| {
            *worker.state += 1;
            *worker.state
        };
        POOL.with_worker().apply_async(count).unwrap()
    });
    assert!(!task.run().1);
    assert!(matches!(
        bad.get().map(|(): ()| ()),
        Err(JobError::Panicked(_))
    ));
    assert_eq!(states.map(|state| state.get().unwrap()), [1, 1]);
}

/// Wakes the thread of an executor.
#[derive(Default)]
struct Bell(Mutex<bool>, Condvar);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }
}

/// An executor with one task: it sleeps until the waker is called.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        let mut rung = bell.0.lock().unwrap();
        while !std::mem::take(&mut *rung) {
            rung = bell.1.wait(rung).unwrap();
        }
    }
}

// S21: the tasks of one thread submit, work and await, and none of them blocks.
#[test]
fn an_executor_with_one_thread_submits_works_and_awaits() {
    static POOL: StaticPool<1, 4, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let mut seat = POOL.seat(0).unwrap();
    let log = Rc::new(RefCell::new(Vec::new()));
    let mut submits = {
        let log = Rc::clone(&log);
        Box::pin(async move {
            for number in 0..20 {
                let result = POOL.apply_async(move || number * 2).unwrap().await;
                log.borrow_mut().push(result.unwrap());
            }
            POOL.close();
        })
    };
    let mut works = Box::pin(seat.run_async());
    let mut done = [false; 2];
    block_on(std::future::poll_fn(|cx| {
        if !done[0] {
            done[0] = submits.as_mut().poll(cx).is_ready();
        }
        if !done[1] {
            done[1] = works.as_mut().poll(cx).is_ready();
        }
        if done == [true; 2] {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
    assert!(log.borrow().iter().copied().eq((0..20).map(|x| x * 2)));
}

// S11, S14: no wake is lost between threads.
#[test]
fn executors_and_threads_share_a_pool_under_load() {
    static POOL: StaticPool<3, 16, 64, Std> = StaticPool::new();
    let _watch = watchdog();
    let sum = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for index in 0..2 {
            scope.spawn(move || {
                let mut seat = POOL.seat(index).unwrap();
                block_on(seat.run_async());
            });
        }
        scope.spawn(|| POOL.run_worker(2).unwrap());
        let submitters = [(); 2].map(|()| {
            scope.spawn(|| {
                for number in 0..if cfg!(miri) { 20 } else { 3000 } {
                    let result = POOL.apply(|| number);
                    sum.fetch_add(result.unwrap(), Ordering::Relaxed);
                }
            })
        });
        for submitter in submitters {
            submitter.join().unwrap();
        }
        POOL.close();
    });
    let each = if cfg!(miri) { 190 } else { 2999 * 3000 / 2 };
    assert_eq!(sum.into_inner(), 2 * each);
}

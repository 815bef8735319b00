//! loom models of what a pool in place adds: its slots, its seats, its streams, and workers in executors.

extern crate std;

use std::boxed::Box;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use core::ptr::NonNull;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::*;
use crate::models::{Checked, Machine, Value, before_the_race, explore, join};

/// What loom keeps of a cell makes jobs larger than they are.
type Pool<const WORKERS: usize, const SLOTS: usize> = StaticPool<WORKERS, SLOTS, 1024, Machine>;

/// Explores a model of a pool that is freed when every thread of the model has ended.
fn on<const WORKERS: usize, const SLOTS: usize>(
    bound: usize,
    model: fn(&'static Pool<WORKERS, SLOTS>),
) {
    explore(bound, move || {
        let pool = Box::new(Pool::new().wait_policy(WaitPolicy::Passive));
        let pool = NonNull::from(Box::leak(pool));
        // SAFETY: it is freed below, when nobody has it any more.
        model(unsafe { pool.as_ref() });
        // SAFETY: as above; the pointer came from a box.
        drop(unsafe { Box::from_raw(pool.as_ptr()) });
    });
}

fn submit<const WORKERS: usize, const SLOTS: usize>(
    pool: &'static Pool<WORKERS, SLOTS>,
) -> Option<crate::result::AsyncResult<Value, Machine>> {
    let captured = Value::new();
    let job = move || {
        captured.read();
        Value::new()
    };
    pool.apply_async(job).ok()
}

/// Takes the seat and does what is queued.
fn work<const WORKERS: usize, const SLOTS: usize>(pool: &'static Pool<WORKERS, SLOTS>) {
    if let Ok(mut seat) = pool.seat(0) {
        while seat.run_one() {}
    }
}

// S13, S15, S22: the runner and the handle let go of the one slot; whoever is last gives it to the next job.
#[test]
fn a_slot_goes_from_a_dropped_handle_to_the_next_job() {
    on::<1, 1>(3, |pool| {
        let first = submit(pool).unwrap();
        let runner = thread::spawn(move || work(pool));
        let user = thread::spawn(move || {
            drop(first);
            submit(pool).is_some()
        });
        join([runner]);
        let [accepted] = join([user]);
        work(pool);
        assert_eq!(pool.stats().workers[0].jobs, 1 + usize::from(accepted));
        assert!(submit(pool).is_some(), "no slot is lost");
        work(pool);
    });
}

// S13, S16
#[test]
fn a_slot_goes_from_a_taken_value_to_the_next_job() {
    on::<1, 1>(3, |pool| {
        let first = submit(pool).unwrap();
        let runner = thread::spawn(move || work(pool));
        let user = thread::spawn(move || {
            first.get().unwrap().read();
            assert!(submit(pool).is_some(), "the slot was the handle's");
        });
        join([runner]);
        join([user]);
        work(pool);
    });
}

// S13, S20: one job is cancelled while another thread looks for a slot.
#[test]
fn a_slot_goes_from_a_cancelled_job_to_the_next() {
    on::<1, 1>(3, |pool| {
        let first = submit(pool).unwrap();
        let canceller = thread::spawn(move || {
            first.cancel();
        });
        let submitter = thread::spawn(move || submit(pool).is_some());
        join([canceller]);
        let [accepted] = join([submitter]);
        assert!(accepted || submit(pool).is_some());
        work(pool);
        assert_eq!(pool.stats().workers[0].jobs, 1);
    });
}

// S12, S44, S46: what was accepted runs before the joiner goes on, and shows what it did.
#[test]
fn join_waits_for_what_was_accepted_before_the_close() {
    on::<1, 2>(2, |pool| {
        let done = Arc::new(Checked::new());
        let does = Arc::clone(&done);
        let worker = thread::spawn(move || pool.run_worker(0).unwrap());
        let submitter = thread::spawn(move || {
            let job = move || does.write();
            pool.apply_async(job).is_ok()
        });
        pool.close();
        pool.join().unwrap();
        let [accepted] = join([submitter]);
        if accepted {
            done.read();
        }
        join([worker]);
        assert_eq!(pool.stats().workers[0].jobs, usize::from(accepted));
    });
}

// S20, S46: each of two who cancel might take the other's entry for one that is still to run.
#[test]
fn join_ends_when_two_jobs_are_cancelled_at_once() {
    on::<1, 2>(2, |pool| {
        let [first, second] = before_the_race(|| {
            let jobs = [(); 2].map(|()| pool.apply_async(|| ()).unwrap());
            pool.close();
            jobs
        });
        let canceller = thread::spawn(move || _ = first.cancel());
        second.cancel();
        pool.join().unwrap();
        join([canceller]);
    });
}

// S20, S46: one joiner frees the place of the cancelled job, for which the other waits.
#[test]
fn two_joiners_end_when_the_last_job_is_cancelled() {
    on::<1, 1>(2, |pool| {
        let job = before_the_race(|| {
            let job = pool.apply_async(|| ()).unwrap();
            pool.close();
            job
        });
        let joiners = [(); 2].map(|()| thread::spawn(move || pool.join().unwrap()));
        job.cancel();
        join(joiners);
    });
}

// S46: who leaves last wakes the joiner, who sees what both did.
#[test]
fn join_sees_what_the_workers_did_that_have_left() {
    on::<2, 1>(2, |pool| {
        let done = [Arc::new(Checked::new()), Arc::new(Checked::new())];
        let seats = [0, 1].map(|index| {
            let does = Arc::clone(&done[index]);
            thread::spawn(move || {
                let seat = pool.seat(index).unwrap();
                does.write();
                pool.close();
                drop(seat);
                // The joiner may have come before the other seat was taken.
            })
        });
        join(seats);
        pool.join().unwrap();
        done.iter().for_each(|done| done.read());
    });
}

// S46
#[test]
fn a_joiner_is_woken_by_who_leaves() {
    on::<1, 1>(3, |pool| {
        let done = Arc::new(Checked::new());
        let does = Arc::clone(&done);
        let seat = pool.taken.fetch_or(1, Ordering::Relaxed);
        assert_eq!(seat, 0);
        pool.close();
        let worker = thread::spawn(move || {
            // The seat was taken above, where it is not explored.
            let place = seat::Place::of(pool, 0);
            does.write();
            drop(place);
        });
        let joiner = thread::spawn(move || {
            pool.join().unwrap();
            done.read();
        });
        join([worker]);
        join([joiner]);
    });
}

// S14, S45: the seat is left, or the pool stopped, first; either skips for it.
#[test]
fn a_broadcast_ends_when_the_pool_is_terminated_as_the_seat_is_left() {
    on::<1, 1>(2, |pool| {
        let seat = pool.taken.fetch_or(1, Ordering::Relaxed);
        assert_eq!(seat, 0);
        let caller = thread::spawn(move || _ = pool.broadcast(|_| ()));
        let worker = thread::spawn(move || drop(seat::Place::of(pool, 0)));
        pool.terminate();
        join([caller]);
        join([worker]);
    });
}

// S44, S46: what waits for a seat ends, or is skipped, before the joiner goes on, who is told.
#[test]
fn a_joiner_is_woken_when_a_broadcast_is_skipped() {
    on::<1, 1>(2, |pool| {
        let caller = thread::spawn(move || _ = pool.broadcast(|_| ()));
        // Nothing is closed yet, or the joiner waits.
        let joiner = thread::spawn(move || _ = pool.join());
        pool.terminate();
        join([caller]);
        join([joiner]);
    });
}

// S43, S44, S46: the worker that visits comes and goes while the joiner looks.
#[test]
fn join_sees_what_a_broadcast_did() {
    on::<1, 1>(2, |pool| {
        let done = Arc::new(Checked::new());
        let does = Arc::clone(&done);
        let caller = thread::spawn(move || pool.broadcast(|_| does.write()).is_ok());
        let worker = thread::spawn(move || pool.run_worker(0).unwrap());
        pool.close();
        pool.join().unwrap();
        done.write();
        join([caller]);
        join([worker]);
    });
}

// S3
#[test]
fn start_returns_when_its_workers_have_their_states() {
    use crate::spawner::{Placement, Spawner, WorkerStart};

    struct Threads;

    impl Spawner for Threads {
        type Handle = thread::JoinHandle<()>;
        type Error = core::convert::Infallible;

        fn default_workers(&self) -> usize {
            1
        }

        fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<Self::Handle, Self::Error> {
            Ok(thread::spawn(move || start.run()))
        }

        fn reclaim(&mut self, handle: Self::Handle) {
            handle.join().unwrap();
        }
    }

    on::<1, 1>(2, |pool| {
        let running = pool.start(Threads).unwrap();
        assert_eq!(pool.taken.load(Ordering::Relaxed), 1);
        pool.close();
        assert!(running.join().is_ok());
    });
}

// S14, S35: the consumer waits for any of its jobs, and is told of each.
#[test]
fn a_stream_that_waits_for_any_job_is_woken() {
    on::<1, 2>(2, |pool| {
        let consumer = thread::spawn(move || {
            let items = [Value::new(), Value::new()];
            let stream = pool.imap_unordered(items, |item| {
                item.read();
                item
            });
            let results = stream.map(|result| result.unwrap().read());
            assert_eq!(results.count(), 2);
        });
        let worker = thread::spawn(move || pool.run_worker(0).unwrap());
        join([consumer]);
        pool.close();
        join([worker]);
    });
}

/// Wakes a thread that runs an executor.
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
    /// Used by the executor's thread alone, between its polls.
    task: Checked,
}

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rung: Mutex::new(false),
            changed: Condvar::new(),
            task: Checked::new(),
        })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

/// An executor of one task, which sleeps until the waker was called.
fn block_on(future: impl Future<Output = ()>) {
    let bell = Bell::new();
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    while future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        bell.task.write();
        let mut rung = bell.rung.lock().unwrap();
        while !core::mem::take(&mut *rung) {
            rung = bell.changed.wait(rung).unwrap();
        }
    }
}

// S11, S14
#[test]
fn a_worker_in_an_executor_does_not_miss_a_job_or_the_end() {
    on::<1, 1>(2, |pool| {
        let worker = thread::spawn(move || block_on(pool.seat(0).unwrap().run_async()));
        let submitter = thread::spawn(move || submit(pool).unwrap().get().unwrap().read());
        join([submitter]);
        pool.close();
        join([worker]);
    });
}

// S11, S14: the executor is busy with something else, and another worker is idle.
#[test]
fn a_job_does_not_wait_for_an_executor_that_polls_late() {
    on::<2, 1>(2, |pool| {
        let (tell, told) = loom::sync::mpsc::channel();
        let sleeper = thread::spawn(move || {
            let mut seat = pool.seat(0).unwrap();
            let mut future = seat.run_async();
            let waker = Waker::from(Bell::new());
            // Asleep, or it has met the job and yields to other tasks.
            let poll = pin!(&mut future).poll(&mut Context::from_waker(&waker));
            assert_eq!(poll, Poll::Pending);
            // The next poll does not come before the job was done.
            told.recv().unwrap();
        });
        let worker = thread::spawn(move || pool.run_worker(1).unwrap());
        submit(pool).unwrap().get().unwrap().read();
        tell.send(()).unwrap();
        join([sleeper]);
        pool.close();
        join([worker]);
    });
}

// S11, S14: two who submit, and an executor that polls for no reason.
#[test]
fn a_waker_is_used_by_one_thread_at_a_time() {
    on::<1, 2>(2, |pool| {
        let worker = thread::spawn(move || {
            let mut seat = pool.seat(0).unwrap();
            let mut future = seat.run_async();
            let waker = Waker::from(Bell::new());
            for _ in 0..2 {
                let poll = pin!(&mut future).poll(&mut Context::from_waker(&waker));
                assert_eq!(poll, Poll::Pending);
            }
        });
        let submitters = [(); 2].map(|()| thread::spawn(move || drop(submit(pool).unwrap())));
        join([worker]);
        join(submitters);
        work(pool);
    });
}

// S14: who has called the waker is done with it before the worker leaves the next one.
#[test]
fn a_berth_is_filled_again_when_its_waker_was_called() {
    on::<1, 1>(3, |pool| {
        let worker = thread::spawn(move || {
            let mut seat = pool.seat(0).unwrap();
            let mut future = seat.run_async();
            let waker = Waker::from(Bell::new());
            for _ in 0..3 {
                let poll = pin!(&mut future).poll(&mut Context::from_waker(&waker));
                assert_eq!(poll, Poll::Pending);
            }
        });
        let submitter = thread::spawn(move || drop(submit(pool).unwrap()));
        join([worker]);
        join([submitter]);
        work(pool);
    });
}

// S3, S46: the pool is closed, so a worker leaves as soon as it has come.
#[test]
fn a_pool_is_started_by_one_thread_after_the_other() {
    use crate::spawner::{Placement, Spawner, WorkerStart};

    /// Runs the worker itself.
    struct Inline;

    impl Spawner for Inline {
        type Handle = ();
        type Error = core::convert::Infallible;

        fn default_workers(&self) -> usize {
            1
        }

        fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<(), Self::Error> {
            start.run();
            Ok(())
        }

        fn reclaim(&mut self, (): ()) {}
    }

    on::<1, 1>(2, |pool| {
        pool.close();
        let starters = [(); 2].map(|()| {
            thread::spawn(move || {
                if let Ok(running) = pool.start(Inline) {
                    drop(running);
                }
            })
        });
        join(starters);
    });
}

// S5, S22: one takes the seat as a task and leaves it asleep, then the other does.
#[test]
fn a_berth_goes_from_one_worker_of_a_seat_to_the_next() {
    on::<1, 1>(2, |pool| {
        let workers = [(); 2].map(|()| {
            thread::spawn(move || {
                if let Ok(mut seat) = pool.seat(0) {
                    let waker = Waker::from(Bell::new());
                    let poll = pin!(seat.run_async()).poll(&mut Context::from_waker(&waker));
                    assert_eq!(poll, Poll::Pending);
                }
            })
        });
        join(workers);
    });
}

// S5, S22: the future is leaked asleep while somebody wakes it, and the seat's owner goes on in another way.
#[test]
fn a_leaked_future_leaves_its_berth_to_the_seat() {
    on::<1, 2>(2, |pool| {
        let worker = thread::spawn(move || {
            let mut seat = pool.seat(0).unwrap();
            let waker = Waker::from(Bell::new());
            for _ in 0..2 {
                let mut future = seat.run_async();
                // It has ended if the pool was closed before.
                let _ = pin!(&mut future).poll(&mut Context::from_waker(&waker));
                core::mem::forget(future);
            }
            seat.run();
        });
        let submitter = thread::spawn(move || submit(pool).unwrap().get().unwrap().read());
        join([submitter]);
        pool.close();
        join([worker]);
    });
}

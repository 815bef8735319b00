use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Mutex, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant as Clock};

use ringpool_core::{CancelOutcome, GetError, Hart, Instant, JoinError, Schedule, Spin, TimedHart};

use super::*;

/// Each thread is a hart.
enum Thread {}

/// How often each hart has paused in a wait.
static PAUSES: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

// SAFETY: every thread that asks gets a number of its own, which it keeps. There are fewer than 64, or the
// place of the last one would be looked for in vain.
unsafe impl Hart for Thread {
    fn index() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static INDEX: Cell<Option<usize>> = const { Cell::new(None) };
        }
        INDEX.get().unwrap_or_else(|| {
            let index = NEXT.fetch_add(1, Ordering::Relaxed);
            INDEX.set(Some(index));
            index
        })
    }

    fn relax() {
        PAUSES[Self::index()].fetch_add(1, Ordering::Relaxed);
        thread::yield_now();
    }

    fn now() -> Option<Instant> {
        static START: Mutex<Option<Clock>> = Mutex::new(None);
        let start = *START.lock().ok()?.get_or_insert_with(Clock::now);
        u64::try_from(start.elapsed().as_nanos())
            .ok()
            .map(Instant::from_nanos)
    }
}

impl TimedHart for Thread {}

/// The same threads by another name, as a second library would have it.
enum SameThread {}

// SAFETY: as for `Thread`.
unsafe impl Hart for SameThread {
    fn index() -> usize {
        Thread::index()
    }
}

type Pool<const WORKERS: usize, const SLOTS: usize> = StaticPool<WORKERS, SLOTS, 64, Spin<Thread>>;

/// Ends the program if the test takes too long; stops when dropped.
struct Watch(#[allow(dead_code, reason = "dropping it is the message")] mpsc::Sender<()>);

fn watchdog() -> Watch {
    let (watch, is_over) = mpsc::channel();
    let name = thread::current().name().map(String::from);
    thread::spawn(move || {
        if is_over.recv_timeout(Duration::from_secs(120)) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{name:?} hangs");
            std::process::abort();
        }
    });
    Watch(watch)
}

/// Runs the test of this name alone in a process of its own, and tells how it ended; `None` in that process.
fn in_a_process_of_its_own(name: &str) -> Option<Output> {
    const CHILD: &str = "RINGPOOL_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let this = std::env::current_exe().unwrap();
    let mut child = Command::new(this);
    child.args(["--nocapture", "--exact", &format!("tests::{name}")]);
    Some(child.env(CHILD, "").output().unwrap())
}

/// Runs `f` while threads sit in all seats.
fn with_harts<const WORKERS: usize, const SLOTS: usize>(
    pool: &Pool<WORKERS, SLOTS>,
    f: impl FnOnce(),
) {
    thread::scope(|scope| {
        for index in 0..WORKERS {
            scope.spawn(move || pool.run_worker(index).unwrap());
        }
        f();
        pool.close();
        pool.join().unwrap();
    });
}

// S9, S10, S26, S44
#[test]
fn the_program_of_a_bare_core_runs() {
    let _watch = watchdog();
    static POOL: StaticPool<1, 8, 64, Spin<Thread>, u32> = StaticPool::new();
    for reading in [5, 6] {
        drop(on_reading(&POOL, reading));
    }
    let squares = (0..16_u32).map(|x| (x * x + 2) / 2).sum::<u32>();
    assert_eq!(main_loop(&POOL, 3).unwrap(), squares + 11);
    assert!(on_reading(&POOL, 1).is_none(), "the pool is closed");
    POOL.join().unwrap();
}

// S9, S26, S27
#[test]
fn harts_share_the_work_of_blocking_calls() {
    let _watch = watchdog();
    let pool = Pool::<3, 8>::new();
    with_harts(&pool, || {
        for len in [0_u32, 1, 5, 1000] {
            let mut out = [0; 1000];
            let out = &mut out[..len as usize];
            assert_eq!(pool.map_into(0..len, out, |x| x + 1).unwrap(), len as usize);
            assert!(out.iter().copied().eq(1..=len));
            for schedule in [Schedule::Static, Schedule::Guided] {
                let with = pool.with().schedule(schedule);
                with.for_each(&mut *out, |x| *x += 1).unwrap();
            }
            let sum = pool.reduce(&*out, 0, |x| *x, |a, b| a + b).unwrap();
            assert_eq!(sum, (3..len + 3).sum::<u32>());
        }
        assert_eq!(pool.broadcast(|worker| worker.index()).unwrap(), [0, 1, 2]);
    });
}

// S7, S34, S35, S42: none of it needs an allocator.
#[test]
fn one_core_streams_opens_scopes_and_recycles_its_worker() {
    let _watch = watchdog();
    static POOL: StaticPool<1, 4, 64, Spin<Thread>, u32> = StaticPool::new().max_jobs_per_worker(7);
    let mut seat = POOL.seat(0).unwrap();
    let (mut sum, mut lent) = (0, [0; 3]);
    seat.participate(|| {
        sum += POOL.imap(0..20, |x| x).map(Result::unwrap).sum::<u32>();
        let add = |_, result: Result<u32, JobError>| sum += result.unwrap();
        assert_eq!(POOL.stream_into(0..20, |x| x, add).unwrap(), 20);
        POOL.scope(|scope| {
            for place in &mut lent {
                drop(scope.apply_async(|| *place = 1).unwrap());
            }
        })
        .unwrap();
    });
    assert_eq!((sum, lent), (380, [1; 3]));
    // What was done in the loop is one shift, however long.
    assert_eq!(POOL.stats().workers[0].replaced, 1);
}

// S10, S44: the smallest executor.
#[test]
fn a_worker_is_a_task_of_an_executor() {
    let _watch = watchdog();
    static POOL: Pool<1, 4> = Pool::new();
    let mut seat = POOL.seat(0).unwrap();
    let answer = POOL.isr().try_apply_async(|| 42).unwrap();
    POOL.close();
    let mut worker = pin!(seat.run_async());
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 0;
    while worker.as_mut().poll(&mut cx).is_pending() {
        polls += 1;
    }
    assert_eq!((answer.get().unwrap(), polls), (42, 1));
}

// S13
#[test]
fn a_full_pool_waits_for_nobody() {
    let _watch = watchdog();
    static POOL: Pool<1, 1> = Pool::new();
    let first = POOL.apply_async(|| 1).unwrap();
    let refused = POOL.apply_async(|| 2).unwrap_err();
    assert!(refused.is_full());
    assert_eq!(refused.into_inner()(), 2);
    assert!(matches!(POOL.apply(|| 3), Err(JobError::Full)));
    assert_eq!(first.cancel(), CancelOutcome::NeverRan);
    assert!(matches!(first.get(), Err(JobError::Cancelled)));
    with_harts(&POOL, || assert_eq!(POOL.apply(|| 4).unwrap(), 4));
}

// S17, S50
#[test]
fn waits_end_in_time() {
    let _watch = watchdog();
    static POOL: Pool<1, 4> = Pool::new();
    let mut late = POOL.apply_async(|| 1).unwrap();
    let timed_out = late.get_timeout(Duration::from_millis(1));
    assert!(matches!(timed_out, Err(GetError::TimedOut)));
    let expired = POOL.with().deadline(Duration::from_millis(1)).apply(|| 2);
    assert!(matches!(expired, Err(JobError::DeadlineExpired)));
    let expired = POOL
        .with()
        .deadline(Duration::from_millis(1))
        .for_each(0..9, drop);
    assert!(matches!(expired, Err(JobError::DeadlineExpired)));
    with_harts(&POOL, || assert_eq!(late.get().unwrap(), 1));
}

// S14, S45: shares that are skipped, told apart by a bit for each worker.
#[test]
fn what_a_stopped_pool_skips_is_dropped_once_and_nobody_waits_for_it() {
    let _watch = watchdog();
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Item(usize);
    impl Drop for Item {
        fn drop(&mut self) {
            DROPPED.fetch_add(self.0, Ordering::Relaxed);
        }
    }
    static POOL: Pool<3, 4> = Pool::new();
    static BEGUN: AtomicBool = AtomicBool::new(false);
    static GO_ON: AtomicBool = AtomicBool::new(false);
    thread::scope(|scope| {
        // Only the middle share has a worker.
        scope.spawn(|| POOL.run_worker(1).unwrap());
        let call = scope.spawn(|| {
            let items = core::array::from_fn::<_, 8, _>(Item);
            POOL.with()
                .schedule(Schedule::Static)
                .for_each(items, |item| {
                    BEGUN.store(true, Ordering::Relaxed);
                    while !GO_ON.load(Ordering::Relaxed) {
                        thread::yield_now();
                    }
                    drop(item);
                })
        });
        while !BEGUN.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        assert_eq!(POOL.terminate(), 1);
        GO_ON.store(true, Ordering::Relaxed);
        assert!(matches!(call.join().unwrap(), Err(JobError::Terminated)));
    });
    POOL.join().unwrap();
    assert_eq!(DROPPED.load(Ordering::Relaxed), (0..8).sum());
}

// S46
#[test]
fn a_joiner_that_sleeps_is_woken_by_the_last_who_leaves() {
    let _watch = watchdog();
    static POOL: Pool<2, 4> = Pool::new();
    static JOINER: AtomicUsize = AtomicUsize::new(usize::MAX);
    let seats = [POOL.seat(0).unwrap(), POOL.seat(1).unwrap()];
    POOL.close();
    thread::scope(|scope| {
        let joiner = scope.spawn(|| {
            JOINER.store(Thread::index(), Ordering::Relaxed);
            POOL.join()
        });
        for seat in seats {
            let pauses = || PAUSES.get(JOINER.load(Ordering::Relaxed));
            let before = pauses().map_or(0, |pauses| pauses.load(Ordering::Relaxed));
            while pauses().is_none_or(|pauses| pauses.load(Ordering::Relaxed) == before) {
                thread::yield_now();
            }
            drop(seat);
        }
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
}

// S20, S46
#[test]
fn a_joiner_that_sleeps_is_woken_when_the_last_queued_job_is_cancelled() {
    let _watch = watchdog();
    static POOL: Pool<1, 4> = Pool::new();
    let queued = POOL.apply_async(|| ()).unwrap();
    POOL.close();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let joiner = scope.spawn(move || {
            tell.send(Thread::index()).unwrap();
            POOL.join()
        });
        let pauses = &PAUSES[told.recv().unwrap()];
        while pauses.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        assert_eq!(queued.cancel(), CancelOutcome::NeverRan);
        assert_eq!(joiner.join().unwrap(), Ok(()));
    });
}

// S41, S46
#[test]
fn a_job_waits_for_another_of_its_pool() {
    let _watch = watchdog();
    static POOL: Pool<1, 4> = Pool::new();
    with_harts(&POOL, || {
        let nested = POOL.apply(|| {
            let inner = POOL.apply_async(|| 20)?;
            let sum = POOL.reduce(0..3, 0, |x| x, |a, b| a + b)?;
            assert_eq!(POOL.join(), Err(JoinError::FromWorker));
            Ok::<_, JobError>(inner.get()? + sum)
        });
        assert_eq!(nested.unwrap().unwrap(), 23);
    });
}

// S6, S24: a machine's panics are not caught. What would go on here would run jobs on a state that is not there.
#[test]
fn a_panic_in_the_middle_of_recycling_ends_the_program() {
    let _watch = watchdog();
    static FAILS: AtomicBool = AtomicBool::new(false);
    static POOL: StaticPool<1, 4, 64, Spin<Thread>, u32> =
        StaticPool::new().max_jobs_per_worker(1).initializer(|_| {
            assert!(!FAILS.load(Ordering::Relaxed), "no state any more");
            7
        });
    let name = "a_panic_in_the_middle_of_recycling_ends_the_program";
    if let Some(child) = in_a_process_of_its_own(name) {
        let said = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.code(), None, "a signal ends it: {said}");
        assert!(said.contains("catches none"), "it says why: {said}");
        return;
    }
    let mut seat = POOL.seat(0).unwrap();
    FAILS.store(true, Ordering::Relaxed);
    let recycles = || seat.participate(|| POOL.apply(|| ()));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(recycles));
    assert!(caught.is_ok(), "the worker is between two states");
}

// S41: frames of two kinds of harts lie in one list. Miri sees one taken for the other.
#[test]
fn pools_of_two_kinds_of_harts_call_each_other() {
    let _watch = watchdog();
    static HERE: Pool<1, 4> = Pool::new();
    static THERE: StaticPool<1, 4, 64, Spin<SameThread>> = StaticPool::new();
    let (mut here, mut there) = (HERE.seat(0).unwrap(), THERE.seat(0).unwrap());
    let sum = here.participate(|| {
        let inner = || HERE.apply(|| THERE.apply(|| HERE.apply(|| 1)));
        let first = there.participate(inner).unwrap().unwrap().unwrap();
        first + HERE.apply(|| 2).unwrap()
    });
    assert_eq!(sum, 3);
}

// S14, S20: every seat of the table is taken by a hart that waits. To cancel, or to withdraw at a deadline, needs none.
#[test]
fn jobs_are_taken_back_while_no_seat_is_free() {
    let _watch = watchdog();
    static POOL: Pool<1, 64> = Pool::new();
    let name = "jobs_are_taken_back_while_no_seat_is_free";
    if let Some(child) = in_a_process_of_its_own(name) {
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}");
        return;
    }
    let jobs = [(); 32].map(|()| POOL.apply_async(|| ()).unwrap());
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for job in &jobs {
            let tell = tell.clone();
            scope.spawn(move || {
                tell.send(Thread::index()).unwrap();
                job.wait();
            });
        }
        for hart in told.iter().take(jobs.len()) {
            while PAUSES[hart].load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
        }
        for job in &jobs {
            assert_eq!(job.cancel(), CancelOutcome::NeverRan);
        }
    });
}

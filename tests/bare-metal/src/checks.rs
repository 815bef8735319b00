//! The checks, each named by what it does. They cite the promises of SEMANTICS.md.
//!
//! The first core is worker 0 of a pool, where it holds the seat: by `participate` it works on what it waits for, by
//! `run_one` on what is queued. On a machine with one core nobody else would.

use core::pin::pin;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use ringpool_core::{
    AsyncResult, CancelOutcome, GetError, Hart, Instant, JobError, JoinError, Seat,
};

use crate::board::{CORES, Machine, add};
use crate::handler::{
    ACCEPTED, BY_TASKS, CANCELLED, FOR_TASKS, HANDLES, OFFERING, RAN, REFUSED, RUNS, TO_CANCEL,
};
use crate::{LEFT, POOLS, Platform, STATES, TASKS, check, executor, planted};

type MainSeat = Seat<'static, Platform, u32>;
type Handle<T> = AsyncResult<T, Platform>;

/// Runs all checks and tells how many there are.
pub fn all() -> usize {
    let mut passed = 0;
    let mut run = |name, f: &mut dyn FnMut()| {
        check(name, f);
        passed += 1;
    };
    let mut seat = POOLS[0].seat(0).expect("nobody else has this seat");
    run("map", &mut || map(&mut seat));
    run("vector", &mut || vector(&mut seat));
    run("cores", &mut || cores(&mut seat));
    run("reduce", &mut || reduce(&mut seat));
    run("nested", &mut || nested(&mut seat));
    run("stream", &mut || stream(&mut seat));
    run("interrupt", &mut || interrupt(&mut seat));
    run("cancel", &mut || cancel(&mut seat));
    run("time-out", &mut || time_out(&mut seat));
    run("deadline", &mut || deadline(&mut seat));
    let mut seat = Some(seat);
    run("close", &mut || {
        close(seat.take().expect("the check runs once"))
    });
    run("join", &mut || join());
    run("terminate", &mut || terminate());
    run("states", &mut || states());
    run("executor", &mut || tasks());
    #[cfg(target_has_atomic = "32")]
    run("spawner", &mut || spawner());
    passed
}

fn square(x: u32) -> u32 {
    if planted("panic") && x == 500 {
        panic!("a job panics");
    }
    if planted("answer") && x == 777 {
        0
    } else {
        x * x
    }
}

/// S26
fn map(seat: &mut MainSeat) {
    let mut squares = [0; 1000];
    for chunk in [1, 7, 1000] {
        squares.fill(0);
        let with = POOLS[0].with().chunk_size(chunk);
        let written = seat.participate(|| with.map_into(0..1000, &mut squares, square));
        assert_eq!(written.expect("the pool is open"), 1000);
        for (x, squared) in (0..).zip(squares) {
            assert_eq!(squared, x * x);
        }
    }
    let halve = || POOLS[0].for_each(&mut squares, |x| *x /= 2);
    seat.participate(halve).expect("the pool is open");
    for (x, halved) in (0_u32..).zip(squares) {
        assert_eq!(halved, x * x / 2);
    }
}

/// S26: into a vector of the crate `heapless`.
fn vector(seat: &mut MainSeat) {
    let mut squares = heapless::Vec::<u32, 100>::new();
    seat.participate(|| {
        let written = POOLS[0].map_into(0..100, &mut squares, square);
        assert_eq!(written.expect("the pool is open"), 100);
        let too_many = POOLS[0].map_into(0..101, &mut squares, square);
        assert!(matches!(too_many, Err(JobError::InvalidOption { .. })));
    });
    assert!(squares.into_iter().eq((0..100).map(|x| x * x)));
}

/// S26: each core waits in one item until all have come, so they do run at the same time.
fn cores(seat: &mut MainSeat) {
    static MET: AtomicU32 = AtomicU32::new(0);
    let mut harts = [usize::MAX; CORES];
    let meet = |_| {
        add(&MET, 1);
        while MET.load(Ordering::Relaxed) < CORES as u32 {
            core::hint::spin_loop();
        }
        Machine::index()
    };
    let with = POOLS[0].with().chunk_size(1);
    let met = seat.participate(|| with.map_into(0..CORES, &mut harts, meet));
    assert_eq!(met.expect("the pool is open"), CORES);
    harts.sort_unstable();
    assert!(harts.into_iter().eq(0..CORES), "{harts:?}");
}

/// The sum of floating-point numbers is the same to the last bit, whoever adds what.
fn reduce(seat: &mut MainSeat) {
    let add = |a: f32, b: f32| a + b;
    let mut harmonic = || {
        let sum = || POOLS[0].reduce(1..10_001, 0.0, |n: u32| 1.0 / n as f32, add);
        seat.participate(sum).expect("the pool is open")
    };
    let first = harmonic();
    assert!((9.7875..9.7877).contains(&first), "{first}");
    for _ in 0..3 {
        assert_eq!(harmonic().to_bits(), first.to_bits());
    }
    let sum = seat.participate(|| POOLS[0].reduce(0..10_000_u32, 0, |x| x, |a, b| a + b));
    assert_eq!(sum.expect("the pool is open"), 49_995_000);
}

/// S41: a job waits for a job and a batch of its own pool.
fn nested(seat: &mut MainSeat) {
    let outer = POOLS[0].apply_async(|| {
        let inner = POOLS[0].apply_async(|| 20)?;
        let sum = POOLS[0].reduce(0..10, 0, |x| x, |a, b| a + b)?;
        Ok::<u32, JobError>(inner.get()? + sum)
    });
    let outer = outer.expect("there is room");
    let sum = seat.participate(|| outer.get());
    assert_eq!(sum.expect("it runs").expect("there is room"), 65);
}

/// S34, S35, S36: an input of unknown length, pulled bit by bit, in order and out of order.
fn stream(seat: &mut MainSeat) {
    let odd = || (1..2000_u32).filter(|x| x % 2 == 1);
    let squares = POOLS[0].imap(odd(), square);
    let in_order = seat.participate(|| {
        let expected = odd().map(|x| x * x);
        squares
            .map(|squared| squared.expect("it runs"))
            .eq(expected)
    });
    assert!(in_order);
    let mut sum = 0;
    let mut seen = [false; 1000];
    let note = |index: usize, squared: Result<u32, JobError>| {
        let squared = squared.expect("it runs");
        assert_eq!(squared, square(2 * index as u32 + 1));
        assert!(!core::mem::replace(&mut seen[index], true));
        sum += 1;
    };
    let streamed = seat.participate(|| POOLS[0].stream_into(odd(), square, note));
    assert_eq!((streamed.expect("there is room"), sum), (1000, 1000));
}

/// Jobs that have added one to their worker's state.
static COUNTED: AtomicU32 = AtomicU32::new(0);

/// A job of the main program that counts in its worker's state, if there is room for it.
fn own_job(seat: &mut MainSeat, number: u32) -> bool {
    let own = POOLS[0].with_worker().apply_async(move |worker| {
        *worker.state += 1;
        number
    });
    let Ok(own) = own else {
        return false;
    };
    let value = seat.participate(|| own.get());
    assert_eq!(value.expect("it runs"), number);
    add(&COUNTED, 1);
    true
}

/// S13, S14: what the handler submits while the main program works on batches runs exactly once, and the rest is
/// handed back.
fn interrupt(seat: &mut MainSeat) {
    let mut taken = 0;
    let mut squares = [0; 16];
    OFFERING.store(true, Ordering::Relaxed);
    while ACCEPTED.load(Ordering::Relaxed) < 1000 || taken < 100 {
        let written = seat.participate(|| POOLS[0].map_into(0..16, &mut squares, square));
        assert_eq!(written.expect("the pool is open"), 16);
        assert!(squares.into_iter().eq((0..16).map(|x| x * x)));
        // Where the handler has left room for it.
        own_job(seat, taken);
        while let Ok((number, handle)) = HANDLES.pop() {
            let value = seat.participate(|| handle.get());
            assert_eq!(value.expect("it runs"), number);
            taken += 1;
        }
        while seat.run_one() {}
    }
    OFFERING.store(false, Ordering::Relaxed);
    while RAN.load(Ordering::Relaxed) < ACCEPTED.load(Ordering::Relaxed) {
        seat.run_one();
    }
    assert_eq!(
        RAN.load(Ordering::Relaxed),
        ACCEPTED.load(Ordering::Relaxed)
    );
    // With one core nothing leaves the queue while the handler runs.
    assert!(CORES > 1 || REFUSED.load(Ordering::Relaxed) > 0);
    while HANDLES.pop().is_ok() {}
    assert!(
        own_job(seat, taken),
        "the handler has stopped, and nothing is left of its jobs"
    );
}

/// The other cores, each held in a job.
struct Held([Handle<()>; CORES - 1]);

static HOLD: AtomicBool = AtomicBool::new(false);

/// Holds the other cores, so that what is submitted stays queued.
fn hold(pool: usize) -> Held {
    static CAME: AtomicU32 = AtomicU32::new(0);
    CAME.store(0, Ordering::Relaxed);
    HOLD.store(true, Ordering::Relaxed);
    let held = core::array::from_fn(|_| {
        let wait = |worker: &mut ringpool_core::Worker<'_, Platform, u32>| {
            add(&CAME, 1);
            while HOLD.load(Ordering::Relaxed) && !worker.is_cancelled() {
                core::hint::spin_loop();
            }
        };
        let held = POOLS[pool].with_worker().apply_async(wait);
        held.expect("there is room")
    });
    while CAME.load(Ordering::Relaxed) < CORES as u32 - 1 {
        core::hint::spin_loop();
    }
    Held(held)
}

impl Held {
    fn release(self) {
        HOLD.store(false, Ordering::Relaxed);
        for held in self.0 {
            held.get().expect("it was running");
        }
    }
}

/// S20
fn cancel(seat: &mut MainSeat) {
    static RAN: AtomicBool = AtomicBool::new(false);
    let held = hold(0);
    let queued = POOLS[0].apply_async(|| RAN.store(true, Ordering::Relaxed));
    let queued = queued.expect("there is room");
    assert_eq!(queued.cancel(), CancelOutcome::NeverRan);
    assert!(matches!(queued.get(), Err(JobError::Cancelled)));
    held.release();
    while seat.run_one() {}
    assert!(!RAN.load(Ordering::Relaxed));

    // One that runs is told so, here by the interrupt handler.
    let running = POOLS[0].with_worker().apply_async(|worker| {
        RUNS.store(true, Ordering::Relaxed);
        while !worker.is_cancelled() {
            core::hint::spin_loop();
        }
        7
    });
    let running = running.expect("there is room");
    assert!(TO_CANCEL.push(running).is_ok());
    let cancelled = loop {
        seat.run_one();
        if let Ok(cancelled) = CANCELLED.pop() {
            break cancelled;
        }
    };
    assert_eq!(cancelled.get().expect("its value counts"), 7);
}

fn now() -> Instant {
    Machine::now().expect("the machine has a timer")
}

/// S17
fn time_out(seat: &mut MainSeat) {
    let held = hold(0);
    let mut late = POOLS[0].apply_async(|| 5).expect("there is room");
    let start = now();
    let timed_out = late.get_timeout(Duration::from_millis(5));
    assert!(matches!(timed_out, Err(GetError::TimedOut)));
    assert!(now().saturating_since(start) >= Duration::from_millis(5));
    assert!(!late.wait_timeout(Duration::ZERO));
    held.release();
    let value = seat.participate(|| late.get_timeout(Duration::MAX));
    assert_eq!(value.expect("it runs"), 5);
}

/// S50
fn deadline(seat: &mut MainSeat) {
    let soon = || POOLS[0].with().deadline(Duration::from_millis(2));
    let held = hold(0);
    let queued = soon().apply_async(|| 5).expect("there is room");
    // Who waits resolves it, for the workers are busy, or there is none.
    assert!(matches!(queued.get(), Err(JobError::DeadlineExpired)));
    held.release();
    let running = || {
        soon().with_worker().apply(|worker| {
            while !worker.is_cancelled() {
                core::hint::spin_loop();
            }
            7
        })
    };
    let value = seat.participate(running);
    assert_eq!(value.expect("its value counts"), 7);
}

/// S12, S44
fn close(mut seat: MainSeat) {
    let held = hold(0);
    let queued: [Handle<u32>; 3] = core::array::from_fn(|number| {
        let job = move || number as u32;
        POOLS[0].apply_async(job).expect("there is room")
    });
    POOLS[0].close();
    let refused = POOLS[0].apply_async(|| 8).expect_err("the pool is closed");
    assert!(matches!(refused.reason(), JobError::Closed));
    assert_eq!(refused.into_inner()(), 8);
    held.release();
    if planted("seat") {
        while seat.run_one() {}
        core::mem::forget(seat);
    } else {
        seat.run();
    }
    for (number, queued) in (0..).zip(queued) {
        assert_eq!(queued.get().expect("it was accepted"), number);
    }
}

/// S46, S47
fn join() {
    assert_eq!(POOLS[1].join(), Err(JoinError::StillRunning));
    POOLS[0].join().expect("the pool is closed");
    let joined = POOLS[0].join_timeout(Duration::from_millis(1));
    assert!(joined.expect("the pool is closed"));
    assert_eq!(LEFT.load(Ordering::Relaxed) as usize, CORES);
}

/// S45
fn terminate() {
    static RAN: AtomicU32 = AtomicU32::new(0);
    // The other cores see the end of the job that holds them.
    let held = hold(1);
    let queued: [Handle<()>; 3] = core::array::from_fn(|_| {
        let job = || add(&RAN, 1);
        POOLS[1].apply_async(job).expect("there is room")
    });
    let mut seat = POOLS[1].seat(0).expect("nobody else has this seat");
    assert_eq!(POOLS[1].terminate(), 3);
    let refused = seat.participate(|| POOLS[1].join());
    assert_eq!(refused, Err(JoinError::FromWorker));
    seat.run();
    for queued in queued {
        assert!(matches!(queued.get(), Err(JobError::Terminated)));
    }
    for held in held.0 {
        held.get().expect("it was running");
    }
    POOLS[1].join().expect("the pool is stopped");
    assert_eq!(POOLS[1].terminate(), 0);
    assert_eq!(RAN.load(Ordering::Relaxed), 0);
}

/// S5: every worker's state has come to the exit hook, with what its jobs have counted.
fn states() {
    assert_eq!(LEFT.load(Ordering::Relaxed) as usize, 2 * CORES);
    assert_eq!(
        STATES.load(Ordering::Relaxed),
        COUNTED.load(Ordering::Relaxed)
    );
    assert!(COUNTED.load(Ordering::Relaxed) > 0);
}

/// S10, S21, S44: the worker is a task beside one that awaits. When that has ended, the core sleeps until the handler submits.
fn tasks() {
    const JOBS: u32 = 20;
    let works = pin!(async {
        let mut seat = TASKS.seat(0).expect("nobody else has this seat");
        seat.run_async().await;
    });
    let awaits = pin!(async {
        for round in 0..100 {
            let job = TASKS.apply_async(move || round * 2).expect("there is room");
            assert_eq!(job.await.expect("it runs"), round * 2);
        }
        FOR_TASKS.store(JOBS, Ordering::Relaxed);
    });
    executor::run([works, awaits]);
    TASKS.join().expect("the last job has closed the pool");
    assert_eq!(BY_TASKS.load(Ordering::Relaxed), JOBS);
}

/// S3, S46: two pools share a spawner behind a lock of the crate `spin`. It runs each worker itself, which leaves at once, for
/// its pool is closed.
#[cfg(target_has_atomic = "32")]
fn spawner() {
    use ringpool_core::{Placement, SharedSpawner, Spawner, StaticPool, WorkerStart};

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

    static SPAWNER: SharedSpawner<Inline> = SharedSpawner::new(Inline);
    static STARTED: [StaticPool<1, 4, 64, Platform>; 2] = [const { StaticPool::new() }; 2];
    for (number, pool) in (0..).zip(&STARTED) {
        let job = pool.apply_async(move || number).expect("there is room");
        pool.close();
        let running = pool.start(&SPAWNER).expect("nobody else has this seat");
        assert!(running.join().is_ok());
        assert_eq!(job.get().expect("it was accepted"), number);
    }
}

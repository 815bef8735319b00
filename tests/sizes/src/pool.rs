//! A pool on a bare core: one job, as an interrupt handler would submit it, and the loop that does it. Each feature
//! adds one call.

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use ringpool_core::{JobError, Seat, StaticPool};

#[cfg(not(any(feature = "get_timeout", feature = "deadline")))]
type Machine = ringpool_core::Spin<ringpool_core::SingleCore>;
#[cfg(any(feature = "get_timeout", feature = "deadline"))]
type Machine = ringpool_core::Spin<timed::Timed>;

type Pool = StaticPool<1, 8, 32, Machine>;

#[cfg(not(feature = "max_jobs_per_worker"))]
static POOL: Pool = StaticPool::new();
#[cfg(feature = "max_jobs_per_worker")]
static POOL: Pool = StaticPool::new().max_jobs_per_worker(1);

static ANSWER: AtomicU32 = AtomicU32::new(0);

pub fn program() -> bool {
    let Ok(mut seat) = POOL.seat(0) else {
        return false;
    };
    let answer = black_box(42);
    let job = POOL.apply_async(move || ANSWER.store(answer, Ordering::Relaxed));
    let done = job.is_ok() && seat.run_one() && ANSWER.load(Ordering::Relaxed) == 42;
    #[cfg(feature = "start")]
    return done && started::start(seat).unwrap_or(false);
    #[cfg(not(feature = "start"))]
    return done && more(&mut seat).unwrap_or(false);
}

#[allow(
    unused_variables,
    clippy::needless_pass_by_ref_mut,
    reason = "not every feature works as the worker"
)]
#[cfg(not(feature = "start"))]
fn more(seat: &mut Seat<'static, Machine>) -> Result<bool, JobError> {
    #[cfg(feature = "get")]
    {
        let job = POOL.apply_async(|| black_box(1))?;
        seat.run_one();
        return Ok(job.get()? == 1);
    }
    #[cfg(feature = "apply")]
    {
        let answer = black_box(42);
        return Ok(seat.participate(|| POOL.apply(|| answer))? == 42);
    }
    #[cfg(feature = "map_into")]
    {
        let mut squares = [0_u32; 16];
        seat.participate(|| POOL.map_into(0..black_box(16), &mut squares, |x| x * x))?;
        return Ok(squares[15] == 225);
    }
    #[cfg(feature = "for_each")]
    {
        let mut numbers = black_box([1_u32; 16]);
        seat.participate(|| POOL.for_each(&mut numbers, |x| *x += 1))?;
        return Ok(black_box(numbers)[15] == 2);
    }
    #[cfg(feature = "reduce")]
    {
        let sum = || POOL.reduce(0..black_box(16_u32), 0, |x| x, |a, b| a + b);
        return Ok(seat.participate(sum)? == 120);
    }
    #[cfg(feature = "imap")]
    {
        let squares = || POOL.imap(0..black_box(16_u32), |x| x * x).last();
        return Ok(matches!(seat.participate(squares), Some(Ok(225))));
    }
    #[cfg(feature = "stream_into")]
    {
        let mut sum = 0;
        let add = |_, square: Result<u32, JobError>| sum += square.unwrap_or(0);
        seat.participate(|| POOL.stream_into(0..black_box(16_u32), |x| x * x, add))?;
        return Ok(sum == 1240);
    }
    #[cfg(feature = "with_worker")]
    {
        let job = POOL.with_worker().apply_async(|worker| worker.index())?;
        seat.run_one();
        return Ok(job.ready());
    }
    #[cfg(feature = "on_success")]
    {
        let with = POOL.with().on_success(|value: &u32| {
            black_box(*value);
        });
        let job = with.apply_async(|| 1)?;
        seat.run_one();
        return Ok(job.ready());
    }
    #[cfg(feature = "cancel")]
    {
        let job = POOL.apply_async(|| 1)?;
        job.cancel();
        return Ok(job.ready());
    }
    #[cfg(feature = "close")]
    {
        POOL.close();
        return Ok(POOL.apply_async(|| ()).is_err());
    }
    #[cfg(feature = "terminate")]
    {
        let job = POOL.apply_async(|| 1)?;
        return Ok(POOL.terminate() == 1 && job.ready());
    }
    #[cfg(feature = "get_timeout")]
    {
        let mut job = POOL.apply_async(|| 1)?;
        return Ok(job
            .get_timeout(core::time::Duration::from_nanos(5))
            .is_err());
    }
    #[cfg(feature = "deadline")]
    {
        let with = POOL.with().deadline(core::time::Duration::from_nanos(1));
        let job = with.apply_async(|| 1)?;
        return Ok(!seat.run_one() || job.successful() == Some(false));
    }
    #[cfg(feature = "max_jobs_per_worker")]
    return Ok(POOL.stats().workers[0].replaced == 1);
    #[cfg(feature = "run_async")]
    {
        use core::future::Future;
        use core::pin::pin;
        use core::task::{Context, Waker};

        let job = POOL.apply_async(|| 1)?;
        let poll = pin!(seat.run_async()).poll(&mut Context::from_waker(Waker::noop()));
        return Ok(poll.is_pending() && job.ready());
    }
    #[cfg(feature = "heapless_vec")]
    {
        let mut squares = heapless::Vec::<u32, 16>::new();
        seat.participate(|| POOL.map_into(0..black_box(16), &mut squares, |x| x * x))?;
        return Ok(squares.last() == Some(&225));
    }
    #[allow(unreachable_code, reason = "a feature has returned")]
    Ok(true)
}

#[cfg(feature = "start")]
mod started {
    use core::convert::Infallible;

    use ringpool_core::{Placement, Spawner, WorkerStart};

    use super::{JobError, Machine, POOL, Seat, black_box};

    /// Runs the worker itself.
    struct Inline;

    impl Spawner for Inline {
        type Handle = ();
        type Error = Infallible;

        fn default_workers(&self) -> usize {
            1
        }

        fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<(), Infallible> {
            start.run();
            Ok(())
        }

        fn reclaim(&mut self, (): ()) {}
    }

    #[cfg(not(feature = "shared_spawner"))]
    const SPAWNER: Inline = Inline;
    #[cfg(feature = "shared_spawner")]
    const SPAWNER: &ringpool_core::SharedSpawner<Inline> = {
        static SHARED: ringpool_core::SharedSpawner<Inline> =
            ringpool_core::SharedSpawner::new(Inline);
        &SHARED
    };

    /// Has the spawner start the worker, and waits until it has left: in a closed pool that is when the queue is empty,
    /// so the worker can be run in `spawn`.
    pub fn start(seat: Seat<'static, Machine>) -> Result<bool, JobError> {
        drop(seat);
        let job = POOL.apply_async(|| black_box(1))?;
        POOL.close();
        let joined = POOL
            .start(SPAWNER)
            .is_ok_and(|running| running.join().is_ok());
        Ok(joined && job.ready())
    }
}

#[cfg(any(feature = "get_timeout", feature = "deadline"))]
mod timed {
    use core::sync::atomic::{AtomicU32, Ordering};

    use ringpool_core::{Hart, Instant, TimedHart};

    /// A core whose clock advances whenever it is read.
    pub enum Timed {}

    // SAFETY: there is one core.
    unsafe impl Hart for Timed {
        fn index() -> usize {
            0
        }

        fn now() -> Option<Instant> {
            static NANOS: AtomicU32 = AtomicU32::new(0);
            let nanos = NANOS.load(Ordering::Relaxed) + 1;
            NANOS.store(nanos, Ordering::Relaxed);
            Some(Instant::from_nanos(u64::from(nanos)))
        }
    }

    impl TimedHart for Timed {}
}

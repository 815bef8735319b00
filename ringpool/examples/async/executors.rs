//! One async function, which awaits jobs, on executors that know nothing of ringpool.

use std::error::Error;
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_util::future::try_join_all;
use ringpool::{JobError, Pool};

/// The sum of the squares below `n`, computed in four jobs that are awaited together; then a job that panics.
async fn work(pool: Arc<Pool>, n: u64) -> Result<u64, JobError> {
    let quarters = (0..4).map(|quarter| {
        pool.apply_async(move || (quarter..n).step_by(4).map(|x| x * x).sum::<u64>())
    });
    let quarters: Vec<_> = quarters.collect::<Result<_, _>>()?;
    let sums = try_join_all(quarters).await?;
    let torn = pool.apply_async(|| -> u64 { std::panic::resume_unwind(Box::new("torn")) })?;
    match torn.await {
        Err(JobError::Panicked(_)) => Ok(sums.iter().sum()),
        other => other,
    }
}

/// The smallest executor there is: one future, one thread that parks.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// Firmware style: tasks in a static arena, one executor that sleeps until an interrupt wakes a task.
mod firmware {
    use super::{Arc, Pool, work};
    use embassy_executor::{Executor, Spawner};
    use std::sync::OnceLock;
    use std::sync::mpsc::Sender;

    pub(super) static POOL: OnceLock<Arc<Pool>> = OnceLock::new();

    #[embassy_executor::task(pool_size = 2)]
    async fn task(n: u64, done: Sender<Option<u64>>) {
        let sum = match POOL.get() {
            Some(pool) => work(Arc::clone(pool), n).await.ok(),
            None => None,
        };
        let _ = done.send(sum);
    }

    /// Starts the executor, which never returns, with two tasks.
    pub(super) fn run(n: u64, done: &Sender<Option<u64>>) -> ! {
        let executor = Box::leak(Box::new(Executor::new()));
        executor.run(|spawner: Spawner| {
            for _ in 0..2 {
                spawner
                    .spawn(task(n, done.clone()))
                    .expect("the arena has two places");
            }
        })
    }
}

pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    const N: u64 = 100_000;
    let expected: u64 = (0..N).map(|x| x * x).sum();
    let pool = Arc::new(Pool::builder().workers(2).build()?);

    let mut check = |executor: &str, sum: u64| -> Result<(), Box<dyn Error>> {
        if sum != expected {
            return Err(format!("{executor}: {sum} instead of {expected}").into());
        }
        writeln!(out, "{executor:<38} sum of squares below {N}: {sum}")?;
        Ok(())
    };

    check(
        "block_on, twenty lines",
        block_on(work(Arc::clone(&pool), N))?,
    )?;
    check("smol", smol::block_on(work(Arc::clone(&pool), N))?)?;
    let one = tokio::runtime::Builder::new_current_thread().build()?;
    check(
        "tokio, one thread",
        one.block_on(work(Arc::clone(&pool), N))?,
    )?;
    let many = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let spawned = many.spawn(work(Arc::clone(&pool), N));
    check("tokio, a task that moves", many.block_on(spawned)??)?;

    let _ = firmware::POOL.set(Arc::clone(&pool));
    let (done, sums) = std::sync::mpsc::channel();
    // The executor never returns, so its thread ends with the process.
    thread::spawn(move || firmware::run(N, &done));
    for _ in 0..2 {
        let sum = sums.recv()?.ok_or("the firmware task failed")?;
        check("embassy, a task in a static arena", sum)?;
    }
    Ok(())
}

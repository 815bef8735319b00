//! How a pool ends, how fast it was, and what each worker did.

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ringpool::{JobError, JoinError, Pool};

use crate::Outcome;
use crate::files::{self, Digest, Scan};
use crate::numbers;
use crate::show::{self, Show};

pub(crate) fn endings(show: &mut Show) -> Outcome {
    show.section("Endings")?;

    let pool = Pool::builder().workers(2).build()?;
    let error = pool.join().unwrap_err();
    assert!(matches!(error, JoinError::StillRunning));
    show.call("join() before close()", error)?;
    let handles: Vec<_> = (0..100_u32)
        .map(|n| pool.apply_async(move || n))
        .collect::<Result<_, _>>()?;
    pool.close();
    pool.join()?;
    assert!(
        handles
            .iter()
            .all(|handle| handle.successful() == Some(true))
    );
    show.call("close(); join()", "what was accepted is done: 100 of 100")?;

    let pool = Pool::builder().workers(1).build()?;
    let (open, gate) = mpsc::channel::<()>();
    let (begun, started) = mpsc::channel();
    let running = pool.with_worker().apply_async(move |worker| {
        begun.send(()).unwrap();
        gate.recv().unwrap();
        worker.is_cancelled()
    })?;
    started.recv()?;
    let queued: Vec<_> = (0..10_000_u32)
        .map(|n| pool.apply_async(move || n))
        .collect::<Result<_, _>>()?;
    let never_started = pool.terminate();
    assert_eq!(never_started, queued.len());
    show.call(
        "terminate() with 10,000 queued",
        format_args!("{} never started", show::thousands(never_started)),
    )?;
    assert!(!pool.join_timeout(Duration::ZERO)?);
    show.call(
        "join_timeout(0)",
        "false: one job still runs, and is not killed",
    )?;
    open.send(())?;
    pool.join()?;
    assert!(running.get()?);
    show.call("join()", "true for that job, which saw its token")?;
    for handle in queued {
        assert!(matches!(handle.get(), Err(JobError::Terminated)));
    }
    show.call("r.get() for each of the 10,000", JobError::Terminated)?;
    Ok(())
}

/// The medians of two ways to do the same.
struct Race {
    alone: Duration,
    shared: Duration,
    /// Every result was that of the first sequential run.
    same: bool,
}

impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = self.alone.as_secs_f64() / self.shared.as_secs_f64().max(1e-9);
        let (alone, shared) = (show::time(self.alone), show::time(self.shared));
        write!(f, "{alone:>9} → {shared:>9}   × {factor:.2}")
    }
}

/// Runs `sequential` and `pooled` by turns; the first run of each only warms the caches.
fn race<R: PartialEq>(
    mut sequential: impl FnMut() -> Outcome<R>,
    mut pooled: impl FnMut() -> Outcome<R>,
) -> Outcome<Race> {
    const BUDGET: Duration = Duration::from_secs(2);

    let begin = Instant::now();
    let expected = sequential()?;
    let mut same = pooled()? == expected;
    let once = begin.elapsed().max(Duration::from_micros(1));
    let rounds = usize::try_from(BUDGET.as_nanos() / once.as_nanos())?.clamp(1, 15);

    let mut timed = |run: &mut dyn FnMut() -> Outcome<R>| -> Outcome<Duration> {
        let begin = Instant::now();
        let value = run()?;
        let took = begin.elapsed();
        same &= value == expected;
        Ok(took)
    };
    let (mut alone, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(timed(&mut sequential)?);
        shared.push(timed(&mut pooled)?);
    }
    alone.sort();
    shared.sort();
    Ok(Race {
        alone: alone[rounds / 2],
        shared: shared[rounds / 2],
        same,
    })
}

pub(crate) fn speed(show: &mut Show, pool: &Pool, scan: &Scan) -> Outcome {
    const SIDE: usize = 512;
    const LIMIT: u32 = 300;

    show.section("Sequential and pooled")?;
    let read = |path: &PathBuf| files::digest(path).ok();
    let result = race(
        || Ok(scan.paths.iter().map(read).collect::<Vec<Option<Digest>>>()),
        || Ok(pool.with().name("checksums").map(&scan.paths, read)?),
    )?;
    if result.same {
        show.call("checksum and count every file", result)?;
    } else {
        // The pool is not to blame for files that live: two sequential runs would differ as well.
        show.warning("the files change while they are read, so there is nothing to compare")?;
    }

    let (mut one, mut other) = (vec![0; SIDE * SIDE], vec![0; SIDE * SIDE]);
    let checksum = |pixels: &[u32]| {
        pixels.iter().fold(0_u64, |sum, pixel| {
            sum.wrapping_mul(31).wrapping_add((*pixel).into())
        })
    };
    let result = race(
        || {
            let rows = one.chunks_mut(SIDE).enumerate();
            rows.for_each(|(index, pixels)| numbers::row(pixels, index, SIDE, LIMIT));
            Ok(checksum(&one))
        },
        || {
            let rows = ringpool::enumerate(other.chunks_mut(SIDE));
            let with = pool.with().name("Mandelbrot set");
            with.for_each(rows, |(index, pixels)| {
                numbers::row(pixels, index, SIDE, LIMIT);
            })?;
            Ok(checksum(&other))
        },
    )?;
    assert!(result.same && one == other);
    show.call("Mandelbrot set, 512 × 512", result)?;
    show.note("medians of runs taken by turns with warm caches, every result compared")?;
    Ok(())
}

pub(crate) fn table(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("What each worker did")?;
    pool.close();
    pool.join()?;
    let stats = pool.stats();
    assert_eq!(stats.workers.len(), pool.worker_count());
    assert!(stats.workers.iter().any(|worker| worker.jobs > 0));
    let rows: Vec<_> = stats
        .workers
        .iter()
        .enumerate()
        .map(|(index, worker)| {
            let alive = (worker.busy + worker.idle).as_secs_f64().max(1e-9);
            let share = worker.busy.as_secs_f64() / alive;
            [
                format!("worker {index}"),
                show::thousands(worker.jobs),
                show::thousands(worker.items),
                show::time(worker.busy),
                show::time(worker.idle),
                show::thousands(worker.parks),
                show::time(worker.wake_latency),
                format!("{} {:>3.0} %", show::meter(share), share * 100.0),
            ]
        })
        .collect();
    let columns = [
        "",
        "jobs",
        "items",
        "busy",
        "idle",
        "parks",
        "to wake",
        "busy share",
    ];
    show.table(columns, &rows)?;
    let calls = show.calls();
    show.note(format_args!(
        "{calls} calls shown, each checked before it was printed"
    ))?;
    Ok(())
}

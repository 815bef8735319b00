//! What a parallel loop costs: the workloads of `benches/c/loops.c` on a ringpool, pinned, the caller being worker 0.
//! Prints one line for each, its name and its value; less is better. `ci/openmp.sh` puts them side by side.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ringpool::affinity::{Pinned, Policy, first_touch};
use ringpool::{JobError, Pool, Schedule, WaitPolicy};

fn spin(steps: u64) -> u64 {
    (0..steps).fold(steps, |x, _| {
        black_box(
            x.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    })
}

fn say(name: &str, value: f64) {
    println!("{name}: {value:.4}");
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn nanos_each(time: Duration, count: usize) -> f64 {
    time.as_nanos() as f64 / count as f64
}

fn timed<E>(f: impl FnOnce() -> Result<(), E>) -> Result<Duration, E> {
    let start = Instant::now();
    f()?;
    Ok(start.elapsed())
}

/// Regions in which every worker takes part.
fn region(pool: &Pool, count: usize, steps: u64) -> Result<f64, JobError> {
    let time = timed(|| {
        for _ in 0..count {
            let each = pool.with().schedule(Schedule::Static);
            each.for_each(0..pool.worker_count(), |_| {
                black_box(spin(steps));
            })?;
        }
        Ok::<(), JobError>(())
    })?;
    Ok(nanos_each(time, count))
}

fn alone(count: usize, steps: u64) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        black_box(spin(steps));
    }
    nanos_each(start.elapsed(), count)
}

fn after_idle(pool: &Pool, count: usize) -> Result<f64, JobError> {
    let mut sum = 0.0;
    for _ in 0..count {
        sleep(Duration::from_millis(1));
        sum += region(pool, 1, 0)?;
    }
    Ok(sum / nanos_each(Duration::from_nanos(count as u64), 1))
}

fn triangle(pool: &Pool) -> Result<f64, JobError> {
    let row = |index: u64| {
        black_box(spin(index * 10));
    };
    let start = Instant::now();
    (0..2000).for_each(row);
    let single = start.elapsed();
    let all = timed(|| pool.for_each(0..2000_u64, row))?;
    let workers = nanos_each(Duration::from_nanos(pool.worker_count() as u64), 1);
    Ok(100.0 * (1.0 - single.as_secs_f64() / all.as_secs_f64() / workers))
}

fn arrays(pool: &Pool, size: usize) -> Result<(), JobError> {
    let from = first_touch(pool, size, |index| index as u64)?;
    let mut to = first_touch(pool, size, |_| 0_u64)?;
    let square = |x: &u64| x.wrapping_mul(*x);
    let near = || pool.with().schedule(Schedule::Static);
    let time = timed(|| near().map_into(&from, &mut to, square).map(drop))?;
    say("map into, ns an item", nanos_each(time, size));
    let mut sum = 0;
    let time = timed(|| {
        sum = pool.reduce(&from, 0, square, u64::wrapping_add)?;
        Ok::<(), JobError>(())
    })?;
    say("sum of squares, ns an item", nanos_each(time, size));
    let mut fresh = Vec::new();
    let time = timed(|| {
        fresh = first_touch(pool, size, |index| square(&from[index]))?;
        Ok::<(), JobError>(())
    })?;
    say("map into fresh memory, ns an item", nanos_each(time, size));
    black_box((sum, fresh[size / 2], to[size / 3]));
    Ok(())
}

fn build(workers: Option<usize>, policy: WaitPolicy) -> Result<(Pool, Pinned), Box<dyn Error>> {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let mut builder = Pool::builder()
        .spawner(pinned.clone())
        .wait_policy(policy)
        .caller_participates();
    if let Some(workers) = workers {
        builder = builder.workers(workers);
    }
    Ok((builder.build()?, pinned))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut policy, mut size, mut count) = (WaitPolicy::Adaptive, 10_000_000, 20_000);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--wait" => {
                policy = match arguments.next().as_deref() {
                    Some("active") => WaitPolicy::Active,
                    Some("adaptive") => WaitPolicy::Adaptive,
                    Some("passive") => WaitPolicy::Passive,
                    _ => return Err("a wait policy is active, adaptive or passive".into()),
                };
            }
            "--size" => size = arguments.next().ok_or("a size is missing")?.parse()?,
            "--regions" => count = arguments.next().ok_or("a number is missing")?.parse()?,
            other => return Err(format!("there is no option {other}").into()),
        }
    }
    let (pool, pinned) = build(None, policy)?;
    let workers = pool.worker_count();
    pinned.stay(|| {
        region(&pool, count / 10, 0)?;
        say("region, ns", region(&pool, count, 0)?);
        let step = alone(100, 10_000) / 10_000.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some thousands"
        )]
        let ten = (10_000.0 / step) as u64;
        let one = alone(count / 10, ten);
        let many = region(&pool, count / 10, ten)?;
        say("region of 10 µs, overhead in ns", many - one);
        let idle = after_idle(&pool, count / 100)?;
        say("region after 1 ms of sleep, ns", idle);
        say("triangular loop, share lost in %", triangle(&pool)?);
        arrays(&pool, size)
    })??;
    drop(pool);

    let (pool, pinned) = build(Some(2 * workers), policy)?;
    pinned.stay(|| {
        region(&pool, 10, 0)?;
        let many = region(&pool, count / 100, 0)?;
        say("region with twice as many threads, ns", many);
        Ok::<(), JobError>(())
    })??;
    Ok(())
}

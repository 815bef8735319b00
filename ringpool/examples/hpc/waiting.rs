//! What the wait policies cost: how soon a loop begins, and how much CPU time idle workers take.
//! `cargo run --release -p ringpool --features affinity-backend --example waiting`.

mod common;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use common::{Members, Outcome, at_least_one, real, timed};
use ringpool::{JobError, Pool, Schedule, WaitPolicy};

/// Measures the three wait policies, on a team of each.
#[derive(Parser)]
struct Options {
    /// Loops to measure
    #[arg(short, long, default_value_t = 20_000, value_parser = at_least_one)]
    size: usize,
    #[command(flatten)]
    team: Members,
}

/// A loop in which every worker takes part and does nothing.
fn empty_loop(pool: &Pool) -> Result<(), JobError> {
    let each = pool.with().schedule(Schedule::Static);
    each.for_each(0..pool.worker_count(), drop)
}

/// Microseconds of a loop, when each begins after a pause.
fn microseconds(pool: &Pool, loops: usize, pause: Duration) -> Result<f64, JobError> {
    let mut sum = Duration::ZERO;
    if pause.is_zero() {
        let (ended, time) = timed(|| (0..loops).try_for_each(|_| empty_loop(pool)));
        ended?;
        sum = time;
    } else {
        for _ in 0..loops {
            sleep(pause);
            let (ended, time) = timed(|| empty_loop(pool));
            ended?;
            sum += time;
        }
    }
    Ok(sum.as_secs_f64() * 1e6 / real(loops))
}

/// The CPU time that the threads of this process have taken, as Linux tells it.
fn cpu_time() -> Option<Duration> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let nanos = tasks.map(|task| {
        let times = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanos.sum::<Option<u64>>().map(Duration::from_nanos)
}

fn run(options: &Options) -> Outcome {
    for policy in [
        WaitPolicy::Active,
        WaitPolicy::Adaptive,
        WaitPolicy::Passive,
    ] {
        let team = options.team.team(Pool::builder().wait_policy(policy))?;
        let (pool, loops) = (&team.pool, options.size);
        let (at_once, later) = team.stay(|| {
            microseconds(pool, loops / 10, Duration::ZERO)?;
            let at_once = microseconds(pool, loops, Duration::ZERO)?;
            let rest = Duration::from_millis(1);
            Ok::<_, JobError>((at_once, microseconds(pool, loops / 100, rest)?))
        })??;
        let idle = Duration::from_millis(500);
        let before = cpu_time();
        sleep(idle);
        let used = cpu_time()
            .zip(before)
            .map(|(now, before)| now.saturating_sub(before));
        let used = used.map_or("unknown".into(), |used| {
            format!("{:.1} %", 100.0 * used.as_secs_f64() / idle.as_secs_f64())
        });
        writeln!(
            io::stdout(),
            "{policy:?}: {at_once:.2} µs a loop, {later:.2} µs after 1 ms of sleep, idle CPU use {used}"
        )?;
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main(run)
}

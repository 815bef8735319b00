//! STREAM triad, `a[i] = b[i] + s * c[i]`: how fast memory is for each worker and in all.
//! `cargo run --release -p ringpool --features affinity-backend --example triad`.

mod common;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::{Outcome, TeamOptions, at_least_one, check, real, timed, touched};
use ringpool::Schedule;

/// The memory bandwidth of a loop that does next to nothing else. Three arrays, far larger than the caches.
#[derive(Parser)]
struct Options {
    /// Elements of each array
    #[arg(short, long, default_value_t = 20_000_000, value_parser = at_least_one)]
    size: usize,
    #[command(flatten)]
    team: TeamOptions,
}

const SCALE: f64 = 3.0;

fn triad(to: &mut [f64], left: &[f64], right: &[f64]) {
    for ((to, left), right) in to.iter_mut().zip(left).zip(right) {
        *to = left + SCALE * right;
    }
}

/// What one worker works on in every round, and how long it took last.
struct Part<'a> {
    to: &'a mut [f64],
    left: &'a [f64],
    right: &'a [f64],
    took: Duration,
}

/// Bytes that go through memory, in GB/s. STREAM counts two loads and a store.
fn bandwidth(elements: usize, time: Duration) -> f64 {
    real(3 * size_of::<f64>() * elements) / time.as_secs_f64() / 1e9
}

fn run(options: &Options) -> Outcome {
    let size = options.size;
    let team = options.team.team()?;
    let workers = team.pool.worker_count();
    let left = team.filled(size, |index| real(index % 1000))?;
    let right = team.filled(size, |index| real(index % 7))?;
    let mut to = team.filled(size, |_| 0.0)?;
    let mut expected = touched(0.0, size);

    let mut parts = Vec::new();
    let mut rest = to.as_mut_slice();
    for index in 0..workers {
        // As `Schedule::Static` shares the elements out, so each worker finds what it has touched first.
        let begin = size - rest.len();
        let share = size / workers + usize::from(index < size % workers);
        let (part, others) = rest.split_at_mut(share);
        rest = others;
        parts.push(Part {
            to: part,
            left: &left[begin..][..share],
            right: &right[begin..][..share],
            took: Duration::ZERO,
        });
    }
    let times = team.compare(
        "triad",
        || triad(&mut expected, &left, &right),
        |pool| {
            let each = pool.with().schedule(Schedule::Static);
            each.for_each(&mut parts, |part| {
                part.took = timed(|| triad(part.to, part.left, part.right)).1;
            })
        },
    )?;
    let mut out = io::stdout();
    for (index, part) in parts.iter().enumerate() {
        let speed = bandwidth(part.to.len(), part.took);
        writeln!(out, "  worker {index}: {speed:.2} GB/s in the last round")?;
    }
    writeln!(out, "  alone: {:.2} GB/s", bandwidth(size, times.alone))?;
    writeln!(out, "  in all: {:.2} GB/s", bandwidth(size, times.together))?;
    check(&expected, &to)
}

fn main() -> ExitCode {
    common::main(run)
}

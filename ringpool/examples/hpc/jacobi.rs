//! The heat equation on a square plate by Jacobi's method:
//! `cargo run --release -p ringpool --features affinity-backend --example jacobi`.

mod common;

use std::mem::swap;
use std::process::ExitCode;

use clap::Parser;
use common::{Outcome, TeamOptions, at_least_one, check, real};
use ringpool::{JobError, Pool, Schedule, enumerate};

/// Jacobi sweeps over a square grid; each worker has the same rows in every sweep.
#[derive(Parser)]
struct Options {
    /// Points along a side
    #[arg(short, long, default_value_t = 1024, value_parser = at_least_one)]
    size: usize,
    /// Sweeps over the grid
    #[arg(long, default_value_t = 200)]
    sweeps: usize,
    #[command(flatten)]
    team: TeamOptions,
}

/// The plate at the beginning: hot along one side.
fn start(size: usize) -> impl Fn(usize) -> f64 + Sync {
    move |index| {
        if index < size {
            real(index) / real(size)
        } else {
            0.0
        }
    }
}

/// One row of a sweep. Rows and points at the edge stay as they are.
fn relax(index: usize, row: &mut [f64], old: &[f64]) {
    let size = row.len();
    if index == 0 || index + 1 == old.len() / size {
        return;
    }
    let line = |index: usize| &old[index * size..][..size];
    let beside = line(index).windows(3);
    let above = &line(index - 1)[1..];
    let below = &line(index + 1)[1..];
    for (((point, beside), above), below) in row[1..].iter_mut().zip(beside).zip(above).zip(below) {
        *point = 0.25 * (above + below + (beside[0] + beside[2]));
    }
}

fn alone(old: &mut Vec<f64>, new: &mut Vec<f64>, size: usize, sweeps: usize) {
    for _ in 0..sweeps {
        for (index, row) in new.chunks_mut(size).enumerate() {
            relax(index, row, old);
        }
        swap(old, new);
    }
}

fn together(
    pool: &Pool,
    old: &mut Vec<f64>,
    new: &mut Vec<f64>,
    size: usize,
    sweeps: usize,
) -> Result<(), JobError> {
    for _ in 0..sweeps {
        let from = &*old;
        pool.with().schedule(Schedule::Static).for_each(
            enumerate(new.chunks_mut(size)),
            |(index, row)| {
                relax(index, row, from);
            },
        )?;
        swap(old, new);
    }
    Ok(())
}

fn run(options: &Options) -> Outcome {
    let &Options { size, sweeps, .. } = options;
    let points = size.checked_mul(size).ok_or("the grid is too large")?;
    let team = options.team.team()?;
    let begin = Vec::from_iter((0..points).map(start(size)));
    let (mut one, mut other) = (begin.clone(), begin.clone());
    let (mut here, mut there) = (
        team.filled(points, start(size))?,
        team.filled(points, start(size))?,
    );
    team.compare(
        "jacobi",
        || alone(&mut one, &mut other, size, sweeps),
        |pool| together(pool, &mut here, &mut there, size, sweeps),
    )?;
    check(&one, &here)
}

fn main() -> ExitCode {
    common::main(run)
}

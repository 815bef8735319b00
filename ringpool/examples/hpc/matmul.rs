//! The product of two square matrices, in blocks that fit into a cache:
//! `cargo run --release -p ringpool --features affinity-backend --example matmul`.

mod common;

use std::process::ExitCode;

use clap::Parser;
use common::{Outcome, TeamOptions, at_least_one, check, random, touched};
use ringpool::enumerate;

/// Matrix multiplication by blocks of rows, which workers take as they come.
#[derive(Parser)]
struct Options {
    /// Rows and columns
    #[arg(short, long, default_value_t = 768, value_parser = at_least_one)]
    size: usize,
    /// Rows and columns of a block
    #[arg(short, long, default_value_t = 48, value_parser = at_least_one)]
    block: usize,
    #[command(flatten)]
    team: TeamOptions,
}

/// Some rows of `a` times `b`.
fn multiply(rows: &mut [f64], a: &[f64], b: &[f64], size: usize, block: usize) {
    rows.fill(0.0);
    for depth in (0..size).step_by(block) {
        let deep = depth..size.min(depth + block);
        for (row, a) in rows.chunks_mut(size).zip(a.chunks(size)) {
            for k in deep.clone() {
                let factor = a[k];
                for (sum, b) in row.iter_mut().zip(&b[k * size..][..size]) {
                    *sum += factor * b;
                }
            }
        }
    }
}

fn run(options: &Options) -> Outcome {
    let &Options { size, block, .. } = options;
    let places = size.checked_mul(size).ok_or("the matrix is too large")?;
    let strip = size.checked_mul(block).ok_or("the block is too large")?;
    let team = options.team.team()?;
    let a = team.filled(places, random)?;
    let b = team.filled(places, |index| random(index + places))?;
    let mut expected = touched(0.0, places);
    let mut product = team.filled(places, |_| 0.0)?;
    team.compare(
        "matmul",
        || {
            for (index, rows) in expected.chunks_mut(strip).enumerate() {
                let a = &a[index * strip..][..rows.len()];
                multiply(rows, a, &b, size, block);
            }
        },
        |pool| {
            pool.for_each(enumerate(product.chunks_mut(strip)), |(index, rows)| {
                let a = &a[index * strip..][..rows.len()];
                multiply(rows, a, &b, size, block);
            })
        },
    )?;
    check(&expected, &product)?;

    // The blocks themselves could be wrong: one element by the definition.
    let (row, column) = (size / 2, size / 3);
    let terms = (0..size).map(|k| a[row * size + k] * b[k * size + column]);
    let (sum, found) = (terms.sum::<f64>(), product[row * size + column]);
    if (sum - found).abs() > 1e-9 * sum.abs() {
        return Err(format!("element {row}, {column} is {found}, not {sum}").into());
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main(run)
}

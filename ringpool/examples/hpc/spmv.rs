//! A sparse matrix times a vector, again and again; its rows are of very unequal length:
//! `cargo run --release -p ringpool --features affinity-backend --example spmv`.

mod common;

use std::ops::Range;
use std::process::ExitCode;

use clap::Parser;
use common::{Outcome, TeamOptions, at_least_one, check, random, real, touched};
use ringpool::Schedule;

/// Multiplies a matrix in compressed rows by a vector. Guided chunks make up for rows of unequal length.
#[derive(Parser)]
struct Options {
    /// Rows and columns
    #[arg(short, long, default_value_t = 200_000, value_parser = at_least_one)]
    size: usize,
    /// Products in a row
    #[arg(long, default_value_t = 20)]
    products: usize,
    #[command(flatten)]
    team: TeamOptions,
}

/// A matrix in compressed rows.
struct Sparse {
    /// Where each row begins in the two others, and where the last one ends.
    begins: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
}

impl Sparse {
    /// Rows of 4 to 67 elements that look random, but for every thousandth, which has ten times as many.
    fn new(size: usize) -> Self {
        let mut matrix = Self {
            begins: vec![0],
            columns: Vec::new(),
            values: Vec::new(),
        };
        for row in 0..size {
            let elements = (4 + row * 37 % 64) * if row % 1000 == 0 { 10 } else { 1 };
            for element in 0..elements.min(size) {
                // Near the diagonal, with a stride, so that the vector is read in jumps.
                matrix.columns.push((row + element * 53) % size);
                matrix.values.push(random(matrix.values.len()));
            }
            matrix.begins.push(matrix.columns.len());
        }
        matrix
    }

    fn row(&self, index: usize) -> Range<usize> {
        self.begins[index]..self.begins[index + 1]
    }

    /// One element of the product.
    fn times(&self, index: usize, vector: &[f64]) -> f64 {
        let elements = self.row(index);
        let columns = &self.columns[elements.clone()];
        let products = columns.iter().zip(&self.values[elements]);
        products
            .map(|(&column, value)| value * vector[column])
            .sum()
    }
}

fn run(options: &Options) -> Outcome {
    let &Options { size, products, .. } = options;
    let team = options.team.team()?;
    let matrix = Sparse::new(size);
    let vector = team.filled(size, |index| real(index % 17))?;
    let mut expected = touched(0.0, size);
    let mut product = team.filled(size, |_| 0.0)?;
    team.compare(
        "spmv",
        || {
            for _ in 0..products {
                for (index, to) in expected.iter_mut().enumerate() {
                    *to = matrix.times(index, &vector);
                }
            }
        },
        |pool| {
            for _ in 0..products {
                let each = pool.with().schedule(Schedule::Guided);
                each.map_into(0..size, &mut product, |index| matrix.times(index, &vector))?;
            }
            Ok(())
        },
    )?;
    check(&expected, &product)
}

fn main() -> ExitCode {
    common::main(run)
}

//! W7: two loops as they stand in simulations: a stencil that sweeps over a plate again and again, and a picture whose
//! rows cost differently.

use std::mem::swap;

use rayon::prelude::*;
use ringpool::{Pool, Schedule, WaitPolicy, enumerate};

use crate::pools::{pool, pool_that_waits, pool_with_caller, rayon_pool};
use crate::{Session, Workload, contender};

/// W7: Jacobi's method for the heat equation.
pub const JACOBI: Workload = Workload {
    id: "W7 Jacobi",
    what: "200 sweeps of Jacobi's method over a plate of 1024 × 1024 f64",
    unit: "point",
    units: SWEEPS * 1024 * 1024,
    repeats: 3,
    singles: 0,
    contenders: &[
        contender("ringpool for_each, static", |workers| {
            jacobi_on(pool(workers))
        }),
        contender("ringpool for_each static, caller participates", |workers| {
            jacobi_on(pool_with_caller(workers))
        }),
        contender(
            "ringpool for_each static, caller participates, active",
            |workers| jacobi_on(pool_that_waits(workers, WaitPolicy::Active)),
        ),
        contender("rayon par_chunks_mut", rayon_jacobi),
        contender("sequential", |_| jacobi(one_by_one)),
    ],
    checksum: |units, _| jacobi(one_by_one)(units),
};

/// W7: the Mandelbrot set.
pub const MANDELBROT: Workload = Workload {
    id: "W7 Mandelbrot",
    what: "the Mandelbrot set, 1024 × 1024 points by rows of uneven cost",
    unit: "point",
    units: 1024 * 1024,
    repeats: 3,
    singles: 0,
    contenders: &[
        contender("ringpool reduce", |workers| mandelbrot_on(pool(workers))),
        contender("ringpool reduce, caller participates", |workers| {
            mandelbrot_on(pool_with_caller(workers))
        }),
        contender("rayon par_iter", rayon_mandelbrot),
        contender("sequential", |_| Box::new(mandelbrot)),
    ],
    checksum: |units, _| mandelbrot(units),
};

const SWEEPS: usize = 200;

/// One point of so many is summed.
const STRIDE: usize = 1009;

/// What is done with a row, which comes with its number.
type Each<'a> = &'a (dyn Fn((usize, &mut [f64])) + Sync);

/// The sweeps, whose rows `rows` shares out; a plate that is there already is used again.
fn jacobi(rows: impl Fn(&mut [f64], usize, Each<'_>) + 'static) -> Session {
    let (mut old, mut new) = (Vec::<f64>::new(), Vec::<f64>::new());
    Box::new(move |units| {
        let side = (units / SWEEPS).isqrt();
        if side > 0 {
            old.resize(side * side, 0.0);
            new.resize(side * side, 0.0);
            rows(&mut old, side, &|(index, row)| heat(index, row));
            rows(&mut new, side, &|(index, row)| heat(index, row));
            for _ in 0..SWEEPS {
                let from = &old[..];
                rows(&mut new, side, &|(index, row)| relax(index, row, from));
                swap(&mut old, &mut new);
            }
        }
        let points = old.iter().take(side * side).step_by(STRIDE);
        points.fold((side * side) as u64, |sum, point| {
            sum.wrapping_add(point.to_bits())
        })
    })
}

/// Hot along one side.
fn heat(index: usize, row: &mut [f64]) {
    let side = float(row.len());
    for (column, point) in row.iter_mut().enumerate() {
        *point = if index == 0 {
            float(column) / side
        } else {
            0.0
        };
    }
}

/// One row of a sweep. Rows and points at the edge stay as they are.
fn relax(index: usize, row: &mut [f64], old: &[f64]) {
    let side = row.len();
    if index == 0 || index + 1 == side {
        return;
    }
    let line = |line: usize, from: usize| &old[line * side + from..][..side - 2];
    let sides = line(index, 0).iter().zip(line(index, 2));
    let others = line(index - 1, 1).iter().zip(line(index + 1, 1));
    for ((point, (left, right)), (above, below)) in row[1..].iter_mut().zip(sides).zip(others) {
        *point = 0.25 * (above + below + (left + right));
    }
}

fn one_by_one(plate: &mut [f64], side: usize, each: Each<'_>) {
    plate.chunks_mut(side).enumerate().for_each(each);
}

fn jacobi_on(pool: Pool) -> Session {
    jacobi(move |plate, side, each| {
        let rows = enumerate(plate.chunks_mut(side));
        let fixed = pool.with().schedule(Schedule::Static);
        fixed.for_each(rows, each).expect("the pool is open");
    })
}

fn rayon_jacobi(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    jacobi(move |plate, side, each| {
        pool.install(|| plate.par_chunks_mut(side).enumerate().for_each(each));
    })
}

/// The iterations of all points of a row.
fn mandelbrot_row(row: usize, side: usize) -> u64 {
    let scale = 3.0 / float(side);
    let im = (float(row) - float(side) / 2.0) * scale;
    (0..side)
        .map(|column| escape(-2.2 + float(column) * scale, im))
        .sum()
}

/// Iterations until the point escapes, 200 at most.
fn escape(re: f64, im: f64) -> u64 {
    let (mut x, mut y) = (0.0_f64, 0.0_f64);
    for n in 0..200 {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return n;
        }
        (x, y) = (xx - yy + re, 2.0 * x * y + im);
    }
    200
}

fn mandelbrot(units: usize) -> u64 {
    let side = units.isqrt();
    (0..side).map(|row| mandelbrot_row(row, side)).sum()
}

fn mandelbrot_on(pool: Pool) -> Session {
    Box::new(move |units| {
        let side = units.isqrt();
        let each = |row| mandelbrot_row(row, side);
        pool.reduce(0..side, 0, each, u64::wrapping_add)
            .expect("the pool is open")
    })
}

fn rayon_mandelbrot(workers: usize) -> Session {
    let pool = rayon_pool(workers);
    Box::new(move |units| {
        let side = units.isqrt();
        pool.install(|| {
            let rows = (0..side).into_par_iter();
            rows.map(|row| mandelbrot_row(row, side)).sum()
        })
    })
}

/// Sizes of plates are far below 2^52, so the cast is exact.
#[expect(clippy::cast_precision_loss)]
fn float(n: usize) -> f64 {
    n as f64
}

//! What a job of ringpool costs as work grows: more jobs, workers, bytes and submitters.

use std::thread;
use std::time::{Duration, Instant};

use crate::pools::pool;
use crate::tiny;

/// An amount of work on a pool.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Jobs in all.
    pub jobs: usize,
    /// Workers of the pool.
    pub workers: usize,
    /// Bytes that each job brings along: one of [`CAPTURES`].
    pub capture: usize,
    /// Threads that submit.
    pub submitters: usize,
}

/// What [`Point::capture`] can be.
pub const CAPTURES: [usize; 4] = [8, 64, 512, 4096];

/// Runs all jobs, each in a scope of its submitter, and tells how long that took; a warm-up with as many jobs comes first.
pub fn run(point: Point) -> Duration {
    match point.capture {
        8 => run_with::<8>(point),
        64 => run_with::<64>(point),
        512 => run_with::<512>(point),
        4096 => run_with::<4096>(point),
        other => panic!("no jobs with {other} bytes are made"),
    }
}

fn run_with<const BYTES: usize>(point: Point) -> Duration {
    let pool = pool(point.workers);
    let jobs = point.jobs / point.submitters;
    let submit = || {
        let done = pool.scope(|scope| {
            for n in 0..jobs as u64 {
                let mut load = [0; BYTES];
                load[..8].copy_from_slice(&n.to_ne_bytes());
                drop(
                    scope
                        .apply_async(move || tiny(u64::from(load[0]) + u64::from(load[BYTES - 1]))),
                );
            }
        });
        done.expect("the pool is open");
    };
    let all = || {
        // The first submitter is this thread.
        thread::scope(|scope| {
            for _ in 1..point.submitters {
                scope.spawn(submit);
            }
            submit();
        });
    };
    all();
    let begin = Instant::now();
    all();
    begin.elapsed()
}

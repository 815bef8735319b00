//! What a job of ringpool costs as work grows: more jobs, workers, bytes and submitters.

use std::thread;

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

/// Opens a pool for that work; each call of what it returns does all of it, every submitter in a scope of its own.
pub fn prepare(point: Point) -> Box<dyn FnMut()> {
    match point.capture {
        8 => prepare_with::<8>(point),
        64 => prepare_with::<64>(point),
        512 => prepare_with::<512>(point),
        4096 => prepare_with::<4096>(point),
        other => panic!("no jobs with {other} bytes are made"),
    }
}

fn prepare_with<const BYTES: usize>(point: Point) -> Box<dyn FnMut()> {
    let pool = pool(point.workers);
    let jobs = (point.jobs / point.submitters) as u64;
    let submit = move || {
        let done = pool.scope(|scope| {
            for n in 0..jobs {
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
    Box::new(move || {
        // The first submitter is this thread.
        thread::scope(|scope| {
            for _ in 1..point.submitters {
                scope.spawn(&submit);
            }
            submit();
        });
    })
}

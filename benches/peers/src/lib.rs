//! The workloads of the side-by-side `report` and the contenders in each.
//!
//! A [`Workload`] names its [`Contender`]s, and each contender opens a [`Session`] that does the same work and returns the
//! same checksum. Peers are written as a user who knows them would write them.

pub mod backlog;
pub mod bulk;
pub mod calls;
pub mod chunks;
pub mod detached;
pub mod foreign;
pub mod growth;
pub mod hand;
pub mod handles;
pub mod hot;
pub mod hpc;
pub mod idle;
pub mod large;
pub mod limits;
pub mod loops;
pub mod pools;
pub mod region;
pub mod rings;
pub mod streams;
pub mod uneven;
pub mod whole;

use std::num::NonZeroUsize;
use std::thread;

pub use ringpool_benches::tiny;

/// A contender ready to run: does that many units of work and returns their checksum.
///
/// It owns its pool, so dropping it ends the workers.
pub type Session = Box<dyn FnMut(usize) -> u64>;

/// One way to do the work of a [`Workload`].
#[derive(Clone, Copy)]
pub struct Contender {
    /// What the tables call it.
    pub name: &'static str,
    /// Makes its pool with that many workers.
    pub open: fn(usize) -> Session,
}

/// So many of them stand in a table that each has to fit one line.
const fn contender(name: &'static str, open: fn(usize) -> Session) -> Contender {
    Contender { name, open }
}

/// One question that all its contenders answer.
#[derive(Clone, Copy)]
pub struct Workload {
    /// Short name of the workload.
    pub id: &'static str,
    /// What one unit of it is.
    pub what: &'static str,
    /// The noun of that unit: `job`, `item`, `region`.
    pub unit: &'static str,
    /// Units a measurement takes.
    pub units: usize,
    /// Measurements in one process, of which the median counts; more than one where memory that is
    /// already mapped is no advantage to anyone.
    pub repeats: usize,
    /// Units that are timed one by one as well, for the tail; 0 where nobody waits for a single one.
    pub singles: usize,
    /// The first one is what the others are compared to.
    pub contenders: &'static [Contender],
    /// The checksum of that many units with that many workers.
    pub checksum: fn(units: usize, workers: usize) -> u64,
}

/// All workloads, in the order of the report.
pub const WORKLOADS: [Workload; 19] = [
    hot::HOT,
    handles::HANDLES,
    detached::DETACHED,
    bulk::MAP,
    bulk::MAP_INTO,
    large::FRESH,
    large::INTO,
    large::SUM,
    region::EMPTY,
    region::TINY,
    chunks::CHUNKS,
    chunks::OVERSUBSCRIBED,
    uneven::TRIANGLE,
    streams::UNORDERED,
    streams::ORDERED,
    streams::LONG,
    hpc::JACOBI,
    hpc::MANDELBROT,
    whole::WHOLE,
];

/// Two workers, or one where there is one CPU.
pub fn workers() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(2)
}

/// The checksum of the tiny jobs `0..units`.
pub fn tiny_sum(units: usize, _workers: usize) -> u64 {
    (0..units as u64).map(tiny).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_of_every_workload_does_the_work() {
        for workload in WORKLOADS {
            for contender in workload.contenders {
                for workers in [1, 2] {
                    // Tells with --nocapture who hangs.
                    println!("{}: {}, {workers}", workload.id, contender.name);
                    let mut session = (contender.open)(workers);
                    for units in [0, 1, 10_000] {
                        let sum = session(units);
                        let name = contender.name;
                        assert_eq!(
                            sum,
                            (workload.checksum)(units, workers),
                            "{}: {name}",
                            workload.id
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_backlog_is_looked_at_when_empty_and_when_full() {
        for backlog in backlog::BACKLOGS {
            let mut looks = 0;
            (backlog.fill)(2, 1000, &mut || looks += 1);
            assert_eq!(looks, 2, "{}", backlog.name);
        }
    }
}

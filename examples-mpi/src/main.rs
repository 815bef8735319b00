//! Ranks × workers: the heat equation on a square plate, a strip of rows for each rank of MPI, and a pool of pinned
//! workers in each rank. `ci/mpi.sh` builds and runs it.
//!
//! Nothing is configured: a pool reads the mask of the thread that builds it, which is what `mpirun` has bound its rank to.

use std::error::Error;
use std::mem::swap;
use std::ops::Range;
use std::process::ExitCode;

use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::point_to_point::send_receive_into;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use ringpool::affinity::{Pinned, Policy, first_touch};
use ringpool::{JobError, Pool, Schedule, enumerate};

const SIZE: usize = 512;
const SWEEPS: usize = 100;

/// Warm in places all over the plate, so that every row that is exchanged matters from the first sweep on.
fn start(row: usize, column: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let warmth = (row * 31 + column * 17) as f64;
    warmth % 101.0
}

/// One row of a sweep, from the old row, the one above and the one below.
fn relax(to: &mut [f64], old: &[f64]) {
    let (above, rest) = old.split_at(SIZE);
    let (here, below) = rest.split_at(SIZE);
    to.copy_from_slice(here);
    for column in 1..SIZE - 1 {
        let sides = here[column - 1] + here[column + 1];
        to[column] = 0.25 * (above[column] + below[column] + sides);
    }
}

/// The rows of one rank; before and after them lies a row of each neighbour.
struct Strip {
    rows: Range<usize>,
    old: Vec<f64>,
    new: Vec<f64>,
}

impl Strip {
    fn new(pool: &Pool, rows: Range<usize>) -> Result<Self, JobError> {
        let places = (rows.len() + 2) * SIZE;
        let first = rows.start;
        let fill = |index: usize| match (first + index / SIZE).checked_sub(1) {
            Some(row) => start(row, index % SIZE),
            None => 0.0,
        };
        Ok(Self {
            old: first_touch(pool, places, fill)?,
            new: first_touch(pool, places, fill)?,
            rows,
        })
    }

    /// Sends the outermost rows to the neighbours and receives theirs. Only this thread talks to MPI.
    fn exchange(&mut self, world: &SimpleCommunicator) {
        let (rank, ranks) = (world.rank(), world.size());
        let last = self.rows.len();
        let row = |index: usize| index * SIZE..(index + 1) * SIZE;
        let mut swap_with = |neighbour: i32, mine: usize, theirs: usize| {
            let other = world.process_at_rank(neighbour);
            let out = self.old[row(mine)].to_vec();
            send_receive_into(&out[..], &other, &mut self.old[row(theirs)], &other);
        };
        // Even ranks turn down first and odd ones up, so that no rank waits in a row.
        for turn in 0..2 {
            if (rank + turn) % 2 == 0 {
                if rank + 1 < ranks {
                    swap_with(rank + 1, last, last + 1);
                }
            } else if rank > 0 {
                swap_with(rank - 1, 1, 0);
            }
        }
    }

    fn sweep(&mut self, pool: &Pool) -> Result<(), JobError> {
        let (rows, old) = (self.rows.clone(), &self.old);
        let inner = self.new[SIZE..].chunks_mut(SIZE).take(rows.len());
        let inner = Vec::from_iter(inner);
        let near = pool.with().schedule(Schedule::Static);
        near.for_each(enumerate(inner), |(index, to)| {
            let row = rows.start + index;
            let around = &old[index * SIZE..(index + 3) * SIZE];
            if row == 0 || row == SIZE - 1 {
                to.copy_from_slice(&around[SIZE..2 * SIZE]);
            } else {
                relax(to, around);
            }
        })?;
        swap(&mut self.old, &mut self.new);
        Ok(())
    }

    fn result(&self) -> &[f64] {
        &self.old[SIZE..(self.rows.len() + 1) * SIZE]
    }
}

/// All rows, without ranks or workers.
fn alone() -> Vec<f64> {
    let mut old = Vec::from_iter((0..SIZE * SIZE).map(|at| start(at / SIZE, at % SIZE)));
    let mut new = old.clone();
    for _ in 0..SWEEPS {
        for row in 1..SIZE - 1 {
            let around = &old[(row - 1) * SIZE..(row + 2) * SIZE];
            relax(&mut new[row * SIZE..(row + 1) * SIZE], around);
        }
        swap(&mut old, &mut new);
    }
    old
}

/// Works on this rank's strip and tells whether it is right.
fn work(world: &SimpleCommunicator) -> Result<bool, Box<dyn Error>> {
    let (rank, ranks) = (
        usize::try_from(world.rank())?,
        usize::try_from(world.size())?,
    );
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = Pool::builder()
        .spawner(pinned.clone())
        .caller_participates()
        .build()?;
    for turn in 0..ranks {
        if turn == rank {
            let report = pinned.report();
            let (allowed, places) = (report.allowed(), report.places().len());
            println!(
                "rank {rank} of {ranks}: CPUs {allowed}, {places} places, {} workers",
                pool.worker_count()
            );
        }
        world.barrier();
    }
    let rows = SIZE * rank / ranks..SIZE * (rank + 1) / ranks;
    let mut strip = Strip::new(&pool, rows.clone())?;
    pinned.stay(|| {
        for _ in 0..SWEEPS {
            strip.exchange(world);
            strip.sweep(&pool)?;
        }
        Ok::<(), JobError>(())
    })??;
    pinned.verify()?;
    Ok(strip.result() == &alone()[rows.start * SIZE..rows.end * SIZE])
}

fn main() -> ExitCode {
    let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Funneled) else {
        eprintln!("MPI was initialised before");
        return ExitCode::FAILURE;
    };
    let world = universe.world();
    if threading < Threading::Funneled {
        eprintln!("this MPI allows no threads");
        world.abort(1);
    }
    let right = work(&world).unwrap_or_else(|error| {
        eprintln!("rank {}: {error}", world.rank());
        // The other ranks wait for this one.
        world.abort(1)
    });
    let (mine, mut wrong) = (i32::from(!right), 0);
    world.all_reduce_into(&mine, &mut wrong, SystemOperation::sum());
    if world.rank() == 0 {
        println!("{SWEEPS} sweeps over {SIZE} × {SIZE} points: {wrong} ranks are wrong");
    }
    ExitCode::from(u8::from(wrong > 0))
}

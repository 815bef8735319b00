//! W2 detached: many tiny jobs whose results nobody takes.
//!
//! Each job counts itself in a cell of its thread, since a counter that all share would cost more
//! than the job; the caller sums the cells between short sleeps until all are in.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{Executor, forte, futures_pool, pool, rayon_pool, rusty_pool, tokio_runtime};
use crate::{Session, Workload, contender, tiny, tiny_sum};

/// W2 without handles.
pub const DETACHED: Workload = Workload {
    id: "W2 detached",
    what: "10^6 tiny jobs without handles, until all have run",
    unit: "job",
    units: 1_000_000,
    repeats: 1,
    singles: 0,
    contenders: &[
        contender("ringpool apply_async, handle dropped", ringpool),
        contender("crossbeam by hand", hand),
        contender("rayon spawn", rayon),
        contender("threadpool execute", threadpool),
        contender("rusty_pool execute", rusty),
        contender("tokio spawn", tokio_spawn),
        contender("tokio spawn_blocking", tokio_blocking),
        contender("async-executor, detached", executor),
        contender("futures ThreadPool", futures_spawn),
        contender("forte spawn, caller participates", forte_spawn),
    ],
    checksum: tiny_sum,
};

const CELLS: usize = 8;

/// Jobs done and the sum of their values, by one thread.
#[derive(Default)]
#[repr(align(128))]
struct Tally {
    done: AtomicUsize,
    sum: AtomicU64,
}

/// One cell a thread; threads take theirs at their first job.
struct Board {
    cells: [Tally; CELLS],
    taken: AtomicUsize,
}

thread_local! {
    static CELL: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl Board {
    /// Leaked: a shared count in every job would be contended, and a session needs one board only.
    fn leaked() -> &'static Self {
        Box::leak(Box::new(Self {
            cells: Default::default(),
            taken: AtomicUsize::new(0),
        }))
    }

    fn run(&self, n: u64) {
        let cell = CELL.get();
        // Threads of one session never meet another board, so an index taken once stays right.
        let cell = if cell < CELLS { cell } else { self.take() };
        let tally = &self.cells[cell];
        // Relaxed loads and stores suffice: the cell has one writer; Release pairs with the
        // Acquire in `wait`, so that the sum is not behind the count.
        let sum = tally.sum.load(Ordering::Relaxed);
        tally
            .sum
            .store(sum.wrapping_add(tiny(n)), Ordering::Relaxed);
        let done = tally.done.load(Ordering::Relaxed);
        tally.done.store(done + 1, Ordering::Release);
    }

    #[cold]
    fn take(&self) -> usize {
        let cell = self.taken.fetch_add(1, Ordering::Relaxed);
        assert!(cell < CELLS, "more threads than cells");
        CELL.set(cell);
        cell
    }

    fn wait(&self, units: usize) -> u64 {
        while self
            .cells
            .iter()
            .map(|tally| tally.done.load(Ordering::Acquire))
            .sum::<usize>()
            < units
        {
            thread::sleep(Duration::from_micros(50));
        }
        let sum = self
            .cells
            .iter()
            .map(|tally| tally.sum.swap(0, Ordering::Relaxed))
            .fold(0, u64::wrapping_add);
        for tally in &self.cells {
            tally.done.store(0, Ordering::Relaxed);
        }
        sum
    }
}

fn ringpool(workers: usize) -> Session {
    let (pool, board) = (pool(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            drop(
                pool.apply_async(move || board.run(n))
                    .expect("the pool is open"),
            );
        }
        board.wait(units)
    })
}

fn hand(workers: usize) -> Session {
    let (pool, board) = (HandPool::new(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            pool.spawn(move || board.run(n));
        }
        board.wait(units)
    })
}

fn rayon(workers: usize) -> Session {
    let (pool, board) = (rayon_pool(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            pool.spawn(move || board.run(n));
        }
        board.wait(units)
    })
}

fn threadpool(workers: usize) -> Session {
    let (pool, board) = (ThreadPool::new(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            pool.execute(move || board.run(n));
        }
        board.wait(units)
    })
}

fn rusty(workers: usize) -> Session {
    let (pool, board) = (rusty_pool(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            pool.execute(move || board.run(n));
        }
        board.wait(units)
    })
}

fn tokio_spawn(workers: usize) -> Session {
    let (runtime, board) = (tokio_runtime(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            drop(runtime.spawn(async move { board.run(n) }));
        }
        board.wait(units)
    })
}

fn tokio_blocking(workers: usize) -> Session {
    let (runtime, board) = (tokio_runtime(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            drop(runtime.spawn_blocking(move || board.run(n)));
        }
        board.wait(units)
    })
}

fn executor(workers: usize) -> Session {
    let (executor, board) = (Executor::new(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            executor.spawn(move || board.run(n)).detach();
        }
        board.wait(units)
    })
}

fn futures_spawn(workers: usize) -> Session {
    let (pool, board) = (futures_pool(workers), Board::leaked());
    Box::new(move |units| {
        for n in 0..units as u64 {
            pool.spawn_ok(async move { board.run(n) });
        }
        board.wait(units)
    })
}

/// Jobs that are still queued when the closure ends go to the other workers, or are run by this thread.
fn forte_spawn(workers: usize) -> Session {
    let (pool, board) = (forte(workers), Board::leaked());
    Box::new(move |units| {
        pool.with_worker(|worker| {
            for n in 0..units as u64 {
                worker.spawn(move |_| board.run(n));
            }
        });
        board.wait(units)
    })
}

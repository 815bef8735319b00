//! A backlog: many jobs accepted while every worker stands at a gate.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use threadpool::ThreadPool;

use crate::hand::HandPool;
use crate::pools::{pool, rayon_pool};
use crate::tiny;

/// Fills a backlog of that many jobs with that many workers, and calls `look` twice: when the
/// workers stand at the gate, and when the last job has been accepted.
#[derive(Clone, Copy)]
pub struct Backlog {
    /// What the tables call it.
    pub name: &'static str,
    /// Runs it.
    pub fill: fn(workers: usize, jobs: usize, look: &mut dyn FnMut()),
}

/// All of them, ringpool first.
pub const BACKLOGS: [Backlog; 6] = [
    Backlog {
        name: "ringpool apply_async, handles dropped",
        fill: dropped,
    },
    Backlog {
        name: "ringpool apply_async, handles kept",
        fill: kept,
    },
    Backlog {
        name: "crossbeam by hand, no handles",
        fill: hand,
    },
    Backlog {
        name: "crossbeam by hand + oneshot, handles kept",
        fill: hand_kept,
    },
    Backlog {
        name: "rayon spawn, no handles",
        fill: rayon,
    },
    Backlog {
        name: "threadpool execute, no handles",
        fill: threadpool,
    },
];

/// Where the workers wait until it is dropped.
struct Gate {
    closed: Arc<Mutex<()>>,
    arrived: (Sender<()>, Receiver<()>),
}

impl Gate {
    fn new() -> Self {
        Self {
            closed: Arc::new(Mutex::new(())),
            arrived: channel(),
        }
    }

    /// Holds all workers while `fill` runs; `spawn` must start a job on an idle worker.
    fn hold(&self, workers: usize, spawn: impl Fn(Box<dyn FnOnce() + Send>), fill: impl FnOnce()) {
        let held = self.closed.lock();
        for _ in 0..workers {
            let (closed, arrived) = (Arc::clone(&self.closed), self.arrived.0.clone());
            spawn(Box::new(move || {
                let _ = arrived.send(());
                drop(closed.lock());
            }));
        }
        for _ in 0..workers {
            self.arrived.1.recv().expect("each worker arrives");
        }
        fill();
        drop(held);
    }
}

fn dropped(workers: usize, jobs: usize, look: &mut dyn FnMut()) {
    let pool = pool(workers);
    let spawn =
        |job: Box<dyn FnOnce() + Send>| drop(pool.apply_async(job).expect("the pool is open"));
    Gate::new().hold(workers, spawn, || {
        look();
        for n in 0..jobs as u64 {
            drop(pool.apply_async(move || tiny(n)).expect("the pool is open"));
        }
        look();
    });
    pool.close();
    pool.join().expect("the pool is closed");
}

fn kept(workers: usize, jobs: usize, look: &mut dyn FnMut()) {
    let pool = pool(workers);
    let spawn =
        |job: Box<dyn FnOnce() + Send>| drop(pool.apply_async(job).expect("the pool is open"));
    let mut handles = Vec::new();
    Gate::new().hold(workers, spawn, || {
        look();
        handles.reserve_exact(jobs);
        handles.extend(
            (0..jobs as u64).map(|n| pool.apply_async(move || tiny(n)).expect("the pool is open")),
        );
        look();
    });
    for (n, handle) in (0..).zip(handles) {
        assert_eq!(handle.get().expect("tiny jobs end well"), tiny(n));
    }
}

fn hand(workers: usize, jobs: usize, look: &mut dyn FnMut()) {
    let pool = HandPool::new(workers);
    Gate::new().hold(
        workers,
        |job| pool.spawn(job),
        || {
            look();
            for n in 0..jobs as u64 {
                pool.spawn(move || {
                    tiny(n);
                });
            }
            look();
        },
    );
}

fn hand_kept(workers: usize, jobs: usize, look: &mut dyn FnMut()) {
    let pool = HandPool::new(workers);
    let mut handles = Vec::new();
    Gate::new().hold(
        workers,
        |job| pool.spawn(job),
        || {
            look();
            handles.reserve_exact(jobs);
            handles.extend((0..jobs as u64).map(|n| {
                let (done, result) = oneshot::channel();
                pool.spawn(move || done.send(tiny(n)).expect("the handle is kept"));
                result
            }));
            look();
        },
    );
    for (n, handle) in (0..).zip(handles) {
        assert_eq!(handle.recv().expect("the job answers"), tiny(n));
    }
}

fn rayon(workers: usize, jobs: usize, look: &mut dyn FnMut()) {
    let pool = rayon_pool(workers);
    Gate::new().hold(
        workers,
        |job| pool.spawn(job),
        || {
            look();
            for n in 0..jobs as u64 {
                pool.spawn(move || {
                    tiny(n);
                });
            }
            look();
        },
    );
}

fn threadpool(workers: usize, jobs: usize, look: &mut dyn FnMut()) {
    let pool = ThreadPool::new(workers);
    Gate::new().hold(
        workers,
        |job| pool.execute(job),
        || {
            look();
            for n in 0..jobs as u64 {
                pool.execute(move || {
                    tiny(n);
                });
            }
            look();
        },
    );
    pool.join();
}

//! A spawner on loom's threads, which knows how many of its workers live and may be told to refuse.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::thread::{self, JoinHandle};
use ringpool_core::{Placement, Spawner, WorkerStart};

/// Starts workers as threads of the model.
///
/// Its counts are std's atomics, which loom does not see: they are read where the model is ordered anyway.
#[derive(Debug, Clone, Default)]
pub struct Crew(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    alive: AtomicUsize,
    started: AtomicUsize,
    /// How many workers may be started in all.
    limit: AtomicUsize,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            alive: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
        }
    }
}

/// Why a crew started no worker: it was told not to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model allows no more workers")
    }
}

impl Error for Refused {}

impl Crew {
    /// A crew that starts `limit` workers and refuses the next.
    #[must_use]
    pub fn limited(limit: usize) -> Self {
        let crew = Self::default();
        crew.0.limit.store(limit, Relaxed);
        crew
    }

    /// How many workers have been started and are not gone.
    pub fn alive(&self) -> usize {
        self.0.alive.load(Relaxed)
    }

    /// How many workers have been started.
    pub fn started(&self) -> usize {
        self.0.started.load(Relaxed)
    }
}

impl Spawner for Crew {
    type Handle = JoinHandle<()>;
    type Error = Refused;

    fn default_workers(&self) -> usize {
        1
    }

    fn spawn(&mut self, start: WorkerStart, _at: Placement) -> Result<JoinHandle<()>, Refused> {
        if self.started() == self.0.limit.load(Relaxed) {
            return Err(Refused);
        }
        self.0.started.fetch_add(1, Relaxed);
        self.0.alive.fetch_add(1, Relaxed);
        let counts = Arc::clone(&self.0);
        Ok(thread::spawn(move || {
            start.run();
            counts.alive.fetch_sub(1, Relaxed);
        }))
    }

    fn reclaim(&mut self, handle: JoinHandle<()>) {
        handle.join().expect("a worker does not unwind");
    }
}

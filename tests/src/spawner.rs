//! A spawner on std threads that keeps books and fails as it is told.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::Threads;
use ringpool::platform::{Placement, Spawner, WorkerStart};

use crate::Log;

/// How a [`TestSpawner`] misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Not at all.
    Obey,
    /// Refuses the start with this number, counted from 0 over all starts.
    RefuseStart(usize),
    /// Refuses every replacement.
    RefuseReplacements,
    /// Says that it cannot respawn.
    NoRespawn,
    /// Forgets to run the start with this number, and says that all is well.
    LoseStart(usize),
    /// Panics when asked for a replacement.
    PanicOnReplacement,
}

/// The error of a refused start, with the number of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub usize);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "start {} was refused by the test", self.0)
    }
}

impl Error for Refused {}

/// Why a [`TestSpawner`] did not start a thread.
#[derive(Debug)]
pub enum StartFailed {
    /// The plan says so.
    Refused(Refused),
    /// The machine says so.
    Machine(<Threads as Spawner>::Error),
}

impl fmt::Display for StartFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Machine(error) => error.fmt(f),
        }
    }
}

impl Error for StartFailed {}

/// The books of a [`TestSpawner`]. Clones are the same books.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Books>);

#[derive(Debug, Default)]
struct Books {
    asked: AtomicUsize,
    started: AtomicUsize,
    reclaimed: AtomicUsize,
    placements: Log<Placement>,
}

impl Ledger {
    /// How many starts were asked for.
    pub fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// How many threads were started.
    pub fn started(&self) -> usize {
        self.0.started.load(Ordering::SeqCst)
    }

    /// How many threads were given back.
    pub fn reclaimed(&self) -> usize {
        self.0.reclaimed.load(Ordering::SeqCst)
    }

    /// Takes the placements of all starts asked for.
    pub fn placements(&self) -> Vec<Placement> {
        self.0.placements.take()
    }
}

/// Starts std threads, keeps books, and fails as its plan says.
pub struct TestSpawner {
    inner: Threads,
    plan: Plan,
    default_workers: usize,
    ledger: Ledger,
}

impl TestSpawner {
    /// A spawner that misbehaves as `plan` says.
    pub fn new(plan: Plan) -> Self {
        Self {
            inner: Threads::default(),
            plan,
            default_workers: 2,
            ledger: Ledger::default(),
        }
    }

    /// Sets what [`Spawner::default_workers`] answers.
    #[must_use]
    pub fn default_of(mut self, workers: usize) -> Self {
        self.default_workers = workers;
        self
    }

    /// The books, to be looked at later.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

impl fmt::Debug for TestSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSpawner")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Spawner for TestSpawner {
    type Handle = Option<<Threads as Spawner>::Handle>;
    type Error = StartFailed;

    fn default_workers(&self) -> usize {
        self.default_workers
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<Self::Handle, Self::Error> {
        let books = &self.ledger.0;
        let number = books.asked.fetch_add(1, Ordering::SeqCst);
        books.placements.push(at);
        match self.plan {
            Plan::RefuseStart(refused) if refused == number => {
                return Err(StartFailed::Refused(Refused(number)));
            }
            Plan::RefuseReplacements if at.generation > 0 => {
                return Err(StartFailed::Refused(Refused(number)));
            }
            Plan::PanicOnReplacement if at.generation > 0 => crate::boom("the spawner panicked"),
            Plan::LoseStart(lost) if lost == number => {
                drop(start);
                return Ok(None);
            }
            _ => {}
        }
        let handle = self.inner.spawn(start, at).map_err(StartFailed::Machine)?;
        books.started.fetch_add(1, Ordering::SeqCst);
        Ok(Some(handle))
    }

    fn reclaim(&mut self, handle: Self::Handle) {
        if let Some(handle) = handle {
            self.inner.reclaim(handle);
            self.ledger.0.reclaimed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn can_respawn(&self) -> bool {
        self.plan != Plan::NoRespawn
    }
}

#![doc = include_str!("../README.md")]
#![cfg_attr(
    all(any(doc, doctest), feature = "std-backend"),
    doc = "\n# More\n\nThe [`book`] explains it chapter by chapter, with examples that run."
)]
#![cfg_attr(not(feature = "std-backend"), no_std)]
// docs.rs says of each item which feature brings it.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub use ringpool_core::{
    CancelOutcome, CatchPanic, GetError, Instant, Isr, JobError, JoinError, Panic, Placement,
    Progress, RunAsync, Running, Schedule, Seat, SeatError, Seats, StartError, StaticIMap,
    StaticPool, StaticScope, StaticStats, SubmitError, WaitPolicy, WorkerInfo, WorkerStats, ring,
    source::{self, enumerate, tiles, zip},
};

#[cfg(feature = "alloc")]
pub use ringpool_core::{BuildError, Control, Stats, source::pull};

#[cfg(feature = "std-backend")]
pub use ringpool_std::{Std, Threads};

#[cfg(all(any(doc, doctest), feature = "std-backend"))]
pub mod book;

#[cfg(feature = "alloc")]
pub mod timeline;

/// Workers that stay where they are put: one for each core, on any machine, inside any container or batch system.
///
/// One line pins one worker to each core that this thread may use: [`affinity::pool`]. For more, give a
/// [`Pinned`](affinity::Pinned) to a builder:
///
/// ```
/// use ringpool::Pool;
/// use ringpool::affinity::{Bind, Pinned, Policy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pinned = Pinned::new()
///     .places("cores(4)".parse()?)
///     .bind(Bind::Spread)
///     .policy(Policy::BestEffort);
/// let pool = Pool::builder().spawner(pinned.clone()).build()?;
/// println!("{}", pinned.report());
/// # drop(pool);
/// # Ok(()) }
/// ```
#[cfg(feature = "affinity-backend")]
pub mod affinity {
    pub use ringpool_affinity::{
        Bind, CoreKind, CpuSet, Drift, Drifted, ParseError, PinError, Pinned, PinnedWorker, Places,
        Policy, Quota, Report, Topology, advise_huge_pages, first_touch, pool,
    };
}

/// What a machine has to offer to run pools: implement these to bring your own.
pub mod platform {
    pub use ringpool_core::{
        Caller, CatchPanic, Context, Hart, Hosted, Instant, IsrUnpark, Park, Placement, Platform,
        Seats, SingleCore, Spawner, Spin, SpinToken, Timed, TimedHart, WorkerInfo, WorkerStart,
    };

    #[cfg(feature = "spin")]
    pub use ringpool_core::SharedSpawner;
}

/// The types of the root, generic over the platform.
pub mod generic {
    pub use ringpool_core::{
        AsyncResult, Callbacks, InPlace, OnError, OnHeap, OnSuccess, OnWorker, Plain, With, Worker,
    };

    #[cfg(feature = "alloc")]
    pub use ringpool_core::{Builder, IMap, Pool, Scope};
}

#[cfg(not(feature = "std-backend"))]
pub use generic::*;

/// A pool of std threads; see [`generic::Pool`] for its verbs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = ringpool::Pool::new()?;
/// assert_eq!(pool.map(0..4, |x| x * x)?, [0, 1, 4, 9]);
/// # Ok(()) }
/// ```
#[cfg(feature = "std-backend")]
pub type Pool<W = ()> = generic::Pool<Std, W>;

/// The settings of a pool of std threads.
#[cfg(feature = "std-backend")]
pub type Builder<W = ()> = generic::Builder<Std, W>;

/// The handle of a job on std threads.
#[cfg(feature = "std-backend")]
pub type AsyncResult<T> = generic::AsyncResult<T, Std>;

/// A lazy stream on std threads.
#[cfg(feature = "std-backend")]
pub type IMap<'p, I, R> = generic::IMap<'p, I, R, Std>;

/// The worker that a job runs on, on std threads.
#[cfg(feature = "std-backend")]
pub type Worker<'w, W = ()> = generic::Worker<'w, Std, W>;

/// A scope on std threads.
#[cfg(feature = "std-backend")]
pub type Scope<'scope, 'env, W = ()> = generic::Scope<'scope, 'env, Std, W>;

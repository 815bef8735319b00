//! The core of ringpool: Python's `Pool` as a lock-free state machine, without std, without dependencies.
//!
//! Users of an operating system want the crate `ringpool`; this one is for those who bring their own way to
//! start workers ([`Spawner`]) and their own machine ([`Platform`]), or who reuse a part, such as the
//! [`ring`](ring::Ring).
//!
//! | feature | what it adds |
//! |---|---|
//! | none | [`StaticPool`], whose memory is all its own; rings, sources, the platform's traits, [`Spin`] |
//! | `alloc` | `Pool`, whose queue grows, whose results are vectors, and which starts its workers |
//! | `heapless` | `map_into` into that crate's `Vec<R, N>`; the dependency `heapless` |
//! | `single-core` | a promise of the program, without an operating system and without threads: one core uses its pools. `SingleCore` is a hart then, and a `StaticPool` needs no other platform |
//! | `spin` | `SharedSpawner`, by which several pools use one spawner; the dependency `spin`, whose lock is taken only where workers are started and reclaimed |
//!
//! Targets without compare-exchange, such as Cortex-M0, need `--cfg ringpool_critical_section` in `RUSTFLAGS` and two
//! functions of the program; the error that building without them ends with says which.
//!
//! The protocols behind it are described in `PROTOCOL.md` beside the code.
#![cfg_attr(not(test), no_std)]
// docs.rs says of each item which feature brings it.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]
// The pool on the heap uses what the one in place does not, and the models use a part of each.
#![cfg_attr(any(ringpool_loom, not(feature = "alloc")), allow(dead_code))]
// Without an allocator there is no panic to keep, so errors have no destructor.
#![cfg_attr(not(feature = "alloc"), allow(clippy::drop_non_drop))]

#[cfg(feature = "alloc")]
extern crate alloc;

mod backoff;
mod batch;
mod berth;
#[cfg(feature = "alloc")]
mod builder;
mod control;
mod engine;
mod error;
mod event_count;
mod frame;
#[cfg(feature = "alloc")]
mod heap;
mod idle;
mod job;
mod latch;
#[cfg(feature = "alloc")]
mod lazy;
mod life;
#[cfg(all(test, feature = "alloc", ringpool_loom))]
mod models;
mod nested;
mod panic;
mod participation;
// The models have it without `spin`.
#[cfg(any(not(ringpool_loom), all(test, feature = "alloc")))]
mod permit;
mod platform;
#[cfg(feature = "alloc")]
mod pool;
mod region;
mod result;
pub mod ring;
#[cfg(feature = "alloc")]
mod scope;
mod scope_core;
mod seats;
#[cfg(feature = "alloc")]
mod shared;
#[cfg(feature = "spin")]
mod shared_spawner;
mod slot;
pub mod source;
mod spawner;
#[cfg(feature = "alloc")]
mod spawning;
#[cfg(not(ringpool_loom))]
mod spin;
mod static_pool;
mod stats;
mod submit;
mod sync;
#[cfg(all(test, feature = "alloc", not(ringpool_loom)))]
mod tests;
mod time;
mod timeline;
mod verbs;
mod with;
mod worker;

pub use batch::Schedule;
pub use engine::WaitPolicy;
pub use error::{GetError, JobError, JoinError, SeatError, StartError, SubmitError};
pub use job::{Callbacks, OnError, OnSuccess};
pub use panic::Panic;
pub use platform::{CatchPanic, Context, Hosted, IsrUnpark, Park, Platform, Timed};
pub use result::{AsyncResult, CancelOutcome};
pub use seats::Seats;
pub use spawner::{Caller, Placement, Spawner, WorkerInfo, WorkerStart};
pub use stats::{Progress, WorkerStats};
pub use time::Instant;
pub use timeline::{Span, SpanKind};
pub use with::{InPlace, OnHeap, OnWorker, Plain, With};
pub use worker::Worker;

#[cfg(feature = "spin")]
pub use shared_spawner::SharedSpawner;
pub use static_pool::{
    Isr, RunAsync, Running, Seat, StaticIMap, StaticPool, StaticScope, StaticStats,
};

// loom's atomics cannot lie in a static.
#[cfg(not(ringpool_loom))]
pub use spin::{Hart, SingleCore, Spin, SpinToken, TimedHart};

#[cfg(feature = "alloc")]
pub use {
    builder::Builder,
    control::Control,
    error::BuildError,
    lazy::IMap,
    pool::Pool,
    scope::Scope,
    stats::Stats,
    timeline::{Lane, Timeline},
};

//! The core of ringpool: Python's `Pool` as a lock-free state machine, without std, without dependencies.
//!
//! Users of an operating system want the crate `ringpool`; this one is for those who bring their own way to
//! start workers ([`Spawner`]) and their own machine ([`Platform`]), or who reuse a part, such as the
//! [`ring`](ring::Ring).
//!
//! | feature | what it adds |
//! |---|---|
//! | none | rings, sources, seats, the platform's traits, errors |
//! | `alloc` | the pool, whose queue grows and whose results are vectors |
//!
//! The protocols behind it are described in `PROTOCOL.md` beside the code.
#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]
#![cfg_attr(not(feature = "alloc"), allow(dead_code))]

#[cfg(feature = "alloc")]
extern crate alloc;

mod backoff;
#[cfg(feature = "alloc")]
mod batch;
#[cfg(feature = "alloc")]
mod builder;
#[cfg(feature = "alloc")]
mod control;
#[cfg(feature = "alloc")]
mod engine;
mod error;
#[cfg(feature = "alloc")]
mod event_count;
#[cfg(feature = "alloc")]
mod frame;
#[cfg(feature = "alloc")]
mod heap;
#[cfg(feature = "alloc")]
mod idle;
#[cfg(feature = "alloc")]
mod job;
#[cfg(feature = "alloc")]
mod latch;
#[cfg(feature = "alloc")]
mod lazy;
#[cfg(feature = "alloc")]
mod life;
#[cfg(all(test, feature = "alloc", ringpool_loom))]
mod models;
#[cfg(feature = "alloc")]
mod nested;
mod panic;
mod platform;
#[cfg(feature = "alloc")]
mod pool;
#[cfg(feature = "alloc")]
mod region;
#[cfg(feature = "alloc")]
mod result;
pub mod ring;
#[cfg(feature = "alloc")]
mod scope;
#[cfg(feature = "alloc")]
mod scope_core;
mod seats;
#[cfg(feature = "alloc")]
mod shared;
#[cfg(feature = "alloc")]
mod slot;
pub mod source;
mod spawner;
#[cfg(feature = "alloc")]
mod spawning;
#[cfg(feature = "alloc")]
mod stats;
#[cfg(feature = "alloc")]
mod submit;
mod sync;
#[cfg(all(test, feature = "alloc", not(ringpool_loom)))]
mod tests;
mod time;
#[cfg(feature = "alloc")]
mod verbs;
#[cfg(feature = "alloc")]
mod with;
#[cfg(feature = "alloc")]
mod worker;

pub use error::{GetError, JobError, JoinError, SubmitError};
pub use panic::Panic;
pub use platform::{CatchPanic, Context, Hosted, IsrUnpark, Park, Platform, Timed};
pub use seats::Seats;
pub use spawner::{Placement, Spawner, WorkerInfo, WorkerStart};
pub use time::Instant;

#[cfg(feature = "alloc")]
pub use {
    batch::Schedule,
    builder::Builder,
    control::Control,
    engine::WaitPolicy,
    error::BuildError,
    job::{Callbacks, OnError, OnSuccess},
    lazy::IMap,
    pool::Pool,
    result::{AsyncResult, CancelOutcome},
    scope::Scope,
    stats::{Progress, Stats, WorkerStats},
    with::{OnWorker, Plain, With},
    worker::Worker,
};

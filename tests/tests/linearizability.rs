//! Histories of real threads, each checked for an order of its operations that a sequential specification
//! allows: the ring with all its answers, and the life cycle of the pool as its users see it.
//!
//! Each round runs from a seed of its own, which a failure names. `RINGPOOL_SEED=7` runs that round alone,
//! over and over; `RINGPOOL_ROUNDS` sets how many rounds are run.

#[path = "linearizability/checker.rs"]
mod checker;
#[path = "linearizability/history.rs"]
mod history;
#[path = "linearizability/pool.rs"]
mod pool;
#[path = "linearizability/queues.rs"]
mod queues;
#[path = "linearizability/ring.rs"]
mod ring;

//! Races on real threads. Each test runs many short rounds, each from a seed of its own; `STRESS_SEED` shifts all
//! of them. Nothing is timed: a round passes when it ends and its books balance, and the watchdog ends the process
//! if it does not end.

mod support;

#[path = "stress/ending.rs"]
mod ending;
#[path = "stress/handles.rs"]
mod handles;
#[path = "stress/load.rs"]
mod load;
#[path = "stress/pools.rs"]
mod pools;
#[path = "stress/rounds.rs"]
mod rounds;

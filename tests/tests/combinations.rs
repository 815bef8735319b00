//! Every verb with every outcome, on every shape of pool, ended in every way: each accepted job resolves exactly
//! once, and every closure, item, value, payload and state is dropped exactly once.

mod support;

#[path = "combinations/blocking.rs"]
mod blocking;
#[path = "combinations/calls.rs"]
mod calls;
#[path = "combinations/census.rs"]
mod census;
#[path = "combinations/detached.rs"]
mod detached;
#[path = "combinations/lazy.rs"]
mod lazy;
#[path = "combinations/nested.rs"]
mod nested;
#[path = "combinations/row.rs"]
mod row;
#[path = "combinations/scoped.rs"]
mod scoped;
#[path = "combinations/submissions.rs"]
mod submissions;
#[path = "combinations/within.rs"]
mod within;

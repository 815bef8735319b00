//! loom models of the pool's life cycle, over the code that ships.
//!
//! [`matrix`] says which pairs of events can race; `tests/pairs` turns each of those into a model, and
//! `tests/handles.rs` holds models of races that are no pair. They build real pools, with the atomics and cells
//! of the core switched to loom's, so they need `RUSTFLAGS="--cfg ringpool_loom"`; `ci/loom.sh` runs them. Without
//! that cfg only the check of `MATRIX.md` is left.

pub mod matrix;

#[cfg(ringpool_loom)]
mod drops;
#[cfg(ringpool_loom)]
mod explore;
#[cfg(ringpool_loom)]
mod platform;
#[cfg(ringpool_loom)]
mod spawner;

#[cfg(ringpool_loom)]
pub use drops::{Boom, Drops, Tracked};
#[cfg(ringpool_loom)]
pub use explore::{Report, begin_race, end_race, explore};
#[cfg(ringpool_loom)]
pub use platform::{Loom, Token, let_time_pass};
#[cfg(ringpool_loom)]
pub use spawner::{Crew, Refused};

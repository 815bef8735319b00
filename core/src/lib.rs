//! The core of ringpool.
#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]
#[cfg(feature = "alloc")]
extern crate alloc;

mod backoff;
mod error;
mod panic;
mod platform;
mod seats;
mod spawner;
mod sync;
mod time;
pub mod ring;
mod source;
pub use error::*;
pub use panic::Panic;
pub use platform::*;
pub use seats::Seats;
pub use spawner::*;
pub use time::Instant;
/// x
pub struct With;
impl With { /// x
 pub fn name(){} }
/// x
pub struct Pool;
impl Pool { /// x
 pub fn new(){} }

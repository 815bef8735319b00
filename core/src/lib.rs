//! The core of ringpool.
#![cfg_attr(not(test), no_std)]
#![warn(missing_docs)]
#[cfg(feature = "alloc")]
extern crate alloc;

mod sync;
pub mod ring;
mod source;

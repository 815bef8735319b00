#![doc = include_str!("../README.md")]
// The models bring a platform of their own; in their build this crate is empty, as the one that it builds upon.
#![cfg(not(ringpool_loom))]

mod cpuset;
mod places;
mod text;

pub use cpuset::CpuSet;
pub use places::Places;
pub use text::ParseError;

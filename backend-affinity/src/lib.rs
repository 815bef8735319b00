#![doc = include_str!("../README.md")]
// The models bring a platform of their own; in their build this crate is empty, as the one that it builds upon.
#![cfg(not(ringpool_loom))]
#![deny(unsafe_code)]

mod caller;
mod cpuset;
mod error;
mod memory;
mod pinned;
mod places;
mod plan;
mod quota;
mod report;
mod settings;
#[cfg(test)]
mod shapes;
#[allow(unsafe_code, reason = "the system calls")]
mod sys;
mod team;
mod text;
mod topology;

pub use cpuset::CpuSet;
pub use error::{Drift, Drifted, PinError};
pub use memory::{advise_huge_pages, first_touch};
pub use pinned::{Pinned, pool};
pub use places::Places;
pub use quota::Quota;
pub use report::{PinnedWorker, Report};
pub use settings::{Bind, CoreKind, Policy};
pub use text::ParseError;
pub use topology::Topology;

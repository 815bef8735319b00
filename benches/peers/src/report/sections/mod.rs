//! The sections of the report, one a file. Each hands its figures out as soon as it has them.

pub(crate) mod allocations;
pub(crate) mod backlog;
pub(crate) mod cold;
pub(crate) mod growth;
pub(crate) mod idle;
pub(crate) mod limits;
pub(crate) mod model;
pub(crate) mod rings;
pub(crate) mod shares;
pub(crate) mod workloads;

use crate::figures::Figures;

/// Where a section puts its figures.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Figures);

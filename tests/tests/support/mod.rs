//! What the table of combinations and the stress tests share.

pub(crate) mod watchdog;

//! Ending.

mod close;
mod deadline;
mod dropping;
mod join;
mod terminate;

use std::time::Duration;

const A_MOMENT: Duration = Duration::from_millis(2);

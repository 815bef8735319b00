//! What each worker of a pool did and when: to look at, to open in a trace viewer, or to print.
//!
//! A pool that was built with [`timeline`](crate::generic::Builder::timeline) hands it out at any time.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ringpool::{Pool, timeline};
//!
//! let pool = Pool::builder().workers(2).timeline(10_000).build()?;
//! pool.with().name("squares").map(0..1000_u64, |n| n * n)?;
//!
//! let seen = pool.timeline();
//! let (worker, chunk) = seen.slowest(1)[0];
//! println!("worker {worker}: items {:?} took {:?}", chunk.items, chunk.duration());
//! let picture = timeline::svg(&seen).to_string();
//! let trace = timeline::chrome(&seen).to_string();
//! assert!(picture.contains("squares") && trace.contains("squares"));
//! # Ok(()) }
//! ```

mod chrome;
mod svg;

pub use chrome::{Chrome, chrome};
pub use ringpool_core::{Lane, Span, SpanKind, Timeline};
pub use svg::{Svg, svg};

use core::fmt;

/// When the first span of all began, in nanoseconds of the platform's clock.
fn beginning(timeline: &Timeline) -> u64 {
    let spans = timeline.workers.iter().flat_map(|lane| &lane.spans);
    let starts = spans.map(|span| span.start.as_nanos());
    starts.min().unwrap_or(0)
}

/// A call's name, or what else tells it from others.
struct Title<'a>(&'a Span);

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.kind, self.0.name, self.0.call) {
            (SpanKind::Asleep, ..) => f.write_str("asleep"),
            (_, Some(name), _) => f.write_str(name),
            (_, None, 0) => f.write_str("jobs"),
            (_, None, call) => write!(f, "call {call}"),
        }
    }
}

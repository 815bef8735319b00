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

#[cfg(all(test, feature = "std-backend"))]
mod tests {
    use alloc::string::ToString;
    use core::time::Duration;

    use super::*;
    use crate::Pool;

    #[test]
    fn a_span_that_ends_before_it_begins_takes_no_time() {
        let pool = Pool::builder().workers(1).timeline(10).build().unwrap();
        pool.with().name("back").apply(|| ()).unwrap();
        pool.close();
        pool.join().unwrap();
        let mut timeline = pool.timeline();
        let spans = &mut timeline.workers[0].spans;
        spans.retain(|span| span.kind == SpanKind::Job);
        let (mut job, mut asleep) = (spans[0].clone(), spans[0].clone());
        asleep.kind = SpanKind::Asleep;
        let later = |millis| asleep.end.saturating_add(Duration::from_millis(millis));
        (job.start, job.end) = (later(1), later(4));
        asleep.start = later(2);
        *spans = [job, asleep].into();
        assert!(chrome(&timeline).to_string().contains("\"dur\":0.000"));
        assert!(!svg(&timeline).to_string().contains("asleep for"));
    }
}

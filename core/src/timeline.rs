//! What each worker did and when, as far as the pool was told to note it.
//!
//! A worker notes a span when it ends, in memory that was allocated when the pool was built (`recent.rs`). A pool
//! without a timeline pays one branch for each job or chunk; one that has it reads the clock twice.

use core::ops::Range;
use core::time::Duration;

use crate::platform::Platform;
use crate::time::Instant;

#[cfg(feature = "alloc")]
mod recent;

#[cfg(feature = "alloc")]
use {
    alloc::{boxed::Box, collections::TryReserveError, vec::Vec},
    recent::Recent,
};

/// What a worker did in a span of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// It slept, from the moment when it decided to until it ran again.
    Asleep,
    /// It ran a single job, or its part of a broadcast.
    Job,
    /// It ran a chunk of a batch or stream.
    Chunk,
}

/// A span of a worker's time. Within a span others may lie: what a job waited for, and ran meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// What the worker did.
    pub kind: SpanKind,
    /// The name that [`With::name`](crate::With::name) gave the call.
    pub name: Option<&'static str>,
    /// Tells calls apart: every part of one batch, stream or broadcast has the same number. Zero where there is
    /// nothing to tell: for sleep, and for jobs that were submitted without options.
    pub call: usize,
    /// Which items of the batch or stream the chunk has; empty for everything else.
    pub items: Range<usize>,
    /// When it began.
    pub start: Instant,
    /// When it ended.
    pub end: Instant,
}

impl Span {
    /// How long it took.
    pub fn duration(&self) -> Duration {
        self.end.saturating_since(self.start)
    }
}

/// Which call a job or chunk belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Label {
    pub(crate) name: Option<&'static str>,
    pub(crate) call: usize,
}

/// What began, until it is noted.
#[derive(Debug, Clone, Copy)]
#[must_use = "what began is noted at its end"]
pub(crate) struct Began(pub(crate) Option<Instant>);

/// Where a worker notes its spans, if it has to.
#[derive(Debug)]
pub(crate) struct Track {
    recent: Option<Memory>,
}

#[cfg(feature = "alloc")]
type Memory = Box<Recent<WORDS>>;
/// Without an allocator there is none.
#[cfg(not(feature = "alloc"))]
type Memory = core::convert::Infallible;

impl Track {
    /// Nothing is noted.
    pub(crate) const fn off() -> Self {
        Self { recent: None }
    }

    /// Something begins.
    #[inline]
    pub(crate) fn begin<P: Platform>(&self) -> Began {
        Began(if self.recent.is_some() {
            now::<P>()
        } else {
            None
        })
    }

    /// Notes what began then and ends now. Apart from the way of those who keep no timeline.
    #[cold]
    #[inline(never)]
    pub(crate) fn note<P: Platform>(
        &self,
        start: Instant,
        kind: SpanKind,
        label: Label,
        items: Range<usize>,
    ) {
        let span = Span {
            kind,
            name: label.name,
            call: label.call,
            items,
            start,
            end: P::now().unwrap_or(start),
        };
        if let Some(recent) = &self.recent {
            #[cfg(feature = "alloc")]
            recent.push(encode(&span));
            #[cfg(not(feature = "alloc"))]
            match (*recent, span) {}
        }
    }
}

/// Apart for the same reason.
#[cold]
#[inline(never)]
fn now<P: Platform>() -> Option<Instant> {
    P::now()
}

#[cfg(feature = "alloc")]
impl Track {
    /// Room for so many spans; none and no clock if that is zero.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub(crate) fn new(spans: usize) -> Result<Self, TryReserveError> {
        let recent = match spans {
            0 => None,
            _ => Some(Box::new(Recent::new(spans)?)),
        };
        Ok(Self { recent })
    }

    pub(crate) fn lane(&self) -> Lane {
        let (dropped, records) = match &self.recent {
            Some(recent) => recent.latest(),
            None => (0, Vec::new()),
        };
        Lane {
            // SAFETY: `note` wrote them, and `latest` gives back whole records only.
            spans: records
                .iter()
                .map(|record| unsafe { decode(record) })
                .collect(),
            dropped,
        }
    }
}

/// What the workers of a pool did: see [`Builder::timeline`](crate::Builder::timeline).
#[cfg(feature = "alloc")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timeline {
    /// One entry for each worker, by index.
    pub workers: Vec<Lane>,
}

/// What one worker did.
#[cfg(feature = "alloc")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lane {
    /// The latest spans, in the order in which they ended.
    pub spans: Vec<Span>,
    /// How many spans before them there was no room for.
    pub dropped: usize,
}

#[cfg(feature = "alloc")]
impl Timeline {
    /// The slowest jobs and chunks, at most so many of them, each with the index of its worker; the slowest first.
    pub fn slowest(&self, at_most: usize) -> Vec<(usize, &Span)> {
        let lanes = self.workers.iter().enumerate();
        let mut spans: Vec<_> = lanes
            .flat_map(|(worker, lane)| lane.spans.iter().map(move |span| (worker, span)))
            .filter(|(_, span)| span.kind != SpanKind::Asleep)
            .collect();
        spans.sort_by_key(|(_, span)| core::cmp::Reverse(span.duration()));
        spans.truncate(at_most);
        spans
    }
}

/// Words of a span: start, end (two halves each), name (address and length), call, items, kind.
#[cfg(feature = "alloc")]
const WORDS: usize = 10;

#[cfg(feature = "alloc")]
const KINDS: [SpanKind; 3] = [SpanKind::Asleep, SpanKind::Job, SpanKind::Chunk];

/// Half a word on some machines, a word on others.
#[cfg(feature = "alloc")]
#[expect(clippy::cast_possible_truncation, reason = "halves of 32 bits")]
fn halves(at: Instant) -> [usize; 2] {
    let nanos = at.as_nanos();
    [
        (nanos & u64::from(u32::MAX)) as usize,
        (nanos >> 32) as usize,
    ]
}

#[cfg(feature = "alloc")]
fn whole(low: usize, high: usize) -> Instant {
    Instant::from_nanos((high as u64) << 32 | low as u64)
}

#[cfg(feature = "alloc")]
fn encode(span: &Span) -> [usize; WORDS] {
    let [start, start_high] = halves(span.start);
    let [end, end_high] = halves(span.end);
    // A name without an address is none.
    let (name, length) = span.name.map_or((0, 0), |name| {
        (name.as_ptr().expose_provenance(), name.len())
    });
    let (first, last) = (span.items.start, span.items.end);
    let kind = span.kind as usize;
    [
        start, start_high, end, end_high, name, length, span.call, first, last, kind,
    ]
}

/// # Safety
///
/// The words must come from `encode`, all from one call.
#[cfg(feature = "alloc")]
unsafe fn decode(words: &[usize; WORDS]) -> Span {
    let &[
        start,
        start_high,
        end,
        end_high,
        name,
        length,
        call,
        first,
        last,
        kind,
    ] = words;
    let name = core::ptr::with_exposed_provenance::<u8>(name);
    let name = (!name.is_null()).then(|| {
        // SAFETY: `encode` exposed the address of a string of that length, which is never freed.
        let bytes = unsafe { core::slice::from_raw_parts(name, length) };
        // SAFETY: as above.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    });
    Span {
        kind: KINDS[kind],
        name,
        call,
        items: first..last,
        start: whole(start, start_high),
        end: whole(end, end_high),
    }
}

#[cfg(all(test, feature = "alloc", not(ringpool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_span_survives_its_words() {
        for (kind, name) in KINDS.into_iter().zip([None, Some(""), Some("größer")]) {
            let span = Span {
                kind,
                name,
                call: usize::MAX,
                items: 3..7,
                start: Instant::from_nanos(u64::from(u32::MAX)),
                end: Instant::from_nanos(u64::MAX - 1),
            };
            // SAFETY: the words come from `encode`.
            assert_eq!(unsafe { decode(&encode(&span)) }, span);
        }
    }
}

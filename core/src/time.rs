//! The core's only notion of time: nanoseconds of a monotonic clock that the platform owns.

use core::fmt;
use core::time::Duration;

/// A moment on the platform's monotonic clock, in nanoseconds since an epoch of its choice.
///
/// Sums saturate, so that a time-out of [`Duration::MAX`] means "never" instead of an overflow. The
/// clock runs out after 584 years.
///
/// ```
/// use core::time::Duration;
/// use ringpool_core::Instant;
///
/// let start = Instant::from_nanos(5);
/// assert_eq!(start.saturating_add(Duration::from_nanos(7)), Instant::from_nanos(12));
/// assert_eq!(start.saturating_add(Duration::MAX), Instant::NEVER);
/// assert_eq!(Instant::from_nanos(12).saturating_since(start), Duration::from_nanos(7));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment that no clock reaches.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the clock's epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This moment plus `span`, or [`Instant::NEVER`] where that lies beyond the clock.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            f.write_str("Instant(never)")
        } else {
            write!(f, "Instant({:?})", Duration::from_nanos(self.0))
        }
    }
}

//! A set of CPUs without an upper limit.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::text::{Cursor, ParseError};

/// Linux can be built for 8,192 CPUs at most. A number far beyond that is a mistake: no mask is made large enough for
/// it, and nothing walks up to it CPU by CPU.
pub(crate) const LAST_CPU: usize = (1 << 16) - 1;

/// A set of CPUs, named by the numbers that the operating system gives them.
///
/// It is kept as sorted ranges and not as bits. A set then takes the memory of its text, so that any number is
/// legal input, and a hostile `0-4000000000` costs no more than `0-1`. As text it is the kernel's list format:
///
/// ```
/// use ringpool_affinity::CpuSet;
///
/// let cpus: CpuSet = "0-3,8,2048".parse()?;
/// assert_eq!(cpus.len(), 6);
/// assert!(cpus.contains(2048));
/// assert_eq!(cpus.to_string(), "0-3,8,2048");
/// # Ok::<(), ringpool_affinity::ParseError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct CpuSet {
    /// First and last of each range: sorted, neither empty nor overlapping nor adjacent, so that equal sets are
    /// equal as values.
    ranges: Vec<(usize, usize)>,
}

impl CpuSet {
    /// The empty set.
    ///
    /// ```
    /// assert!(ringpool_affinity::CpuSet::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Adds one CPU.
    ///
    /// ```
    /// let mut cpus = ringpool_affinity::CpuSet::new();
    /// cpus.insert(usize::MAX);
    /// assert_eq!(cpus.len(), 1);
    /// ```
    pub fn insert(&mut self, cpu: usize) {
        self.insert_range(cpu..=cpu);
    }

    /// Adds a range of CPUs; an empty range adds nothing.
    ///
    /// ```
    /// let mut cpus = ringpool_affinity::CpuSet::new();
    /// cpus.insert_range(4..=7);
    /// cpus.insert_range(0..=3);
    /// assert_eq!(cpus.to_string(), "0-7");
    /// ```
    pub fn insert_range(&mut self, cpus: RangeInclusive<usize>) {
        if cpus.is_empty() {
            return;
        }
        let (mut first, mut last) = cpus.into_inner();
        // The ranges that the new one touches, adjacent ones included, become one with it.
        let from = self
            .ranges
            .partition_point(|range| range.1.saturating_add(1) < first);
        let to = self
            .ranges
            .partition_point(|range| range.0 <= last.saturating_add(1));
        if from < to {
            first = first.min(self.ranges[from].0);
            last = last.max(self.ranges[to - 1].1);
        }
        self.ranges.splice(from..to, [(first, last)]);
    }

    /// Removes one CPU.
    ///
    /// ```
    /// let mut cpus = ringpool_affinity::CpuSet::from(0..=4);
    /// cpus.remove(2);
    /// assert_eq!(cpus.to_string(), "0-1,3-4");
    /// ```
    pub fn remove(&mut self, cpu: usize) {
        *self = self.difference(&Self::from(cpu..=cpu));
    }

    /// Whether the set has this CPU.
    ///
    /// ```
    /// assert!(!ringpool_affinity::CpuSet::from(0..=3).contains(4));
    /// ```
    pub fn contains(&self, cpu: usize) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= cpu);
        after > 0 && cpu <= self.ranges[after - 1].1
    }

    /// How many CPUs there are.
    ///
    /// ```
    /// assert_eq!(ringpool_affinity::CpuSet::from(0..=1023).len(), 1024);
    /// ```
    pub fn len(&self) -> usize {
        let lengths = self
            .ranges
            .iter()
            .map(|(first, last)| (last - first).saturating_add(1));
        lengths.fold(0, usize::saturating_add)
    }

    /// Whether there is none.
    ///
    /// ```
    /// assert!(!ringpool_affinity::CpuSet::from(0..=0).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The CPU with the lowest number.
    ///
    /// ```
    /// assert_eq!(ringpool_affinity::CpuSet::from(3..=5).first(), Some(3));
    /// ```
    pub fn first(&self) -> Option<usize> {
        self.ranges.first().map(|range| range.0)
    }

    /// The CPU with the highest number.
    ///
    /// ```
    /// assert_eq!(ringpool_affinity::CpuSet::from(3..=5).last(), Some(5));
    /// ```
    pub fn last(&self) -> Option<usize> {
        self.ranges.last().map(|range| range.1)
    }

    /// The CPUs in ascending order.
    ///
    /// ```
    /// let cpus: ringpool_affinity::CpuSet = "1,4-5".parse()?;
    /// assert!(cpus.iter().eq([1, 4, 5]));
    /// # Ok::<(), ringpool_affinity::ParseError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }

    /// The CPUs of both.
    ///
    /// ```
    /// use ringpool_affinity::CpuSet;
    /// assert_eq!(CpuSet::from(0..=1).union(&CpuSet::from(2..=3)), CpuSet::from(0..=3));
    /// ```
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for &(first, last) in &other.ranges {
            all.insert_range(first..=last);
        }
        all
    }

    /// The CPUs that are in both.
    ///
    /// ```
    /// use ringpool_affinity::CpuSet;
    /// assert_eq!(CpuSet::from(0..=5).intersection(&CpuSet::from(4..=9)), CpuSet::from(4..=5));
    /// ```
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut mine, mut theirs) = (
            self.ranges.iter().peekable(),
            other.ranges.iter().peekable(),
        );
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                ranges.push((first, last));
            }
            // The range that ends first cannot meet another one of the other set.
            if a.1 < b.1 {
                mine.next();
            } else {
                theirs.next();
            }
        }
        Self { ranges }
    }

    /// The CPUs that are not in `other`.
    ///
    /// ```
    /// use ringpool_affinity::CpuSet;
    /// assert_eq!(CpuSet::from(0..=5).difference(&CpuSet::from(4..=9)), CpuSet::from(0..=3));
    /// ```
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        for &(mut first, last) in &self.ranges {
            let begin = other.ranges.partition_point(|cut| cut.1 < first);
            let mut spent = false;
            for cut in other.ranges[begin..].iter().take_while(|cut| cut.0 <= last) {
                if first < cut.0 {
                    ranges.push((first, cut.0 - 1));
                }
                spent = cut.1 >= last;
                first = cut.1.saturating_add(1);
            }
            if !spent {
                ranges.push((first, last));
            }
        }
        Self { ranges }
    }

    /// Whether `other` has all of these CPUs.
    ///
    /// ```
    /// use ringpool_affinity::CpuSet;
    /// assert!(CpuSet::from(1..=2).is_subset(&CpuSet::from(0..=3)));
    /// ```
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }
}

impl From<RangeInclusive<usize>> for CpuSet {
    fn from(cpus: RangeInclusive<usize>) -> Self {
        let mut set = Self::new();
        set.insert_range(cpus);
        set
    }
}

impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        let mut set = Self::new();
        set.extend(cpus);
        set
    }
}

impl Extend<usize> for CpuSet {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, cpus: I) {
        for cpu in cpus {
            self.insert(cpu);
        }
    }
}

/// Reads what the kernel prints: numbers and ranges with commas between them. An empty text is the empty set, which
/// the kernel prints for a NUMA node without CPUs.
impl FromStr for CpuSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let mut set = Self::new();
        if cursor.at_end() {
            return Ok(set);
        }
        loop {
            let start = cursor.position();
            let first = cursor.number()?;
            let last = if cursor.eats('-') {
                cursor.number()?
            } else {
                first
            };
            if last < first {
                return Err(cursor.fault_at(start, "the range ends before it begins"));
            }
            set.insert_range(first..=last);
            if cursor.at_end() {
                return Ok(set);
            }
            if !cursor.eats(',') {
                return Err(cursor.fault("expected `,`, `-` or the end"));
            }
        }
    }
}

/// As the kernel prints it; the empty set as `none`, so that it is seen in a sentence.
impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.pad("none");
        }
        let ranges = self.ranges.iter().map(|&(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        });
        f.pad(&Vec::from_iter(ranges).join(","))
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuSet({self})")
    }
}

#[cfg(test)]
mod tests;

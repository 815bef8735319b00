//! What a worker may own: the syntax of `OMP_PLACES`.

use std::str::FromStr;

use crate::CpuSet;
use crate::cpuset::LAST_CPU;
use crate::text::{Cursor, ParseError};

/// The places that workers are put on.
///
/// Named places stand in the order of the machine, so that neighbours in the list share as much as they can: large
/// cores before small ones, then by socket, NUMA domain, cache and core, and last by the CPUs' numbers. Of each
/// place only the CPUs count that the pool may use.
///
/// As text it is the syntax of OpenMP's `OMP_PLACES`: `cores`, `threads(4)`, or a list such as `{0:4}:2:8,!{8:4}`.
/// Within braces stand CPUs, outside stand places; `a:n:s` means n of them from a on, s apart (1 unless it is
/// said, and it may be negative); `!` takes away what follows from what stands before it. A number without braces
/// is a place of one CPU.
///
/// ```
/// use ringpool_affinity::{CpuSet, Places};
///
/// assert_eq!("Cores".parse(), Ok(Places::Cores));
/// let list: Places = "{0:4}:3:8, !{8:4}".parse()?;
/// assert_eq!(list, Places::List(vec![CpuSet::from(0..=3), CpuSet::from(16..=19)]));
/// # Ok::<(), ringpool_affinity::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Places {
    /// Each hardware thread: the CPUs that the system counts.
    Threads,
    /// Each physical core, with its hardware threads.
    #[default]
    Cores,
    /// Each set of cores that share a last-level cache.
    LlCaches,
    /// Each set of cores that are nearest to the same memory.
    NumaDomains,
    /// Each package.
    Sockets,
    /// These, in this order.
    List(Vec<CpuSet>),
    /// The first few of other places.
    First {
        /// The places to take from.
        of: Box<Places>,
        /// How many to take.
        count: usize,
    },
}

/// A list that is longer is a mistake, and must not eat the memory.
const LONGEST: usize = LAST_CPU + 1;

impl Places {
    /// The first `count` of these. Where there are fewer, the policy decides: a strict pool is refused, with
    /// [`TooFewPlaces`](crate::PinError::TooFewPlaces).
    ///
    /// ```
    /// use ringpool_affinity::Places;
    /// assert_eq!("cores(4)".parse(), Ok(Places::Cores.first(4)));
    /// ```
    #[must_use]
    pub fn first(self, count: usize) -> Self {
        Self::First {
            of: Box::new(self),
            count,
        }
    }

    fn named(name: &str) -> Option<Self> {
        let known = [
            ("threads", Self::Threads),
            ("cores", Self::Cores),
            ("ll_caches", Self::LlCaches),
            ("numa_domains", Self::NumaDomains),
            ("sockets", Self::Sockets),
        ];
        known
            .into_iter()
            .find_map(|(known, places)| known.eq_ignore_ascii_case(name).then_some(places))
    }
}

impl FromStr for Places {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let start = cursor.position();
        let name = cursor.word();
        if name.is_empty() {
            return list(&mut cursor).map(Self::List);
        }
        let places = Self::named(name).ok_or_else(|| {
            cursor.fault_at(
                start,
                "expected `threads`, `cores`, `ll_caches`, `numa_domains`, `sockets` or a list of places",
            )
        })?;
        let places = if cursor.eats('(') {
            let count = cursor.count()?;
            if !cursor.eats(')') {
                return Err(cursor.fault("expected `)`"));
            }
            places.first(count)
        } else {
            places
        };
        if cursor.at_end() {
            Ok(places)
        } else {
            Err(cursor.fault("expected `(` or the end"))
        }
    }
}

/// Places with commas between them, to the end.
fn list(cursor: &mut Cursor<'_>) -> Result<Vec<CpuSet>, ParseError> {
    let mut places: Vec<CpuSet> = Vec::new();
    loop {
        let start = cursor.position();
        if cursor.eats('!') {
            let excluded = place(cursor)?;
            places.retain(|place| *place != excluded);
        } else {
            let first = place(cursor)?;
            let steps = interval(cursor)?;
            let cpus = first.len().saturating_mul(steps.count);
            if places.len() + steps.count > LONGEST || cpus > 16 * LONGEST {
                return Err(cursor.fault_at(start, "the list has too many places"));
            }
            for step in 0..steps.count {
                let shifted =
                    shift(&first, &steps, step).ok_or_else(|| cursor.fault_at(start, BEYOND))?;
                places.push(shifted);
            }
        }
        if cursor.at_end() {
            break;
        }
        if cursor.sees(':') {
            return Err(cursor.fault("no `:` can stand here"));
        }
        if !cursor.eats(',') {
            return Err(cursor.fault("expected `,`, `:` or the end"));
        }
    }
    if places.is_empty() {
        return Err(cursor.fault("no place is left"));
    }
    Ok(places)
}

const BEYOND: &str = "the interval leaves the range of CPU numbers";

/// One place: a number, or CPUs in braces.
fn place(cursor: &mut Cursor<'_>) -> Result<CpuSet, ParseError> {
    let start = cursor.position();
    if !cursor.eats('{') {
        if cursor.sees('!') {
            return Err(cursor.fault("`!` stands twice"));
        }
        if !cursor.sees_digit() {
            return Err(cursor.fault("expected `{`, `!` or a number"));
        }
        let cpu = cursor.number()?;
        return Ok(CpuSet::from(cpu..=cpu));
    }
    let mut cpus = CpuSet::new();
    loop {
        let item = cursor.position();
        if cursor.eats('!') {
            cpus.remove(cursor.number()?);
        } else {
            let first = cursor.number()?;
            let steps = interval(cursor)?;
            let added = steps
                .cpus(first)
                .ok_or_else(|| cursor.fault_at(item, BEYOND))?;
            cpus = cpus.union(&added);
        }
        if cursor.eats('}') {
            break;
        }
        if !cursor.eats(',') {
            return Err(cursor.fault("expected `,` or `}`"));
        }
    }
    if cpus.is_empty() {
        return Err(cursor.fault_at(start, "the place has no CPU"));
    }
    Ok(cpus)
}

/// `:count:stride`, of which both or the second may be missing.
struct Interval {
    count: usize,
    stride: isize,
}

fn interval(cursor: &mut Cursor<'_>) -> Result<Interval, ParseError> {
    let mut interval = Interval {
        count: 1,
        stride: 1,
    };
    if cursor.eats(':') {
        let start = cursor.position();
        interval.count = cursor.count()?;
        if interval.count > LONGEST {
            return Err(cursor.fault_at(start, "the interval is too long"));
        }
        if cursor.eats(':') {
            interval.stride = cursor.signed()?;
        }
    }
    Ok(interval)
}

impl Interval {
    /// How far the element `step` is from the first one.
    fn distance(&self, step: usize) -> Option<isize> {
        self.stride.checked_mul(isize::try_from(step).ok()?)
    }

    /// The CPUs from `first` on.
    fn cpus(&self, first: usize) -> Option<CpuSet> {
        (0..self.count)
            .map(|step| first.checked_add_signed(self.distance(step)?))
            .collect()
    }
}

/// The place `step` strides further on.
fn shift(place: &CpuSet, steps: &Interval, step: usize) -> Option<CpuSet> {
    let distance = steps.distance(step)?;
    place
        .iter()
        .map(|cpu| cpu.checked_add_signed(distance))
        .collect()
}

#[cfg(test)]
mod tests;

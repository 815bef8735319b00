//! How a pinned pool is wished to be.

use std::str::FromStr;

use crate::text::{Cursor, ParseError};
use crate::{CpuSet, Places};

/// How workers are distributed over places, as OpenMP's `OMP_PROC_BIND`.
///
/// More workers than places share them evenly, neighbours together.
///
/// ```
/// use ringpool_affinity::Bind;
///
/// assert_eq!("spread".parse(), Ok(Bind::Spread));
/// assert_eq!("sprad".parse::<Bind>().unwrap_err().position(), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Bind {
    /// Worker i on the i-th place: neighbours share caches.
    #[default]
    Close,
    /// Workers as far from each other as can be: each has more of the caches and of the memory's bandwidth.
    Spread,
    /// All on the first place.
    Primary,
    /// On no place: each worker may wander among the CPUs of all of them.
    None,
}

impl Bind {
    const NAMES: [(&str, Self); 4] = [
        ("close", Self::Close),
        ("spread", Self::Spread),
        ("primary", Self::Primary),
        ("none", Self::None),
    ];

    pub(crate) fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, bind)| *bind == self);
        named.map_or("", |(name, _)| name)
    }
}

impl FromStr for Bind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let start = cursor.position();
        let word = cursor.word();
        let named = Self::NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word));
        let Some((_, bind)) = named else {
            return Err(cursor.fault_at(start, "expected `close`, `spread`, `primary` or `none`"));
        };
        if cursor.at_end() {
            Ok(*bind)
        } else {
            Err(cursor.fault("expected the end"))
        }
    }
}

/// Which cores to use on a machine with large and small ones. Where all are alike, all are large.
///
/// ```
/// use ringpool_affinity::{CoreKind, Pinned};
///
/// let steady = Pinned::new().core_kind(CoreKind::Large);
/// # let _ = steady;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CoreKind {
    /// All of them, large ones first.
    #[default]
    Any,
    /// Performance cores. Loops that give each worker the same share want these: the slowest worker is the last.
    Large,
    /// Efficiency cores.
    Small,
}

impl CoreKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Large => "large",
            Self::Small => "small",
        }
    }
}

/// What to do where a wish about placement cannot be fulfilled.
///
/// ```
/// use ringpool_affinity::{Pinned, Policy};
///
/// // Runs everywhere, pinned where it can be; `report` tells.
/// let portable = Pinned::new().policy(Policy::BestEffort);
/// # let _ = portable;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Policy {
    /// Building the pool fails, with an error that says why.
    #[default]
    Strict,
    /// The pool goes on as well as it can, and the report tells.
    BestEffort,
    /// Nothing is pinned: for comparing, and for debugging.
    Off,
}

impl Policy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::BestEffort => "best effort",
            Self::Off => "off",
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) places: Places,
    pub(crate) bind: Bind,
    pub(crate) core_kind: CoreKind,
    pub(crate) policy: Policy,
    /// Instead of the CPUs that the building thread may use.
    pub(crate) cpus: Option<CpuSet>,
}

#[cfg(test)]
mod tests {
    use super::*;

    // A7
    #[test]
    fn bindings_are_read_as_openmp_writes_them() {
        for (name, bind) in Bind::NAMES {
            assert_eq!(name.parse(), Ok(bind));
            assert_eq!(format!(" {} ", name.to_uppercase()).parse(), Ok(bind));
            assert_eq!(bind.name(), name);
        }
    }

    #[test]
    fn a_bad_binding_names_the_position() {
        for (text, position) in [("", 0), ("clos", 0), ("close,spread", 5), ("none 1", 5)] {
            let error = text.parse::<Bind>().expect_err(text);
            assert_eq!(error.position(), position, "{error}");
        }
    }
}

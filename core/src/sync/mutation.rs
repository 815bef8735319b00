//! Weakens one ordering at run time, so that a model can be shown to depend on it.
//!
//! `RINGPOOL_MUTANT` names the place and what to do there, as `FILE:LINE:COLUMN:ROLE:ORDERING`: the
//! place is that of the operation's name in the source text, the role says which of its orderings
//! changes, and the ordering is the weaker one (`None` deletes a fence or a call). Nothing is compiled anew for a
//! mutant. `RINGPOOL_SITES` names a file to which each place is appended when it is first reached: a
//! mutant of a place that no model reaches has not been tested by any.
//!
//! The package `mutants` sets both. A build without `--cfg ringpool_loom` has nothing of this.

extern crate std;

use core::panic::Location;
use core::sync::atomic::Ordering;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::string::{String, ToString};
use std::sync::{Mutex, OnceLock};

/// Which ordering of an operation is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The only one of a plain operation, the first of a compare-exchange.
    Success,
    /// The second of a compare-exchange.
    Failure,
    /// That of a fence.
    Fence,
    /// No ordering: the call itself.
    Call,
}

/// The ordering to change, and what it becomes; a fence without an ordering is deleted, as a call is.
struct Mutant {
    file: String,
    line: u32,
    column: u32,
    role: Role,
    weaker: Option<Ordering>,
}

impl Mutant {
    /// Reads the description, from its end: a file's name may hold colons.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(5, ':');
        let weaker = match parts.next()? {
            "Relaxed" => Some(Ordering::Relaxed),
            "Acquire" => Some(Ordering::Acquire),
            "Release" => Some(Ordering::Release),
            "AcqRel" => Some(Ordering::AcqRel),
            "None" => None,
            _ => return None,
        };
        let role = match parts.next()? {
            "success" => Role::Success,
            "failure" => Role::Failure,
            "fence" => Role::Fence,
            "call" => Role::Call,
            _ => return None,
        };
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        let file = parts.next()?.to_string();
        Some(Self {
            file,
            line,
            column,
            role,
            weaker,
        })
    }

    fn is_at(&self, place: &Location<'_>, role: Role) -> bool {
        self.line == place.line()
            && self.column == place.column()
            && self.role == role
            && self.file == place.file()
    }
}

/// The mutant of this process, if it has one. A description that cannot be read must not pass for a
/// mutant that no model noticed, nor, as a failing test, for one that was noticed: the process ends with
/// a status of its own.
fn mutant() -> Option<&'static Mutant> {
    static MUTANT: OnceLock<Option<Mutant>> = OnceLock::new();
    let read = || {
        let text = std::env::var("RINGPOOL_MUTANT").ok()?;
        let mutant = Mutant::parse(&text);
        if mutant.is_none() {
            std::eprintln!("RINGPOOL_MUTANT is not FILE:LINE:COLUMN:ROLE:ORDERING: {text}");
            std::process::exit(2);
        }
        mutant
    };
    MUTANT.get_or_init(read).as_ref()
}

/// Where reached places are written, and which are written already.
struct Sites {
    file: File,
    written: BTreeSet<(&'static str, u32, u32)>,
}

/// Notes that a place was reached.
fn note(place: &'static Location<'static>) {
    static SITES: OnceLock<Option<Mutex<Sites>>> = OnceLock::new();
    let open = || {
        let name = std::env::var_os("RINGPOOL_SITES")?;
        let file = File::options().create(true).append(true).open(name);
        Some(Mutex::new(Sites {
            file: file.expect("the file of sites can be written"),
            written: BTreeSet::new(),
        }))
    };
    let Some(sites) = SITES.get_or_init(open) else {
        return;
    };
    let mut sites = sites.lock().expect("no holder of the lock panics");
    let Sites { file, written } = &mut *sites;
    if written.insert((place.file(), place.line(), place.column())) {
        writeln!(file, "{place}").expect("the file of sites can be written");
    }
}

/// The mutant of the operation that is called at `place`, if it is this process's.
fn mutant_at(place: &'static Location<'static>, role: Role) -> Option<&'static Mutant> {
    note(place);
    mutant().filter(|mutant| mutant.is_at(place, role))
}

/// The ordering that an operation uses: the one in the source text, unless it is the mutant's.
#[track_caller]
pub(super) fn ordering(role: Role, written: Ordering) -> Ordering {
    let mutant = mutant_at(Location::caller(), role);
    mutant.and_then(|mutant| mutant.weaker).unwrap_or(written)
}

/// A fence, which the mutant may weaken or delete.
#[track_caller]
pub(super) fn fence(written: Ordering) {
    let mutant = mutant_at(Location::caller(), Role::Fence);
    if let Some(order) = mutant.map_or(Some(written), |mutant| mutant.weaker) {
        loom::sync::atomic::fence(order);
    }
}

/// Whether the call happens that the mutant may delete, or the text runs that it replaces: `mutants` plants this into
/// its copy of the core.
#[cfg_attr(not(all(test, feature = "alloc")), allow(dead_code))]
#[track_caller]
pub(crate) fn call_happens() -> bool {
    mutant_at(Location::caller(), Role::Call).is_none()
}

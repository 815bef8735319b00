//! One test or more for every promise of SEMANTICS.md, on std threads.
//!
//! The modules follow the headings of that page. Each test is named by the property it proves, and
//! cites the promises by number.

#![allow(
    clippy::redundant_closure_for_method_calls,
    clippy::redundant_closure,
    reason = "the closures' arguments borrow for any lifetime, which a path to a method does not always"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "the files of `both` are compiled for each kind of pool"
)]

/// Holds so many of the pool's workers inside jobs that wait at the gate.
macro_rules! hold_at {
    ($pool:expr, $gate:expr, $workers:expr) => {
        let before = $gate.arrivals();
        for _ in 0..$workers {
            let at = $gate.clone();
            drop($pool.apply_async(move || at.pass()).unwrap());
        }
        $gate.wait_for_arrivals(before + $workers);
    };
}

/// Holds so many of the pool's workers, and gives the gate.
macro_rules! hold {
    ($pool:expr, $workers:expr) => {{
        let gate = ringpool_tests::Gate::new();
        hold_at!($pool, gate, $workers);
        gate
    }};
}

mod batches;
mod ending;
mod faults;
mod in_place;
mod lazy;
mod making;
mod nesting;
mod on_heap;
mod result;
mod submitting;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Long enough that a test which waits so long has failed.
const FOR_EVER: Duration = Duration::MAX;

/// Short enough to pass while a gate holds the worker.
const A_MOMENT: Duration = Duration::from_millis(2);

/// How many promises there are.
const PROMISES: usize = 51;

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The promises that comments of `text` cite.
fn citations(text: &str) -> BTreeSet<usize> {
    let comments = text
        .lines()
        .filter_map(|line| line.split_once("//").map(|(_, comment)| comment));
    let words = comments.flat_map(|comment| comment.split(|c: char| !c.is_ascii_alphanumeric()));
    words
        .filter_map(|word| word.strip_prefix('S')?.parse().ok())
        .collect()
}

fn missing(cited: &BTreeSet<usize>) -> Vec<usize> {
    (1..=PROMISES)
        .filter(|number| !cited.contains(number))
        .collect()
}

/// The promises that some file in the folders cites.
fn promises_cited_in(folders: &[PathBuf]) -> BTreeSet<usize> {
    let mut files = Vec::new();
    for folder in folders {
        rust_files(folder, &mut files);
    }
    assert!(files.len() > 8, "found no sources under {folders:?}");
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    texts.flat_map(|text| citations(&text)).collect()
}

#[test]
fn every_promise_is_cited() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests", "../core/src", "../backend-std/src"];
    let cited = promises_cited_in(&folders.map(|folder| root.join(folder)));
    assert_eq!(missing(&cited), [], "no test cites these promises");
}

#[test]
fn a_promise_without_a_citation_is_noticed() {
    let cited = citations("let S1 = 2; // S3, S4\n    // (S5)\n// XS6 S7x S\n");
    assert_eq!(cited, BTreeSet::from([3, 4, 5]));
    assert_eq!(missing(&(1..51).collect()), [51]);
}

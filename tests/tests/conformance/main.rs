//! One test or more for every promise of SEMANTICS.md, on std threads.
//!
//! The modules follow the headings of that page. Each test is named by the property it proves, and
//! cites the promises by number.

#![allow(
    clippy::redundant_closure_for_method_calls,
    clippy::redundant_closure,
    reason = "the closures' arguments borrow for any lifetime, which a path to a method does not always"
)]

mod batches;
mod ending;
mod faults;
mod lazy;
mod making;
mod nesting;
mod result;
mod submitting;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

#[test]
fn every_promise_is_cited() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["tests", "../core/src", "../backend-std/src"] {
        rust_files(&root.join(folder), &mut files);
    }
    assert!(files.len() > 8, "found no sources under {}", root.display());
    let cited = files
        .iter()
        .flat_map(|file| citations(&fs::read_to_string(file).unwrap()))
        .collect();
    assert_eq!(missing(&cited), [], "no test cites these promises");
}

#[test]
fn a_promise_without_a_citation_is_noticed() {
    let cited = citations("let S1 = 2; // S3, S4\n    // (S5)\n// XS6 S7x S\n");
    assert_eq!(cited, BTreeSet::from([3, 4, 5]));
    assert_eq!(missing(&(1..51).collect()), [51]);
}

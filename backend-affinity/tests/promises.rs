//! No row of PROMISES.md is without a test that cites it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The numbers of rows among the words of a text.
fn rows<'a>(words: impl Iterator<Item = &'a str>) -> BTreeSet<usize> {
    words
        .filter_map(|word| word.strip_prefix('A')?.parse().ok())
        .collect()
}

/// What comments cite that hold nothing but numbers of rows.
fn cited(text: &str) -> BTreeSet<usize> {
    let comments = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("// "));
    rows(comments.flat_map(|comment| comment.split(", ")))
}

fn promised(text: &str) -> BTreeSet<usize> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| "));
    rows(lines.filter_map(|line| line.split_whitespace().next()))
}

#[test]
fn every_promise_is_cited_and_every_citation_is_a_promise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        rust_files(&root.join(folder), &mut files);
    }
    let texts = files.iter().map(fs::read_to_string);
    let cited = texts.flat_map(|text| cited(&text.expect("it can be read")));
    let page = fs::read_to_string(root.join("PROMISES.md")).expect("it can be read");
    assert_eq!(cited.collect::<BTreeSet<_>>(), promised(&page));
    assert!(promised(&page).len() > 10);
}

#[test]
fn only_citations_count() {
    assert_eq!(cited("// A1, A2\n  // A30\n"), BTreeSet::from([1, 2, 30]));
    assert_eq!(cited("let A1 = 2; /// A3\n// see A4\n// A5."), [].into());
    assert_eq!(promised("| A7 | x |\n| # | A8 |\nA9"), [7].into());
}

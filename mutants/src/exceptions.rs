//! Mutants that no model can kill, each with the proof that its ordering matters all the same, or that
//! loom cannot tell.
//!
//! `EXCEPTIONS.md` holds them: a heading of the third level is a mutant's name, the text below it the proof.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The proofs, by the mutants' names.
pub(crate) type Exceptions = BTreeMap<String, String>;

/// Reads the exceptions.
///
/// # Errors
///
/// A file that cannot be read, an entry without a proof, or a mutant named twice.
pub(crate) fn read(path: &Path) -> Result<Exceptions, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Exceptions, String> {
    let mut all = Exceptions::new();
    for entry in text.split("\n### ").skip(1) {
        let (name, proof) = entry.split_once('\n').unwrap_or((entry, ""));
        // A heading of a higher level ends the proof.
        let proof = proof.split("\n## ").next().unwrap_or_default();
        let proof = Vec::from_iter(proof.split_whitespace()).join(" ");
        if proof.is_empty() {
            return Err(format!("no proof for the exception: {name}"));
        }
        if all.insert(name.trim().to_owned(), proof).is_some() {
            return Err(format!("two exceptions for: {name}"));
        }
    }
    Ok(all)
}

/// The first exception for a mutant that does not exist.
pub(crate) fn stale<'a>(exceptions: &'a Exceptions, mutants: &BTreeSet<String>) -> Option<&'a str> {
    exceptions
        .keys()
        .map(String::as_str)
        .find(|&name| !mutants.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_name_and_a_proof() {
        let text = "# Exceptions\n\n## One file\n\n### a, f\n\nBecause\nof this.\n\n## Another\n\n### b, g\n\nSo.\n";
        let all = parse(text).unwrap();
        assert_eq!(all["a, f"], "Because of this.");
        assert_eq!(all["b, g"], "So.");
        assert_eq!(
            stale(&all, &BTreeSet::from(["a, f".to_owned()])),
            Some("b, g")
        );
    }

    #[test]
    fn an_entry_without_a_proof_is_refused() {
        assert!(parse("# E\n\n### a, f\n\n### b, g\n\nSo.\n").is_err());
        assert!(parse("# E\n\n### a\n\nSo.\n\n### a\n\nSo.\n").is_err());
    }
}

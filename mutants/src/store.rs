//! What has been found out already, so that an interrupted run goes on where it stopped.
//!
//! One line for each fact, appended when it is known. The first line names the test binaries; of facts about other
//! binaries only a hint remains, which model to try first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// What the models say about a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Killed {
        model: String,
        after: Duration,
    },
    /// So many models reach it, and none failed; so many of them did not end within their limit.
    Survives {
        models: usize,
        unfinished: usize,
    },
}

/// A model that passes without a mutant.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// The places that it reaches.
    pub(crate) sites: BTreeSet<String>,
    pub(crate) took: Duration,
}

/// The facts, and the file that keeps them.
pub(crate) struct Store {
    file: File,
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    pub(crate) traced: BTreeMap<String, Traced>,
    /// The models that killed mutants of other binaries.
    pub(crate) hints: BTreeMap<String, String>,
}

impl Store {
    /// Opens the store, and empties it if it is about other binaries.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written.
    pub(crate) fn open(path: &Path, fingerprint: u64) -> Result<Self, String> {
        let failed = |e| format!("{}: {e}", path.display());
        let header = format!("binaries {fingerprint:016x}");
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut verdicts = BTreeMap::new();
        let mut traced = BTreeMap::new();
        let mut hints = BTreeMap::new();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            // A line that an interruption cut short says nothing.
            match *fields.as_slice() {
                ["killed", mutant, model, millis, "."] => {
                    let verdict = Verdict::Killed {
                        model: model.to_owned(),
                        after: Duration::from_millis(millis.parse().unwrap_or(0)),
                    };
                    verdicts.insert(mutant.to_owned(), verdict);
                }
                ["hint", mutant, model, "."] => {
                    hints.insert(mutant.to_owned(), model.to_owned());
                }
                ["traced", model, millis, sites, "."] => {
                    let fact = Traced {
                        sites: sites.split(' ').map(str::to_owned).collect(),
                        took: Duration::from_millis(millis.parse().unwrap_or(0)),
                    };
                    traced.insert(model.to_owned(), fact);
                }
                _ => {}
            }
        }
        if text.lines().next() != Some(&header) {
            for (mutant, verdict) in std::mem::take(&mut verdicts) {
                if let Verdict::Killed { model, .. } = verdict {
                    hints.insert(mutant, model);
                }
            }
            traced.clear();
            let mut kept = header + "\n";
            let lines = hints.iter();
            kept.extend(lines.map(|(mutant, model)| format!("hint\t{mutant}\t{model}\t.\n")));
            fs::write(path, kept).map_err(failed)?;
        }
        Ok(Self {
            file: File::options().append(true).open(path).map_err(failed)?,
            verdicts,
            traced,
            hints,
        })
    }

    /// Notes a verdict. A survivor is tried again by the next run, so it is not kept.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(crate) fn judge(&mut self, mutant: &str, verdict: Verdict) -> Result<(), String> {
        if let Verdict::Killed { model, after } = &verdict {
            let after = after.as_millis();
            self.append(&format!("killed\t{mutant}\t{model}\t{after}"))?;
        }
        self.verdicts.insert(mutant.to_owned(), verdict);
        Ok(())
    }

    /// Notes what a model reaches.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(crate) fn trace(&mut self, model: &str, fact: Traced) -> Result<(), String> {
        let sites = Vec::from_iter(fact.sites.iter().map(String::as_str)).join(" ");
        let line = format!("traced\t{model}\t{}\t{sites}", fact.took.as_millis());
        self.traced.insert(model.to_owned(), fact);
        self.append(&line)
    }

    fn append(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.file, "{line}\t.").map_err(|e| e.to_string())
    }
}

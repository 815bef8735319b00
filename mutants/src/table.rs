//! `MUTANTS.md`: the table of all mutants, written from what was found out and read as a hint.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::exceptions::Exceptions;
use crate::sites::Mutant;
use crate::store::Verdict;

/// How many mutants there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) killed: usize,
    pub(crate) excepted: usize,
    pub(crate) surviving: usize,
}

impl Score {
    /// Counts the verdicts of the mutants given.
    pub(crate) fn of(
        mutants: &[Mutant],
        verdicts: &BTreeMap<String, Verdict>,
        exceptions: &Exceptions,
    ) -> Self {
        let mut score = Self::default();
        for mutant in mutants {
            let name = mutant.name();
            match verdicts.get(&name) {
                Some(Verdict::Killed { .. }) => score.killed += 1,
                _ if exceptions.contains_key(&name) => score.excepted += 1,
                _ => score.surviving += 1,
            }
        }
        score
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            killed,
            excepted,
            surviving,
        } = self;
        write!(
            f,
            "{killed} killed, {excepted} excepted with a proof, {surviving} surviving"
        )
    }
}

/// The table's text.
pub(crate) fn render(
    mutants: &[Mutant],
    verdicts: &BTreeMap<String, Verdict>,
    exceptions: &Exceptions,
) -> String {
    let score = Score::of(mutants, verdicts, exceptions);
    let mut text = format!(
        "# Mutants\n\nWritten by `cargo run -p ringpool-mutants -- --write`; `mutants/src/main.rs` says how to \
         read it.\n\nEach memory ordering and fence of the core was weakened, each `unpark` deleted, and each fault of \
         `FAULTS.md` planted (*protocol*), one at a time, and the loom models that reach it were run. Of {} mutants: \
         {score}.\n\n- *killed by* a model: it fails with the mutant.\n- *excepted*: `EXCEPTIONS.md` proves why no model fails.\n- *survives*: no model fails, and \
         nobody has said why.\n",
        mutants.len()
    );
    let mut file = "";
    for mutant in mutants {
        if mutant.site.file != file {
            file = &mutant.site.file;
            let _ = write!(
                text,
                "\n## {file}\n\n| function | operation | change | verdict |\n|---|---|---|---|\n"
            );
        }
        let name = mutant.name();
        let verdict = match verdicts.get(&name) {
            Some(Verdict::Killed { model, .. }) => format!("killed by `{model}`"),
            Some(Verdict::Survives { models, unfinished }) => {
                let status = if exceptions.contains_key(&name) {
                    "excepted"
                } else {
                    "**survives**"
                };
                let unfinished = if *unfinished == 0 {
                    String::new()
                } else {
                    format!(", {unfinished} of them not to their end")
                };
                format!("{status}: {models} models{unfinished}")
            }
            None => "**survives**: not tried".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {verdict} |",
            mutant.site.function,
            mutant.operation(),
            mutant.change()
        );
    }
    text
}

/// The verdict of each mutant in the table, by its name: the model that killed it, if one did.
pub(crate) fn read(text: &str) -> BTreeMap<String, Option<String>> {
    let mut file = "";
    let mut all = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            file = name;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", function, operation, change, verdict, ""] = *cells.as_slice() else {
            continue;
        };
        if matches!(function, "function" | "---") {
            continue;
        }
        let model = verdict
            .strip_prefix("killed by `")
            .and_then(|rest| rest.split('`').next());
        all.insert(
            format!("{file}, {function}, {operation}, {change}"),
            model.map(str::to_owned),
        );
    }
    all
}

/// What is wrong with a table: a mutant it lacks, or one that is gone.
pub(crate) fn difference(
    table: &BTreeMap<String, Option<String>>,
    mutants: &BTreeSet<String>,
) -> Option<String> {
    if let Some(name) = mutants.iter().find(|&name| !table.contains_key(name)) {
        return Some(format!("the table lacks the mutant: {name}"));
    }
    table
        .keys()
        .find(|&name| !mutants.contains(name))
        .map(|name| format!("the table has a mutant that is gone: {name}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sites::{Order, Role, Site};

    fn mutant() -> Mutant {
        Mutant {
            site: Site {
                file: "core/src/f.rs".to_owned(),
                line: 1,
                column: 1,
                function: "f".to_owned(),
                operation: "load".to_owned(),
                number: 1,
                role: Role::Success,
                order: Order::Acquire,
            },
            weaker: Some(Order::Relaxed),
            fault: None,
        }
    }

    #[test]
    fn a_written_table_is_read_back() {
        let name = mutant().name();
        let killed = Verdict::Killed {
            model: "m".to_owned(),
            after: Duration::ZERO,
        };
        let text = render(
            &[mutant()],
            &BTreeMap::from([(name.clone(), killed)]),
            &Exceptions::new(),
        );
        let table = read(&text);
        assert_eq!(table[&name].as_deref(), Some("m"));
        assert_eq!(difference(&table, &BTreeSet::from([name])), None);
        assert!(difference(&table, &BTreeSet::new()).is_some());
    }

    #[test]
    fn a_survivor_is_not_hidden() {
        let survives = Verdict::Survives {
            models: 2,
            unfinished: 1,
        };
        let verdicts = BTreeMap::from([(mutant().name(), survives)]);
        let text = render(&[mutant()], &verdicts, &Exceptions::new());
        assert!(text.contains("**survives**: 2 models, 1 of them not to their end"));
    }
}

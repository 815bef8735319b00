//! Weakens each memory ordering of the core, one at a time, and sees whether a loom model fails. So it does with each
//! call of `unpark`, which it deletes, and with each fault of `FAULTS.md`.
//!
//! ```text
//! cargo run -p ringpool-mutants -- --list            the mutants, without running anything
//! cargo run -p ringpool-mutants -- --only seats.rs   those of the files whose paths contain this
//! cargo run -p ringpool-mutants -- --write           all, and MUTANTS.md is written
//! cargo run -p ringpool-mutants -- --sample 5        every fifth, each by the model that MUTANTS.md names
//! ```
//!
//! The models are built once, from a copy of the core that holds the faults; `core/src/sync/mutation.rs` chooses
//! the mutant at run time. First every
//! model runs as it is: it must pass, and the places that it reaches are noted. One that does not end within the
//! limit is left out. A mutant is then tried
//! on every model that reaches its place, quickest first, until one fails. What is known is kept below
//! the target folder, so that an interrupted run goes on where it stopped.
//!
//! Fails if a fault does not fit the text, if a mutant survives without an exception in `EXCEPTIONS.md`, if an
//! exception is for a mutant that was killed or is gone, or if no mutant was tried. A mutant that no model reaches
//! survives.

mod copy;
mod exceptions;
mod faults;
mod models;
mod sites;
mod store;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;

use exceptions::Exceptions;
use models::{Ending, Model, Models};
use sites::Mutant;
use store::{Store, Traced, Verdict};
use table::Score;

/// Breaks the core in one place at a time, and sees whether a loom model fails.
#[derive(Parser)]
struct Arguments {
    /// Prints the mutants and runs nothing.
    #[arg(long)]
    list: bool,
    /// Tries only the mutants of files whose path contains this text.
    #[arg(long, value_name = "FILE")]
    only: Option<String>,
    /// Tries every Nth of the mutants that MUTANTS.md calls killed, each on the model named there.
    #[arg(long, value_name = "N", conflicts_with = "write")]
    sample: Option<usize>,
    /// Begins a sample at this one of every N.
    #[arg(long, value_name = "K", default_value_t = 0, requires = "sample")]
    offset: usize,
    /// Writes MUTANTS.md.
    #[arg(long, conflicts_with = "only")]
    write: bool,
    /// Seconds after which a model is stopped.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    limit: u64,
    /// How many models run at once; as many as there are CPUs if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("mutants: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("the package lies in no workspace")?;
    let faults = faults::read(&root.join("mutants/FAULTS.md"))?;
    let (all, planted) = sites::mutants(root, &faults)?;
    let names: BTreeSet<String> = all.iter().map(Mutant::name).collect();
    if names.len() != all.len() {
        return Err("two mutants have one name".to_owned());
    }
    let chosen: Vec<Mutant> = all
        .into_iter()
        .filter(|mutant| {
            let only = arguments.only.as_deref();
            only.is_none_or(|part| mutant.site.file.contains(part))
        })
        .collect();
    if arguments.list {
        for (number, mutant) in chosen.iter().enumerate() {
            println!("{number}\t{}\t{}", mutant.site.place(), mutant.name());
        }
        return Ok(());
    }

    let exceptions = exceptions::read(&root.join("mutants/EXCEPTIONS.md"))?;
    if let Some(name) = exceptions::stale(&exceptions, &names) {
        return Err(format!("an exception for a mutant that is gone: {name}"));
    }
    let file = root.join("mutants/MUTANTS.md");
    let recorded = table::read(&std::fs::read_to_string(&file).unwrap_or_default());

    let target = target(root)?.join("mutants");
    let models = Models::build(root, &planted, &target)?;
    let session = Session {
        models: &models.all,
        store: Mutex::new(Store::open(
            &target.join("results.txt"),
            models.fingerprint,
        )?),
        recorded: &recorded,
        scratch: target,
        limit: Duration::from_secs(arguments.limit),
        jobs: arguments
            .jobs
            .or_else(|| std::thread::available_parallelism().ok().map(Into::into))
            .unwrap_or(1),
    };
    if let Some(step) = arguments.sample {
        if let Some(difference) = table::difference(&recorded, &names) {
            return Err(difference);
        }
        return session.sample(&chosen, step.max(1), arguments.offset);
    }

    session.trace()?;
    session.try_all(&chosen)?;
    let store = session.store.into_inner().map_err(|e| e.to_string())?;
    if arguments.write {
        let text = table::render(&chosen, &store.verdicts, &exceptions);
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    conclude(&chosen, &store.verdicts, &exceptions)
}

/// Where cargo builds. Absolute, for cargo runs in another folder.
fn target(root: &Path) -> Result<PathBuf, String> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    std::path::absolute(target).map_err(|e| e.to_string())
}

/// Prints the survivors and the score, and says whether the run as a whole is good.
fn conclude(
    mutants: &[Mutant],
    verdicts: &BTreeMap<String, Verdict>,
    exceptions: &Exceptions,
) -> Result<(), String> {
    for mutant in mutants {
        let name = mutant.name();
        let excepted = exceptions.contains_key(&name);
        match verdicts.get(&name) {
            Some(Verdict::Killed { .. }) if excepted => {
                return Err(format!("an exception for a mutant that is killed: {name}"));
            }
            Some(Verdict::Survives { .. }) if !excepted => {
                println!("survives: {} {name}", mutant.site.place());
            }
            _ => {}
        }
    }
    let score = Score::of(mutants, verdicts, exceptions);
    println!("{} mutants: {score}", mutants.len());
    if mutants.is_empty() {
        return Err("no mutant was tried".to_owned());
    }
    if score.surviving > 0 {
        return Err(format!("{} mutants survive", score.surviving));
    }
    Ok(())
}

/// One run of the tool.
struct Session<'a> {
    models: &'a [Model],
    store: Mutex<Store>,
    /// What MUTANTS.md says: which model killed which mutant.
    recorded: &'a BTreeMap<String, Option<String>>,
    scratch: PathBuf,
    limit: Duration,
    jobs: usize,
}

impl Session<'_> {
    /// Runs every model as it is, unless that is known.
    fn trace(&self) -> Result<(), String> {
        self.share(self.models, |model| {
            if self.with_store(|store| store.traced.contains_key(&model.name))? {
                return Ok(());
            }
            let Some((sites, took)) = model.trace(&self.scratch, self.limit)? else {
                println!("{} is left out: it takes too long", model.name);
                return Ok(());
            };
            println!("{} passes in {:.1} s", model.name, took.as_secs_f64());
            self.with_store(|store| store.trace(&model.name, Traced { sites, took }))?
        })
    }

    /// Tries every mutant, unless its verdict is known.
    fn try_all(&self, mutants: &[Mutant]) -> Result<(), String> {
        self.share(mutants, |mutant| {
            let name = mutant.name();
            if self.with_store(|store| store.verdicts.contains_key(&name))? {
                return Ok(());
            }
            let verdict = self.judge(mutant)?;
            println!("{}: {verdict:?}", mutant.name());
            self.with_store(|store| store.judge(&name, verdict))?
        })
    }

    /// Tries a mutant on the models that reach it, until one fails.
    fn judge(&self, mutant: &Mutant) -> Result<Verdict, String> {
        let place = mutant.site.place();
        let recorded = self.recorded.get(&mutant.name()).cloned().flatten();
        let (killer, mut candidates) = self.with_store(|store| {
            let reaching = self.models.iter().filter_map(|model| {
                let traced = store.traced.get(&model.name)?;
                let reaches = traced.sites.contains(&place);
                reaches.then_some((model, traced.took))
            });
            let candidates: Vec<(&Model, Duration)> = reaching.collect();
            let hint = store.hints.get(&mutant.name()).cloned();
            (hint.or(recorded), candidates)
        })?;
        candidates.sort_by_key(|(model, took)| (killer.as_ref() != Some(&model.name), *took));
        let mut unfinished = 0;
        for (model, _) in &candidates {
            let variable = mutant.variable();
            match model.run(("RINGPOOL_MUTANT", &variable), self.limit)? {
                (Ending::Failed, after) => {
                    return Ok(Verdict::Killed {
                        model: model.name.clone(),
                        after,
                    });
                }
                (Ending::Unfinished, _) => unfinished += 1,
                (Ending::Passed, _) => {}
            }
        }
        Ok(Verdict::Survives {
            models: candidates.len(),
            unfinished,
        })
    }

    /// Tries every `step`th mutant that the table calls killed, on the model that killed it.
    fn sample(&self, mutants: &[Mutant], step: usize, offset: usize) -> Result<(), String> {
        let killed: Vec<(&Mutant, &String)> = mutants
            .iter()
            .filter_map(|mutant| {
                let killer = self.recorded.get(&mutant.name())?.as_ref()?;
                Some((mutant, killer))
            })
            .skip(offset)
            .step_by(step)
            .collect();
        let survivors = AtomicUsize::new(0);
        self.share(&killed, |(mutant, killer)| {
            let named = self.models.iter().find(|model| model.name == **killer);
            let model = named.ok_or_else(|| format!("there is no model {killer}"))?;
            // A model that fails anyway would prove nothing.
            model.trace(&self.scratch, self.limit)?;
            let variable = mutant.variable();
            let (ending, after) = model.run(("RINGPOOL_MUTANT", &variable), self.limit)?;
            let seconds = after.as_secs_f64();
            println!(
                "{ending:?} in {seconds:.1} s: {} on {killer}",
                mutant.name()
            );
            if ending != Ending::Failed {
                survivors.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })?;
        let survivors = survivors.into_inner();
        println!("{} mutants tried, {survivors} survive", killed.len());
        match (killed.len(), survivors) {
            (0, _) => Err("no mutant was tried".to_owned()),
            (_, 0) => Ok(()),
            _ => Err(format!("{survivors} mutants survive")),
        }
    }

    /// Does something for each item, several at a time; the first error ends it.
    fn share<T: Sync>(
        &self,
        items: &[T],
        each: impl Fn(&T) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let work = || {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
                }
                Ok(())
            };
            let threads = Vec::from_iter((0..self.jobs.max(1)).map(|_| scope.spawn(work)));
            threads.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a thread panicked".to_owned()))
            })
        })
    }

    fn with_store<R>(&self, f: impl FnOnce(&mut Store) -> R) -> Result<R, String> {
        Ok(f(&mut *self.store.lock().map_err(|e| e.to_string())?))
    }
}

//! The models of the race matrix: one for each pair of events that can race.
//!
//! `cargo test -p ringpool-loom-tests --test pairs -- WORD…` runs those whose names hold one of the words. They
//! are made from the table in `src/matrix.rs`, which libtest cannot do, so this file is its own harness.

#[cfg(ringpool_loom)]
mod acts;
#[cfg(ringpool_loom)]
mod scene;
#[cfg(ringpool_loom)]
mod witness;

#[cfg(ringpool_loom)]
fn main() -> std::process::ExitCode {
    harness::run()
}

#[cfg(not(ringpool_loom))]
fn main() {
    println!("the models need RUSTFLAGS=\"--cfg ringpool_loom\"");
}

#[cfg(ringpool_loom)]
mod harness {
    use std::process::{Command, ExitCode};
    use std::sync::Mutex;
    use std::thread;
    use std::time::Instant;

    use ringpool_loom_tests::explore;
    use ringpool_loom_tests::matrix::{Cell, Event, cell, name_of, pairs};

    use crate::scene;

    /// Marks the argument by which this program calls itself to run one model.
    const ALONE: char = '=';
    /// Lines shown of what a failing model wrote. A backtrace of the abort follows, of no use to anybody.
    const LINES: usize = 12;

    struct Model {
        pair: (Event, Event),
        preemptions: usize,
        ends_soon: bool,
    }

    fn models() -> impl Iterator<Item = Model> {
        pairs().filter_map(|pair| match cell(pair.0, pair.1) {
            Cell::Model {
                preemptions,
                ends_soon,
            } => Some(Model {
                pair,
                preemptions,
                ends_soon,
            }),
            Cell::Impossible(_) => None,
        })
    }

    /// Runs the models that the arguments name, as many at once as there are CPUs.
    pub(crate) fn run() -> ExitCode {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        if let Some(name) = arguments
            .first()
            .and_then(|first| first.strip_prefix(ALONE))
        {
            return run_alone(name);
        }
        let (flags, words): (Vec<_>, Vec<_>) = arguments
            .into_iter()
            .partition(|argument| argument.starts_with('-'));
        let soon = flags.iter().any(|flag| flag == "--soon");
        let mut names: Vec<_> = models()
            .filter(|model| model.ends_soon || !soon)
            .map(|model| name_of(model.pair))
            .filter(|name| words.is_empty() || words.iter().any(|word| name.contains(word)))
            .collect();
        let asked = names.len();
        // In the order of the matrix, the last first out.
        names.reverse();
        let names = Mutex::new(names);
        let next = || names.lock().expect("no holder panics").pop();
        let failed = Mutex::new(Vec::new());
        let begun = Instant::now();
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
                scope.spawn(|| {
                    while let Some(name) = next() {
                        if !run_in_child(&name) {
                            failed.lock().expect("no holder panics").push(name);
                        }
                    }
                });
            }
        });
        let failed = failed.into_inner().expect("no holder panics");
        for name in &failed {
            println!("failed: {name}");
        }
        println!(
            "test result: {}. {} passed; {} failed; finished in {:.1} s",
            if failed.is_empty() { "ok" } else { "FAILED" },
            asked - failed.len(),
            failed.len(),
            begun.elapsed().as_secs_f32()
        );
        if failed.is_empty() && asked > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Runs a model in a process of its own, which a failure on a worker aborts.
    fn run_in_child(name: &str) -> bool {
        let program = std::env::current_exe().expect("this program has a path");
        let output = Command::new(program)
            .arg(format!("{ALONE}{name}"))
            .output()
            .expect("this program can be started");
        if output.status.success() {
            print!("{}", String::from_utf8_lossy(&output.stdout));
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            let said: Vec<_> = said.lines().take(LINES).collect();
            println!("model {name} ... FAILED\n{}", said.join("\n"));
        }
        output.status.success()
    }

    fn run_alone(name: &str) -> ExitCode {
        let Some(model) = models().find(|model| name_of(model.pair) == name) else {
            eprintln!("no model {name}");
            return ExitCode::FAILURE;
        };
        let (first, second) = model.pair;
        let report = explore(model.preemptions, move || scene::play(first, second));
        println!("model {name} ... ok: {report}");
        ExitCode::SUCCESS
    }
}

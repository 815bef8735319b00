//! All contenders side by side: `cargo run --release --manifest-path benches/peers/Cargo.toml`.
//!
//! Contenders take turns (A B C A B C …) and every value comes from a process of its own, so that
//! neither a warm allocator nor a busy minute of the machine favours one of them.

mod alloc;
mod child;
mod figures;
mod machine;
mod measure;
mod plot;
mod sections;
mod settings;
mod summary;
mod table;
mod write;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use alloc::Counting;
use figures::Figures;
use ringpool_peers::{foreign, workers};
use settings::{Settings, USAGE};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, kind, numbers @ ..] = &arguments[..]
        && first == measure::CHILD
    {
        return child(kind, numbers);
    }
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let settings = match Settings::parse(&arguments) {
        Ok(settings) => settings,
        Err(reason) => {
            eprintln!("report: {reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match report(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does one measurement.
fn child(kind: &str, numbers: &[String]) -> ExitCode {
    let numbers: Result<Vec<usize>, _> = numbers.iter().map(|number| number.parse()).collect();
    let Some(values) = numbers.ok().and_then(|numbers| child::run(kind, &numbers)) else {
        eprintln!("report: there is no measurement `{kind}` of these numbers");
        return ExitCode::from(2);
    };
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    println!("{}", values.join(" "));
    ExitCode::SUCCESS
}

fn report(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let mut text = String::from("# ringpool and its peers, side by side\n\n");
    text += "Made by `cargo run --release --manifest-path benches/peers/Cargo.toml -- --write`.\n";
    text += "Only ratios within one table count; absolute numbers show the scale on this machine. A ratio is the\n";
    text +=
        "median of those within each round, for a machine may change its pace between rounds.\n\n";
    let found = foreign::find(&settings::scratch()?);
    let mut lines = machine::lines(settings.rounds, workers());
    lines.extend(found.lines());
    text += &lines.join("\n");
    text += "\n";
    print!("{text}");

    let mut all: Vec<Figures> = Vec::new();
    let limits = sections::limits::measure(settings);
    let mut sink = |mut figures: Figures| {
        sections::limits::annotate(&limits, &mut figures);
        print!("{figures}");
        // A reader that left is no reason to lose the file.
        let _ = io::stdout().flush();
        all.push(figures);
    };
    if !limits.rows.is_empty() {
        sink(limits.clone());
    }
    sections::workloads::run(settings, &found, &mut sink);
    sections::cold::run(settings, &found, &mut sink);
    sections::shares::run(settings, &found, &mut sink);
    sections::backlog::run(settings, &mut sink);
    sections::allocations::run(settings, &mut sink);
    sections::idle::run(settings, &mut sink);
    sections::rings::run(settings, &found, &mut sink);
    sections::growth::run(settings, &mut sink);
    sections::model::run(settings, &limits, &mut sink);

    let end = format!(
        "\nTaken in {} s. Load average at the end: {}\n",
        begin.elapsed().as_secs(),
        machine::load()
    );
    print!("{end}");
    if all.is_empty() {
        return Err("no section is called so".into());
    }
    let rows = all.iter().flat_map(|figures| &figures.rows);
    let failed: Vec<&str> = rows
        .filter(|row| row.is_incomplete())
        .map(|row| row.name.as_str())
        .collect();
    if settings.write {
        write::all(&text, &all, &end)?;
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join("; ")).into())
    }
}

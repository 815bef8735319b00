//! All contenders side by side: `cargo run --release --manifest-path benches/peers/Cargo.toml`.
//!
//! Contenders take turns (A B C A B C …) and every value comes from a process of its own, so that
//! neither a warm allocator nor a busy minute of the machine favours one of them.

mod alloc;
mod child;
mod machine;
mod table;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use alloc::Counting;
use child::{Task, float};
use ringpool_peers::backlog::BACKLOGS;
use ringpool_peers::calls::CALLS;
use ringpool_peers::hot::HOT;
use ringpool_peers::{WORKLOADS, region, workers};
use table::{Sample, Table};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
Runs ringpool and its peers side by side and prints the tables.

Usage: report [--rounds N] [--only TEXT] [--quick] [--write]

  --rounds N    values for each contender (default 7)
  --only TEXT   only sections whose name contains TEXT, such as `W1` or `backlog`
  --quick       a tenth of the work and three rounds: to see that it runs, not to quote
  --write       write benches/REPORT.md too
";

/// What the command line asks for.
struct Settings {
    rounds: usize,
    only: String,
    scale: usize,
    write: bool,
}

impl Settings {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut settings = Self {
            rounds: 7,
            only: String::new(),
            scale: 1,
            write: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--rounds" => {
                    let given = rest
                        .next()
                        .and_then(|rounds| rounds.parse().ok())
                        .filter(|rounds| *rounds > 0);
                    settings.rounds = given.ok_or("--rounds needs a number above 0")?;
                }
                "--only" => settings
                    .only
                    .clone_from(rest.next().ok_or("--only needs a text")?),
                "--quick" => (settings.rounds, settings.scale) = (3, 10),
                "--write" => settings.write = true,
                other => return Err(format!("no such option: `{other}`")),
            }
        }
        Ok(settings)
    }

    fn wants(&self, section: &str) -> bool {
        section.to_lowercase().contains(&self.only.to_lowercase())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some((first, task)) = arguments.split_first()
        && first == "--child"
    {
        let Some(task) = Task::from_arguments(task) else {
            return ExitCode::from(2);
        };
        let numbers: Vec<String> = task.run().iter().map(f64::to_string).collect();
        println!("{}", numbers.join(" "));
        return ExitCode::SUCCESS;
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

fn report(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut text = String::from("# ringpool and its peers, side by side\n\n");
    text += "Made by `cargo run --release --manifest-path benches/peers/Cargo.toml -- --write`.\n";
    text += "Only ratios within one table count; absolute numbers show the scale on this machine. A ratio is the\n";
    text +=
        "median of those within each round, for a machine may change its pace between rounds.\n\n";
    text += &machine::lines(settings.rounds, workers()).join("\n");
    text += "\n";
    print!("{text}");

    let mut section = |part: String| {
        print!("{part}");
        // A reader that left is no reason to lose the file.
        let _ = io::stdout().flush();
        text += &part;
    };
    for (index, one) in WORKLOADS.iter().enumerate() {
        if settings.wants(one.id) {
            section(workload(settings, index));
        }
    }
    for strangers in [0, workers()] {
        if settings.wants("W1 cold") {
            section(cold(settings, strangers));
        }
    }
    if settings.wants("W4 region") {
        section(shares(settings));
    }
    if settings.wants("backlog") {
        section(backlog(settings));
    }
    if settings.wants("allocations") {
        section(allocations(settings));
    }
    section(format!("\nLoad average at the end: {}\n", machine::load()));
    if settings.write {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../REPORT.md");
        fs::write(&file, &text)?;
        eprintln!("written: {}", file.display());
    }
    Ok(())
}

/// Runs a task in a process of its own. `None`: it failed or took too long, which it has then told.
fn measure(task: Task) -> Option<Vec<f64>> {
    const LIMIT: Duration = Duration::from_mins(1);

    let program = env::current_exe().ok()?;
    let mut child = Command::new(program)
        .args(task.to_arguments())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().ok()? {
            break status;
        }
        if begin.elapsed() > LIMIT {
            eprintln!("report: {task:?} was ended after {} s", LIMIT.as_secs());
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        // Rare enough not to disturb what is measured beside it.
        thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        eprintln!("report: {task:?} failed: {status}");
        return None;
    }
    let mut output = String::new();
    child.stdout.take()?.read_to_string(&mut output).ok()?;
    output
        .split_whitespace()
        .map(|number| number.parse().ok())
        .collect()
}

/// Times all contenders of a workload by turns, then counts what each allocates.
fn workload(settings: &Settings, index: usize) -> String {
    let workload = &WORKLOADS[index];
    let units = (workload.units / settings.scale).max(1);
    let mut times = vec![Sample::default(); workload.contenders.len()];
    let (mut memory, mut waited, mut pushed) = (times.clone(), times.clone(), times.clone());
    let mut ratios = times.clone();
    for round in 0..settings.rounds {
        let mut first = None;
        for contender in 0..workload.contenders.len() {
            progress(format_args!(
                "{} round {} of {}",
                workload.id,
                round + 1,
                settings.rounds
            ));
            if let Some(values) = measure(Task::Time {
                workload: index,
                contender,
                units,
            }) {
                times[contender].add(values[0]);
                if contender == 0 {
                    first = Some(values[0]);
                }
                if let Some(first) = first {
                    ratios[contender].add(values[0] / first);
                }
                memory[contender].add(values[1]);
                waited[contender].add(values[2]);
                pushed[contender].add(values[3]);
            }
        }
    }
    progress(format_args!(""));

    let long = workload.unit == "job" && workload.units >= 1_000_000;
    let unit = format!("ns a {}", workload.unit);
    let mut table = Table::new(&["contender", &unit, "min–max", "× ringpool"]);
    let allocations = format!("allocations a {}", workload.unit);
    table.head(&allocations);
    table.head("bytes allocated");
    if long {
        table.head("peak memory, bytes a job");
    } else {
        table.head("switches: waits");
        table.head("others");
    }
    for (contender, what) in workload.contenders.iter().enumerate() {
        let count = measure(Task::Count {
            workload: index,
            contender,
            units: units / 10,
        });
        let time = &times[contender];
        let mut row = vec![what.name.to_owned()];
        row.extend([
            table::number(time.median()),
            time.spread(),
            table::ratio(ratios[contender].median()),
        ]);
        let counted = |place: usize| count.as_ref().map(|count| count[place]);
        row.extend([table::number(counted(0)), table::number(counted(1))]);
        if long {
            row.push(table::number(memory[contender].median()));
        } else {
            row.push(table::number(waited[contender].median()));
            row.push(table::number(pushed[contender].median()));
        }
        table.row(row);
    }
    format!("\n## {}: {}\n\n{}", workload.id, workload.what, table)
}

/// Single jobs with pauses between them, which park all who wait.
fn cold(settings: &Settings, strangers: usize) -> String {
    // A job waits for milliseconds behind some contenders, so more of them would take the whole hour.
    let jobs = 1_000 / settings.scale;
    let mut samples = vec![<[Sample; 4]>::default(); HOT.contenders.len()];
    for round in 0..settings.rounds {
        let mut first = None;
        for (contender, samples) in samples.iter_mut().enumerate() {
            progress(format_args!("W1 cold round {}", round + 1));
            let task = Task::Cold {
                contender,
                strangers,
                jobs,
            };
            if let Some(mut values) = measure(task) {
                if contender == 0 {
                    first = Some(values[0]);
                }
                values.extend(first.map(|first| values[0] / first));
                for (all, one) in samples.iter_mut().zip(values) {
                    all.add(one);
                }
            }
        }
    }
    progress(format_args!(""));
    let mut table = Table::new(&[
        "contender",
        "µs: median",
        "min–max",
        "× ringpool",
        "p99",
        "longest",
    ]);
    for (what, [median, p99, longest, ratio]) in HOT.contenders.iter().zip(samples) {
        let micros = |sample: &Sample| table::number(sample.median().map(|nanos| nanos / 1e3));
        table.row(vec![
            what.name.into(),
            micros(&median),
            median.spread_of(1e3),
            table::ratio(ratio.median()),
            micros(&p99),
            micros(&longest),
        ]);
    }
    format!(
        "\n## W1 cold: one tiny job after a sleep of 100 µs, again and again, beside {strangers} other busy threads\n\n{table}"
    )
}

fn shares(settings: &Settings) -> String {
    let regions = 20_000 / settings.scale;
    let measured = measure(Task::Shares { regions });
    let mut table = Table::new(&["contender", "regions in which every worker ran"]);
    for (place, name) in region::SHARED.into_iter().enumerate() {
        let share = measured.as_ref().map(|shares| shares[place] * 100.0);
        table.row(vec![
            name.to_owned(),
            share.map_or("failed".into(), |share| format!("{share:.1} %")),
        ]);
    }
    format!(
        "\nA broadcast runs on every worker by its contract; of the others, in {regions} regions:\n\n{table}"
    )
}

fn backlog(settings: &Settings) -> String {
    let jobs = 1_000_000 / settings.scale;
    let mut samples = vec![Sample::default(); BACKLOGS.len()];
    for round in 0..settings.rounds.min(3) {
        for (which, sample) in samples.iter_mut().enumerate() {
            progress(format_args!("backlog round {}", round + 1));
            if let Some(values) = measure(Task::Backlog { which, jobs }) {
                sample.add(values[0]);
            }
        }
    }
    progress(format_args!(""));
    let mut table = Table::new(&["contender", "MB", "bytes a job"]);
    for (backlog, sample) in BACKLOGS.iter().zip(&samples) {
        let bytes = sample.median();
        let megabytes = bytes.map(|bytes| bytes / 1e6);
        let each = bytes.map(|bytes| bytes / float(jobs));
        table.row(vec![
            backlog.name.into(),
            table::number(megabytes),
            table::number(each),
        ]);
    }
    format!("\n## Backlog: memory of 10^6 jobs that no worker has begun\n\n{table}")
}

fn allocations(settings: &Settings) -> String {
    let calls = 1000 / settings.scale;
    let mut table = Table::new(&["call", "allocations", "bytes", "allowed"]);
    for (which, call) in CALLS.iter().enumerate() {
        let counted = measure(Task::Call { which, calls });
        let place = |place: usize| table::number(counted.as_ref().map(|counted| counted[place]));
        table.row(vec![
            call.name.into(),
            place(0),
            place(1),
            call.allowed.to_string(),
        ]);
    }
    format!("\n## Allocations a call, once the pool has warmed up\n\n{table}")
}

/// Says on a terminal what is being measured, in one line that the next one replaces.
fn progress(what: std::fmt::Arguments<'_>) {
    use std::io::IsTerminal;
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K{what}");
        let _ = err.flush();
    }
}

//! A tour of every verb on real input: `cargo run --release -p ringpool --example tour [DIR]`.
//!
//! Each step prints the call and what came out of it, and asserts the result first: a line that is
//! printed has been checked. Colours and the progress bar appear on a terminal only.

mod ending;
mod files;
mod jobs;
mod nesting;
mod numbers;
mod show;
mod trouble;
mod workers;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringpool::{Pool, timeline};
use show::Show;

/// What every step returns. A closed standard output travels through it as an `io::Error`.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "\
Runs every verb of ringpool on real input and prints what it did.

Usage: tour [DIR] [--svg FILE] [--trace FILE]

Arguments:
  [DIR]   the directory whose files are checksummed (default: the repository itself);
          directories named `target` and `.git` are left out, links are not followed

Options:
  --svg FILE     a picture of what each worker did when
  --trace FILE   the same as a trace for Perfetto or Chrome
  -h, --help     print this and leave

Environment:
  NO_COLOR   set it to switch colours off on a terminal too
";

/// Where the tour goes, and where its timeline is written.
#[derive(Default)]
struct Plan {
    dir: PathBuf,
    svg: Option<PathBuf>,
    trace: Option<PathBuf>,
}

/// What the command line asks for.
enum Request {
    Tour(Plan),
    Help,
    Refuse(String),
}

fn request(mut arguments: impl Iterator<Item = OsString>) -> Request {
    let (mut plan, mut dir) = (Plan::default(), None);
    while let Some(argument) = arguments.next() {
        let file = match argument.to_str() {
            Some("-h" | "--help") => return Request::Help,
            Some("--svg") => &mut plan.svg,
            Some("--trace") => &mut plan.trace,
            _ if argument.as_encoded_bytes().starts_with(b"-") => {
                return Request::Refuse(format!("no such option: `{}`", argument.display()));
            }
            _ if dir.is_some() => {
                let extra = argument.display();
                return Request::Refuse(format!("one directory at most, but `{extra}` follows"));
            }
            _ => {
                dir = Some(PathBuf::from(argument));
                continue;
            }
        };
        let Some(path) = arguments.next() else {
            return Request::Refuse(format!("`{}` needs a file", argument.display()));
        };
        *file = Some(PathBuf::from(path));
    }
    plan.dir = dir.unwrap_or_else(|| {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        package.parent().unwrap_or(package).to_owned()
    });
    // Reading it once here tells a missing directory, a plain file and a locked door apart.
    match plan.dir.read_dir() {
        Ok(_) => Request::Tour(plan),
        Err(error) => Request::Refuse(format!(
            "cannot read the directory `{}`: {error}",
            plan.dir.display()
        )),
    }
}

fn main() -> ExitCode {
    match request(env::args_os().skip(1)) {
        Request::Help => leave(io::stdout().write_all(USAGE.as_bytes()).map_err(Into::into)),
        Request::Refuse(reason) => {
            // Nothing is left to tell if standard error is closed as well.
            let _ = writeln!(io::stderr(), "tour: {reason}\nTry `tour --help`.");
            ExitCode::from(2)
        }
        Request::Tour(plan) => {
            hush_planned_panics();
            leave(tour(&plan))
        }
    }
}

/// Turns the outcome into an exit status; a reader that went away (`tour | head`) is not a failure.
fn leave(outcome: Outcome) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if let Some(error) = error.downcast_ref::<io::Error>()
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(io::stderr(), "tour: {error}");
    ExitCode::FAILURE
}

/// The steps in order. One pool serves most of them; its table closes the tour.
fn tour(plan: &Plan) -> Outcome {
    let dir = &*plan.dir;
    let mut show = Show::new();
    let mut builder = Pool::builder().name("tour");
    if plan.svg.is_some() || plan.trace.is_some() {
        builder = builder.timeline(SPANS);
    }
    let pool = builder.build()?;
    show.banner(dir, pool.worker_count())?;

    jobs::one_job(&mut show, &pool)?;
    let scan = files::scan(&mut show, &pool, dir)?;
    files::vocabulary(&mut show, &scan)?;
    numbers::batches(&mut show, &pool)?;
    numbers::sources(&mut show, &pool)?;
    numbers::picture(&mut show, &pool)?;
    numbers::streams(&mut show, &pool)?;
    trouble::panics(&mut show, &pool)?;
    trouble::time(&mut show, &pool)?;
    trouble::refusals(&mut show)?;
    workers::state(&mut show)?;
    workers::replacement(&mut show)?;
    nesting::nesting(&mut show, &pool)?;
    ending::endings(&mut show)?;
    ending::speed(&mut show, &pool, &scan)?;
    ending::table(&mut show, &pool)?;
    let seen = pool.timeline();
    if let Some(path) = &plan.svg {
        save(&mut show, path, &timeline::svg(&seen).to_string())?;
    }
    if let Some(path) = &plan.trace {
        save(&mut show, path, &timeline::chrome(&seen).to_string())?;
    }
    Ok(())
}

/// What a worker keeps of its time: all that the tour's workers do.
const SPANS: usize = 100_000;

fn save(show: &mut Show, path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    show.note(format_args!("timeline written to {}", path.display()))?;
    Ok(())
}

/// How the message of a panic begins that a step provokes to show what comes of it.
const ON_PURPOSE: &str = "on purpose: ";

/// Keeps panics that are part of the tour from printing; any other prints as always.
fn hush_planned_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info
            .payload_as_str()
            .is_some_and(|message| message.starts_with(ON_PURPOSE))
        {
            usual(info);
        }
    }));
}

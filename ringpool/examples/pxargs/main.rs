//! Runs a command for each line of standard input, on N workers:
//! `ls *.flac | cargo run --release -p ringpool --example pxargs -- -j 4 --timeout 60 flac -t {}`.
//!
//! Each command is a process of its own: one that crashes, hangs or floods its output harms no other. Output comes
//! in whole blocks, in the order of the input unless told otherwise. The input is read as workers need it, so it
//! may be endless.
//!
//! Exit status, as of `xargs`: 0 if every command succeeded, 123 if one failed, 124 if one ran out of time, 127 if the
//! command cannot be run, 130 after Ctrl-C, 2 for a mistake in the call.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;
use process_control::{ChildExt, Control, Output};
use ringpool::Pool;

/// Runs COMMAND once for each line of standard input, several at a time.
#[derive(Parser, Clone)]
struct Arguments {
    /// How many run at once [default: one for each CPU]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Print each output when it is there, not in the order of the input
    #[arg(short, long)]
    unordered: bool,
    /// Seconds after which a command is killed
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// How often a command that failed is tried again
    #[arg(short, long, value_name = "TIMES", default_value_t = 0)]
    retry: u32,
    /// Start no more commands after one has failed for good
    #[arg(short, long)]
    fail_fast: bool,
    /// The command; `{}` in its arguments stands for the line, which comes last if there is none
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("`{text}` is not a time above zero"))
}

/// How a command ended.
enum Ending {
    Success,
    Failed(String),
    TimedOut,
    CannotRun(io::Error),
}

/// What became of one line.
struct Outcome {
    line: String,
    tries: u32,
    ending: Ending,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// No command starts any more. Set by Ctrl-C, and by a failure with `--fail-fast`.
static STOP: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The command for a line.
fn command_for(template: &[OsString], line: &str) -> Command {
    let mut replaced = false;
    let mut words = template.iter().map(|word| match word.to_str() {
        Some(text) if text.contains("{}") => {
            replaced = true;
            text.replace("{}", line).into()
        }
        _ => word.clone(),
    });
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    if !replaced {
        command.arg(line);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the command once.
fn attempt(arguments: &Arguments, line: &str) -> (Ending, Vec<u8>, Vec<u8>) {
    let output = command_for(&arguments.command, line)
        .spawn()
        .and_then(|child| {
            let mut control = child.controlled_with_output();
            if let Some(limit) = arguments.timeout {
                control = control.time_limit(limit).terminate_for_timeout();
            }
            control.wait()
        });
    match output {
        Ok(Some(Output {
            status,
            stdout,
            stderr,
            ..
        })) => {
            let ending = if status.success() {
                Ending::Success
            } else {
                Ending::Failed(status.to_string())
            };
            (ending, stdout, stderr)
        }
        Ok(None) => (Ending::TimedOut, Vec::new(), Vec::new()),
        Err(error) => (Ending::CannotRun(error), Vec::new(), Vec::new()),
    }
}

/// Runs the command for a line, again if it failed. `None`: it was not to start any more.
fn run_line(arguments: &Arguments, line: String) -> Option<Outcome> {
    let mut tries = 0;
    loop {
        if STOP.load(Ordering::Relaxed) {
            return None;
        }
        tries += 1;
        let (ending, stdout, stderr) = attempt(arguments, &line);
        let again =
            matches!(ending, Ending::Failed(_) | Ending::TimedOut) && tries <= arguments.retry;
        if again && !STOP.load(Ordering::Relaxed) {
            continue;
        }
        if arguments.fail_fast && !matches!(ending, Ending::Success) {
            STOP.store(true, Ordering::Relaxed);
        }
        return Some(Outcome {
            line,
            tries,
            ending,
            stdout,
            stderr,
        });
    }
}

/// Prints an outcome; gives the exit status that it asks for.
fn report(outcome: &Outcome) -> io::Result<u8> {
    io::stdout().write_all(&outcome.stdout)?;
    io::stderr().write_all(&outcome.stderr)?;
    let (status, what) = match &outcome.ending {
        Ending::Success => return Ok(0),
        Ending::Failed(status) => (123, status.clone()),
        Ending::TimedOut => (124, "killed: out of time".into()),
        Ending::CannotRun(error) => (127, format!("cannot be run: {error}")),
    };
    let tries = match outcome.tries {
        1 => String::new(),
        tries => format!(" (after {tries} tries)"),
    };
    writeln!(io::stderr(), "pxargs: `{}`: {what}{tries}", outcome.line)?;
    Ok(status)
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::Relaxed);
        STOP.store(true, Ordering::Relaxed);
    })?;
    let mut builder = Pool::builder().name("pxargs");
    if let Some(jobs) = arguments.jobs {
        builder = builder.workers(jobs);
    }
    let pool = builder.build()?;

    let mut bad_input = None;
    let lines = io::stdin()
        .lock()
        .lines()
        .take_while(|_| !STOP.load(Ordering::Relaxed))
        .map_while(|line| line.map_err(|error| bad_input = Some(error)).ok());
    let unordered = arguments.unordered;
    // As many lines under way as there are workers, and as many again: commands are long, lines short.
    let window = 2 * pool.worker_count();
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let call = move |line: String| {
        let outcome = run_line(&arguments, line);
        count.fetch_add(usize::from(outcome.is_some()), Ordering::Relaxed);
        outcome
    };
    let with = pool.with().window(window);
    let outcomes = if unordered {
        with.imap_unordered(lines, call)
    } else {
        with.imap(lines, call)
    };
    let mut worst = 0;
    for outcome in outcomes {
        if let Some(outcome) = outcome? {
            worst = worst.max(report(&outcome)?);
        }
    }
    if INTERRUPTED.load(Ordering::Relaxed) {
        let started = started.load(Ordering::Relaxed);
        eprintln!("pxargs: interrupted; {started} commands were run");
        return Ok(ExitCode::from(130));
    }
    match bad_input {
        Some(error) => Err(format!("standard input: {error}").into()),
        None => Ok(ExitCode::from(worst)),
    }
}

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        // Whoever reads along may leave early, as `head` does; what runs is waited for.
        let left = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if left {
            return ExitCode::SUCCESS;
        }
        eprintln!("pxargs: {error}");
        ExitCode::from(2)
    })
}

//! Runs a command for each line of standard input, on N workers:
//! `ls *.flac | cargo run --release -p ringpool --example pxargs -- -j 4 --timeout 60 flac -t {}`.
//!
//! Each command is a process group of its own: one that crashes, hangs or floods its output harms no other, and one
//! that runs out of time is killed with all that it started. Output lies in temporary files meanwhile and comes in
//! whole blocks, in the order of the input unless told otherwise. The input is read as workers need it, so it may be
//! endless. Its lines are bytes, on Unix.
//!
//! Exit status, as of `xargs`: 0 if every command succeeded, 123 if one failed, 124 if one ran out of time, 127 if the
//! command cannot be run, 130 after Ctrl-C, 2 for a mistake in the call.

mod group;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::iter;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use group::Group;
use ringpool::Pool;

/// Runs COMMAND once for each line of standard input, several at a time.
///
/// Ctrl-C is passed on to the commands that run, and no other starts; pressed again, it kills them.
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
    #[arg(required = true, trailing_var_arg = true)]
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
    /// What could not be run, and why.
    CannotRun(OsString, io::Error),
}

/// What became of one line.
struct Outcome {
    line: OsString,
    tries: u32,
    ending: Ending,
    /// What the command wrote, if it was run.
    written: Option<Written>,
}

/// Standard output and standard error.
struct Written([File; 2]);

/// No command starts any more. Set by Ctrl-C, and by a failure with `--fail-fast`.
static STOP: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often a wait for input looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What standard input holds between two ends of lines.
#[cfg_attr(unix, allow(clippy::unnecessary_wraps, reason = "nothing can fail"))]
fn line_of(mut bytes: Vec<u8>) -> io::Result<OsString> {
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    #[cfg(unix)]
    return Ok(std::os::unix::ffi::OsStringExt::from_vec(bytes));
    #[cfg(not(unix))]
    String::from_utf8(bytes)
        .map(OsString::from)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The command for a line.
fn command_for(template: &[OsString], line: &OsStr) -> Command {
    let mut replaced = false;
    let mut words = template.iter().map(|word| match word.to_str() {
        Some(text) if text.contains("{}") => {
            replaced = true;
            let parts: Vec<_> = text.split("{}").map(OsStr::new).collect();
            parts.join(line)
        }
        _ => word.clone(),
    });
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    if !replaced {
        command.arg(line);
    }
    command.stdin(Stdio::null());
    command
}

/// A file without a name: what is written through one handle is read through the other. Unlike a pipe it keeps what
/// was written when time runs out, and nobody waits for processes that a command leaves behind with it.
fn file() -> io::Result<(File, File)> {
    let file = tempfile::NamedTempFile::new()?;
    Ok((file.reopen()?, file.into_file()))
}

/// Runs the command once.
fn attempt(command: &mut Command, timeout: Option<Duration>) -> io::Result<(Ending, Written)> {
    let ((stdout, output), (stderr, errors)) = (file()?, file()?);
    let group = Group::spawn(command.stdout(stdout).stderr(stderr))?;
    let ending = match group.wait(timeout)? {
        Some(status) if status.success() => Ending::Success,
        Some(status) => Ending::Failed(status.to_string()),
        None => Ending::TimedOut,
    };
    Ok((ending, Written([output, errors])))
}

/// Runs the command for a line, again if it failed. `None`: it was not to start any more.
fn run_line(arguments: &Arguments, line: OsString) -> Option<Outcome> {
    let mut tries = 0;
    loop {
        if STOP.load(Ordering::Relaxed) {
            return None;
        }
        tries += 1;
        let mut command = command_for(&arguments.command, &line);
        let (ending, written) = match attempt(&mut command, arguments.timeout) {
            Ok((ending, written)) => (ending, Some(written)),
            Err(error) => (Ending::CannotRun(command.get_program().into(), error), None),
        };
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
            written,
        });
    }
}

/// Prints an outcome; gives the exit status that it asks for.
fn report(outcome: &mut Outcome) -> io::Result<u8> {
    if let Some(Written([output, errors])) = &mut outcome.written {
        io::copy(output, &mut io::stdout())?;
        io::stdout().flush()?;
        io::copy(errors, &mut io::stderr())?;
    }
    let (status, what) = match &outcome.ending {
        Ending::Success => return Ok(0),
        Ending::Failed(status) => (123, status.clone()),
        Ending::TimedOut => (124, "killed: out of time".into()),
        Ending::CannotRun(program, error) => {
            let program = program.display();
            (127, format!("`{program}` cannot be run: {error}"))
        }
    };
    let tries = match outcome.tries {
        1 => String::new(),
        tries => format!(" (after {tries} tries)"),
    };
    let line = outcome.line.display();
    writeln!(io::stderr(), "pxargs: `{line}`: {what}{tries}")?;
    Ok(status)
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::Relaxed);
        STOP.store(true, Ordering::Relaxed);
        group::end_all();
    })?;
    let mut builder = Pool::builder().name("pxargs");
    if let Some(jobs) = arguments.jobs {
        builder = builder.workers(jobs);
    }
    let pool = builder.build()?;

    // A thread of its own waits for lines, so that nothing else has to when it is time to stop.
    let (from_stdin, lines) = sync_channel(0);
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            if from_stdin.send(line.and_then(line_of)).is_err() {
                break;
            }
        }
    });
    let mut bad_input = None;
    let lines = iter::from_fn(|| {
        while !STOP.load(Ordering::Relaxed) {
            match lines.recv_timeout(LOOK) {
                Ok(line) => return line.map_err(|error| bad_input = Some(error)).ok(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        None
    });
    let unordered = arguments.unordered;
    // As many lines under way as there are workers, and as many again: commands are long, lines short.
    let window = 2 * pool.worker_count();
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let call = move |line: OsString| {
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
        if let Some(mut outcome) = outcome? {
            worst = worst.max(report(&mut outcome)?);
        }
    }
    if INTERRUPTED.load(Ordering::Relaxed) {
        let started = started.load(Ordering::Relaxed);
        let _ = writeln!(
            io::stderr(),
            "pxargs: interrupted; {started} commands were run"
        );
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
        let _ = writeln!(io::stderr(), "pxargs: {error}");
        ExitCode::from(2)
    })
}

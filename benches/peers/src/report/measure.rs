//! Runs measurements in processes of their own, by turns.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ringpool_peers::foreign::Foreign;

use crate::figures::Row;

/// A measurement in a process of its own.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// What `child::run` calls it, and its numbers.
    Own {
        kind: &'static str,
        numbers: Vec<usize>,
    },
    /// A question to a program in another language, its numbers, and the checksum that has to come back.
    Foreign {
        contender: Foreign,
        question: &'static str,
        numbers: [usize; 3],
        sum: Option<u64>,
    },
}

impl Task {
    pub(crate) fn new(kind: &'static str, numbers: &[usize]) -> Self {
        let numbers = numbers.to_vec();
        Self::Own { kind, numbers }
    }

    fn command(&self) -> Option<Command> {
        Some(match self {
            Self::Own { kind, numbers } => {
                let mut command = Command::new(env::current_exe().ok()?);
                command.args([CHILD, kind]);
                command.args(numbers.iter().map(usize::to_string));
                command
            }
            Self::Foreign {
                contender,
                question,
                numbers,
                ..
            } => contender.ask(question, *numbers),
        })
    }

    /// Whether the work was done right.
    fn accepts(&self, output: &str) -> bool {
        match self {
            Self::Foreign { sum: Some(sum), .. } => {
                output.split_whitespace().nth(1) == Some(&sum.to_string())
            }
            _ => true,
        }
    }
}

/// The program's first argument where it is to do one measurement.
pub(crate) const CHILD: &str = "--child";

/// Measures all entries by turns (A B C A B C …), so that a busy minute of the machine meets them all, and compares each
/// to the first one of its round.
pub(crate) fn by_turns(
    what: &str,
    rounds: usize,
    entries: impl IntoIterator<Item = (String, Task)>,
) -> Vec<Row> {
    let (mut rows, tasks): (Vec<Row>, Vec<Task>) = entries
        .into_iter()
        .map(|(name, task)| {
            let row = Row {
                name,
                ..Row::default()
            };
            (row, task)
        })
        .unzip();
    for round in 1..=rounds {
        let mut first = None;
        for (place, (row, task)) in rows.iter_mut().zip(&tasks).enumerate() {
            progress(format_args!("{what}, round {round}: {}", row.name));
            let Some((value, more)) = measure(task) else {
                continue;
            };
            if place == 0 {
                first = Some(value);
            }
            row.value.add(value);
            if let Some(first) = first {
                row.ratio.add(value / first);
            }
            row.more.resize_with(more.len(), Default::default);
            for (sample, value) in row.more.iter_mut().zip(more) {
                sample.add(value);
            }
        }
    }
    progress(format_args!(""));
    rows
}

/// Measures once and adds the values to what is told beyond.
pub(crate) fn append(row: &mut Row, task: &Task, values: usize) {
    let mut measured = measure(task).map(|(value, more)| [value].into_iter().chain(more));
    for _ in 0..values {
        let value = measured.as_mut().and_then(Iterator::next);
        row.more.push(value.into_iter().collect());
    }
}

/// Runs a task in a process of its own. `None`: it failed or took too long, which it has then told.
fn measure(task: &Task) -> Option<(f64, Vec<f64>)> {
    const LIMIT: Duration = Duration::from_mins(1);

    let mut child = task.command()?.stdout(Stdio::piped()).spawn().ok()?;
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
    if !task.accepts(&output) {
        eprintln!("report: {task:?} came to a wrong result: {output}");
        return None;
    }
    let mut values = output.split_whitespace().map(|number| number.parse().ok());
    Some((values.next()??, values.collect::<Option<_>>()?))
}

/// Says on a terminal what is being measured, in one line that the next one replaces.
fn progress(what: fmt::Arguments<'_>) {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K{what}");
        let _ = err.flush();
    }
}

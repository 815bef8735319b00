//! Progress bars for a blocking batch, a stream, and batches inside of jobs:
//! `cargo run --release -p ringpool --example progress`.
//!
//! Bars appear on a terminal only; what was counted is printed either way, and checked before.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use indicatif::{MultiProgress, ProgressBar, ProgressIterator, ProgressStyle};
use ringpool::{Control, Pool};

/// Draws progress bars for a batch, a stream, and batches inside of jobs, and prints what was counted.
#[derive(Parser)]
struct Arguments {}

/// How often a bar is drawn anew.
const FRAME: Duration = Duration::from_millis(50);

/// Something to wait for: the steps that the Collatz sequence takes from `n` to 1.
fn steps(n: u64) -> u64 {
    let next = |n: &u64| {
        Some(if n.is_multiple_of(2) {
            n / 2
        } else {
            3 * n + 1
        })
    };
    std::iter::successors(Some(n), next)
        .take_while(|n| *n != 1)
        .count() as u64
}

fn steps_in_block(block: u64) -> u64 {
    (block * 1000 + 1..=(block + 1) * 1000).map(steps).sum()
}

fn bar(bars: &MultiProgress, title: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {wide_bar} {pos}/{len}");
    let bar = ProgressBar::new(0).with_message(title);
    bars.add(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
}

/// Runs `f`, and meanwhile draws for each control how far its calls have come.
fn watched<T>(controls: &[(&'static str, &Control)], f: impl FnOnce() -> T) -> T {
    let bars = MultiProgress::new();
    let watched = controls.iter();
    let watched: Vec<_> = watched
        .map(|(title, control)| (bar(&bars, title), *control))
        .collect();
    let (ended, end) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while end.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
                for (bar, control) in &watched {
                    let progress = control.progress();
                    bar.set_length(progress.total.unwrap_or(0) as u64);
                    bar.set_position(progress.done as u64);
                }
            }
            watched.iter().for_each(|(bar, _)| bar.finish_and_clear());
        });
        let value = f();
        drop(ended);
        value
    })
}

/// A batch that blocks its caller is watched through its control.
fn batch(pool: &Pool, blocks: u64) -> Result<u64, Box<dyn Error>> {
    let control = Control::new();
    let sums = watched(&[("map", &control)], || {
        let with = pool.with().chunk_size(1).control(&control);
        with.map(0..blocks, steps_in_block)
    })?;
    let progress = control.progress();
    assert_eq!(
        (progress.done, progress.total),
        (sums.len(), Some(sums.len()))
    );
    Ok(sums.iter().sum())
}

/// A stream knows its length where its input does, so bars of other crates just work.
fn stream(pool: &Pool, blocks: u64) -> Result<u64, Box<dyn Error>> {
    let results = pool.imap(0..blocks, steps_in_block);
    let length = results.size_hint().1.ok_or("a range has an end")?;
    assert_eq!(length as u64, blocks);
    let bar = bar(&MultiProgress::new(), "imap");
    bar.set_length(blocks);
    let mut sum = 0;
    for block in results.progress_with(bar.clone()) {
        sum += block?;
    }
    bar.finish_and_clear();
    Ok(sum)
}

/// Jobs that call their own pool: one control counts the jobs, another what all of their batches do together,
/// whose total grows with each batch that begins.
fn nested(pool: &Pool, blocks: u64) -> Result<u64, Box<dyn Error>> {
    let (jobs, blocks_of_jobs) = (Control::new(), Control::new());
    let ten = |job: u64| {
        let with = pool.with().chunk_size(1).control(&blocks_of_jobs);
        with.reduce(job * 10..(job + 1) * 10, 0, steps_in_block, |a, b| a + b)
    };
    let sums = watched(
        &[("jobs", &jobs), ("their blocks", &blocks_of_jobs)],
        || {
            pool.with()
                .chunk_size(1)
                .control(&jobs)
                .try_map(0..blocks / 10, ten)
        },
    )??;
    assert_eq!(jobs.progress().done, sums.len());
    assert_eq!(blocks_of_jobs.progress().done as u64, blocks);
    Ok(sums.iter().sum())
}

fn run() -> Result<(), Box<dyn Error>> {
    const BLOCKS: u64 = 3000;
    let pool = Pool::new()?;
    let sum = batch(&pool, BLOCKS)?;
    let mut out = io::stdout();
    writeln!(out, "map      {BLOCKS} of {BLOCKS} blocks: {sum} steps")?;
    for (name, again) in [
        ("imap", stream(&pool, BLOCKS)?),
        ("nested", nested(&pool, BLOCKS)?),
    ] {
        if again != sum {
            return Err(format!("{name}: {again} steps instead of {sum}").into());
        }
        writeln!(out, "{name:<8} the same")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let Arguments {} = Arguments::parse();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads along may leave early, as `head` does.
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "progress: {error}");
            ExitCode::FAILURE
        }
    }
}

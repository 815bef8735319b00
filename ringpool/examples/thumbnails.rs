//! Thumbnails of the pictures in a directory, in parallel and in bounded memory:
//! `cargo run --release -p ringpool --example thumbnails -- PICTURES THUMBS --size 160`.
//!
//! Each worker holds one picture at a time. What is not a picture is passed over; a picture that is broken is told,
//! and the exit status is 1 then.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use image::{ImageFormat, ImageReader};
use indicatif::{ProgressBar, ProgressStyle};
use ringpool::Pool;

/// Makes a thumbnail of every PNG and JPEG file in a directory.
#[derive(Parser)]
struct Arguments {
    /// The directory with the pictures
    pictures: PathBuf,
    /// Where the thumbnails go; made if it is not there
    thumbs: PathBuf,
    /// Pixels along the longer side
    #[arg(short, long, default_value_t = 160, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    size: u32,
    /// How many pictures are in memory at once [default: one for each CPU]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

/// Set by Ctrl-C and SIGTERM.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Tells a problem. Nothing is left to tell if standard error is closed as well.
fn tell(problem: &dyn Display) {
    let _ = writeln!(io::stderr(), "thumbnails: {problem}");
}

/// Makes one thumbnail. A name is taken only by a file that is whole.
fn thumbnail(from: &Path, to: &Path, size: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
    let picture = ImageReader::open(from)?.with_guessed_format()?.decode()?;
    let part = to.with_extension("part");
    let small = picture.thumbnail(size, size);
    let saved = small.save_with_format(&part, ImageFormat::Png);
    let saved = saved.map_err(|error| error.to_string());
    saved
        .and_then(|()| fs::rename(&part, to).map_err(|error| error.to_string()))
        .map_err(|error| {
            let _ = fs::remove_file(&part);
            format!("{} cannot be written: {error}", to.display()).into()
        })
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Arguments {
        pictures,
        thumbs,
        size,
        jobs,
    } = arguments;
    let in_dir = |dir: &Path, error: io::Error| format!("{}: {error}", dir.display());
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&pictures).map_err(|error| in_dir(&pictures, error))? {
        let path = entry?.path();
        if path.is_file() && ImageFormat::from_path(&path).is_ok() {
            names.push(path);
        }
    }
    names.sort();
    fs::create_dir_all(&thumbs).map_err(|error| in_dir(&thumbs, error))?;
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;

    let mut builder = Pool::builder();
    if let Some(jobs) = jobs {
        builder = builder.workers(jobs);
    }
    let pool = builder.build()?;
    let bar = if io::stderr().is_terminal() {
        ProgressBar::new(names.len() as u64).with_style(ProgressStyle::with_template(
            "{wide_bar} {pos}/{len}  {eta}",
        )?)
    } else {
        ProgressBar::hidden()
    };

    let total = names.len();
    let names = names
        .into_iter()
        .take_while(|_| !INTERRUPTED.load(Ordering::Relaxed));
    let results = pool.imap_unordered(names, move |from: PathBuf| {
        // The whole name, so that `a.png` and `a.jpg` do not meet.
        let mut name = from.file_name().unwrap_or_default().to_owned();
        name.push(".png");
        let made = thumbnail(&from, &thumbs.join(name), size);
        (from, made)
    });
    let (mut made, mut failed) = (0, 0);
    for result in results {
        // A decoder that panics over a broken file costs that file only.
        let problem = match result {
            Ok((_, Ok(()))) => None,
            Ok((path, Err(error))) => Some(format!("{}: {error}", path.display())),
            Err(error) => Some(error.to_string()),
        };
        bar.inc(1);
        match problem {
            None => made += 1,
            Some(problem) => {
                failed += 1;
                bar.suspend(|| tell(&problem));
            }
        }
    }
    bar.finish_and_clear();
    if INTERRUPTED.load(Ordering::Relaxed) {
        tell(&format_args!("interrupted after {made} of {total}"));
        return Ok(ExitCode::from(130));
    }
    // The thumbnails are made, whether or not somebody reads this.
    let _ = writeln!(
        io::stdout(),
        "{made} thumbnails made, {failed} pictures failed"
    );
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        tell(&error);
        ExitCode::from(2)
    })
}

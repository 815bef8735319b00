//! The SHA-256 of every file below a directory, in parallel, as a manifest that `sha256sum -c` accepts:
//! `cargo run --release -p ringpool --example checksum-tree -- DIR > manifest`.
//!
//! Paths are found while files are read, memory stays bounded however large the tree is, and the order is the same
//! on every run. A file that cannot be read is told and left out; the exit status is 1 then.

#[path = "../shared/unfinished.rs"]
mod unfinished;

use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use ringpool::Pool;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// Checksums every file below a directory, in parallel; the output is what `sha256sum -c` reads.
///
/// Symbolic links below it are not followed, and not listed either. Ctrl-C and SIGTERM leave no half of a manifest.
#[derive(Parser)]
struct Arguments {
    /// The directory
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where the manifest goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many files are read at once [default: one for each CPU]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

/// Set by Ctrl-C and SIGTERM.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How the run went.
#[derive(Default)]
struct Tally {
    files: u64,
    bytes: u64,
    failed: u64,
}

/// Tells a problem. Nothing is left to tell if standard error is closed as well.
fn tell(problem: &dyn Display) {
    let _ = writeln!(io::stderr(), "checksum-tree: {problem}");
}

/// The digest of a file and its length. A file may take minutes, so it is given up when Ctrl-C was pressed.
/// The bar counts its bytes.
fn checksum(path: &Path, buffer: &mut [u8], bar: &ProgressBar) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    while !INTERRUPTED.load(Ordering::Relaxed) {
        match file.read(buffer) {
            Ok(0) => return Ok((hex::encode(hash.finalize()), bytes)),
            Ok(read) => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
                bar.inc(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// A line of the manifest. A name with a backslash or a line break is escaped as `sha256sum` does it.
fn write_line(out: &mut impl Write, digest: &str, path: &Path) -> io::Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    let mut escaped = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\\' => escaped.extend(br"\\"),
            b'\n' => escaped.extend(br"\n"),
            b'\r' => escaped.extend(br"\r"),
            _ => escaped.push(byte),
        }
    }
    if escaped.len() > name.len() {
        out.write_all(b"\\")?;
    }
    write!(out, "{digest}  ")?;
    out.write_all(&escaped)?;
    out.write_all(b"\n")
}

fn manifest(
    dir: &Path,
    without: &[PathBuf],
    pool: &Pool<Vec<u8>>,
    out: &mut impl Write,
) -> Result<Tally, Box<dyn Error>> {
    let bar = if io::stderr().is_terminal() {
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template(
            "{spinner} {msg}  {bytes}  {bytes_per_sec}",
        )?)
    } else {
        ProgressBar::hidden()
    };
    let mut tally = Tally::default();
    let tell = |error: &dyn Display| bar.suspend(|| tell(error));

    // The walk goes on while files are read: the stream pulls a path when a worker will soon need one.
    let mut unwalked = 0;
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter();
    let is_left_out = |path: &Path| {
        without.iter().any(|other| {
            other.file_name() == path.file_name()
                && other.canonicalize().ok() == path.canonicalize().ok()
        })
    };
    let paths = entries
        .take_while(|_| !INTERRUPTED.load(Ordering::Relaxed))
        .filter_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_file() => {
                Some(entry.into_path()).filter(|path| !is_left_out(path))
            }
            Ok(_) => None,
            Err(error) => {
                unwalked += 1;
                tell(&error);
                None
            }
        });
    let counted = bar.clone();
    let digests = pool
        .with_worker()
        .imap(paths, move |worker, path: PathBuf| {
            let digest = checksum(&path, worker.state, &counted);
            (path, digest)
        });
    for digest in digests {
        if INTERRUPTED.load(Ordering::Relaxed) {
            break;
        }
        let (path, digest) = digest?;
        match digest {
            Ok((digest, bytes)) => {
                write_line(out, &digest, &path)?;
                tally.files += 1;
                tally.bytes += bytes;
                bar.set_message(format!("{} files", indicatif::HumanCount(tally.files)));
            }
            Err(error) => {
                tally.failed += 1;
                tell(&format_args!("{}: {error}", path.display()));
            }
        }
    }
    tally.failed += unwalked;
    bar.finish_and_clear();
    Ok(tally)
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    // Here, or an unreadable directory would give an empty manifest that looks fine.
    arguments
        .dir
        .read_dir()
        .map_err(|error| format!("{}: {error}", arguments.dir.display()))?;
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;

    let mut builder = Pool::builder();
    if let Some(jobs) = arguments.jobs {
        builder = builder.workers(jobs);
    }
    // Each worker has one buffer for all its files.
    let pool = builder.initializer(|_| vec![0; 1 << 16]).build()?;

    let start = std::time::Instant::now();
    let tally = match &arguments.output {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            let tally = manifest(&arguments.dir, &[], &pool, &mut out)?;
            out.flush()?;
            tally
        }
        // A manifest is there whole or not at all, and does not list itself.
        Some(path) => {
            let named = |error: io::Error| format!("{}: {error}", path.display());
            let mut file = unfinished::beside(path).map_err(named)?;
            let without = [file.path().to_owned(), path.clone()];
            let mut out = BufWriter::new(file.as_file_mut());
            let tally = manifest(&arguments.dir, &without, &pool, &mut out)?;
            out.flush()?;
            drop(out);
            if !INTERRUPTED.load(Ordering::Relaxed) {
                file.persist(path).map_err(|error| named(error.error))?;
            }
            tally
        }
    };
    if INTERRUPTED.load(Ordering::Relaxed) {
        tell(&format_args!("interrupted after {} files", tally.files));
        return Ok(ExitCode::from(130));
    }
    let elapsed = start.elapsed().max(Duration::from_millis(1));
    let _ = writeln!(
        io::stderr(),
        "{} files, {} in {:.2} s on {} workers{}",
        tally.files,
        indicatif::HumanBytes(tally.bytes),
        elapsed.as_secs_f64(),
        pool.worker_count(),
        match tally.failed {
            0 => String::new(),
            failed => format!("; {failed} could not be read"),
        }
    );
    Ok(ExitCode::from(u8::from(tally.failed > 0)))
}

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        match error.downcast_ref::<io::Error>() {
            // Whoever reads along may leave early, as `head` does.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Some(error) => tell(&format_args!("the manifest cannot be written: {error}")),
            None => tell(&error),
        }
        ExitCode::from(2)
    })
}

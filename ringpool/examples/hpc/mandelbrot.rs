//! The Mandelbrot set as a PNG, and how well its uneven rows are shared out:
//! `cargo run --release -p ringpool --example mandelbrot -- --output mandelbrot.png`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use image::{ImageBuffer, Rgb};
use ringpool::{Pool, Schedule, enumerate, timeline};

/// Draws the Mandelbrot set in parallel, checks it against a sequential run, and tells the efficiency.
#[derive(Parser)]
struct Arguments {
    /// Where the picture goes [default: nowhere]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where a picture goes of what each worker did when, as SVG [default: nowhere]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where the same goes as a trace for Perfetto or Chrome [default: nowhere]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Pixels across
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    width: u32,
    /// Iterations after which a point counts as inside
    #[arg(long, default_value_t = 500)]
    limit: u32,
    /// Workers [default: one for each CPU]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

type Row = [Rgb<u8>];

/// What a worker keeps of its time: more rows than a picture has.
const SPANS: usize = 100_000;

/// Iterations until the point escapes.
fn escape(re: f64, im: f64, limit: u32) -> u32 {
    let (mut x, mut y) = (0.0_f64, 0.0_f64);
    for n in 0..limit {
        let (xx, yy) = (x * x, y * y);
        if xx + yy > 4.0 {
            return n;
        }
        (x, y) = (xx - yy + re, 2.0 * x * y + im);
    }
    limit
}

/// Cosine colours; the inside is black.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 255"
)]
fn colour(n: u32, limit: u32) -> Rgb<u8> {
    if n == limit {
        return Rgb([0; 3]);
    }
    let t = f64::from(n).sqrt() / 4.0;
    let wave = |phase: f64| (127.5 + 127.5 * (t + phase).cos()) as u8;
    Rgb([wave(3.0), wave(3.6), wave(4.2)])
}

fn draw_row(index: usize, row: &mut Row, height: usize, limit: u32) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let float = |n: usize| n as f64;
    let scale = 3.0 / float(row.len());
    let im = (float(index) - float(height) / 2.0) * scale;
    for (column, pixel) in row.iter_mut().enumerate() {
        let n = escape(-2.2 + float(column) * scale, im, limit);
        *pixel = colour(n, limit);
    }
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = f();
    (value, start.elapsed())
}

fn save(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("  written to {}", path.display());
    Ok(())
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (width, limit) = (arguments.width as usize, arguments.limit);
    let height = (width * 4 / 5).max(1);
    let ((), alone) = timed(|| {
        let mut picture = vec![Rgb([0; 3]); width * height];
        let rows = picture.chunks_mut(width).enumerate();
        rows.for_each(|(index, row)| draw_row(index, row, height, limit));
        std::hint::black_box(&picture);
    });
    let mut expected = vec![Rgb([0; 3]); width * height];
    expected
        .chunks_mut(width)
        .enumerate()
        .for_each(|(index, row)| draw_row(index, row, height, limit));

    let mut builder = Pool::builder().caller_participates();
    if let Some(jobs) = arguments.jobs {
        builder = builder.workers(jobs);
    }
    if arguments.svg.is_some() || arguments.trace.is_some() {
        builder = builder.timeline(SPANS);
    }
    let pool = builder.build()?;
    let workers = pool.worker_count();
    println!("{width} × {height} points, at most {limit} iterations, {workers} workers");
    println!("  alone       {alone:>9.1?}");
    let mut picture = vec![Rgb([0; 3]); width * height];
    for (name, schedule) in [
        ("auto", Schedule::Auto),
        ("guided", Schedule::Guided),
        ("static", Schedule::Static),
    ] {
        picture.fill(Rgb([0; 3]));
        let rows = enumerate(picture.chunks_mut(width));
        let (done, together) = timed(|| {
            pool.with()
                .name(name)
                .schedule(schedule)
                .for_each(rows, |(index, row)| draw_row(index, row, height, limit))
        });
        done?;
        if picture != expected {
            return Err(format!("the picture of the schedule `{name}` differs").into());
        }
        let speedup = alone.as_secs_f64() / together.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a few workers")]
        let efficiency = 100.0 * speedup / workers as f64;
        println!("  {name:<11} {together:>9.1?}  × {speedup:.2}, efficiency {efficiency:.0} %");
    }
    let seen = pool.timeline();
    if let Some(path) = &arguments.svg {
        save(path, &timeline::svg(&seen).to_string())?;
    }
    if let Some(path) = &arguments.trace {
        save(path, &timeline::chrome(&seen).to_string())?;
    }
    if let Some(path) = &arguments.output {
        let bytes: Vec<u8> = picture.iter().flat_map(|pixel| pixel.0).collect();
        let image =
            ImageBuffer::<Rgb<u8>, _>::from_raw(arguments.width, u32::try_from(height)?, bytes)
                .ok_or("a picture of the wrong size")?;
        image
            .save(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("  written to {}", path.display());
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mandelbrot: {error}");
            ExitCode::from(2)
        }
    }
}

//! The Mandelbrot set as a PNG, and how well its uneven rows are shared out:
//! `cargo run --release -p ringpool --example mandelbrot -- --output mandelbrot.png`.

mod common;
#[path = "../shared/unfinished.rs"]
mod unfinished;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::{Outcome, TeamOptions, check, real, touched};
use image::{ImageBuffer, ImageFormat, Rgb, RgbImage};
use ringpool::{Schedule, enumerate};

/// Draws the Mandelbrot set in parallel, checks it against a sequential run, and tells the efficiency.
#[derive(Parser)]
struct Options {
    /// Where the picture goes [default: nowhere]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Pixels across
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    width: u32,
    /// Iterations after which a point counts as inside
    #[arg(long, default_value_t = 500)]
    limit: u32,
    #[command(flatten)]
    team: TeamOptions,
}

type Row = [Rgb<u8>];

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
    let scale = 3.0 / real(row.len());
    let im = (real(index) - real(height) / 2.0) * scale;
    for (column, pixel) in row.iter_mut().enumerate() {
        let n = escape(-2.2 + real(column) * scale, im, limit);
        *pixel = colour(n, limit);
    }
}

/// Writes a picture of the kind that the name says. An interrupt leaves no half of it.
fn save(image: &RgbImage, path: &Path) -> Result<(), Box<dyn Error>> {
    let kind = ImageFormat::from_path(path)?;
    let mut file = unfinished::beside(path)?;
    let mut out = BufWriter::new(file.as_file_mut());
    image.write_to(&mut out, kind)?;
    out.flush()?;
    drop(out);
    file.persist(path)?;
    Ok(())
}

fn run(options: &Options) -> Outcome {
    let (width, limit) = (options.width as usize, options.limit);
    let height = (width * 4 / 5).max(1);
    let team = options.team.team()?;
    let mut expected = touched(Rgb([0; 3]), width * height);
    let mut picture = expected.clone();
    for (name, schedule) in [
        ("mandelbrot, static", Schedule::Static),
        ("mandelbrot, guided", Schedule::Guided),
        ("mandelbrot", Schedule::Auto),
    ] {
        picture.fill(Rgb([0; 3]));
        team.compare(
            name,
            || {
                let rows = expected.chunks_mut(width).enumerate();
                rows.for_each(|(index, row)| draw_row(index, row, height, limit));
            },
            |pool| {
                let rows = enumerate(picture.chunks_mut(width));
                let each = pool.with().name(name).schedule(schedule);
                each.for_each(rows, |(index, row)| draw_row(index, row, height, limit))
            },
        )?;
        check(&expected, &picture)?;
    }
    if let Some(path) = &options.output {
        let bytes: Vec<u8> = picture.iter().flat_map(|pixel| pixel.0).collect();
        let image = ImageBuffer::from_raw(options.width, u32::try_from(height)?, bytes)
            .ok_or("a picture of the wrong size")?;
        save(&image, path).map_err(|error| format!("{}: {error}", path.display()))?;
        writeln!(io::stdout(), "  written to {}", path.display())?;
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main(run)
}

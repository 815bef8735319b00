//! Batches over ranges, slices, chunks and streams.

use std::iter;
use std::time::Duration;

use ringpool::{Pool, Schedule, enumerate, pull, zip};

use crate::Outcome;
use crate::show::{self, Show};

/// Steps of the Collatz sequence from `n` down to 1: unequal work for every item.
fn collatz(n: u64) -> u32 {
    let mut steps = 0;
    let mut value = n;
    while value > 1 {
        value = if value.is_multiple_of(2) {
            value / 2
        } else {
            3 * value + 1
        };
        steps += 1;
    }
    steps
}

pub(crate) fn batches(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("Batches")?;

    // A name is what the timeline calls it.
    let steps = pool.with().name("Collatz").map(1..100_000_u64, collatz)?;
    let (longest, most) = (1..)
        .zip(&steps)
        .max_by_key(|(_, steps)| **steps)
        .unwrap_or((0, &0));
    assert_eq!((longest, *most, steps.len()), (77_031, 350, 99_999));
    show.call(
        "map(1..100_000, collatz)",
        format_args!("{longest} takes {most} steps"),
    )?;

    let data: Vec<f64> = (0..200_000_u32).map(f64::from).collect();
    let roots = pool.with().name("roots").map(&data, |x| x.sqrt())?;
    assert!(
        roots
            .iter()
            .zip(&data)
            .all(|(root, x)| root.to_bits() == x.sqrt().to_bits())
    );
    show.call(
        "map(&data, |x| x.sqrt())",
        format_args!("{} roots of a borrowed slice", show::thousands(roots.len())),
    )?;

    let mut cubes = [0_u64; 64];
    let written = pool.map_into(0..64_u64, &mut cubes, |x| x * x * x)?;
    assert!(written == 64 && cubes[63] == 63 * 63 * 63);
    show.call(
        "map_into(0..64, &mut cubes, |x| x * x * x)",
        format_args!("{written} written, no allocation"),
    )?;

    let powers = pool.starmap([(2_u64, 3), (4, 5), (10, 18)], |base, exponent| {
        base.pow(exponent)
    })?;
    assert_eq!(powers, [8, 1024, 1_000_000_000_000_000_000]);
    show.call(
        "starmap([(2, 3), (4, 5), (10, 18)], pow)",
        format_args!("{powers:?}"),
    )?;

    let mut grid = vec![1.0_f64; 10_000];
    pool.for_each(&mut grid, |cell| *cell *= 2.0)?;
    assert!(grid.iter().all(|cell| cell.to_bits() == 2.0_f64.to_bits()));
    show.call(
        "for_each(&mut grid, |cell| *cell *= 2.0)",
        "10,000 cells in place",
    )?;

    pool.for_each_chunk(&mut grid, |cells| cells.fill(0.5))?;
    assert!(grid.iter().all(|cell| cell.to_bits() == 0.5_f64.to_bits()));
    show.call(
        "for_each_chunk(&mut grid, |c| c.fill(0.5))",
        "the same by whole slices",
    )?;

    let with = pool.with().name("sum of roots");
    let sum = with.reduce(&data, 0.0, |x| x.sqrt(), |a, b| a + b)?;
    let alone = Pool::builder().workers(1).build()?;
    assert_eq!(
        sum.to_bits(),
        alone
            .reduce(&data, 0.0, |x| x.sqrt(), |a, b| a + b)?
            .to_bits()
    );
    show.call(
        "reduce(&data, 0.0, sqrt, +)",
        format_args!("{sum:.3}, bit for bit that of 1 worker"),
    )?;

    for schedule in [
        Schedule::Auto,
        Schedule::Static,
        Schedule::Guided,
        Schedule::Python,
    ] {
        assert_eq!(
            pool.with()
                .name("Collatz by schedule")
                .schedule(schedule)
                .map(1..100_000_u64, collatz)?,
            steps
        );
    }
    assert_eq!(
        pool.with()
            .name("Collatz by chunks")
            .chunk_size(64)
            .map(1..100_000_u64, collatz)?,
        steps
    );
    show.call(
        "with().schedule(…).map(…)",
        "the same by 4 schedules and by chunks of 64",
    )?;
    Ok(())
}

pub(crate) fn sources(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("More sources of items")?;

    let prices = [3.0_f64, 5.0, 7.0];
    let amounts = [2.0_f64, 1.0, 4.0];
    let costs = pool.map(zip(&prices, &amounts), |(price, amount)| price * amount)?;
    assert_eq!(costs.map_bits(), [6.0, 5.0, 28.0].map_bits());
    show.call("map(zip(&prices, &amounts), *)", format_args!("{costs:?}"))?;

    let places = pool.map(enumerate(&["a", "b", "c"]), |(place, name)| {
        format!("{place}{name}")
    })?;
    assert_eq!(places, ["0a", "1b", "2c"]);
    show.call("map(enumerate(&names), …)", places.join(" "))?;

    let lines = "one two\nthree\nfour five six".lines();
    let words = pool.map(pull(lines), |line| line.split(' ').count())?;
    assert_eq!(words, [2, 1, 3]);
    show.call(
        "map(pull(text.lines()), count_words)",
        format_args!("{words:?}, from any iterator"),
    )?;

    let handle = pool.map_async((0..1000_u64).collect::<Vec<_>>(), |x| x * x)?;
    let squares = handle.get()?;
    assert_eq!(squares.iter().sum::<u64>(), 332_833_500);
    show.call(
        "map_async(vec, square)",
        "one handle for the batch; sum 332833500",
    )?;

    let sums = pool
        .starmap_async(vec![(1, 2), (3, 4)], |a: i32, b: i32| a + b)?
        .get()?;
    assert_eq!(sums, [3, 7]);
    show.call("starmap_async(pairs, +)", format_args!("{sums:?}"))?;

    Ok(())
}

/// Compares floats by their bits, which is what "the same result" means here.
trait MapBits {
    fn map_bits(&self) -> Vec<u64>;
}

impl<T: AsRef<[f64]>> MapBits for T {
    fn map_bits(&self) -> Vec<u64> {
        self.as_ref().iter().map(|x| x.to_bits()).collect()
    }
}

/// How fast the point `c` escapes; 0 stands for never.
pub(crate) fn escape(re: f64, im: f64, limit: u32) -> u32 {
    let (mut x, mut y) = (0.0, 0.0);
    for step in 1..=limit {
        (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
        if x * x + y * y > 4.0 {
            return step;
        }
    }
    0
}

/// One row of the Mandelbrot set; the rows in the middle cost most.
pub(crate) fn row(pixels: &mut [u32], row: usize, rows: usize, limit: u32) {
    let columns = pixels.len();
    for (column, pixel) in pixels.iter_mut().enumerate() {
        let re = part(column, columns) * 3.0 - 2.1;
        let im = part(row, rows) * 2.4 - 1.2;
        *pixel = escape(re, im, limit);
    }
}

/// Where the middle of cell `index` of `cells` lies between 0 and 1.
fn part(index: usize, cells: usize) -> f64 {
    // Both are far below 2^52, so the casts are exact.
    #[expect(clippy::cast_precision_loss)]
    let part = (index as f64 + 0.5) / cells as f64;
    part
}

pub(crate) fn picture(show: &mut Show, pool: &Pool) -> Outcome {
    const COLUMNS: usize = 64;
    const ROWS: usize = 16;
    const LIMIT: u32 = 200;

    show.section("A picture, row by row")?;
    let mut image = vec![0; COLUMNS * ROWS];
    let with = pool.with().name("picture");
    with.for_each(enumerate(image.chunks_mut(COLUMNS)), |(index, pixels)| {
        row(pixels, index, ROWS, LIMIT);
    })?;

    let mut expected = vec![0; COLUMNS * ROWS];
    for (index, pixels) in expected.chunks_mut(COLUMNS).enumerate() {
        row(pixels, index, ROWS, LIMIT);
    }
    assert_eq!(image, expected);
    show.call("for_each(enumerate(image.chunks_mut(…)), …)", "16 rows")?;
    for pixels in image.chunks(COLUMNS) {
        let shade = |steps: &u32| match steps {
            0 => '█',
            1..4 => ' ',
            4..8 => '░',
            8..16 => '▒',
            _ => '▓',
        };
        let line: String = pixels.iter().map(shade).collect();
        show.note(line.trim_end())?;
    }
    Ok(())
}

pub(crate) fn streams(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("Streams")?;

    let mut lengths = pool.imap(1.., collatz);
    let first: Result<Vec<u32>, _> = lengths.by_ref().take(8).collect();
    let first = first?;
    assert_eq!(first, [0, 1, 7, 2, 5, 8, 16, 3]);
    show.call("imap(1.., collatz).take(8)", format_args!("{first:?}"))?;
    let mut rest = lengths.into_input();
    let next = rest.next().unwrap_or_default();
    assert!(next > 8);
    show.call(
        "into_input()",
        format_args!("the endless input, next is {next}: pulled no further"),
    )?;

    let mut areas: Vec<u32> = pool
        .istarmap_unordered([(2, 3), (4, 5), (6, 7)], |a: u32, b: u32| a * b)
        .collect::<Result<_, _>>()?;
    areas.sort_unstable();
    assert_eq!(areas, [6, 20, 42]);
    show.call(
        "istarmap_unordered(pairs, *)",
        format_args!("{areas:?}, sorted here"),
    )?;
    let areas: Vec<u32> = pool
        .istarmap([(2, 3), (4, 5), (6, 7)], |a: u32, b: u32| a * b)
        .collect::<Result<_, _>>()?;
    assert_eq!(areas, [6, 20, 42]);
    show.call("istarmap(pairs, *)", format_args!("{areas:?}, in order"))?;

    let mut ticks = pool.imap(
        iter::repeat_n(Duration::from_millis(30), 2),
        std::thread::sleep,
    );
    let early = ticks.next_timeout(Duration::from_millis(1));
    assert!(matches!(early, Err(ringpool::GetError::TimedOut)));
    show.call(
        "imap(naps, sleep).next_timeout(1 ms)",
        "timed out; the iterator goes on",
    )?;
    assert!(ticks.next().is_some_and(|item| item.is_ok()));
    assert!(matches!(ticks.next_timeout(Duration::MAX), Ok(Some(()))));
    assert!(matches!(ticks.next_timeout(Duration::ZERO), Ok(None)));
    show.call(
        "next_timeout(…) at the end",
        "None, told apart from a time-out",
    )?;
    Ok(())
}

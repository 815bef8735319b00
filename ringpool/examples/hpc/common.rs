//! What the HPC examples share: options, a team of workers, timing, and the comparison with a sequential run.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Parser, ValueEnum};
use ringpool::{Builder, JobError, Pool, WaitPolicy, timeline};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The options that every example has.
#[derive(Args)]
pub(crate) struct Members {
    /// Workers, this thread included [default: one for each core, or CPU where nothing is pinned]
    #[arg(short, long, value_name = "N", value_parser = at_least_one)]
    workers: Option<usize>,
    /// Say nothing of the team
    #[arg(short, long)]
    quiet: bool,
}

/// The options of the examples that compare a team with one thread.
#[derive(Args)]
pub(crate) struct TeamOptions {
    #[command(flatten)]
    members: Members,
    /// How idle workers wait
    #[arg(long, value_enum, default_value_t = Wait::Adaptive)]
    wait: Wait,
    /// How often to measure; the fastest counts
    #[arg(long, default_value_t = 5, value_parser = at_least_one)]
    rounds: usize,
    /// Where a picture goes of what each worker did when, as SVG [default: nowhere]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where the same goes as a trace for Perfetto or Chrome [default: nowhere]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// What a worker keeps of its time.
const SPANS: usize = 100_000;

#[derive(Clone, Copy, ValueEnum)]
enum Wait {
    Active,
    Adaptive,
    Passive,
}

impl From<Wait> for WaitPolicy {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Active => Self::Active,
            Wait::Adaptive => Self::Adaptive,
            Wait::Passive => Self::Passive,
        }
    }
}

/// An array of which this thread has touched every page, as `vec!` alone would not: the system gives out pages when they are
/// written, and the first to write them would pay for that.
pub(crate) fn touched<T: Clone>(value: T, len: usize) -> Vec<T> {
    let mut array = vec![value.clone(); len];
    black_box(array.as_mut_slice()).fill(value);
    array
}

/// A number of things of which there is at least one.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one is needed".into()),
        Ok(n) => Ok(n),
        Err(error) => Err(error.to_string()),
    }
}

/// A pool in which this thread is worker 0; pinned with the feature `affinity-backend`.
pub(crate) struct Team<W = ()> {
    pub(crate) pool: Pool<W>,
    #[cfg(feature = "affinity-backend")]
    pinned: ringpool::affinity::Pinned,
    /// How many threads can run at the same time: a team on fewer CPUs takes no longer for its size.
    at_once: usize,
    rounds: usize,
    svg: Option<PathBuf>,
    trace: Option<PathBuf>,
}

impl TeamOptions {
    pub(crate) fn team(&self) -> Result<Team, Box<dyn Error>> {
        self.team_with(|builder| builder)
    }

    /// A team whose workers have a state, which `with_state` adds.
    pub(crate) fn team_with<W: Send + 'static>(
        &self,
        with_state: impl FnOnce(Builder) -> Builder<W>,
    ) -> Result<Team<W>, Box<dyn Error>> {
        let mut builder = with_state(Pool::builder()).wait_policy(self.wait.into());
        if self.svg.is_some() || self.trace.is_some() {
            builder = builder.timeline(SPANS);
        }
        Ok(Team {
            rounds: self.rounds,
            svg: self.svg.clone(),
            trace: self.trace.clone(),
            ..self.members.team(builder)?
        })
    }
}

impl Members {
    /// A team that is measured in another way than by `compare`.
    pub(crate) fn team<W: Send + 'static>(
        &self,
        builder: Builder<W>,
    ) -> Result<Team<W>, Box<dyn Error>> {
        // Asked for before this thread is pinned.
        let cpus = thread::available_parallelism().map_or(usize::MAX, NonZero::get);
        let mut builder = builder.caller_participates();
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        #[cfg(feature = "affinity-backend")]
        let pinned = {
            use ringpool::affinity::{Pinned, Policy};
            Pinned::new().policy(Policy::BestEffort)
        };
        #[cfg(feature = "affinity-backend")]
        let builder = builder.spawner(pinned.clone());
        let pool = builder.build()?;
        let team = Team {
            at_once: pool.worker_count().min(cpus),
            pool,
            #[cfg(feature = "affinity-backend")]
            pinned,
            rounds: 1,
            svg: None,
            trace: None,
        };
        if !self.quiet {
            team.introduce()?;
        }
        Ok(team)
    }
}

impl<W: 'static> Team<W> {
    fn introduce(&self) -> io::Result<()> {
        let mut out = io::stdout();
        #[cfg(feature = "affinity-backend")]
        write!(out, "{}", self.pinned.report())?;
        writeln!(out, "{} workers", self.pool.worker_count())
    }

    /// An array whose pages are touched first by the worker that a static loop gives them to.
    pub(crate) fn filled<T: Send>(
        &self,
        len: usize,
        f: impl Fn(usize) -> T + Sync,
    ) -> Result<Vec<T>, JobError> {
        #[cfg(feature = "affinity-backend")]
        return ringpool::affinity::first_touch(&self.pool, len, f);
        #[cfg(not(feature = "affinity-backend"))]
        self.pool
            .with()
            .schedule(ringpool::Schedule::Static)
            .map(0..len, f)
    }

    /// Runs `f` with this thread pinned all the while, if threads are pinned at all.
    #[cfg_attr(
        not(feature = "affinity-backend"),
        allow(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "nothing can fail"
        )
    )]
    pub(crate) fn stay<R>(&self, f: impl FnOnce() -> R) -> Result<R, Box<dyn Error>> {
        #[cfg(feature = "affinity-backend")]
        return Ok(self.pinned.stay(f)?);
        #[cfg(not(feature = "affinity-backend"))]
        Ok(f())
    }

    /// Times both by turns, this thread pinned all the while, prints the efficiency and returns the times.
    pub(crate) fn compare(
        &self,
        name: &str,
        mut alone: impl FnMut(),
        mut together: impl FnMut(&Pool<W>) -> Result<(), JobError>,
    ) -> Result<Times, Box<dyn Error>> {
        let measure = || -> Result<Times, JobError> {
            let mut best = Times {
                alone: Duration::MAX,
                together: Duration::MAX,
            };
            for _ in 0..self.rounds {
                best.alone = best.alone.min(timed(&mut alone).1);
                let (ended, time) = timed(|| together(&self.pool));
                ended?;
                best.together = best.together.min(time);
            }
            Ok(best)
        };
        let times = self.stay(measure)??;
        let (one, all) = (times.alone.as_secs_f64(), times.together.as_secs_f64());
        writeln!(
            io::stdout(),
            "{name}: alone {:.3} ms, together {:.3} ms, × {:.2}, efficiency {:.1} %",
            one * 1e3,
            all * 1e3,
            one / all,
            100.0 * one / all / real(self.at_once)
        )?;
        self.draw()?;
        Ok(times)
    }

    /// Writes what the workers have done so far.
    fn draw(&self) -> Outcome {
        let seen = self.pool.timeline();
        if let Some(path) = &self.svg {
            save(path, &timeline::svg(&seen).to_string())?;
        }
        if let Some(path) = &self.trace {
            save(path, &timeline::chrome(&seen).to_string())?;
        }
        Ok(())
    }
}

fn save(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The fastest sequential and the fastest parallel run.
pub(crate) struct Times {
    pub(crate) alone: Duration,
    pub(crate) together: Duration,
}

pub(crate) fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = f();
    (value, start.elapsed())
}

/// A count as a number to calculate with.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}

/// A number between 0 and 1 that looks random and depends on `seed` only (`SplitMix64`).
pub(crate) fn random(seed: usize) -> f64 {
    let mut x = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    real((x >> 40) as usize) / real(1 << 24)
}

/// The sequential and the parallel result have to be the same, bit by bit.
pub(crate) fn check<T: PartialEq + ?Sized>(expected: &T, found: &T) -> Outcome {
    if expected == found {
        Ok(())
    } else {
        Err("the parallel result differs from the sequential one".into())
    }
}

/// Runs an example with its options.
pub(crate) fn main<A: Parser>(run: fn(&A) -> Outcome) -> ExitCode {
    match run(&A::parse()) {
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
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

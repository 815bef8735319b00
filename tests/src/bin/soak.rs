//! Millions of jobs that end in every way there is, and many pools: nothing is lost, and memory and threads stay as
//! they are. Prints what it measures; fails if it grows.
//!
//! Arguments: how many jobs, how many pools. `ci/soak.sh` runs it with ten million and a hundred thousand.

use std::env;
use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use ringpool::{JobError, Pool};
use ringpool_tests::{boom, resident_kib, threads_of_process};

/// Growth that is noise: arenas of the allocator, and stacks that were never used so deep.
const NOISE_KIB: usize = 4096;
/// Memory is measured after each part; the first one warms up.
const PARTS: usize = 5;
const SUBMITTERS: usize = 4;

fn main() {
    let mut arguments = env::args()
        .skip(1)
        .map(|number| number.parse::<usize>().expect("a number"));
    let jobs = arguments.next().unwrap_or(1_000_000);
    let pools = arguments.next().unwrap_or(10_000);
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);

    let small = pool(2);
    in_parts("jobs on 2 workers", 2, jobs, |jobs| submit(&small, jobs));
    drop(small);

    let large = pool(64 * cpus);
    let name = format!("jobs on {} workers, 64 for each CPU", 64 * cpus);
    in_parts(&name, 64 * cpus, jobs / 10, |jobs| submit(&large, jobs));
    drop(large);

    in_parts("pools", 0, pools, |pools| {
        (0..pools).for_each(make_and_drop);
    });
    OUTCOMES.check();
}

fn pool(workers: usize) -> Pool {
    let builder = Pool::builder().workers(workers);
    builder.build().expect("so many threads can be had")
}

/// Runs the parts, and checks that memory and threads are after each as after the first.
fn in_parts(name: &str, workers: usize, count: usize, part: impl Fn(usize)) {
    let mut first = None;
    // With this one.
    let threads = workers + 1;
    for number in 1..=PARTS {
        let start = Instant::now();
        part(count / PARTS);
        let usage = Usage::settled_at(threads);
        println!(
            "{name}: {} of {count} in {:?}: {usage}",
            number * count / PARTS,
            start.elapsed()
        );
        assert_eq!(usage.threads, threads, "threads are left");
        let first = *first.get_or_insert(usage.resident_kib);
        assert!(
            usage.resident_kib <= first + NOISE_KIB,
            "memory grows from {first} KiB"
        );
    }
    println!("{OUTCOMES:?}");
}

/// Submits from several threads, in every way, and waits for everything.
fn submit(pool: &Pool, jobs: usize) {
    thread::scope(|threads| {
        for seed in 0..SUBMITTERS {
            threads.spawn(move || {
                let mut rng = Rng::new(seed);
                (0..jobs / SUBMITTERS).for_each(|_| submit_one(pool, &mut rng));
            });
        }
    });
    // Those whose handles were dropped.
    let start = Instant::now();
    while OUTCOMES.alive.load(Relaxed) > 0 {
        assert!(start.elapsed() < Duration::from_mins(1), "jobs were lost");
        thread::yield_now();
    }
}

fn submit_one(pool: &Pool, rng: &mut Rng) {
    let value = Value::new();
    let panics = rng.below(50) == 0;
    let job = move || {
        if panics {
            boom("a job panicked");
        }
        value
    };
    let with_deadline = rng.below(50) == 0;
    let handle = if with_deadline {
        pool.with()
            .deadline(Duration::from_micros(rng.below(50)))
            .apply_async(job)
    } else {
        pool.apply_async(job)
    };
    let mut handle = handle.expect("the pool is open");
    OUTCOMES.accepted.fetch_add(1, Relaxed);
    match rng.below(20) {
        0 => {
            handle.cancel();
            OUTCOMES.count(handle.get());
        }
        1 | 2 => {
            let patience = Duration::from_micros(rng.below(20));
            match handle.get_timeout(patience) {
                Err(ringpool::GetError::TimedOut) => {
                    OUTCOMES.timed_out.fetch_add(1, Relaxed);
                    OUTCOMES.count(handle.get());
                }
                Err(ringpool::GetError::Job(error)) => OUTCOMES.count(Err(error)),
                Ok(value) => OUTCOMES.count(Ok(value)),
                Err(other) => panic!("no wait ends so: {other}"),
            }
        }
        3..8 => {
            OUTCOMES.dropped.fetch_add(1, Relaxed);
        }
        _ => OUTCOMES.count(handle.get()),
    }
}

/// A pool with work in it, ended in one of the ways there are.
fn make_and_drop(number: usize) {
    let pool = pool(1 + number % 3);
    for _ in 0..4 {
        let value = Value::new();
        drop(pool.apply_async(move || value).expect("the pool is open"));
    }
    match number % 4 {
        0 => {}
        1 => {
            pool.terminate();
        }
        2 => {
            pool.close();
            pool.join().expect("the pool is closed");
        }
        _ => pool.close(),
    }
    drop(pool);
    assert_eq!(OUTCOMES.alive.load(Relaxed), 0, "a value outlives its pool");
}

static OUTCOMES: Outcomes = Outcomes {
    accepted: AtomicUsize::new(0),
    returned: AtomicUsize::new(0),
    panicked: AtomicUsize::new(0),
    cancelled: AtomicUsize::new(0),
    expired: AtomicUsize::new(0),
    dropped: AtomicUsize::new(0),
    timed_out: AtomicUsize::new(0),
    alive: AtomicUsize::new(0),
};

/// How jobs ended.
#[derive(Debug)]
struct Outcomes {
    accepted: AtomicUsize,
    returned: AtomicUsize,
    panicked: AtomicUsize,
    cancelled: AtomicUsize,
    expired: AtomicUsize,
    /// Handles that were dropped at once.
    dropped: AtomicUsize,
    /// Waits that timed out before the job ended.
    timed_out: AtomicUsize,
    alive: AtomicUsize,
}

impl Outcomes {
    fn count(&self, outcome: Result<Value, JobError>) {
        let counter = match outcome {
            Ok(_) => &self.returned,
            Err(JobError::Panicked(_)) => &self.panicked,
            Err(JobError::Cancelled) => &self.cancelled,
            Err(JobError::DeadlineExpired) => &self.expired,
            Err(error) => panic!("no job ends so: {error}"),
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Every accepted job has resolved, and there was one of each kind.
    fn check(&self) {
        let ends = [
            &self.returned,
            &self.panicked,
            &self.cancelled,
            &self.expired,
            &self.dropped,
        ]
        .map(|count| count.load(Relaxed));
        assert_eq!(
            ends.iter().sum::<usize>(),
            self.accepted.load(Relaxed),
            "jobs were lost"
        );
        assert!(
            ends.iter().all(|&count| count > 0),
            "something never happened"
        );
        assert!(self.timed_out.load(Relaxed) > 0, "no wait timed out");
        assert_eq!(self.alive.load(Relaxed), 0, "values live on");
    }
}

/// A value that is counted while it lives.
struct Value(());

impl Value {
    fn new() -> Self {
        OUTCOMES.alive.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        OUTCOMES.alive.fetch_sub(1, Relaxed);
    }
}

/// What the system knows of this process.
#[derive(Clone, Copy)]
struct Usage {
    threads: usize,
    resident_kib: usize,
}

impl Usage {
    /// The kernel counts a thread for a moment after it was joined.
    fn settled_at(threads: usize) -> Self {
        for _ in 0..1000 {
            if Self::now().threads == threads {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        Self::now()
    }

    fn now() -> Self {
        Self {
            threads: threads_of_process().expect("Linux tells"),
            resident_kib: resident_kib().expect("Linux tells"),
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} threads", self.resident_kib, self.threads)
    }
}

/// Small, seeded, and good enough to mix outcomes: xorshift64* by Marsaglia and Vigna.
struct Rng(u64);

impl Rng {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % end
    }
}

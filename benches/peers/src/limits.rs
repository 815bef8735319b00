//! What the machine itself takes: the physical limits under the workloads.
//!
//! Medians of many short batches, so that a thread which loses its CPU for a while spoils one batch only.

use std::hint::{black_box, spin_loop};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::workers;

/// One of them, in nanoseconds.
#[derive(Clone, Copy)]
pub struct Limit {
    /// What takes that long.
    pub what: &'static str,
    /// The workloads that cannot be quicker than it lets them.
    pub bounds: &'static [&'static str],
    /// Measures it once.
    pub measure: fn() -> f64,
}

/// A cache line there and back between two threads.
pub const LINE: usize = 0;
/// A compare-exchange on a line that nobody else touches.
pub const EXCHANGE: usize = 1;
/// A compare-exchange that succeeds, with two threads at one line.
pub const CONTENDED: usize = 2;

/// Getting a block of a job's size and giving it back, while many others are out.
pub const ALLOCATION: usize = 12;

/// All limits.
pub const LIMITS: [Limit; 16] = [
    limit(
        "a cache line there and back between two threads",
        &["W1 hot", "W4 region", "W4 10 µs"],
        line,
    ),
    limit(
        "compare-exchange, alone",
        &["W2 handles", "W2 detached"],
        || exchange(1),
    ),
    limit(
        "compare-exchange, two threads at one line",
        &["W2 handles", "W2 detached", "W5 triangle"],
        || exchange(2),
    ),
    limit(
        "pause of a spinning thread",
        &["W1 hot", "W4 region"],
        pause,
    ),
    limit(
        "a region by hand in which every thread answers, one for each worker, spinning",
        &["W4 region"],
        || region(workers(), spin_loop),
    ),
    limit(
        "a region by hand in which every thread answers, two for each worker, yielding",
        &["W4 oversubscribed"],
        || region(2 * workers(), thread::yield_now),
    ),
    limit(
        "waking a thread parked for 50 µs, until it runs",
        &["W1 cold"],
        || wake(Duration::from_micros(50)).0,
    ),
    limit(
        "waking a thread parked for 1 ms, until it runs",
        &["W1 cold", "W4 idle", "W4 oversubscribed"],
        || wake(Duration::from_millis(1)).0,
    ),
    limit(
        "the wake call itself, with a sleeper",
        &["W1 cold", "W4 idle", "W4 oversubscribed"],
        || wake(Duration::from_micros(50)).1,
    ),
    limit(
        "the wake call itself, with nobody asleep",
        &["W2 detached"],
        wake_nobody,
    ),
    limit("starting and joining a thread", &["W8"], spawn),
    limit(
        "malloc + free of 80 bytes, one after the other",
        &["W1 hot", "W2 handles"],
        || allocation(1),
    ),
    limit(
        "malloc + free of 80 bytes, in a backlog of 100,000",
        &["W2 handles", "W2 detached", "Backlog"],
        || allocation(100_000),
    ),
    limit(
        "first touch of a page of 4 KiB",
        &["W2 bulk", "W3 fresh"],
        || touch(64 << 20),
    ),
    limit("reading 8 bytes in a row, one thread", &[], || reading(1)),
    limit(
        "reading 8 bytes in a row, two threads, per 8 bytes in all",
        &["W3 fresh", "W3 into", "W3 sum", "W7 Jacobi"],
        || reading(2),
    ),
];

const fn limit(what: &'static str, bounds: &'static [&'static str], measure: fn() -> f64) -> Limit {
    Limit {
        what,
        bounds,
        measure,
    }
}

/// A value on cache lines of its own.
#[repr(align(128))]
struct Lonely<T>(T);

/// Below 2^52, so the cast is exact.
#[expect(clippy::cast_precision_loss)]
fn float(n: u64) -> f64 {
    n as f64
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// Times `batch`, which does something `each` times, and returns the median for one of them.
fn median(batches: usize, each: u64, mut batch: impl FnMut()) -> f64 {
    let times = (0..batches).map(|_| {
        let begin = Instant::now();
        batch();
        nanos(begin.elapsed()) / float(each)
    });
    middle(times.collect())
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Raises the flag when dropped, also by unwinding.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn line() -> f64 {
    const TRIPS: u64 = 1000;
    let ball = Lonely(AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let seen = ball.0.load(Ordering::Acquire);
                if seen % 2 == 1 {
                    ball.0.store(seen + 1, Ordering::Release);
                }
            }
        });
        let _stop = Stop(&stop);
        median(50, TRIPS, || {
            for _ in 0..TRIPS {
                let odd = ball.0.load(Ordering::Relaxed) + 1;
                ball.0.store(odd, Ordering::Release);
                while ball.0.load(Ordering::Acquire) == odd {}
            }
        })
    })
}

/// The time from one success to the next, whichever thread has it.
fn exchange(threads: u64) -> f64 {
    const TIMES: u64 = 20_000;
    const BATCHES: usize = 20;
    let word = Lonely(AtomicU64::new(0));
    let raise = || {
        for _ in 0..TIMES {
            while {
                let now = word.0.load(Ordering::Relaxed);
                word.0
                    .compare_exchange_weak(now, now + 1, Ordering::AcqRel, Ordering::Relaxed)
                    .is_err()
            } {}
        }
    };
    if threads == 1 {
        return median(50, TIMES, raise);
    }
    let start = Barrier::new(2);
    let both = || {
        start.wait();
        raise();
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..BATCHES).for_each(|_| both()));
        median(BATCHES, 2 * TIMES, both)
    })
}

fn pause() -> f64 {
    median(100, 1000, || (0..1000).for_each(|_| spin_loop()))
}

/// A parallel region with nothing to share out, no panic and no end: this thread raises a number, each of the others sees it
/// and answers.
fn region(threads: usize, wait: fn()) -> f64 {
    const REGIONS: usize = 200;
    const BATCHES: usize = 20;
    let (begun, answers) = (Lonely(AtomicUsize::new(0)), Lonely(AtomicUsize::new(0)));
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                for region in 0..BATCHES * REGIONS {
                    while begun.0.load(Ordering::Acquire) <= region {
                        wait();
                    }
                    answers.0.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        median(BATCHES, REGIONS as u64, || {
            for _ in 0..REGIONS {
                let region = begun.0.fetch_add(1, Ordering::AcqRel) + 1;
                while answers.0.load(Ordering::Acquire) < region * (threads - 1) {
                    wait();
                }
            }
        })
    })
}

/// From the call until the thread runs that had been parked for so long, and the time of the call itself.
fn wake(parked: Duration) -> (f64, f64) {
    let begin = Instant::now();
    let since = || u64::try_from(begin.elapsed().as_nanos()).expect("less than centuries");
    let (asked, awake) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                thread::park();
                if asked.swap(0, Ordering::Acquire) == 1 {
                    awake.store(since(), Ordering::Release);
                }
            }
        });
        let sleeper = sleeper.thread();
        // Dropped in reverse: raises the flag, then wakes the sleeper to see it.
        let _wake = Wake(sleeper);
        let _stop = Stop(&stop);
        let once = |_| {
            let rest = Instant::now();
            while rest.elapsed() < parked {
                spin_loop();
            }
            awake.store(0, Ordering::Relaxed);
            asked.store(1, Ordering::Release);
            let called = since();
            sleeper.unpark();
            let returned = since();
            let woken = loop {
                match awake.load(Ordering::Acquire) {
                    0 => spin_loop(),
                    woken => break woken,
                }
            };
            (
                float(woken.saturating_sub(called)),
                float(returned - called),
            )
        };
        let (latencies, calls) = (0..100).map(once).unzip();
        (middle(latencies), middle(calls))
    })
}

/// Wakes the thread when dropped.
struct Wake<'a>(&'a thread::Thread);

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        self.0.unpark();
    }
}

fn wake_nobody() -> f64 {
    let this = thread::current();
    let time = median(100, 1000, || (0..1000).for_each(|_| this.unpark()));
    // Takes the token back.
    thread::park();
    time
}

fn spawn() -> f64 {
    median(200, 1, || {
        thread::spawn(|| ()).join().expect("it does not panic");
    })
}

fn allocation(backlog: usize) -> f64 {
    let mut blocks: Vec<Option<Box<[u64; 10]>>> = Vec::from_iter((0..backlog).map(|_| None));
    let rounds = 100_000 / backlog;
    median(5, 100_000, || {
        for _ in 0..rounds {
            for block in &mut blocks {
                *block = Some(black_box(Box::new([0; 10])));
            }
            for block in &mut blocks {
                drop(black_box(block.take()));
            }
        }
    })
}

/// A page of fresh memory.
fn touch(bytes: usize) -> f64 {
    const PAGE: usize = 4096;
    let pages = (bytes / PAGE) as u64;
    let times = (0..3).map(|_| {
        // Zeroed memory of this size comes from the kernel untouched.
        let mut memory = vec![0_u8; bytes];
        let begin = Instant::now();
        memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        let time = nanos(begin.elapsed());
        black_box(memory);
        time / float(pages)
    });
    middle(times.collect())
}

fn reading(threads: usize) -> f64 {
    // Far more than caches hold.
    const WORDS: usize = 16 << 20;
    let memory: Vec<u64> = (0..WORDS as u64).collect();
    let read = |part: &[u64]| {
        black_box(part.iter().copied().fold(0, u64::wrapping_add));
    };
    median(5, WORDS as u64, || {
        thread::scope(|scope| {
            let mut parts = memory.chunks(WORDS / threads);
            let own = parts.next().expect("there is one");
            for part in parts {
                scope.spawn(move || read(part));
            }
            read(own);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WORKLOADS;

    #[test]
    fn the_model_builds_on_the_limits_that_it_means() {
        let starts = [
            (LINE, "a cache line"),
            (EXCHANGE, "compare-exchange, alone"),
            (CONTENDED, "compare-exchange, two threads"),
            (ALLOCATION, "malloc + free of 80 bytes, in a backlog"),
        ];
        for (place, start) in starts {
            assert!(LIMITS[place].what.starts_with(start), "{start}");
        }
    }

    #[test]
    fn every_limit_is_a_time_and_bounds_what_there_is() {
        let sections = ["W1 cold", "W4 idle", "Backlog"];
        for limit in LIMITS {
            let time = (limit.measure)();
            assert!(time.is_finite() && time > 0.0, "{}: {time}", limit.what);
            for id in limit.bounds {
                let known = WORKLOADS.iter().any(|workload| workload.id == *id);
                assert!(known || sections.contains(id), "there is no {id}");
            }
        }
    }
}

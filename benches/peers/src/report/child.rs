//! One measurement in a process of its own; its numbers go to standard output, separated by spaces.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringpool_peers::backlog::BACKLOGS;
use ringpool_peers::calls::{self, CALLS};
use ringpool_peers::hot::HOT;
use ringpool_peers::{WORKLOADS, region, workers};

use crate::alloc;

/// What a child is asked to measure; the numbers are places in the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    /// Nanoseconds a unit, the growth of peak memory in bytes a unit, and the kernel's switches a unit:
    /// those of threads that waited, and the others.
    Time {
        workload: usize,
        contender: usize,
        units: usize,
    },
    /// Allocations and bytes allocated a unit.
    Count {
        workload: usize,
        contender: usize,
        units: usize,
    },
    /// Growth of memory in bytes.
    Backlog { which: usize, jobs: usize },
    /// Allocations and bytes allocated a call.
    Call { which: usize, calls: usize },
    /// Round trips in nanoseconds of single jobs, with a sleep of 100 µs before each, beside threads that are
    /// always busy: the median, the 99th of a hundred and the longest.
    Cold {
        contender: usize,
        strangers: usize,
        jobs: usize,
    },
    /// The part of the regions in which every worker ran, for each contender in turn.
    Shares { regions: usize },
}

impl Task {
    pub(crate) fn to_arguments(self) -> Vec<String> {
        let (kind, numbers) = match self {
            Self::Time {
                workload,
                contender,
                units,
            } => ("time", vec![workload, contender, units]),
            Self::Count {
                workload,
                contender,
                units,
            } => ("count", vec![workload, contender, units]),
            Self::Backlog { which, jobs } => ("backlog", vec![which, jobs]),
            Self::Call { which, calls } => ("call", vec![which, calls]),
            Self::Cold {
                contender,
                strangers,
                jobs,
            } => ("cold", vec![contender, strangers, jobs]),
            Self::Shares { regions } => ("shares", vec![regions]),
        };
        [String::from("--child"), kind.into()]
            .into_iter()
            .chain(numbers.iter().map(usize::to_string))
            .collect()
    }

    pub(crate) fn from_arguments(arguments: &[String]) -> Option<Self> {
        let (kind, numbers) = arguments.split_first()?;
        let numbers: Vec<usize> = numbers
            .iter()
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        match (kind.as_str(), &numbers[..]) {
            ("time", &[workload, contender, units]) => Some(Self::Time {
                workload,
                contender,
                units,
            }),
            ("count", &[workload, contender, units]) => Some(Self::Count {
                workload,
                contender,
                units,
            }),
            ("backlog", &[which, jobs]) => Some(Self::Backlog { which, jobs }),
            ("call", &[which, calls]) => Some(Self::Call { which, calls }),
            ("cold", &[contender, strangers, jobs]) => Some(Self::Cold {
                contender,
                strangers,
                jobs,
            }),
            ("shares", &[regions]) => Some(Self::Shares { regions }),
            _ => None,
        }
    }

    /// Measures and returns the numbers.
    pub(crate) fn run(self) -> Vec<f64> {
        match self {
            Self::Time {
                workload,
                contender,
                units,
            } => time(workload, contender, units),
            Self::Count {
                workload,
                contender,
                units,
            } => count(workload, contender, units),
            Self::Backlog { which, jobs } => backlog(which, jobs),
            Self::Call { which, calls } => call(which, calls),
            Self::Cold {
                contender,
                strangers,
                jobs,
            } => cold(contender, strangers, jobs),
            Self::Shares { regions } => region::shares(workers(), regions).to_vec(),
        }
    }
}

fn time(workload: usize, contender: usize, units: usize) -> Vec<f64> {
    let workload = &WORKLOADS[workload];
    let workers = workers();
    let mut session = (workload.contenders[contender].open)(workers);
    let _ = session((units / 100).max(1));
    let before = alloc::memory("VmRSS");
    let switched = alloc::switches();
    let mut times: Vec<f64> = (0..workload.repeats)
        .map(|_| {
            let begin = Instant::now();
            let sum = session(units);
            let took = begin.elapsed();
            assert_eq!(sum, (workload.checksum)(units, workers), "a wrong result");
            took.as_secs_f64() * 1e9 / float(units)
        })
        .collect();
    let grown = alloc::memory("VmHWM").saturating_sub(before);
    let (waited, pushed) = alloc::switches();
    let all = float(units * workload.repeats);
    times.sort_by(f64::total_cmp);
    vec![
        times[times.len() / 2],
        float(grown) / float(units),
        float(waited - switched.0) / all,
        float(pushed - switched.1) / all,
    ]
}

fn count(workload: usize, contender: usize, units: usize) -> Vec<f64> {
    let workload = &WORKLOADS[workload];
    let mut session = (workload.contenders[contender].open)(workers());
    // What a pool keeps for itself, such as recycled blocks or a grown queue, is there afterwards.
    let _ = session(units);
    let (calls, bytes) = alloc::count(|| {
        session(units);
    });
    vec![float(calls) / float(units), float(bytes) / float(units)]
}

fn backlog(which: usize, jobs: usize) -> Vec<f64> {
    let mut looks = Vec::with_capacity(2);
    (BACKLOGS[which].fill)(workers(), jobs, &mut || {
        let field = if looks.is_empty() { "VmRSS" } else { "VmHWM" };
        looks.push(alloc::memory(field));
    });
    vec![float(looks[1].saturating_sub(looks[0]))]
}

fn call(which: usize, calls: usize) -> Vec<f64> {
    let pool = calls::open(workers());
    let run = CALLS[which].run;
    run(&pool, calls);
    let (count, bytes) = alloc::count(|| run(&pool, calls));
    vec![float(count) / float(calls), float(bytes) / float(calls)]
}

/// Ends the strangers when dropped.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn cold(contender: usize, strangers: usize, jobs: usize) -> Vec<f64> {
    let mut session = (HOT.contenders[contender].open)(workers());
    let stop = AtomicBool::new(false);
    let mut times: Vec<f64> = thread::scope(|scope| {
        for _ in 0..strangers {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        // Also by unwinding, or the scope would wait for ever.
        let _stop = Stop(&stop);
        let once = |_| {
            thread::sleep(Duration::from_micros(100));
            let begin = Instant::now();
            let _ = session(1);
            begin.elapsed().as_secs_f64() * 1e9
        };
        (0..jobs).map(once).collect()
    });
    times.sort_by(f64::total_cmp);
    let last = times.len() - 1;
    vec![times[last / 2], times[last - last / 100], times[last]]
}

/// Counts here are far below 2^52, so the cast is exact.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn float(n: usize) -> f64 {
    n as f64
}

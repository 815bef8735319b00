//! One measurement in a process of its own; its numbers go to standard output, separated by spaces.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringpool_peers::backlog::BACKLOGS;
use ringpool_peers::calls::{self, CALLS};
use ringpool_peers::growth::{self, Point};
use ringpool_peers::idle::KINDS;
use ringpool_peers::limits::LIMITS;
use ringpool_peers::rings::{self, QUEUES};
use ringpool_peers::{WORKLOADS, region, workers};

use crate::alloc;

/// Measures what the arguments ask for. The numbers are places in the tables, and amounts of work.
pub(crate) fn run(kind: &str, numbers: &[usize]) -> Option<Vec<f64>> {
    Some(match (kind, numbers) {
        ("time", &[workload, contender, units]) => time(workload, contender, units),
        ("with", &[workload, contender, workers, units]) => {
            vec![with(workload, contender, workers, units)]
        }
        ("count", &[workload, contender, units]) => count(workload, contender, units),
        ("singles", &[workload, contender, units]) => singles(workload, contender, units),
        ("cold", &[workload, contender, strangers, pause, units]) => {
            rested(thread::sleep, workload, contender, strangers, pause, units)
        }
        ("spun", &[workload, contender, strangers, pause, units]) => {
            rested(work_for, workload, contender, strangers, pause, units)
        }
        ("shares", &[regions]) => shares(regions),
        ("backlog", &[which, jobs]) => backlog(which, jobs),
        ("limit", &[which]) => vec![(LIMITS[which].measure)()],
        ("call", &[which, calls]) => call(which, calls),
        ("idle", &[which]) => idle(which),
        ("relay", &[which, pairs, items]) => relay(which, pairs, items),
        ("growth", &[jobs, workers, capture, submitters]) => grow(Point {
            jobs,
            workers,
            capture,
            submitters,
        }),
        _ => return None,
    })
}

/// Nanoseconds a unit, the kernel's switches a unit, those of threads that waited and the others, and the growth of peak
/// memory in bytes a unit.
fn time(workload: usize, contender: usize, units: usize) -> Vec<f64> {
    let workload = &WORKLOADS[workload];
    let workers = workers();
    let mut session = (workload.contenders[contender].open)(workers);
    let _ = session((units / 100).max(1));
    let before = alloc::memory("VmRSS");
    let used = alloc::usage();
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
    let after = alloc::usage();
    let all = float(units * workload.repeats);
    times.sort_by(f64::total_cmp);
    vec![
        times[times.len() / 2],
        float(after.waited - used.waited) / all,
        float(after.pushed - used.pushed) / all,
        float(grown) / float(units),
    ]
}

/// Nanoseconds a unit with that many workers, the median of three.
fn with(workload: usize, contender: usize, workers: usize, units: usize) -> f64 {
    let workload = &WORKLOADS[workload];
    let mut session = (workload.contenders[contender].open)(workers);
    let _ = session((units / 100).max(1));
    let mut times = [(); 3].map(|()| {
        let begin = Instant::now();
        let sum = session(units);
        let took = begin.elapsed();
        assert_eq!(sum, (workload.checksum)(units, workers), "a wrong result");
        took.as_secs_f64() * 1e9 / float(units)
    });
    times.sort_by(f64::total_cmp);
    times[1]
}

/// Allocations and bytes allocated a unit.
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

/// Nanoseconds of single units: the median, the 99th of a hundred and the longest.
fn singles(workload: usize, contender: usize, units: usize) -> Vec<f64> {
    let workload = &WORKLOADS[workload];
    let mut session = (workload.contenders[contender].open)(workers());
    let _ = session(units);
    let mut once = || {
        let begin = Instant::now();
        let _ = session(1);
        begin.elapsed().as_secs_f64() * 1e9
    };
    tail((0..units).map(|_| once()).collect())
}

/// Of that many values the median, the 99th of a hundred and the greatest.
fn tail(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    vec![values[last / 2], values[last - last / 100], values[last]]
}

/// The part of the regions in which every worker ran, in percent, for each contender in turn.
fn shares(regions: usize) -> Vec<f64> {
    let shares = region::shares(workers(), regions);
    shares.iter().map(|share| share * 100.0).collect()
}

/// Growth of memory in bytes a job.
fn backlog(which: usize, jobs: usize) -> Vec<f64> {
    let mut looks = Vec::with_capacity(2);
    (BACKLOGS[which].fill)(workers(), jobs, &mut || {
        let field = if looks.is_empty() { "VmRSS" } else { "VmHWM" };
        looks.push(alloc::memory(field));
    });
    vec![float(looks[1].saturating_sub(looks[0])) / float(jobs)]
}

/// Allocations and bytes allocated a call.
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

fn work_for(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Nanoseconds of single units, with a rest of `pause` microseconds before each, beside threads that are always busy:
/// the median, the 99th of a hundred and the longest.
fn rested(
    rest: fn(Duration),
    workload: usize,
    contender: usize,
    strangers: usize,
    pause: usize,
    units: usize,
) -> Vec<f64> {
    let mut session = (WORKLOADS[workload].contenders[contender].open)(workers());
    let pause = Duration::from_micros(pause as u64);
    let stop = AtomicBool::new(false);
    let times = thread::scope(|scope| {
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
            rest(pause);
            let begin = Instant::now();
            let _ = session(1);
            begin.elapsed().as_secs_f64() * 1e9
        };
        (0..units).map(once).collect()
    });
    tail(times)
}

/// The CPU time of all threads in the second after some work, in percent of that second.
fn idle(which: usize) -> Vec<f64> {
    let mut session = (KINDS[which].open)(workers());
    let _ = session(1000);
    let (begin, before) = (Instant::now(), alloc::usage().busy);
    thread::sleep(Duration::from_secs(1));
    let burnt = alloc::usage().busy.saturating_sub(before);
    vec![burnt.as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0]
}

/// Nanoseconds an item that goes through a queue.
fn relay(which: usize, pairs: usize, items: usize) -> Vec<f64> {
    let (queue, count) = (&QUEUES[which], items as u64);
    let _ = (queue.relay)(pairs, count / 10);
    let begin = Instant::now();
    let sum = (queue.relay)(pairs, count);
    let took = begin.elapsed();
    assert_eq!(sum, rings::total(count), "a wrong result");
    vec![took.as_secs_f64() * 1e9 / float(items)]
}

/// Nanoseconds a job, and what may tell why: CPU time a job, switches of threads that waited and others, and the growth of
/// peak memory in bytes a job.
fn grow(point: Point) -> Vec<f64> {
    let memory = alloc::memory("VmRSS");
    let mut work = growth::prepare(point);
    work();
    let (begin, before) = (Instant::now(), alloc::usage());
    work();
    let (took, after) = (begin.elapsed(), alloc::usage());
    let jobs = float(point.jobs);
    let grown = alloc::memory("VmHWM").saturating_sub(memory);
    vec![
        took.as_secs_f64() * 1e9 / jobs,
        after.busy.saturating_sub(before.busy).as_secs_f64() * 1e9 / jobs,
        float(after.waited - before.waited) / jobs,
        float(after.pushed - before.pushed) / jobs,
        float(grown) / jobs,
    ]
}

/// Counts here are far below 2^52, so the cast is exact.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn float(n: usize) -> f64 {
    n as f64
}

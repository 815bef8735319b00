//! The parts of ringpool one by one: ring, job, submit, result, wake, region, stream. How it does beside others is
//! the subject of `benches/peers`.

use std::hint::black_box;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion};
use ringpool::ring::Ring;
use ringpool::{AsyncResult, Pool, Schedule, WaitPolicy};
use ringpool_benches::tiny;

/// Jobs or items of one iteration, where a single one would be too quick to time.
const MANY: u64 = 1000;

fn pool() -> Pool {
    Pool::builder().workers(2).build().expect("threads start")
}

/// The time of so many calls of `f` in a job, on the only worker of a pool.
fn in_a_job<R>(calls: u64, f: impl Fn(&Pool) -> R + Sync) -> Duration {
    let pool = Pool::builder().workers(1).build();
    let pool = pool.expect("a thread starts");
    let timed = pool.apply(|| {
        let begin = Instant::now();
        for _ in 0..calls {
            black_box(f(&pool));
        }
        begin.elapsed()
    });
    timed.expect("the pool is open")
}

/// One thread, so that no line moves between CPUs.
fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring");
    let ring = Ring::<u64, 1024>::new();
    group.bench_function("push and pop", |bencher| {
        bencher.iter(|| {
            ring.push(black_box(1)).expect("there is room");
            ring.pop()
        });
    });
    group.bench_function("1,000 pushes, 1,000 pops", |bencher| {
        bencher.iter(|| {
            (0..MANY).for_each(|n| ring.push(n).expect("there is room"));
            (0..MANY).filter(|_| ring.pop().is_ok()).count()
        });
    });
}

/// A job that its submitter claims in place: block, state and value, without a hand-over.
fn job(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("job");
    group.bench_function("apply", |bencher| {
        bencher.iter_custom(|calls| in_a_job(calls, |pool| pool.apply(|| tiny(black_box(1)))));
    });
    group.bench_function("apply_async and get", |bencher| {
        bencher.iter_custom(|calls| {
            in_a_job(calls, |pool| {
                let handle = pool.apply_async(|| tiny(black_box(1)));
                handle.expect("the pool is open").get()
            })
        });
    });
    group.bench_function("scoped job and get", |bencher| {
        bencher.iter_custom(|calls| {
            in_a_job(calls, |pool| {
                pool.scope(|scope| scope.apply_async(|| tiny(black_box(1))).get())
            })
        });
    });
}

/// Jobs that nobody begins: the only worker is asleep in one.
fn submit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("submit");
    for (name, kept) in [("1,000 handles dropped", 0), ("1,000 handles kept", MANY)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|fills| (0..fills).map(|_| fill(kept)).sum());
        });
    }
}

/// The time to submit [`MANY`] jobs, of which the first ones keep their handles.
fn fill(keep: u64) -> Duration {
    let pool = Pool::builder().workers(1).build().expect("a thread starts");
    let (release, held) = mpsc::channel::<()>();
    let (tell, busy) = mpsc::channel();
    let job = move || {
        tell.send(()).expect("the main thread listens");
        // Ends when the sender is dropped.
        let _ = held.recv();
    };
    drop(pool.apply_async(job).expect("the pool is open"));
    busy.recv().expect("the job runs");
    let mut kept = Vec::with_capacity(1000);
    let begin = Instant::now();
    for n in 0..MANY {
        let handle = pool.apply_async(move || tiny(n)).expect("the pool is open");
        if n < keep {
            kept.push(handle);
        }
    }
    let took = begin.elapsed();
    drop(release);
    took
}

/// Taking values that are there.
fn result(criterion: &mut Criterion) {
    let pool = pool();
    let done = || -> Vec<AsyncResult<u64>> {
        let handles: Vec<_> = (0..MANY)
            .map(|n| pool.apply_async(move || tiny(n)).expect("the pool is open"))
            .collect();
        handles.iter().for_each(AsyncResult::wait);
        handles
    };
    let mut group = criterion.benchmark_group("result");
    group.bench_function("ready, 1,000 times", |bencher| {
        let handles = done();
        bencher.iter(|| handles.iter().filter(|handle| handle.ready()).count());
    });
    group.bench_function("get of 1,000 that are ready", |bencher| {
        bencher.iter_batched(
            done,
            |handles| {
                let values = handles.into_iter().map(AsyncResult::get);
                values.flatten().count()
            },
            BatchSize::LargeInput,
        );
    });
}

/// A job for a worker that is awake, and for one that sleeps.
fn wake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wake");
    let policies = [
        ("active", WaitPolicy::Active),
        ("adaptive", WaitPolicy::Adaptive),
        ("passive", WaitPolicy::Passive),
    ];
    for (name, policy) in policies {
        let builder = Pool::builder().workers(1).wait_policy(policy);
        let pool = builder.build().expect("a thread starts");
        group.bench_function(name, |bencher| {
            bencher.iter(|| pool.apply(|| tiny(black_box(1))));
        });
    }
}

/// The body of a loop: nothing that two threads would share.
fn cell(n: u64) {
    black_box(tiny(n));
}

/// Regions that hold almost nothing.
fn region(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("region");
    let with_caller = Pool::builder().workers(2).caller_participates();
    let pools = [
        ("", pool()),
        (
            ", caller participates",
            with_caller.build().expect("a thread starts"),
        ),
    ];
    for (who, pool) in &pools {
        group.bench_function(format!("broadcast{who}"), |bencher| {
            bencher.iter(|| pool.broadcast(|worker| worker.index()));
        });
        group.bench_function(format!("static for_each{who}"), |bencher| {
            let each = || pool.with().schedule(Schedule::Static);
            bencher.iter(|| each().for_each(0..2_u64, cell));
        });
        group.bench_function(format!("for_each{who}"), |bencher| {
            bencher.iter(|| pool.for_each(0..16_u64, cell));
        });
    }
}

/// Streams of tiny items.
fn stream(criterion: &mut Criterion) {
    let pool = pool();
    let mut group = criterion.benchmark_group("stream");
    group.bench_function("imap, 10,000 items", |bencher| {
        bencher.iter(|| pool.imap(0..10_000, tiny).flatten().count());
    });
    group.bench_function("imap_unordered, 10,000 items", |bencher| {
        bencher.iter(|| pool.imap_unordered(0..10_000, tiny).flatten().count());
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for part in [ring, job, submit, result, wake, region, stream] {
        part(&mut criterion);
    }
    criterion.final_summary();
}

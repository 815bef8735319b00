//! Runs one hot path so many times, for counting instructions: `ci/instructions.sh`.
//!
//! One thread does everything while all others sleep in the kernel. So a count is the same on every run, whatever
//! else the machine does, and only a change of the code or of the compiler moves it.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::mpsc;

use ringpool::ring::Ring;
use ringpool::{Builder, Pool};
use ringpool_benches::tiny;

const USAGE: &str = "\
Runs one hot path so many times; without arguments, lists the paths.

Usage: paths [PATH TIMES]
";

/// A path: its name, and what one unit of it is.
struct Path {
    name: &'static str,
    what: &'static str,
    run: fn(u64),
}

const PATHS: [Path; 10] = [
    Path {
        name: "ring",
        what: "push and pop of a ring of 64 places",
        run: ring,
    },
    Path {
        name: "submit",
        what: "apply_async to a busy worker, handle dropped; refused in the end",
        run: submit,
    },
    Path {
        name: "apply-inline",
        what: "apply where the caller takes part and the other worker is busy",
        run: apply_inline,
    },
    Path {
        name: "apply-nested",
        what: "apply in a job",
        run: apply_nested,
    },
    Path {
        name: "handle-nested",
        what: "apply_async and get in a job: queued, and claimed in place",
        run: handle_nested,
    },
    Path {
        name: "scope-nested",
        what: "a scoped job and get in a job",
        run: scope_nested,
    },
    Path {
        name: "region",
        what: "for_each over 16 items where the caller takes part and the other worker is busy",
        run: region,
    },
    Path {
        name: "map",
        what: "map of 1,000 items in a job",
        run: map,
    },
    Path {
        name: "reduce",
        what: "reduce of 1,000 items in a job",
        run: reduce,
    },
    Path {
        name: "imap",
        what: "an item of imap, chunks of 16 in a window of 128, in a job",
        run: imap,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            for Path { name, what, .. } in PATHS {
                println!("{name}\t{what}");
            }
            ExitCode::SUCCESS
        }
        [name, times] => {
            let path = PATHS.into_iter().find(|path| path.name == name);
            let (Some(path), Ok(times)) = (path, times.parse()) else {
                eprint!("paths: no path `{name}`, or `{times}` is not a number\n\n{USAGE}");
                return ExitCode::from(2);
            };
            (path.run)(times);
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Calls `f` in a job, on the only worker of a pool.
fn in_a_job(f: impl FnOnce(&Pool) + Send) {
    let pool = Pool::builder().workers(1).build().expect("a thread starts");
    pool.apply(|| f(&pool)).expect("the pool is open");
}

/// Calls `f` while the one thread of a pool is asleep in a job.
fn beside_a_job(builder: Builder, f: impl FnOnce(&Pool)) {
    let pool = builder.workers(1).build().expect("a thread starts");
    let (release, held) = mpsc::channel::<()>();
    let (tell, busy) = mpsc::channel();
    let job = move || {
        tell.send(()).expect("the main thread listens");
        // Ends when the sender is dropped.
        let _ = held.recv();
    };
    let held = pool.apply_async(job).expect("the pool is open");
    busy.recv().expect("the job runs");
    f(&pool);
    drop(release);
    held.get().expect("it had begun");
}

fn ring(times: u64) {
    let ring = Ring::<u64, 64>::new();
    for n in 0..times {
        ring.push(n).expect("there is room");
        black_box(ring.pop().expect("there is an item"));
    }
}

fn submit(times: u64) {
    beside_a_job(Pool::builder(), |pool| {
        for n in 0..times {
            drop(pool.apply_async(move || tiny(n)).expect("the pool is open"));
        }
        assert_eq!(pool.terminate() as u64, times);
    });
}

fn apply_inline(times: u64) {
    beside_a_job(Pool::builder().caller_participates(), |pool| {
        for n in 0..times {
            black_box(pool.apply(|| tiny(n)).expect("the pool is open"));
        }
    });
}

fn region(times: u64) {
    beside_a_job(Pool::builder().caller_participates(), |pool| {
        let mut cells = [0_u64; 16];
        for _ in 0..times {
            pool.for_each(&mut cells, |cell| *cell = tiny(*cell))
                .expect("the pool is open");
        }
        black_box(cells);
    });
}

fn apply_nested(times: u64) {
    in_a_job(|pool| {
        for n in 0..times {
            black_box(pool.apply(|| tiny(n)).expect("the pool is open"));
        }
    });
}

fn handle_nested(times: u64) {
    in_a_job(|pool| {
        for n in 0..times {
            let handle = pool.apply_async(move || tiny(n)).expect("the pool is open");
            black_box(handle.get().expect("tiny jobs end well"));
        }
    });
}

fn scope_nested(times: u64) {
    in_a_job(|pool| {
        let in_scope = pool.scope(|scope| {
            for n in 0..times {
                let handle = scope.apply_async(move || tiny(n));
                black_box(handle.get().expect("tiny jobs end well"));
            }
        });
        in_scope.expect("no job panics");
    });
}

fn map(times: u64) {
    in_a_job(|pool| {
        for _ in 0..times {
            black_box(pool.map(0..1000_u64, tiny).expect("the pool is open"));
        }
    });
}

fn reduce(times: u64) {
    in_a_job(|pool| {
        for _ in 0..times {
            let sum = pool.reduce(0..1000_u64, 0, tiny, u64::wrapping_add);
            black_box(sum.expect("the pool is open"));
        }
    });
}

fn imap(times: u64) {
    in_a_job(|pool| {
        let stream = pool.with().chunk_size(16).window(128).imap(0..times, tiny);
        let values = stream.map(|value| value.expect("tiny jobs end well"));
        black_box(values.fold(0, u64::wrapping_add));
    });
}

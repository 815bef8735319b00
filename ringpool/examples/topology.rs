//! Shows this machine and where a pinned pool's workers sit on it:
//! `cargo run --release -p ringpool --features affinity-backend --example topology -- [PLACES [BIND]]`.
//!
//! Run it under `taskset`, `numactl`, a batch system or in a container to see what these leave to a pool.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use ringpool::affinity::{Bind, Pinned, Places, Policy, Topology};
use ringpool::{Builder, Pool};

/// Shows this machine, and where a pinned pool's workers sit on it.
#[derive(Parser)]
struct Arguments {
    /// threads, cores, `ll_caches`, `numa_domains` or sockets, each with a count if you like, as `cores(4)`; or a list as in
    /// `OMP_PLACES`: `{0:4}:2:8`
    #[arg(default_value = "cores")]
    places: Places,
    /// close, spread, primary or none
    #[arg(default_value = "close")]
    bind: Bind,
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n", Topology::of_this_machine())?;

    writeln!(out, "Places that a pool of this process can have:")?;
    for name in ["threads", "cores", "ll_caches", "numa_domains", "sockets"] {
        let pinned = Pinned::new()
            .places(name.parse()?)
            .policy(Policy::BestEffort);
        let places = pinned.report().places().to_vec();
        let first = places.first().map(ToString::to_string);
        writeln!(
            out,
            "{name:>14}: {:4}, the first with CPUs {}",
            places.len(),
            first.unwrap_or_default()
        )?;
    }

    // On best effort, so that there is something to see on any system; the notes tell what could not be had.
    let pinned = Pinned::new()
        .places(arguments.places)
        .bind(arguments.bind)
        .policy(Policy::BestEffort);
    let pool: Pool = Builder::with_spawner(pinned.clone()).build()?;
    writeln!(out, "\nA pool:\n{}", pinned.report())?;

    let squares = pool.map(0..1000_u64, |x| x * x)?;
    assert!(squares.iter().copied().eq((0..1000).map(|x| x * x)));
    match pinned.verify() {
        Ok(workers) => writeln!(out, "workers where they were put: {workers}")?,
        Err(drift) => writeln!(out, "some are elsewhere: {drift}")?,
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
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
            let _ = writeln!(io::stderr(), "topology: {error}");
            ExitCode::FAILURE
        }
    }
}

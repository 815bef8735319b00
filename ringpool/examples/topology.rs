//! Shows this machine and where a pinned pool's workers sit on it:
//! `cargo run --release -p ringpool --features affinity-backend --example topology [PLACES [BIND]]`.
//!
//! Run it under `taskset`, `numactl`, a batch system or in a container to see what these leave to a pool.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use ringpool::affinity::{Bind, Pinned, Places, Policy, Topology};
use ringpool::{Builder, Pool};

const USAGE: &str = "\
Usage: topology [PLACES [BIND]]

Arguments:
  [PLACES]  threads, cores, ll_caches, numa_domains, sockets, each with a count if you like, as cores(4),
            or a list as in OMP_PLACES: {0:4}:2:8 (default: cores)
  [BIND]    close, spread, primary or none (default: close)
";

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let wish = match arguments.as_slice() {
        [] => Ok((Places::default(), Bind::default())),
        [places] => places.parse().map(|places| (places, Bind::default())),
        [places, bind] => places
            .parse()
            .and_then(|places| Ok((places, bind.parse()?))),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let shown = wish
        .map_err(Into::into)
        .and_then(|(places, bind)| show(places, bind));
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn show(places: Places, bind: Bind) -> Result<(), Box<dyn Error>> {
    println!("{}\n", Topology::of_this_machine());

    println!("Places that a pool of this process can have:");
    for name in ["threads", "cores", "ll_caches", "numa_domains", "sockets"] {
        let pinned = Pinned::new()
            .places(name.parse()?)
            .policy(Policy::BestEffort);
        let places = pinned.report().places().to_vec();
        let first = places.first().map(ToString::to_string);
        println!(
            "{name:>14}: {:4}, the first with CPUs {}",
            places.len(),
            first.unwrap_or_default()
        );
    }

    // On best effort, so that there is something to see on any system; the notes tell what could not be had.
    let pinned = Pinned::new()
        .places(places)
        .bind(bind)
        .policy(Policy::BestEffort);
    let pool: Pool = Builder::with_spawner(pinned.clone()).build()?;
    println!("\nA pool:\n{}", pinned.report());

    let squares = pool.map(0..1000_u64, |x| x * x)?;
    assert!(squares.iter().copied().eq((0..1000).map(|x| x * x)));
    match pinned.verify() {
        Ok(workers) => println!("{workers} workers are where they were put"),
        Err(drift) => println!("some are elsewhere: {drift}"),
    }
    Ok(())
}

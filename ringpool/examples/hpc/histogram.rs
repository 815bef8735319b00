//! A histogram with a scratch array for each worker, so that nobody shares a counter:
//! `cargo run --release -p ringpool --features affinity-backend --example histogram`.

mod common;

use std::mem::take;
use std::process::ExitCode;

use clap::Parser;
use common::{Outcome, TeamOptions, at_least_one, check, random};

/// Counts values by class. Each worker counts into an array of its own, its state; at the end they are added up.
#[derive(Parser)]
struct Options {
    /// Values
    #[arg(short, long, default_value_t = 20_000_000, value_parser = at_least_one)]
    size: usize,
    /// Classes
    #[arg(short, long, default_value_t = 1000, value_parser = at_least_one)]
    classes: usize,
    #[command(flatten)]
    team: TeamOptions,
}

/// Values that one call of the function counts.
const CHUNK: usize = 10_000;

fn count(counts: &mut [u64], values: &[u32]) {
    for &value in values {
        counts[value as usize] += 1;
    }
}

fn run(options: &Options) -> Outcome {
    let classes = options.classes;
    let limit = u32::try_from(classes)?;
    let team = options
        .team
        .team_with(|builder| builder.initializer(move |_| vec![0_u64; classes]))?;
    let values = team.filled(options.size, |index| {
        // The square makes low classes fuller.
        let x = random(index);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of classes"
        )]
        let class = (x * x * f64::from(limit)) as u32;
        class.min(limit - 1)
    })?;
    let mut expected = vec![0; classes];
    let mut counts = vec![0; classes];
    team.compare(
        "histogram",
        || {
            expected.fill(0);
            count(&mut expected, &values);
        },
        |pool| {
            let each = pool.with_worker();
            each.for_each(values.chunks(CHUNK), |worker, chunk| {
                count(worker.state, chunk);
            })?;
            counts.fill(0);
            let empty = || vec![0; classes];
            for of_worker in pool.broadcast(|worker| {
                let full = take(worker.state);
                *worker.state = empty();
                full
            })? {
                for (sum, one) in counts.iter_mut().zip(of_worker) {
                    *sum += one;
                }
            }
            Ok(())
        },
    )?;
    check(&expected, &counts)
}

fn main() -> ExitCode {
    common::main(run)
}

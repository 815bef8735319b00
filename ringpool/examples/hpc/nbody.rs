//! Bodies that attract each other, every one every other:
//! `cargo run --release -p ringpool --features affinity-backend --example nbody`.

mod common;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use common::{Outcome, TeamOptions, at_least_one, check, random, real};
use ringpool::{JobError, Schedule};

/// The motion of bodies by leapfrog steps. Its energy is summed in the same order on any number of workers.
#[derive(Parser)]
struct Options {
    /// Bodies
    #[arg(short, long, default_value_t = 3000, value_parser = at_least_one)]
    size: usize,
    /// Steps in time
    #[arg(long, default_value_t = 10)]
    steps: usize,
    #[command(flatten)]
    team: TeamOptions,
}

type Vector = [f64; 3];

#[derive(Clone, PartialEq)]
struct Bodies {
    places: Vec<Vector>,
    speeds: Vec<Vector>,
    pulls: Vec<Vector>,
}

const STEP: f64 = 1e-3;
/// Keeps bodies that meet from being thrown out.
const SOFTENING: f64 = 1e-3;

fn start(size: usize) -> Bodies {
    let vector = |index: usize| [0, 1, 2].map(|axis| random(3 * index + axis) - 0.5);
    Bodies {
        places: (0..size).map(vector).collect(),
        speeds: (size..2 * size).map(vector).collect(),
        pulls: vec![[0.0; 3]; size],
    }
}

/// How all bodies pull at one place. Each has the mass 1 / n.
fn pull(at: &Vector, places: &[Vector]) -> Vector {
    let mut sum = [0.0; 3];
    for other in places {
        let away: Vector = std::array::from_fn(|axis| other[axis] - at[axis]);
        let square = away.iter().map(|x| x * x).sum::<f64>() + SOFTENING;
        let weight = 1.0 / (square * square.sqrt());
        for (sum, away) in sum.iter_mut().zip(away) {
            *sum += weight * away;
        }
    }
    sum.map(|x| x / real(places.len()))
}

fn drift(bodies: &mut Bodies) {
    let both = bodies.speeds.iter_mut().zip(&bodies.pulls);
    for (place, (speed, pull)) in bodies.places.iter_mut().zip(both) {
        for axis in 0..3 {
            speed[axis] += STEP * pull[axis];
            place[axis] += STEP * speed[axis];
        }
    }
}

/// Runs the steps; `pulls` finds what pulls at each body.
fn steps(
    bodies: &mut Bodies,
    steps: usize,
    mut pulls: impl FnMut(&mut Bodies) -> Result<(), JobError>,
) -> Result<(), JobError> {
    for _ in 0..steps {
        pulls(bodies)?;
        drift(bodies);
    }
    Ok(())
}

fn energy_of_one(index: usize, bodies: &Bodies) -> f64 {
    let at = &bodies.places[index];
    let moving = bodies.speeds[index].iter().map(|x| x * x).sum::<f64>() / 2.0;
    let others = bodies.places.iter().enumerate();
    let bound: f64 = others
        .filter(|&(other, _)| other != index)
        .map(|(_, place)| {
            let square: f64 = place.iter().zip(at).map(|(a, b)| (a - b) * (a - b)).sum();
            -1.0 / (square + SOFTENING).sqrt()
        })
        .sum();
    (moving + bound / real(2 * bodies.places.len())) / real(bodies.places.len())
}

fn run(options: &Options) -> Outcome {
    let team = options.team.team()?;
    let begin = start(options.size);
    let (mut one, mut all) = (begin.clone(), begin.clone());
    team.compare(
        "nbody",
        || {
            one.clone_from(&begin);
            let pulls = |bodies: &mut Bodies| {
                let Bodies { places, pulls, .. } = bodies;
                for (to, at) in pulls.iter_mut().zip(&*places) {
                    *to = pull(at, places);
                }
                Ok(())
            };
            steps(&mut one, options.steps, pulls).expect("nothing here can fail");
        },
        |pool| {
            all.clone_from(&begin);
            steps(&mut all, options.steps, |bodies| {
                let Bodies { places, pulls, .. } = bodies;
                let each = pool.with().schedule(Schedule::Static);
                each.map_into(&*places, pulls, |at| pull(at, places))?;
                Ok(())
            })
        },
    )?;
    let energy = |bodies: &Bodies| {
        let sum = |a, b| a + b;
        team.pool.reduce(
            0..options.size,
            0.0,
            |index| energy_of_one(index, bodies),
            sum,
        )
    };
    let (before, after) = (energy(&begin)?, energy(&all)?);
    writeln!(io::stdout(), "  energy {before:.9} to {after:.9}")?;
    check(&energy(&one)?.to_bits(), &after.to_bits())?;
    check(&one.places, &all.places)
}

fn main() -> ExitCode {
    common::main(run)
}

//! Runs the programs of many seeds, and makes the first that fails small.

mod shrink;
mod tape;
mod watch;

use std::env;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;

use ringpool_tests::SplitMix64;

use super::programs::{Books, Program, answers, program, run};
use tape::{Recorder, Tape};
use watch::{Origin, Watch};

/// Programs at a time: two keep each other from having a CPU for themselves, as strangers do.
const LANES: usize = 2;

/// A program that did what it should not have.
struct Failure {
    seed: u64,
    numbers: Vec<usize>,
    faults: Vec<String>,
}

/// The numbers that the program of a seed is drawn from.
fn numbers_of(seed: u64) -> Vec<usize> {
    let mut recorder = Recorder::new(SplitMix64::new(seed));
    program(&mut recorder);
    recorder.numbers()
}

fn program_of(numbers: &[usize]) -> Program {
    program(&mut Tape::new(numbers))
}

/// Runs `count` programs, or as many as the environment says, and fails with the first that is wrong.
pub(crate) fn check(count: u64) {
    let number = |name| {
        env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let only = number("RINGPOOL_SEED");
    let first = number("RINGPOOL_FIRST_SEED").unwrap_or(0);
    let count = number("RINGPOOL_PROGRAMS").unwrap_or(count);
    assert!(count > 0, "no programs prove nothing");
    let seed_of = |at| only.unwrap_or(first + at);
    if let Some(failure) = first_failure(count, seed_of) {
        panic!("{}", explain(failure));
    }
    let answers = answers();
    println!("{count} programs from seed {}: {answers:?}", seed_of(0));
    let missing: Vec<_> = answers.iter().filter(|(_, count)| *count == 0).collect();
    let is_enough = count >= 10_000 && only.is_none();
    assert!(
        !is_enough || missing.is_empty(),
        "no program was answered so: {missing:?}"
    );
}

fn first_failure(count: u64, seed_of: impl Fn(u64) -> u64 + Sync) -> Option<Failure> {
    let (next, failure) = (AtomicU64::new(0), Mutex::new(None::<Failure>));
    let lane = || {
        let books = Books::new();
        let watch = Watch::new();
        loop {
            let at = next.fetch_add(1, SeqCst);
            if at >= count {
                return;
            }
            let seed = seed_of(at);
            let numbers = numbers_of(seed);
            let faults = watch.over(
                Origin {
                    seed,
                    numbers: &numbers,
                },
                || run(&program_of(&numbers), books),
            );
            if !faults.is_empty() {
                next.store(count, SeqCst);
                let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(Failure {
                    seed,
                    numbers,
                    faults,
                });
                return;
            }
        }
    };
    thread::scope(|scope| (0..LANES).for_each(|_| drop(scope.spawn(lane))));
    failure.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the program as small as it can be, and writes it down.
fn explain(failure: Failure) -> String {
    let Failure {
        seed,
        numbers,
        faults,
    } = failure;
    let (books, watch) = (Books::new(), Watch::new());
    let try_once = |numbers: &[usize]| {
        watch.over(Origin { seed, numbers }, || {
            run(&program_of(numbers), books)
        })
    };
    let (numbers, faults, note) = match shrink::shrink(&numbers, try_once) {
        Some(small) => (small.numbers, small.faults, small.note),
        None => (
            numbers,
            faults,
            "it did not fail again, so this is the whole of it".into(),
        ),
    };
    format!(
        "RINGPOOL_SEED={seed} is a program that goes wrong ({note}):\n\n{}\n  {}\n",
        program_of(&numbers),
        faults.join("\n  ")
    )
}

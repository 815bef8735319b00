//! Random programs on the whole pool, judged by a sequential reference of SEMANTICS.md.
//!
//! Each seed is a program. A program that fails is shrunk and printed as code. `RINGPOOL_SEED=7` runs that seed
//! alone, over and over; `RINGPOOL_PROGRAMS` says how many programs are run (or how often the one), from
//! `RINGPOOL_FIRST_SEED` on.

#[path = "fuzz/mod.rs"]
mod programs;
#[path = "fuzz/seeds/mod.rs"]
mod seeds;

/// Programs in one run of the test-suite.
const PROGRAMS: u64 = 100_000;

// S1 to S51, as far as programs reach them
#[test]
fn random_programs_do_what_the_reference_allows() {
    seeds::check(PROGRAMS);
}

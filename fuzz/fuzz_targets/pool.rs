//! The programs of `tests/tests/fuzz.rs`, drawn from libFuzzer's bytes instead of a seed.

#![no_main]

#[path = "../../tests/tests/fuzz/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the test that runs seeds uses more of it"
)]
mod programs;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use programs::{Books, Draw};

/// One byte for each number; zeros when they are used up.
struct Bytes<'a>(&'a [u8]);

impl Draw for Bytes<'_> {
    fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first) % n
    }
}

static BOOKS: OnceLock<&'static Books> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let program = programs::program(&mut Bytes(data));
    let faults = programs::run(&program, BOOKS.get_or_init(Books::new));
    assert!(faults.is_empty(), "\n{program}\n  {}", faults.join("\n  "));
});

//! Programs as the numbers that they are drawn from: what is shrunk is the numbers.

use ringpool_tests::SplitMix64;

use super::super::programs::Draw;

/// Draws from a seed, and notes what was drawn.
pub(crate) struct Recorder {
    random: SplitMix64,
    numbers: Vec<usize>,
}

impl Recorder {
    pub(crate) fn new(random: SplitMix64) -> Self {
        Self {
            random,
            numbers: Vec::new(),
        }
    }

    pub(crate) fn numbers(self) -> Vec<usize> {
        self.numbers
    }
}

impl Draw for Recorder {
    fn below(&mut self, n: usize) -> usize {
        let number = self.random.below(n);
        self.numbers.push(number);
        number
    }
}

/// Draws what was noted, changed or not; zeros when that is used up.
pub(crate) struct Tape<'a> {
    rest: &'a [usize],
}

impl<'a> Tape<'a> {
    pub(crate) fn new(numbers: &'a [usize]) -> Self {
        Self { rest: numbers }
    }
}

impl Draw for Tape<'_> {
    fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        (*first).min(n - 1)
    }
}

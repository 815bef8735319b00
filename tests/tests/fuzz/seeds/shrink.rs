//! Makes the numbers of a failing program fewer and smaller, for as long as it goes on to fail.

/// The smallest failing program that was found.
pub(crate) struct Small {
    pub(crate) numbers: Vec<usize>,
    pub(crate) faults: Vec<String>,
    /// How often it fails, in words.
    pub(crate) note: String,
}

/// How often a program is run to see how often it fails.
const TRIALS: usize = 500;

/// How many programs are run in all to make one small.
const BUDGET: usize = 30_000;

struct Search<F> {
    run: F,
    /// How often a candidate is run before it counts as right: threads do not always meet.
    repeats: usize,
    left: usize,
    best: Vec<usize>,
    faults: Vec<String>,
}

/// Shrinks; `None` if the program does not fail again.
pub(crate) fn shrink<F: FnMut(&[usize]) -> Vec<String>>(
    numbers: &[usize],
    mut run: F,
) -> Option<Small> {
    let mut faults = Vec::new();
    let mut failures = 0;
    for _ in 0..TRIALS {
        let found = run(numbers);
        if !found.is_empty() {
            failures += 1;
            faults = found;
        }
    }
    if failures == 0 {
        return None;
    }
    let mut search = Search {
        run,
        repeats: (4 * TRIALS).div_ceil(failures).min(TRIALS),
        left: BUDGET,
        best: numbers.to_vec(),
        faults,
    };
    if failures == TRIALS {
        search.repeats = 1;
    }
    while search.left > 0 && search.pass() {}
    let Search { best, faults, .. } = search;
    let note = format!("the seed's own program failed {failures} of {TRIALS} times");
    Some(Small {
        numbers: best,
        faults,
        note,
    })
}

impl<F: FnMut(&[usize]) -> Vec<String>> Search<F> {
    /// Tries every simpler neighbour; tells whether one of them fails too.
    fn pass(&mut self) -> bool {
        let before = self.best.clone();
        for size in [64, 32, 16, 8, 4, 3, 2, 1] {
            let mut at = self.best.len();
            while at > 0 {
                at = at.saturating_sub(size).min(self.best.len());
                let mut candidate = self.best.clone();
                candidate.drain(at..(at + size).min(self.best.len()));
                self.accept_if_it_fails(candidate);
            }
        }
        for at in (0..self.best.len()).rev() {
            for smaller in [0, 1, 2] {
                if at < self.best.len() && smaller < self.best[at] {
                    let mut candidate = self.best.clone();
                    candidate[at] = smaller;
                    self.accept_if_it_fails(candidate);
                }
            }
            if at < self.best.len() && self.best[at] > 0 {
                let mut candidate = self.best.clone();
                candidate[at] -= 1;
                self.accept_if_it_fails(candidate);
            }
        }
        self.best != before
    }

    fn accept_if_it_fails(&mut self, candidate: Vec<usize>) {
        for _ in 0..self.repeats {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let faults = (self.run)(&candidate);
            if !faults.is_empty() {
                (self.best, self.faults) = (candidate, faults);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if two numbers next to each other are large.
    fn fails(numbers: &[usize]) -> Vec<String> {
        let is_wrong = numbers.windows(2).any(|pair| pair[0] >= 5 && pair[1] >= 3);
        Vec::from_iter(is_wrong.then(|| "too large".to_owned()))
    }

    #[test]
    fn the_smallest_failure_is_found() {
        let numbers: Vec<_> = (0..200).map(|at| at * 7 % 10).collect();
        let small = shrink(&numbers, fails).expect("it fails");
        assert_eq!(small.numbers, [5, 3]);
        assert_eq!(small.faults, ["too large"]);
    }

    #[test]
    fn failures_that_come_and_go_are_made_small_too() {
        let mut at = 0;
        let now_and_then = |numbers: &[usize]| {
            at += 1;
            if at % 5 == 0 {
                fails(numbers)
            } else {
                Vec::new()
            }
        };
        let small = shrink(&[9; 40], now_and_then).expect("it fails");
        assert_eq!(small.numbers, [5, 3]);
    }

    #[test]
    fn what_never_fails_again_is_left_alone() {
        assert!(shrink(&[1, 2, 3], fails).is_none());
    }
}

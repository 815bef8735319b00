//! Rounds, and values that are counted while they live.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, Thread};

use crate::support::watchdog;

/// Runs `count` rounds, each with its own random numbers; names the seed of the round that fails.
pub(crate) fn rounds(name: &'static str, count: u64, mut round: impl FnMut(&mut Rng)) {
    let shift = std::env::var("STRESS_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    for number in 0..count {
        let seed = number + 1_000_000 * shift;
        let watched = watchdog::watch(format!("{name}, seed {seed}"));
        let named = NameOnPanic(name, seed);
        round(&mut Rng::new(seed));
        std::mem::forget(named);
        drop(watched);
    }
}

/// Names a round that panics.
struct NameOnPanic(&'static str, u64);

impl Drop for NameOnPanic {
    fn drop(&mut self) {
        eprintln!("in {}, seed {}", self.0, self.1);
    }
}

/// Counts values that live.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alive(Arc<AtomicIsize>);

/// A value that is counted while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Alive, Box<usize>);

impl Alive {
    pub(crate) fn make(&self, number: usize) -> Counted {
        self.0.fetch_add(1, SeqCst);
        Counted(self.clone(), Box::new(number))
    }

    pub(crate) fn now(&self) -> isize {
        self.0.load(SeqCst)
    }

    /// Waits until none lives, where the last one dies on a thread that nobody joins.
    pub(crate) fn settle(&self) {
        while self.now() > 0 {
            thread::yield_now();
        }
        assert_eq!(self.now(), 0, "something was dropped twice");
    }
}

impl Counted {
    pub(crate) fn number(&self) -> usize {
        *self.1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A use after the free of the box shows under AddressSanitizer.
        *self.1 = usize::MAX;
        let before = self.0.0.fetch_sub(1, SeqCst);
        assert!(before > 0, "something was dropped twice");
    }
}

/// A counter that threads share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// Wakes the thread that made it when others have done so many things.
pub(crate) struct Starter {
    at: usize,
    done: Count,
    thread: Thread,
}

impl Starter {
    pub(crate) fn new(at: usize) -> Self {
        Self {
            at,
            done: Count::default(),
            thread: thread::current(),
        }
    }

    /// Something was done.
    pub(crate) fn tick(&self) {
        self.done.add();
        if self.done.get() >= self.at {
            self.thread.unpark();
        }
    }

    /// Called by the thread that made it.
    pub(crate) fn wait(&self) {
        while self.done.get() < self.at {
            thread::park();
        }
    }
}

/// Lets others go first, a few times at random.
pub(crate) fn dawdle(rng: &mut Rng, most: usize) {
    for _ in 0..rng.below(most + 1) {
        if rng.coin() {
            thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Small, seeded, and good enough to shuffle races: xorshift64* by Marsaglia and Vigna.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a usize fits into 64 bits");
        usize::try_from((self.next() >> 16) % end).expect("it is below a usize")
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

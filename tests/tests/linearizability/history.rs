//! Records what threads do, round after round.

use std::env;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use ringpool_tests::{SplitMix64, watchdog};

use super::checker::Event;

/// Orders calls and returns. Its read-modify-writes also make "earlier" mean "happens before", which is what an
/// object with acquire and release orderings promises to respect.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicUsize);

impl Clock {
    pub(crate) fn now(&self) -> usize {
        self.0.fetch_add(1, SeqCst)
    }

    /// Performs an operation, which returns itself with its answer.
    pub(crate) fn time<O>(&self, f: impl FnOnce() -> O) -> Event<O> {
        let called = self.now();
        let operation = f();
        let returned = self.now();
        Event {
            operation,
            called,
            returned,
        }
    }
}

/// Runs `act` on `count` threads that start together, each with random numbers of its own, and returns what
/// each of them made.
pub(crate) fn together<T: Send>(
    count: usize,
    random: &mut SplitMix64,
    act: impl Fn(usize, &mut SplitMix64) -> T + Sync,
) -> Vec<T> {
    let (arrived, act) = (&AtomicUsize::new(0), &act);
    let seeds: Vec<_> = (0..count).map(|_| random.number()).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .zip(seeds)
            .map(|(index, seed)| {
                scope.spawn(move || {
                    let mut random = SplitMix64::new(seed);
                    // Threads that spin leave together; a barrier wakes them one after the other.
                    arrived.fetch_add(1, SeqCst);
                    while arrived.load(SeqCst) < count {
                        thread::yield_now();
                    }
                    act(index, &mut random)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("nothing panics here"))
            .collect()
    })
}

/// Lets other threads go first, now and then.
pub(crate) fn dawdle(random: &mut SplitMix64) {
    if random.below(4) == 0 {
        thread::yield_now();
    }
}

/// Runs `round` with the random numbers of seed after seed, and fails with the first history that it says is
/// wrong.
pub(crate) fn rounds<O: Debug>(
    count: u64,
    round: impl Fn(&mut SplitMix64) -> Result<(), Vec<Event<O>>>,
) {
    let number = |name| {
        env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let (seed, count) = (
        number("RINGPOOL_SEED"),
        number("RINGPOOL_ROUNDS").unwrap_or(count),
    );
    assert!(count > 0, "no rounds prove nothing");
    for number in 0..count {
        let _watched = number.is_multiple_of(100).then(watchdog);
        let _watched = watchdog();
        let seed = seed.unwrap_or(number);
        if let Err(history) = round(&mut SplitMix64::new(seed)) {
            let lines: Vec<_> = history.iter().map(|event| format!("  {event:?}")).collect();
            panic!(
                "RINGPOOL_SEED={seed}: no order of these explains their answers:\n{}",
                lines.join("\n")
            );
        }
    }
}

/// Whether one of many rounds has a history that is wrong.
pub(crate) fn is_caught<O>(round: impl Fn(&mut SplitMix64) -> Result<(), Vec<Event<O>>>) -> bool {
    let _watched = watchdog();
    (0..20_000).any(|seed| round(&mut SplitMix64::new(seed)).is_err())
}

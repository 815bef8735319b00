//! What pools of both kinds promise, in place: the files of `both` with this way to make a pool.
//!
//! What a static pool adds has tests of its own, in `tests/static_pool`.

use std::collections::BTreeSet;
use std::path::Path;

use ringpool::{Running, StaticPool, Std, Threads};

/// Promises that a static pool does not make, each with the reason.
const LEFT_OUT: [(usize, &str); 7] = [
    (
        1,
        "the number of workers is a part of the type, so there is no default",
    ),
    (2, "zero workers do not compile"),
    (
        31,
        "`try_map` gives a vector, and its error would need a place beside the results",
    ),
    (
        32,
        "`starmap` gives a vector; a function of a pair unpacks it by itself",
    ),
    (
        33,
        "`map_async` has no place for its results: the slot of a job holds one value",
    ),
    (
        48,
        "a static is not dropped, and a pool on the stack gives out no handles",
    ),
    (49, "as above"),
];

/// Parts of promises that a static pool leaves out while it keeps the rest, each with the reason.
const PARTS_LEFT_OUT: [(usize, &str); 5] = [
    (
        4,
        "a start that fails terminates the pool, for there is no other to be built",
    ),
    (
        13,
        "a submission does not wait for room: it may depend on handles that the same thread holds",
    ),
    (
        26,
        "`map` gives a vector; `map_into` writes into a slice or a `heapless::Vec`",
    ),
    (40, "`Control` is shared, which needs an allocator"),
    (
        51,
        "callers take part by `Seat::participate`, as any worker",
    ),
];

type Pool<const WORKERS: usize> = StaticPool<WORKERS, 512, 256, Std>;

/// A pool whose workers have been started, and leave when this is dropped.
struct Started<const WORKERS: usize> {
    pool: &'static Pool<WORKERS>,
    running: Option<Running<'static, Threads, WORKERS>>,
}

impl<const WORKERS: usize> Started<WORKERS> {
    fn new() -> Self {
        let pool: &'static Pool<WORKERS> = ringpool_tests::leak(Pool::default());
        let running = pool.start(Threads::new()).expect("threads can be started");
        Self {
            pool,
            running: Some(running),
        }
    }
}

impl<const WORKERS: usize> Drop for Started<WORKERS> {
    fn drop(&mut self) {
        self.pool.terminate();
        let threads = self.running.take().map(Running::join);
        assert!(threads.is_some_and(|joined| joined.is_ok()));
    }
}

/// Makes a pool of so many workers, which ends with the scope.
macro_rules! pool {
    ($name:ident: $workers:literal) => {
        let started = super::Started::<$workers>::new();
        let $name = started.pool;
    };
}

#[path = "both/apply.rs"]
mod apply;
#[path = "both/batches.rs"]
mod batches;
#[path = "both/callbacks.rs"]
mod callbacks;
#[path = "both/cancel.rs"]
mod cancel;
#[path = "both/get.rs"]
mod get;
#[path = "both/order.rs"]
mod order;

#[test]
fn every_promise_is_kept_in_place_or_left_out_by_name() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = ["static_pool", "conformance/both"];
    let cited = super::promises_cited_in(&folders.map(|folder| tests.join(folder)));
    let left_out: BTreeSet<usize> = LEFT_OUT.iter().map(|(promise, _)| *promise).collect();
    let known = &cited | &left_out;
    assert_eq!(super::missing(&known), [], "neither tested nor left out");
    assert!(
        cited.is_disjoint(&left_out),
        "left out, but there is a test"
    );
    let in_part = PARTS_LEFT_OUT.iter().map(|(promise, _)| promise);
    for promise in in_part {
        assert!(cited.contains(promise), "no part of S{promise} is tested");
    }
}

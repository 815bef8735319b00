//! Pools that are dropped inside their own workers, and callbacks that submit.

use std::sync::{Arc, Weak, mpsc};
use std::thread;

use ringpool::{CancelOutcome, JobError};

use super::row::{
    Ending, Gate, ITEMS, OUTCOMES, Outcome, Phase, Row, Tally, TrackedPool, TrackedWorker, Trigger,
    Work, run_rows, shapes,
};
use crate::census::{Kind, Tracked};

/// Where the last owner of a pool lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Body,
    BodyOnWorker,
    Capture,
    Value,
    SuccessCallback,
    ErrorCallback,
    Item,
    BatchFunction,
    BatchValue,
    BatchCallback,
    /// Dropped by a thread that cancels.
    CancelledCapture,
    CancelledItem,
}

const PLACES: [Place; 12] = [
    Place::Body,
    Place::BodyOnWorker,
    Place::Capture,
    Place::Value,
    Place::SuccessCallback,
    Place::ErrorCallback,
    Place::Item,
    Place::BatchFunction,
    Place::BatchValue,
    Place::BatchCallback,
    Place::CancelledCapture,
    Place::CancelledItem,
];

/// Waits until the thread that submits has let go of the pool.
fn alone(pool: &Weak<TrackedPool>) {
    while pool.strong_count() > 1 {
        thread::yield_now();
    }
}

/// Submits the job or batch that owns the pool, and lets go of it.
fn give_away(place: Place, pool: Arc<TrackedPool>, work: Work) {
    let (weak, census) = (Arc::downgrade(&pool), work.census);
    let owner = Arc::clone(&pool);
    let wait = move || alone(&weak);
    let item = work.item(0);
    let open = "the pool is open";
    match place {
        Place::Body => drop(pool.apply_async(move || {
            wait();
            drop(owner);
            drop(work.run(item));
        })),
        Place::BodyOnWorker => drop(pool.with_worker().apply_async(move |worker| {
            wait();
            drop(owner);
            assert_eq!(
                worker.state.kind,
                Kind::State,
                "a running job keeps its worker's state"
            );
            drop(work.run(item));
        })),
        Place::Capture => drop(pool.apply_async(move || {
            let _owner = &owner;
            wait();
            work.run(item)
        })),
        Place::Value => drop(pool.apply_async(move || {
            wait();
            (owner, work.run(item))
        })),
        Place::SuccessCallback => {
            let with = pool.with().on_success(move |_: &Tracked| drop(owner));
            drop(with.apply_async(move || {
                wait();
                work.make(0)
            }));
        }
        Place::ErrorCallback => {
            let with = pool.with().on_error(move |_| drop(owner));
            drop(with.apply_async(move || {
                wait();
                work.run(item)
            }));
        }
        Place::Item => {
            let items = vec![(Some(owner), item), (None, work.item(1))];
            drop(pool.map_async(items, move |(owner, item)| {
                if owner.is_some() {
                    wait();
                }
                drop(owner);
                work.run(item)
            }));
        }
        Place::BatchFunction => drop(pool.map_async(work.items(), move |item| {
            let _owner = &owner;
            wait();
            work.run(item)
        })),
        Place::BatchValue => drop(pool.map_async(vec![(owner, item)], move |(owner, item)| {
            wait();
            (owner, work.run(item))
        })),
        Place::BatchCallback => {
            let with = pool.with().on_success(move |_: &Vec<Tracked>| drop(owner));
            drop(
                with.map_async(vec![census.track(Kind::Item, 0)], move |item| {
                    wait();
                    work.run(item)
                }),
            );
        }
        Place::CancelledCapture => {
            let job = move || {
                let _owner = &owner;
                work.run(item)
            };
            let handle = pool.apply_async(job).map_err(|_| open).expect(open);
            drop(pool);
            assert_eq!(handle.cancel(), CancelOutcome::NeverRan);
            assert!(matches!(handle.get(), Err(JobError::Cancelled)));
            return;
        }
        Place::CancelledItem => {
            let map = move |(_, item): (Arc<TrackedPool>, Tracked)| work.run(item);
            let handle = pool
                .map_async(vec![(owner, item)], map)
                .map_err(|_| open)
                .expect(open);
            drop(pool);
            assert_eq!(handle.cancel(), CancelOutcome::NeverRan);
            assert!(matches!(handle.get(), Err(JobError::Cancelled)));
            return;
        }
    }
    drop(pool);
}

fn rows<V: Copy>(verbs: &'static [V]) -> impl Iterator<Item = Row<V>> {
    shapes().flat_map(move |shape| {
        verbs.iter().flat_map(move |&verb| {
            OUTCOMES.into_iter().flat_map(move |outcome| {
                [Ending::DropPool, Ending::DrainPool].map(|ending| Row {
                    verb,
                    outcome,
                    ending,
                    phase: Phase::During,
                    shape,
                })
            })
        })
    })
}

// S48
#[test]
fn pools_dropped_inside_their_own_workers() {
    let cancels = |place| matches!(place, Place::CancelledCapture | Place::CancelledItem);
    // Held workers do not leave a pool that drains.
    let rows = rows(&PLACES).filter(|row| !(cancels(row.verb) && row.ending == Ending::DrainPool));
    run_rows(rows, |row, census| {
        let pool = row.shape.build(census, row.ending);
        let cancels = cancels(row.verb);
        let gate = cancels.then(|| Gate::hold(&pool, row.shape));
        let work = Work::new(census, row.outcome, Trigger::none());
        // Some jobs before, which run, and none behind it, where the queue may be full for ever.
        let before = if cancels { 0 } else { ITEMS };
        let handles = (0..before)
            .map(|number| {
                let (own, item) = (work.clone(), work.item(number));
                pool.apply_async(move || own.run(item))
                    .expect("the pool is open")
            })
            .collect::<Vec<_>>();
        give_away(row.verb, pool, work);
        let mut tally = Tally::default();
        for (number, handle) in handles.into_iter().enumerate() {
            tally.count(row.outcome, Some(number), handle.get());
        }
        assert_eq!(tally.all(), before);
        assert_eq!((tally.cancelled, tally.closed), (0, 0));
        census.settle(0);
        drop(gate);
        Vec::new()
    });
}

/// What submits, and what it submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    SingleToSingle,
    SingleToBatch,
    BatchToSingle,
    BatchToBatch,
    /// Callbacks that make blocking and lazy calls.
    ToBlocking,
}

const CHAINS: [Chain; 5] = [
    Chain::SingleToSingle,
    Chain::SingleToBatch,
    Chain::BatchToSingle,
    Chain::BatchToBatch,
    Chain::ToBlocking,
];

/// Submits a job or batch whose callbacks submit the next one, until none is left.
#[expect(
    clippy::only_used_in_recursion,
    reason = "its last clone goes with the last callback"
)]
fn link(chain: Chain, left: usize, pool: &Arc<TrackedPool>, work: &Work, done: mpsc::Sender<()>) {
    let next = {
        let (pool, work) = (Arc::downgrade(pool), work.clone());
        move || {
            let pool = pool.upgrade().expect("it is closed after the last link");
            if chain == Chain::ToBlocking {
                block(&pool, &work);
            }
            if left > 0 {
                link(chain, left - 1, &pool, &work, done);
            }
        }
    };
    // Exactly one of the two runs; the other is dropped.
    let next = Arc::new(std::sync::Mutex::new(Some(next)));
    let other = Arc::clone(&next);
    let go = |next: &std::sync::Mutex<Option<_>>| {
        let next: Option<_> = next.lock().expect("nobody panics with it").take();
        next.expect("one callback of each link runs")
    };
    let census = work.census;
    let (told, failed) = (
        census.track(Kind::Callback, 0),
        census.track(Kind::Callback, 1),
    );
    let own = work.clone();
    let on_error = move |_: &JobError| {
        assert_eq!(failed.number, 1);
        census.failed();
        go(&other)();
    };
    let with = pool.with().on_error(on_error);
    let is_batch = match chain {
        Chain::SingleToSingle | Chain::ToBlocking => false,
        Chain::BatchToBatch => true,
        Chain::SingleToBatch => left.is_multiple_of(2),
        Chain::BatchToSingle => !left.is_multiple_of(2),
    };
    if is_batch {
        let with = with.on_success(move |_: &Vec<Tracked>| {
            assert_eq!(told.number, 0);
            census.succeeded();
            go(&next)();
        });
        drop(
            with.map_async(vec![work.item(left)], move |item| own.run(item))
                .expect("the pool is open"),
        );
    } else {
        let item = work.item(left);
        let with = with.on_success(move |_: &Tracked| {
            assert_eq!(told.number, 0);
            census.succeeded();
            go(&next)();
        });
        drop(
            with.apply_async(move || own.run(item))
                .expect("the pool is open"),
        );
    }
}

fn block(pool: &Arc<TrackedPool>, work: &Work) {
    let make = |number: usize| work.census.track(Kind::Value, number);
    assert_eq!(pool.apply(|| make(1)).expect("it returns").number, 1);
    assert_eq!(pool.map(0..3, make).expect("it returns").len(), 3);
    let census = work.census;
    let stream = pool.imap(0..3, move |number| census.track(Kind::Value, number));
    assert!(
        stream
            .map(|value| value.expect("it returns").number)
            .eq(0..3)
    );
    pool.scope(|scope| drop(scope.apply_async(|| make(2))))
        .expect("it returns");
    let refused = pool.broadcast(|_: &mut TrackedWorker<'_>| ());
    assert!(matches!(refused, Err(JobError::FromWorker)));
}

// S23, S25
#[test]
fn callbacks_that_submit() {
    let rows = rows(&CHAINS).filter(|row| row.ending == Ending::DropPool);
    run_rows(rows, |row, census| {
        let pool = row.shape.build(census, row.ending);
        let work = Work::new(census, row.outcome, Trigger::none());
        let (done, last) = mpsc::channel();
        link(row.verb, ITEMS - 1, &pool, &work, done);
        // Every sender is gone when the last callback has ended.
        assert!(last.recv().is_err());
        drop(work);
        pool.close();
        pool.join().expect("it is closed");
        assert_eq!(census.runs(), ITEMS);
        let panics = Outcome::panic_count(row.outcome, ITEMS);
        assert_eq!(census.callbacks(), (ITEMS - panics, panics));
        drop(pool);
        Vec::new()
    });
}

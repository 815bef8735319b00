//! What `stats` counts.

use ringpool::{Pool, Schedule};
use ringpool_tests::{pool, watchdog};

/// Jobs and items that all workers of a pool have begun.
fn counted(pool: &Pool) -> (usize, usize) {
    let workers = pool.stats().workers;
    let jobs = workers.iter().map(|worker| worker.jobs).sum();
    (jobs, workers.iter().map(|worker| worker.items).sum())
}

/// S7: a chunk counts as one job.
#[test]
fn each_item_is_counted_once_whichever_verb_it_came_by() {
    let _watch = watchdog();
    let calls: [(fn(&Pool), usize, usize); 7] = [
        (|pool| pool.apply(|| ()).unwrap(), 1, 1),
        (|pool| pool.apply_async(|| ()).unwrap().get().unwrap(), 1, 1),
        (
            |pool| pool.with().chunk_size(4).for_each(0..10, |_| ()).unwrap(),
            3,
            10,
        ),
        (
            |pool| {
                let with = pool.with().schedule(Schedule::Static);
                with.for_each(0..10, |_| ()).unwrap();
            },
            2,
            10,
        ),
        (
            |pool| {
                let with = pool.with().chunk_size(5);
                with.map_async(0..10, |n| n).unwrap().get().unwrap();
            },
            2,
            10,
        ),
        (
            |pool| {
                let with = pool.with().chunk_size(4);
                assert_eq!(with.imap(0..10, |n| n).count(), 10);
                let with = pool.with().chunk_size(4);
                assert_eq!(with.imap_unordered(0..10, |n| n).count(), 10);
            },
            6,
            20,
        ),
        (
            |pool| assert_eq!(pool.broadcast(|_| ()).unwrap().len(), 2),
            2,
            2,
        ),
    ];
    for (number, (call, jobs, items)) in calls.into_iter().enumerate() {
        let pool = pool(2);
        call(&pool);
        assert_eq!(counted(&pool), (jobs, items), "call {number}");
    }
}

//! Many submitters, nested storms, replaced workers, and far more workers than CPUs.

use std::sync::Arc;
use std::thread;

use ringpool::{JobError, Pool, Scope};

use crate::rounds::{Alive, Count, Rng, Starter, rounds};

// S13
#[test]
fn eight_submitters_share_one_place_in_the_queue() {
    rounds("one place", 40, |rng| {
        let workers = 1 + rng.below(3);
        let pool = Pool::builder()
            .workers(workers)
            .capacity(1)
            .build()
            .expect("a small pool can be built");
        let alive = Alive::default();
        let sum = Count::default();
        thread::scope(|threads| {
            for _ in 0..8 {
                let mut rng = Rng::new(rng.next());
                let (pool, alive, sum) = (&pool, &alive, &sum);
                threads.spawn(move || {
                    for number in 0..100 {
                        let value = alive.make(number);
                        let counter = sum.clone();
                        let job = move || {
                            counter.add();
                            value
                        };
                        match rng.below(5) {
                            0 => {
                                let mut job = job;
                                loop {
                                    match pool.try_apply_async(job) {
                                        Ok(handle) => break drop(handle),
                                        Err(full) => job = full.into_inner(),
                                    }
                                    thread::yield_now();
                                }
                            }
                            1 => assert_eq!(pool.apply(job).expect("it returns").number(), number),
                            2 => {
                                let mapped = pool.map(vec![value_of(job)], |value| value.number());
                                assert_eq!(mapped.expect("it returns"), [number]);
                            }
                            3 => {
                                let handle =
                                    pool.map_async(vec![value_of(job)], |value| value.number());
                                assert_eq!(
                                    handle.expect("it is open").get().expect("it returns"),
                                    [number]
                                );
                            }
                            _ => drop(pool.apply_async(job).expect("it is open")),
                        }
                    }
                });
            }
        });
        pool.close();
        pool.join().expect("it is closed");
        assert_eq!((sum.get(), alive.now()), (800, 0));
    });
}

fn value_of<T>(job: impl FnOnce() -> T) -> T {
    job()
}

/// Leaves below a node of the given depth, counted by nested calls of random verbs.
fn storm(pool: &Arc<Pool>, depth: usize, rng: &mut Rng) -> usize {
    if depth == 0 {
        return 1;
    }
    let (left, right) = (rng.next(), rng.next());
    let below = |seed: u64| storm(pool, depth - 1, &mut Rng::new(seed));
    match rng.below(9) {
        0 => pool
            .map([left, right], below)
            .expect("it returns")
            .iter()
            .sum(),
        1 => pool
            .reduce([left, right], 0, below, |a, b| a + b)
            .expect("it returns"),
        2 => {
            let sum = pool.scope(|scope| {
                let handles = [left, right].map(|seed| scope.apply_async(move || below(seed)));
                handles
                    .into_iter()
                    .map(|handle| handle.get().expect("it returns"))
                    .sum::<usize>()
            });
            sum.expect("no job has panicked")
        }
        3 => {
            let count = Count::default();
            let ended = pool.scope(|scope| {
                for seed in [left, right] {
                    let (count, below) = (&count, &below);
                    scope.apply_async(move || (0..below(seed)).for_each(|_| count.add()));
                }
            });
            ended.expect("no job has panicked");
            count.get()
        }
        4 => {
            let handles = [left, right].map(|seed| {
                let shared = Arc::clone(pool);
                let job = move || storm(&shared, depth - 1, &mut Rng::new(seed));
                pool.apply_async(job).expect("it is open")
            });
            handles
                .into_iter()
                .map(|handle| handle.get().expect("it returns"))
                .sum()
        }
        5 => {
            let shared = Arc::clone(pool);
            let below = move |seed| storm(&shared, depth - 1, &mut Rng::new(seed));
            let stream = pool.imap([left, right], below);
            stream.map(|count| count.expect("it returns")).sum()
        }
        6 => {
            let shared = Arc::clone(pool);
            let below = move |seed| storm(&shared, depth - 1, &mut Rng::new(seed));
            let stream = pool.imap_unordered([left, right], below);
            stream.map(|count| count.expect("it returns")).sum()
        }
        7 => {
            let shared = Arc::clone(pool);
            let below = move |seed| storm(&shared, depth - 1, &mut Rng::new(seed));
            let handle = pool.map_async([left, right], below).expect("it is open");
            handle.get().expect("it returns").iter().sum()
        }
        _ => {
            pool.apply(|| below(left)).expect("it returns")
                + pool.apply(|| below(right)).expect("it returns")
        }
    }
}

// S41, S42
#[test]
fn nested_storms_end_on_one_or_two_workers() {
    rounds("nested storms", 300, |rng| {
        let builder = Pool::builder().workers(1 + rng.below(2));
        let builder = if rng.coin() {
            builder.capacity(1 + rng.below(2))
        } else {
            builder
        };
        let builder = if rng.coin() {
            builder.max_jobs_per_worker(1 + rng.below(3))
        } else {
            builder
        };
        let builder = if rng.coin() {
            builder.caller_participates()
        } else {
            builder
        };
        let pool = Arc::new(builder.build().expect("a small pool can be built"));
        thread::scope(|threads| {
            for _ in 0..3 {
                let mut rng = Rng::new(rng.next());
                let pool = &pool;
                threads.spawn(move || assert_eq!(storm(pool, 6, &mut rng), 64));
            }
        });
        pool.close();
        pool.join().expect("it is closed");
    });
}

/// Submits into a scope from jobs of that scope.
fn spread<'scope>(scope: &'scope Scope<'scope, '_>, depth: usize, count: &'scope Count) {
    count.add();
    if depth > 0 {
        for _ in 0..2 {
            scope.apply_async(move || spread(scope, depth - 1, count));
        }
    }
}

// S42
#[test]
fn jobs_of_a_scope_submit_into_it() {
    rounds("spreading scopes", 400, |rng| {
        let builder = Pool::builder().workers(1 + rng.below(2));
        let builder = if rng.coin() {
            builder.capacity(1)
        } else {
            builder
        };
        let builder = if rng.coin() {
            builder.caller_participates()
        } else {
            builder
        };
        let pool = builder.build().expect("a small pool can be built");
        thread::scope(|threads| {
            for role in 0..3 {
                let pool = &pool;
                threads.spawn(move || {
                    let count = Count::default();
                    if role == 0 {
                        // The same from inside of a worker.
                        let ended = pool.apply(|| pool.scope(|scope| spread(scope, 6, &count)));
                        ended.expect("it returns").expect("no job has panicked");
                    } else {
                        pool.scope(|scope| spread(scope, 6, &count))
                            .expect("no job has panicked");
                    }
                    assert_eq!(count.get(), 127);
                });
            }
        });
    });
}

// S7
#[test]
fn workers_are_replaced_under_every_verb() {
    rounds("replacement storms", 80, |rng| {
        let (made, ended) = (Count::default(), Count::default());
        let (first, last) = (made.clone(), ended.clone());
        let workers = 1 + rng.below(3);
        let pool = Pool::builder()
            .workers(workers)
            .max_jobs_per_worker(1)
            .initializer(move |_| {
                first.add();
                0_usize
            })
            .exit_hook(move |_, _| last.add())
            .build()
            .expect("a small pool can be built");
        let alive = Alive::default();
        let closes_midway = rng.coin();
        let starter = Starter::new(rng.below(30));
        thread::scope(|threads| {
            for _ in 0..3 {
                let mut rng = Rng::new(rng.next());
                let (pool, alive, starter) = (&pool, &alive, &starter);
                threads.spawn(move || {
                    for _ in 0..15 {
                        starter.tick();
                        let items = (0..5).map(|number| alive.make(number)).collect::<Vec<_>>();
                        let result = match rng.below(9) {
                            0 => pool.with_worker().apply(|worker| *worker.state += 1),
                            1 => pool.with().chunk_size(1).for_each(items, drop),
                            2 => pool.with_worker().map(items, |_, item| item).map(drop),
                            3 => pool.broadcast(|worker| *worker.state).map(|states| {
                                assert_eq!(states.len(), workers);
                            }),
                            4 => pool.scope(|scope| {
                                for item in items {
                                    scope.apply_async(move || item);
                                }
                            }),
                            5 => pool
                                .imap(items, |item| item)
                                .try_for_each(|item| item.map(drop)),
                            6 => pool
                                .imap_unordered(items, |item| item)
                                .try_for_each(|item| item.map(drop)),
                            7 => match pool.with().chunk_size(1).map_async(items, |item| item) {
                                Ok(handle) => handle.get().map(drop),
                                Err(refused) => Err(refused.into()),
                            },
                            _ => match pool.apply_async(move || items) {
                                Ok(handle) => handle.get().map(drop),
                                Err(refused) => Err(refused.into()),
                            },
                        };
                        if let Err(error) = result {
                            assert!(
                                closes_midway && matches!(error, JobError::Closed),
                                "{error:?}"
                            );
                            return;
                        }
                    }
                });
            }
            if closes_midway {
                starter.wait();
                pool.close();
            }
        });
        pool.close();
        pool.join().expect("it is closed");
        assert!(made.get() >= workers);
        assert_eq!(
            made.get(),
            ended.get(),
            "initializers and exit hooks differ"
        );
        assert_eq!(alive.now(), 0);
    });
}

#[test]
fn sixty_four_workers_for_each_cpu() {
    let cpus = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(4);
    rounds("oversubscription", 8, |rng| {
        let workers = 64 * cpus;
        let pool = Pool::builder()
            .workers(workers)
            .build()
            .expect("so many threads can be had");
        let (alive, ran) = (Alive::default(), Count::default());
        thread::scope(|threads| {
            for _ in 0..4 {
                let mut rng = Rng::new(rng.next());
                let (pool, alive, ran) = (&pool, &alive, &ran);
                threads.spawn(move || {
                    for round in 0..6 {
                        let items = (0..300)
                            .map(|number| alive.make(number))
                            .collect::<Vec<_>>();
                        let with = pool.with().chunk_size(1 + rng.below(3));
                        let values = with.map(items, |item| item).expect("it returns");
                        assert!(
                            values
                                .iter()
                                .enumerate()
                                .all(|(at, value)| at == value.number())
                        );
                        for _ in 0..100 {
                            let ran = ran.clone();
                            pool.apply_async(move || ran.add()).expect("it is open");
                        }
                        if round == 3 {
                            let indices =
                                pool.broadcast(|worker| worker.index()).expect("it returns");
                            assert!(indices.into_iter().eq(0..workers));
                        }
                    }
                });
            }
        });
        pool.close();
        pool.join().expect("it is closed");
        assert_eq!((ran.get(), alive.now()), (2400, 0));
    });
}

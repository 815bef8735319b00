//! Submissions against close, terminate, join and drop.

use std::thread;
use std::time::Duration;

use ringpool::{Control, JobError, JoinError, Pool};

use crate::rounds::{Alive, Count, Counted, Rng, Starter, dawdle, rounds};

fn random_pool(rng: &mut Rng) -> Pool {
    let mut builder = Pool::builder().workers(1 + rng.below(4));
    builder = match rng.below(3) {
        0 => builder.capacity(1 + rng.below(3)),
        _ => builder,
    };
    if rng.below(3) == 0 {
        builder = builder.max_jobs_per_worker(1 + rng.below(4));
    }
    if rng.below(3) == 0 {
        builder = builder.caller_participates();
    }
    builder.build().expect("a small pool can be built")
}

// S14, S44, S45, S46
#[test]
fn every_accepted_job_resolves_while_threads_submit_close_terminate_and_join() {
    rounds("submit, close, terminate, join", 400, |rng| {
        let pool = random_pool(rng);
        let alive = Alive::default();
        let (accepted, resolved, ran) = (Count::default(), Count::default(), Count::default());
        let with_terminate = rng.coin();
        let starter = Starter::new(rng.below(100));
        let seeds = [(); 3].map(|()| rng.next());
        thread::scope(|threads| {
            for seed in seeds {
                let (mut rng, starter) = (Rng::new(seed), &starter);
                let (pool, alive, accepted, resolved, ran) =
                    (&pool, &alive, &accepted, &resolved, &ran);
                threads.spawn(move || {
                    loop {
                        let (value, other) = (alive.make(1), alive.make(2));
                        let (yes, no, ran) = (resolved.clone(), resolved.clone(), ran.clone());
                        let job = move || {
                            ran.add();
                            value
                        };
                        let with = pool
                            .with()
                            .on_success(move |_| yes.add())
                            .on_error(move |_| {
                                assert_eq!(other.number(), 2);
                                no.add();
                            });
                        let submitted = if rng.coin() {
                            with.apply_async(job)
                        } else {
                            with.try_apply_async(job)
                        };
                        match submitted {
                            Ok(handle) => {
                                accepted.add();
                                starter.tick();
                                match rng.below(4) {
                                    0 => drop(handle.cancel()),
                                    1 => drop(handle.get()),
                                    _ => {}
                                }
                            }
                            Err(refused) if refused.is_full() => thread::yield_now(),
                            Err(_) => break,
                        }
                    }
                });
            }
            for _ in 0..2 {
                let pool = &pool;
                threads.spawn(move || {
                    while pool.join() == Err(JoinError::StillRunning) {
                        thread::yield_now();
                    }
                });
            }
            starter.wait();
            if with_terminate && rng.coin() {
                pool.terminate();
            }
            pool.close();
            dawdle(rng, 5);
            if with_terminate {
                pool.terminate();
            }
        });
        pool.join().expect("it is closed");
        let late = ran.get();
        assert_eq!(
            resolved.get(),
            accepted.get(),
            "accepted and resolved differ"
        );
        assert!(ran.get() + pool.stats().never_started <= accepted.get());
        if !with_terminate {
            assert_eq!(pool.stats().never_started, 0);
        }
        drop(pool);
        assert_eq!(ran.get(), late, "a job ran after join");
        assert_eq!(alive.now(), 0, "something lives on");
    });
}

// S45: without cancels, what was accepted has run or was counted.
#[test]
fn terminate_counts_exactly_what_never_started() {
    rounds("terminate counts", 400, |rng| {
        let pool = random_pool(rng);
        let (accepted, ran) = (Count::default(), Count::default());
        let starter = Starter::new(rng.below(100));
        let seeds = [(); 3].map(|()| rng.next());
        thread::scope(|threads| {
            for seed in seeds {
                let (pool, accepted, ran, starter) = (&pool, &accepted, &ran, &starter);
                threads.spawn(move || {
                    let mut rng = Rng::new(seed);
                    loop {
                        let ran = ran.clone();
                        match pool.apply_async(move || ran.add()) {
                            Ok(_) => {
                                accepted.add();
                                starter.tick();
                            }
                            Err(_) => break,
                        }
                        dawdle(&mut rng, 4);
                    }
                });
            }
            starter.wait();
            pool.terminate();
        });
        pool.join().expect("it is terminated");
        assert_eq!(ran.get() + pool.stats().never_started, accepted.get());
    });
}

// S12, S14: whoever blocks in a verb comes back.
#[test]
fn blocked_callers_come_back_when_the_pool_ends_or_is_cancelled() {
    rounds("blocked callers", 250, |rng| {
        let pool = random_pool(rng);
        let alive = Alive::default();
        let control = Control::new();
        let starter = Starter::new(rng.below(40));
        let seeds = [(); 3].map(|()| rng.next());
        thread::scope(|threads| {
            for seed in seeds {
                let (pool, alive, control, starter) = (&pool, &alive, &control, &starter);
                threads.spawn(move || {
                    let mut rng = Rng::new(seed);
                    loop {
                        let items = (0..rng.below(20))
                            .map(|number| alive.make(number))
                            .collect::<Vec<_>>();
                        let length = items.len();
                        let with = pool.with().control(control);
                        let with = if rng.below(4) == 0 {
                            with.deadline(Duration::from_micros(rng.next() % 100))
                        } else {
                            with
                        };
                        let ended = match rng.below(6) {
                            0 => with.apply(|| alive.make(1)).map(drop),
                            1 => with.for_each(items, drop),
                            2 => with.chunk_size(1).map(items, |item| item).map(|values| {
                                assert!(
                                    values
                                        .iter()
                                        .enumerate()
                                        .all(|(at, value)| at == value.number())
                                );
                                assert_eq!(values.len(), length);
                            }),
                            3 => {
                                with.broadcast(|worker| alive.make(worker.index()))
                                    .map(|values| {
                                        assert_eq!(values.len(), pool.worker_count());
                                    })
                            }
                            4 => {
                                let zero = alive.make(0);
                                let sum =
                                    |a: Counted, b: Counted| alive.make(a.number() + b.number());
                                with.reduce(items, zero, |item| item, sum).map(|sum| {
                                    assert_eq!(sum.number(), (0..length).sum::<usize>());
                                })
                            }
                            _ => pool.scope(|scope| {
                                let handle = scope.map_async(items, |item| item.number());
                                scope.apply_async(|| alive.make(2));
                                drop(handle.get());
                            }),
                        };
                        starter.tick();
                        match ended {
                            Ok(()) | Err(JobError::DeadlineExpired) => {}
                            Err(JobError::Cancelled) => {
                                if pool.apply(|| ()).is_err() {
                                    break;
                                }
                            }
                            Err(_) => break,
                        }
                    }
                });
            }
            starter.wait();
            if rng.coin() {
                control.cancel();
                dawdle(rng, 5);
            }
            if rng.coin() {
                pool.terminate();
            } else {
                pool.close();
            }
            pool.join().expect("it is closed");
        });
        drop(pool);
        assert_eq!(alive.now(), 0, "something lives on");
    });
}

// S39, S43, S44
#[test]
fn broadcasts_maps_and_closes_from_several_threads() {
    rounds("broadcast, map, close", 300, |rng| {
        let pool = random_pool(rng);
        let workers = pool.worker_count();
        let (begun, ended) = (Count::default(), Count::default());
        let starter = Starter::new(rng.below(40));
        let seeds = [(); 4].map(|()| rng.next());
        let terminates = rng.coin();
        thread::scope(|threads| {
            for (role, seed) in seeds.into_iter().enumerate() {
                let (pool, begun, ended, starter) = (&pool, &begun, &ended, &starter);
                threads.spawn(move || {
                    let mut rng = Rng::new(seed);
                    loop {
                        let result = if role < 2 {
                            let visits = Count::default();
                            let result = pool.broadcast(|worker| {
                                visits.add();
                                begun.add();
                                worker.index()
                            });
                            if let Ok(indices) = &result {
                                assert!(indices.iter().copied().eq(0..workers));
                                assert_eq!(visits.get(), workers);
                            } else {
                                assert!(
                                    terminates || visits.get() == 0,
                                    "a broadcast is half done"
                                );
                            }
                            for _ in 0..visits.get() {
                                ended.add();
                            }
                            result.map(drop)
                        } else {
                            let schedule = if rng.coin() {
                                ringpool::Schedule::Static
                            } else {
                                ringpool::Schedule::Auto
                            };
                            let count = rng.below(30);
                            pool.with()
                                .schedule(schedule)
                                .map(0..count, |x| x + 1)
                                .map(|values| {
                                    assert!(values.into_iter().eq(1..=count));
                                })
                        };
                        if let Err(error) = result {
                            let refused = matches!(error, JobError::Closed | JobError::Terminated);
                            assert!(refused, "{error:?}");
                            break;
                        }
                        starter.tick();
                    }
                });
            }
            starter.wait();
            if terminates {
                pool.terminate();
            } else {
                pool.close();
            }
            pool.join().expect("it is closed");
        });
        assert_eq!(begun.get(), ended.get());
    });
}

//! The workers themselves: initializers, exit hooks, replacement.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringpool::{JobError, Pool, WorkerInfo};

use crate::Outcome;
use crate::show::{self, Show};

/// What a worker of this section owns: something that must neither move nor be shared.
struct Bench {
    name: String,
    jobs: usize,
    scratch: Vec<u64>,
}

pub(crate) fn state(show: &mut Show) -> Outcome {
    show.section("A worker and what it owns")?;

    let jobs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&jobs);
    let pool = Pool::builder()
        .workers(2)
        .name("bench")
        .initializer(|worker: &WorkerInfo| Bench {
            name: format!("{}-{}", worker.name(), worker.index()),
            jobs: 0,
            scratch: Vec::with_capacity(1000),
        })
        .exit_hook(move |_: &WorkerInfo, bench: Bench| {
            counted.fetch_add(bench.jobs, Ordering::Relaxed);
        })
        .build()?;

    let sums = pool.with_worker().map(1..101_u64, |worker, n| {
        let bench = &mut *worker.state;
        bench.jobs += 1;
        bench.scratch.clear();
        bench.scratch.extend(1..=n);
        bench.scratch.iter().sum::<u64>()
    })?;
    assert!(
        (1..)
            .zip(&sums)
            .all(|(n, sum): (u64, _)| *sum == n * (n + 1) / 2)
    );
    show.call(
        "with_worker().map(1..101, |w, n| …)",
        "100 sums in each worker's own scratch memory",
    )?;

    let names = pool.broadcast(|worker| (worker.index(), worker.state.name.clone()))?;
    assert!(
        names
            .iter()
            .enumerate()
            .all(|(index, (told, name))| index == *told && !name.is_empty())
    );
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    show.call("broadcast(|w| w.state.name.clone())", names.join(", "))?;

    let inner = pool.with_worker().apply(|worker| {
        // A second `&mut` of the state cannot come to be: nested calls go through the worker.
        worker.apply(|inner| {
            inner.state.jobs += 1;
            inner.index()
        })
    })??;
    assert!(inner < 2);
    show.call(
        "with_worker().apply(|w| w.apply(|w| …))",
        format_args!("nested on worker {inner}"),
    )?;

    let lent = pool
        .with_worker()
        .apply(|_| pool.with_worker().apply(|worker| worker.index()))?;
    assert!(matches!(lent, Err(JobError::StateLent)));
    show.call(
        "the same, past the worker",
        "StateLent: a second &mut of the state is refused",
    )?;

    pool.close();
    pool.join()?;
    assert_eq!(jobs.load(Ordering::Relaxed), 101);
    show.call(
        "builder().exit_hook(|_, state| …)",
        "handed back the states of both: 101 items",
    )?;
    Ok(())
}

pub(crate) fn replacement(show: &mut Show) -> Outcome {
    show.section("Workers with a short life")?;

    let born = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&born);
    let pool = Pool::builder()
        .workers(1)
        .max_jobs_per_worker(10)
        .initializer(move |worker: &WorkerInfo| {
            counted.fetch_add(1, Ordering::Relaxed);
            worker.generation()
        })
        .build()?;
    let mut generations = Vec::new();
    for _ in 0..95 {
        generations.push(pool.with_worker().apply(|worker| *worker.state)?);
    }
    assert!(generations.is_sorted());
    generations.dedup();
    assert_eq!(generations.len(), 10);
    pool.close();
    pool.join()?;
    let replaced: usize = pool
        .stats()
        .workers
        .iter()
        .map(|worker| worker.replaced)
        .sum();
    assert_eq!((born.load(Ordering::Relaxed), replaced), (10, 9));
    show.call(
        "builder().max_jobs_per_worker(10)",
        format_args!(
            "95 jobs: {} took the place of the first",
            show::count(replaced, "worker")
        ),
    )?;
    Ok(())
}

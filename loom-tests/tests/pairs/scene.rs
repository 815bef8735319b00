//! A race of two events: the pool and the job that they meet on, and what must hold when it is over.

use std::sync::Arc;

use loom::thread;
use ringpool_core::{Builder, Pool, WaitPolicy};
use ringpool_loom_tests::matrix::{Event, Use};
use ringpool_loom_tests::{Boom, Crew, Drops, Loom, begin_race, end_race, let_time_pass};

use crate::acts::act;
use crate::witness::{Accepted, Causes, Witness};

/// Threads of one execution, as many as loom allows.
const THREADS: usize = 5;

/// What one thread of a race has.
pub(crate) struct Side {
    /// There unless the other thread owns it.
    pub(crate) pool: Option<Arc<Pool<Loom>>>,
    /// The job that is queued when the race begins, where this thread uses it.
    pub(crate) job: Option<Arc<Accepted>>,
    pub(crate) drops: Drops,
    pub(crate) crew: Crew,
    pub(crate) causes: Causes,
    /// Jobs that this thread has submitted and not waited for.
    pub(crate) accepted: Vec<Accepted>,
}

/// Submits a job that holds a value and makes one; says `None` if it was refused for a good reason.
pub(crate) fn submit(pool: &Pool<Loom>, drops: &Drops, causes: Causes) -> Option<Accepted> {
    let witness = Witness::new();
    let [good, bad] = [witness.clone(), witness.clone()];
    let panics = causes.has(Event::Callback);
    let captured = drops.make();
    let submitted = pool
        .with()
        .on_success(move |_| {
            good.note();
            if panics {
                Boom::go();
            }
        })
        .on_error(move |_| bad.note())
        .apply_async(move || captured.make());
    match submitted {
        Ok(handle) => Some(Accepted { handle, witness }),
        Err(refused) => {
            causes.check::<()>(Err(refused.into()));
            None
        }
    }
}

fn build(crew: &Crew, causes: Causes) -> Pool<Loom> {
    let on_workers = causes.0.is_on_worker() && causes.1.is_on_worker();
    let mut builder = Builder::with_spawner(crew.clone())
        .workers(if on_workers { 2 } else { 1 })
        .wait_policy(if causes.has(Event::Park) {
            WaitPolicy::Adaptive
        } else {
            WaitPolicy::Passive
        })
        .initializer(move |worker| {
            if worker.generation() > 0 && causes.has(Event::Fail) {
                Boom::go();
            }
        });
    if causes.has(Event::Room) {
        builder = builder.capacity(1);
    } else if !causes.0.is_on_worker() && !causes.1.is_on_worker() {
        // Room for all: two threads beside a worker and a queue that grows are too many interleavings.
        builder = builder.capacity(4);
    }
    if causes.replace_workers() {
        builder = builder.max_jobs_per_worker(1);
    }
    builder.build().expect("the crew starts every first worker")
}

/// One execution of the model of two events.
pub(crate) fn play(first: Event, second: Event) {
    let causes = Causes(first, second);
    let drops = Drops::new();
    let acting: Vec<_> = [first, second]
        .into_iter()
        .filter(|event| !event.is_on_worker())
        .collect();
    // Replacements beyond loom's limit are refused; the old worker stays then, which is S7 as well.
    let crew = Crew::limited(THREADS - 1 - acting.len());
    let pool = build(&crew, causes);
    let jobs = match acting[..] {
        [] => 2,
        [first, second] if first.submits() && second.submits() => 0,
        _ => 1,
    };
    let mut jobs: Vec<_> = (0..jobs)
        .map(|_| submit(&pool, &drops, causes).expect("the pool is open"))
        .collect();

    let mut job = jobs.pop().map(Arc::new);
    let mut pool = Some(Arc::new(pool));
    let sharers = acting
        .iter()
        .filter(|event| event.job() == Use::Shares)
        .count();
    let sides: Vec<_> = acting
        .iter()
        .map(|event| Side {
            pool: match event.pool() {
                Use::Not => None,
                Use::Shares => pool.clone(),
                Use::Owns => pool.take(),
            },
            job: match event.job() {
                Use::Not => None,
                Use::Shares if sharers > 1 => job.clone(),
                // A thread that is alone with the job can use it up.
                Use::Shares | Use::Owns => job.take(),
            },
            drops: drops.clone(),
            crew: crew.clone(),
            causes,
            accepted: Vec::new(),
        })
        .collect();

    begin_race();
    let threads: Vec<_> = acting
        .iter()
        .zip(sides)
        .map(|(&event, mut side)| {
            thread::spawn(move || {
                act(event)(&mut side);
                side
            })
        })
        .collect();
    if first.is_timed() || second.is_timed() {
        let_time_pass();
    }
    if acting.is_empty() {
        // Until both workers have done their jobs; the first to be done retires meanwhile.
        for job in jobs.drain(..).chain(job.take().and_then(Arc::into_inner)) {
            job.get(causes);
        }
    }
    let sides: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().expect("a failure ends the model"))
        .collect();
    end_race();

    for side in sides {
        jobs.extend(side.accepted);
        job = job.or(side.job);
    }
    jobs.extend(job.and_then(Arc::into_inner));
    if pool.is_none() {
        assert!(
            jobs.iter().all(|job| job.handle.ready()),
            "a dropped pool has resolved its jobs"
        );
    }
    if let Some(pool) = &pool
        && [first, second].into_iter().any(Event::ends_pool)
    {
        assert!(pool.apply_async(|| ()).is_err(), "accepted after the end");
    }
    // Nobody was terminated by what follows: a job whose wake was lost would hang here.
    for job in jobs {
        job.get(causes);
    }
    drop(pool);
    assert_eq!(crew.alive(), 0, "workers left behind");
    drops.assert_each_dropped_once();
}

//! The life cycle of a pool as its users see it: what is accepted, in which order it starts, how it ends, and
//! what `close`, `terminate` and `join` change.

use std::sync::{Arc, OnceLock};
use std::thread;

use ringpool::{AsyncResult, CancelOutcome, JobError, JoinError, Pool};
use ringpool_tests::SplitMix64;

use super::checker::{Event, PENDING, Specification, Step, is_linearizable};
use super::history::{Clock, dawdle, rounds, together};

/// A job, by its number.
type Number = usize;

#[derive(Debug, Clone, Copy)]
enum Operation {
    /// With the reason of a refusal.
    Submit(Number, Result<(), End>),
    /// A worker took the job out of the queue and began it. It did so between the submission and the first line
    /// of the job.
    Starts(Number),
    /// The last line of the job is over.
    Ends(Number),
    /// The job was resolved because the pool was terminated; nobody has seen when.
    Drop(Number),
    IsReady(Number, bool),
    Wait(Number),
    Cancel(Number, CancelOutcome),
    Get(Number, Outcome),
    Close,
    Terminate,
    Join(Result<(), JoinError>),
}

/// What ended a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Close,
    Terminate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Value,
    Cancelled,
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Unborn,
    Queued,
    /// A worker has it in hand and has not looked yet whether it may start it.
    Popped,
    Running,
    /// Its outcome is known to whoever resolves it.
    Resolving(Outcome),
    Ready(Outcome),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Life {
    workers: usize,
    capacity: usize,
    queue: Vec<Number>,
    jobs: Vec<Phase>,
    end: Option<End>,
    terminated: bool,
    /// `terminate` is resolving what it found in the queue.
    draining: Option<Number>,
}

impl Life {
    fn new(workers: usize, capacity: Option<usize>, jobs: usize) -> Self {
        Self {
            workers,
            capacity: capacity.unwrap_or(usize::MAX),
            queue: Vec::new(),
            jobs: vec![Phase::Unborn; jobs],
            end: None,
            terminated: false,
            draining: None,
        }
    }

    /// Workers that have a job in hand.
    fn busy(&self) -> usize {
        let is_held = |phase: &&Phase| matches!(phase, Phase::Popped | Phase::Running);
        self.jobs.iter().filter(is_held).count()
    }

    /// The pool with one job in another phase.
    fn with(&self, job: Number, phase: Phase) -> Self {
        let mut next = self.clone();
        next.jobs[job] = phase;
        if phase == Phase::Queued {
            next.queue.push(job);
        } else {
            next.queue.retain(|queued| *queued != job);
        }
        next
    }

    /// A worker takes the oldest job.
    fn pop(&self, job: Number) -> Option<Self> {
        let may = self.queue.first() == Some(&job) && self.busy() < self.workers;
        may.then(|| self.with(job, Phase::Popped))
    }

    /// Somebody has seen that the job is ready, so from now on everybody does.
    fn seen_ready(&self, job: Number) -> Option<Self> {
        match self.jobs[job] {
            Phase::Resolving(outcome) | Phase::Ready(outcome) => {
                Some(self.with(job, Phase::Ready(outcome)))
            }
            _ => None,
        }
    }

    fn end(&self, end: End) -> Self {
        let mut next = self.clone();
        next.end.get_or_insert(end);
        next.terminated |= end == End::Terminate;
        next
    }

    /// All workers have left: whatever they had in hand is ready.
    fn join(&self) -> Option<Self> {
        let is_left =
            |phase: &Phase| matches!(phase, Phase::Queued | Phase::Popped | Phase::Running);
        if self.end.is_none() || self.jobs.iter().any(is_left) {
            return None;
        }
        let mut next = self.clone();
        for phase in &mut next.jobs {
            if *phase == Phase::Resolving(Outcome::Value) {
                *phase = Phase::Ready(Outcome::Value);
            }
        }
        Some(next)
    }
}

impl Specification for Life {
    type Operation = Operation;

    fn step(&self, operation: &Operation, stage: u8) -> Vec<Step<Self>> {
        let last = |next: Option<Self>| Vec::from_iter(next.map(Step::Last));
        let further = |next: Option<Self>| Vec::from_iter(next.map(Step::Further));
        let only_if = |allowed: bool| last(allowed.then(|| self.clone()));
        match (*operation, stage) {
            (Operation::Submit(job, Ok(())), _) => {
                let may = self.end.is_none() && self.queue.len() < self.capacity;
                last(may.then(|| self.with(job, Phase::Queued)))
            }
            (Operation::Submit(_, Err(end)), _) => only_if(self.end == Some(end)),
            (Operation::Starts(job), 0) => further(self.pop(job)),
            (Operation::Starts(job), _) => {
                last((!self.terminated).then(|| self.with(job, Phase::Running)))
            }
            (Operation::Ends(job), _) => {
                let may = self.jobs[job] == Phase::Running;
                last(may.then(|| self.with(job, Phase::Resolving(Outcome::Value))))
            }
            // By a worker that had it in hand, or by `terminate`.
            (Operation::Drop(job), 0) => {
                let drained =
                    self.terminated && self.draining.is_none() && self.queue.contains(&job);
                let drained = drained.then(|| {
                    let mut next = self.with(job, Phase::Resolving(Outcome::Terminated));
                    next.draining = Some(job);
                    next
                });
                [self.pop(job), drained]
                    .into_iter()
                    .flatten()
                    .map(Step::Further)
                    .collect()
            }
            (Operation::Drop(_), _) if !self.terminated => vec![],
            (Operation::Drop(job), _) => {
                let mut next = self.with(job, Phase::Ready(Outcome::Terminated));
                next.draining.take_if(|drained| *drained == job);
                last(Some(next))
            }
            (Operation::IsReady(job, false), _) => {
                only_if(!matches!(self.jobs[job], Phase::Ready(_)))
            }
            (Operation::Cancel(job, CancelOutcome::NeverRan), 0) => {
                let may = self.jobs[job] == Phase::Queued;
                further(may.then(|| self.with(job, Phase::Resolving(Outcome::Cancelled))))
            }
            (
                Operation::IsReady(job, true)
                | Operation::Wait(job)
                | Operation::Cancel(job, CancelOutcome::NeverRan | CancelOutcome::AlreadyDone),
                _,
            ) => last(self.seen_ready(job)),
            (Operation::Cancel(job, _), _) => {
                let phase = self.jobs[job];
                only_if(matches!(
                    phase,
                    Phase::Popped | Phase::Running | Phase::Resolving(_)
                ))
            }
            (Operation::Get(job, outcome), _) => last(
                self.seen_ready(job)
                    .filter(|next| next.jobs[job] == Phase::Ready(outcome)),
            ),
            (Operation::Close, _) => last(Some(self.end(End::Close))),
            // The first to terminate also drains the queue.
            (Operation::Terminate, 0) if self.terminated => only_if(true),
            (Operation::Terminate, 0) => further(Some(self.end(End::Terminate))),
            (Operation::Terminate, _) => only_if(self.queue.is_empty() && self.draining.is_none()),
            (Operation::Join(Ok(())), _) => last(self.join()),
            (Operation::Join(Err(_)), _) => only_if(self.end.is_none()),
        }
    }
}

/// A handle of every job, once it was accepted. Its value: when the job began and when it ended.
type Handles = Vec<OnceLock<AsyncResult<(usize, usize)>>>;

const CLIENTS: usize = 3;
const ACTS: usize = 5;

/// A pool and what its clients know of it.
struct Stage<'a> {
    pool: &'a Pool,
    clock: &'a Arc<Clock>,
    handles: &'a Handles,
}

impl Stage<'_> {
    fn submit(&self, job: Number, yields: usize) -> Operation {
        let clock = Arc::clone(self.clock);
        let submitted = self.pool.apply_async(move || {
            let began = clock.now();
            (0..yields).for_each(|_| thread::yield_now());
            (began, clock.now())
        });
        Operation::Submit(
            job,
            match submitted {
                Ok(handle) => {
                    assert!(
                        self.handles[job].set(handle).is_ok(),
                        "a number is used once"
                    );
                    Ok(())
                }
                Err(error) => Err(match error.reason() {
                    JobError::Closed => End::Close,
                    JobError::Terminated => End::Terminate,
                    other => panic!("a submission was refused with {other:?}"),
                }),
            },
        )
    }

    /// One act of a client.
    fn act(
        &self,
        client: usize,
        number: usize,
        random: &mut SplitMix64,
    ) -> Option<Event<Operation>> {
        let what = random.below(64);
        let any = random.below(CLIENTS * ACTS);
        if what < 32 {
            let job = client * ACTS + number;
            // A long one now and then, so that others queue behind it.
            let yields = [0, 0, 1, 30][random.below(4)];
            return Some(self.clock.time(|| self.submit(job, yields)));
        }
        if what < 56 {
            // The handle of a job whose submission is still under way is not there yet.
            let handle = self.handles[any].get()?;
            return Some(self.clock.time(|| match what {
                32..42 => Operation::IsReady(any, handle.ready()),
                42..52 => Operation::Cancel(any, handle.cancel()),
                _ => {
                    handle.wait();
                    Operation::Wait(any)
                }
            }));
        }
        Some(self.clock.time(|| match what {
            56..58 => {
                self.pool.close();
                Operation::Close
            }
            58..60 => {
                self.pool.terminate();
                Operation::Terminate
            }
            _ => Operation::Join(self.pool.join()),
        }))
    }
}

/// A history: what three clients do to a pool; its end; and what its jobs tell afterwards.
fn history(
    workers: usize,
    capacity: Option<usize>,
    random: &mut SplitMix64,
) -> Vec<Event<Operation>> {
    let clock = Arc::<Clock>::default();
    let mut builder = Pool::builder().workers(workers);
    if let Some(capacity) = capacity {
        builder = builder.capacity(capacity);
    }
    let pool = builder.build().expect("a plain pool can be built");
    let handles: Handles = (0..CLIENTS * ACTS).map(|_| OnceLock::new()).collect();
    let stage = Stage {
        pool: &pool,
        clock: &clock,
        handles: &handles,
    };
    let terminates = random.below(2) == 0;
    let mut events = together(CLIENTS, random, |client, random| {
        let mut events = Vec::new();
        for number in 0..ACTS {
            dawdle(random);
            events.extend(stage.act(client, number, random));
        }
        events
    })
    .concat();
    events.push(clock.time(|| {
        if terminates {
            pool.terminate();
            return Operation::Terminate;
        }
        pool.close();
        Operation::Close
    }));
    events.push(clock.time(|| Operation::Join(pool.join())));
    for (job, handle) in handles.into_iter().enumerate() {
        let Some(handle) = handle.into_inner() else {
            continue;
        };
        events.push(clock.time(|| Operation::IsReady(job, handle.ready())));
        let result = handle.get();
        let operation = Operation::Get(job, outcome_of(&result));
        let (called, returned) = (clock.now(), clock.now());
        events.push(Event {
            operation,
            called,
            returned,
        });
        let is_submission =
            |event: &&Event<_>| matches!(event.operation, Operation::Submit(of, _) if of == job);
        let called = events
            .iter()
            .find(is_submission)
            .expect("it was submitted")
            .called;
        let event = |operation, called, returned| Event {
            operation,
            called,
            returned,
        };
        match result {
            Ok((began, ended)) => {
                events.push(event(Operation::Starts(job), called, began));
                events.push(event(Operation::Ends(job), ended, PENDING));
            }
            Err(JobError::Terminated) => events.push(event(Operation::Drop(job), called, PENDING)),
            Err(_) => {}
        }
    }
    events
}

fn outcome_of<T>(result: &Result<T, JobError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Value,
        Err(JobError::Cancelled) => Outcome::Cancelled,
        Err(JobError::Terminated) => Outcome::Terminated,
        Err(other) => panic!("nothing has caused {other:?}"),
    }
}

fn check(workers: usize, capacity: Option<usize>) {
    rounds(1_000, |random| {
        let mut history = history(workers, capacity, random);
        history.sort_by_key(|event| event.called);
        let life = Life::new(workers, capacity, CLIENTS * ACTS);
        if is_linearizable(life, &history) {
            Ok(())
        } else {
            Err(history)
        }
    });
}

// S11, S12, S14, S20, S44, S45, S46
#[test]
fn the_life_of_a_pool_with_one_worker_is_linearizable() {
    check(1, None);
}

// S11, S12, S14, S20, S44, S45, S46
#[test]
fn the_life_of_a_pool_with_two_workers_is_linearizable() {
    check(2, None);
}

// S13, with the above
#[test]
fn the_life_of_a_pool_with_one_place_is_linearizable() {
    check(1, Some(1));
}

/// Whether one worker can have had this history.
fn explains(history: &[(Operation, usize, usize)]) -> bool {
    let event = |&(operation, called, returned)| Event {
        operation,
        called,
        returned,
    };
    let history: Vec<_> = history.iter().map(event).collect();
    is_linearizable(Life::new(1, Some(2), 4), &history)
}

const ACCEPTED: [(Operation, usize, usize); 2] = [
    (Operation::Submit(0, Ok(())), 0, 1),
    (Operation::Submit(1, Ok(())), 2, 3),
];

fn runs(job: Number, began: usize, ended: usize) -> Vec<(Operation, usize, usize)> {
    vec![
        (Operation::Starts(job), 0, began),
        (Operation::Ends(job), ended, PENDING),
    ]
}

// S11
#[test]
fn jobs_in_the_wrong_order_are_caught() {
    assert!(explains(
        &[&ACCEPTED[..], &runs(0, 4, 5), &runs(1, 6, 7)].concat()
    ));
    assert!(!explains(
        &[&ACCEPTED[..], &runs(1, 4, 5), &runs(0, 6, 7)].concat()
    ));
}

// S13
#[test]
fn a_job_too_many_in_a_bounded_queue_is_caught() {
    let third = [(Operation::Submit(2, Ok(())), 4, 5)];
    assert!(explains(&[&ACCEPTED[..], &runs(0, 6, 7), &third].concat()));
    assert!(!explains(&[&ACCEPTED[..], &third].concat()));
}

// S44
#[test]
fn a_job_that_is_accepted_after_close_is_caught() {
    let close = (Operation::Close, 0, 1);
    assert!(explains(&[
        close,
        (Operation::Submit(0, Err(End::Close)), 2, 3)
    ]));
    assert!(!explains(&[close, (Operation::Submit(0, Ok(())), 2, 3)]));
    assert!(!explains(&[
        close,
        (Operation::Submit(0, Err(End::Terminate)), 2, 3)
    ]));
}

// S45
#[test]
fn a_job_that_starts_after_terminate_is_caught() {
    let terminate = (Operation::Terminate, 4, 5);
    // The worker may just have looked when it was terminated; that is true of one job only.
    assert!(explains(
        &[&ACCEPTED[..1], &[terminate], &runs(0, 6, 7)].concat()
    ));
    let both = [&ACCEPTED[..], &[terminate], &runs(0, 6, 7), &runs(1, 8, 9)].concat();
    assert!(!explains(&both));
}

// S46
#[test]
fn a_join_before_the_last_job_has_ended_is_caught() {
    let closed = [ACCEPTED[0], (Operation::Close, 2, 3)];
    let join = (Operation::Join(Ok(())), 6, 7);
    let ready = (Operation::IsReady(0, true), 8, 9);
    assert!(explains(
        &[&closed[..], &runs(0, 4, 5), &[join, ready]].concat()
    ));
    assert!(!explains(&[&closed[..], &runs(0, 4, 10), &[join]].concat()));
    assert!(!explains(
        &[
            &closed[..],
            &runs(0, 4, 5),
            &[join, (Operation::IsReady(0, false), 8, 9)]
        ]
        .concat()
    ));
    assert!(!explains(&[(Operation::Join(Ok(())), 0, 1)]));
}

// S20
#[test]
fn a_cancelled_job_that_runs_is_caught() {
    let cancel = (Operation::Cancel(0, CancelOutcome::NeverRan), 2, 3);
    assert!(explains(&[
        ACCEPTED[0],
        cancel,
        (Operation::Get(0, Outcome::Cancelled), 4, 5)
    ]));
    assert!(!explains(
        &[&[ACCEPTED[0], cancel][..], &runs(0, 4, 5)].concat()
    ));
}

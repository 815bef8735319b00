//! Callers that take part.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use ringpool::platform::{Caller, Placement, Spawner, WorkerStart};
use ringpool::{BuildError, GetError, JobError, Pool, Threads};
use ringpool_tests::{Gate, Log, Plan, Tally, TestSpawner, boom, hold, hold_at, pool, watchdog};

// S51
#[test]
fn a_participating_caller_replaces_one_thread() {
    let _watch = watchdog();
    for (workers, threads) in [(1, 1), (2, 1), (4, 3)] {
        let spawner = TestSpawner::new(Plan::Obey);
        let ledger = spawner.ledger();
        let pool = Pool::builder()
            .spawner(spawner)
            .workers(workers)
            .caller_participates()
            .build()
            .unwrap();
        assert_eq!(ledger.started(), threads, "of {workers} workers");
        assert_eq!(
            pool.map(0..100, |x| x + 1).unwrap(),
            (1..101).collect::<Vec<_>>()
        );
    }
}

// S51, S9
#[test]
fn a_participating_caller_runs_its_own_unstarted_work() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(3)
        .caller_participates()
        .build()
        .unwrap();
    let gate = hold(&pool, 2);
    let me = thread::current().id();

    assert_eq!(pool.apply(|| thread::current().id()).unwrap(), me);
    assert_eq!(
        pool.map(0..10, |_| thread::current().id()).unwrap(),
        [me; 10]
    );
    let mut places = [None; 10];
    pool.for_each(&mut places, |place| *place = Some(thread::current().id()))
        .unwrap();
    assert_eq!(places, [Some(me); 10]);
    assert_eq!(pool.reduce(0..10, 0, |x| x, |a, b| a + b).unwrap(), 45);
    let mut by = None;
    pool.scope(|s| {
        s.apply_async(|| by = Some(thread::current().id()));
    })
    .unwrap();
    assert_eq!(by, Some(me));
    gate.open();
}

// S51, S34, S35
#[test]
fn a_participating_consumer_runs_the_chunks_that_nobody_has_begun() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let gate = hold(&pool, 1);
    let me = thread::current().id();
    for chunk in [1, 7] {
        let by = |_| thread::current().id();
        let ordered = pool.with().chunk_size(chunk).imap(0..20, by);
        assert_eq!(ordered.map(Result::unwrap).collect::<Vec<_>>(), [me; 20]);
        let unordered = pool.with().chunk_size(chunk).imap_unordered(0..20, by);
        assert_eq!(unordered.map(Result::unwrap).collect::<Vec<_>>(), [me; 20]);
    }
    let mut stream = pool.imap(0..20, |_| thread::current().id());
    for _ in 0..2 {
        let looks = stream.next_timeout(Duration::ZERO);
        assert!(matches!(looks, Err(GetError::TimedOut)), "only looks");
    }
    assert_eq!(stream.next_timeout(Duration::MAX).unwrap(), Some(me));
    gate.open();
}

// S51, S35
#[test]
fn a_participating_consumer_runs_chunks_in_the_order_of_the_input() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let gate = hold(&pool, 1);
    for window in [1, 3, 8, 1000] {
        let with = || pool.with().chunk_size(1).window(window);
        // More than fit into the window, so that places are used again.
        let in_order = (0..100).collect::<Vec<_>>();
        let values = with().imap_unordered(0..100, |i| i).map(Result::unwrap);
        assert_eq!(values.collect::<Vec<_>>(), in_order, "window {window}");
        let ran = Log::new();
        let log = ran.clone();
        let values = with().imap(0..100, move |i| log.push(i));
        assert_eq!(values.map(Result::unwrap).count(), 100);
        assert_eq!(ran.take(), in_order, "window {window}");
    }
    gate.open();
}

// S51, S19, S13, S7
#[test]
fn a_participating_consumer_heeds_deadlines_room_and_state() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .capacity(2)
        .initializer(|info| info.index())
        .caller_participates()
        .build()
        .unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 1);
    let stream = pool.with().chunk_size(1).window(10);
    let values = stream.imap(0..20, |i| i).map(Result::unwrap);
    assert_eq!(values.collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    let stream = pool.with_worker().chunk_size(3);
    let values = stream.imap_unordered(0..20, |w, _| *w.state);
    assert_eq!(values.map(Result::unwrap).collect::<Vec<_>>(), [0; 20]);
    let late = pool.with().deadline(Duration::ZERO);
    let results: Vec<_> = late.imap(0..5, |i| i).collect();
    assert!(!results.is_empty());
    for result in results {
        assert!(
            matches!(result, Err(JobError::DeadlineExpired)),
            "{result:?}"
        );
    }
    gate.open();
}

// S51, S36
#[test]
fn a_stream_grows_its_window_while_its_consumer_runs_quick_chunks() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let gate = hold(&pool, 1);
    let pulled = Tally::new();
    let counted = pulled.clone();
    let input = (0..).inspect(move |_| {
        counted.add();
    });
    let mut stream = pool.with().chunk_size(1).imap_unordered(input, |i| i);
    let mut yielded = 0;
    // It begins with four chunks for each worker.
    while pulled.get() <= yielded + 8 {
        stream.next().unwrap().unwrap();
        yielded += 1;
    }
    gate.open();
}

// S51, S34
#[test]
fn a_participating_consumer_runs_what_lies_behind_the_chunk_it_waits_for() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let (first, others) = (Gate::new(), Tally::new());
    let (at, others_ran) = (first.clone(), others.clone());
    // The worker has begun the first item when the second is pulled.
    let input = (0..3).inspect(|i| first.wait_for_arrivals(usize::from(*i == 1)));
    let stream = pool.with().chunk_size(1).window(3).imap(input, move |i| {
        if i == 0 {
            at.pass();
        } else {
            others_ran.add();
        }
        i
    });
    thread::scope(|s| {
        s.spawn(|| {
            others.wait_for(2);
            first.open();
        });
        assert_eq!(stream.map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
    });
}

// S51
#[test]
fn a_participating_caller_is_worker_zero_and_holds_its_state() {
    let _watch = watchdog();
    let exits = Log::new();
    let builder = Pool::builder()
        .workers(3)
        .initializer(|info| info.index() * 10);
    let hook = exits.clone();
    let builder = builder.exit_hook(move |info, state| hook.push((info.index(), state)));
    let pool = builder.caller_participates().build().unwrap();
    let gate = Gate::new();
    hold_at(&pool, &gate, 2);
    let seen = pool.with_worker().apply(|w| {
        *w.state += 1;
        (w.index(), *w.state)
    });
    assert_eq!(seen.unwrap(), (0, 1));
    assert_eq!(
        pool.with_worker().map(0..3, |w, _| *w.state).unwrap(),
        [1; 3]
    );
    gate.open();
    pool.close();
    pool.join().unwrap();
    assert_eq!(exits.take_sorted(), [(0, 1), (1, 10), (2, 20)]);
}

// S51
#[test]
fn a_second_caller_does_not_participate() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(2)
        .caller_participates()
        .build()
        .unwrap();
    let at_worker = hold(&pool, 1);
    let (first_runs, second_ran) = (Tally::new(), Gate::new());
    thread::scope(|s| {
        let first = s.spawn(|| {
            pool.apply(|| {
                first_runs.add();
                second_ran.pass();
                thread::current().id()
            })
        });
        first_runs.wait_for(1);
        let second = s.spawn(|| {
            (
                thread::current().id(),
                pool.apply(|| thread::current().id()).unwrap(),
            )
        });
        at_worker.open();
        let (caller, by) = second.join().unwrap();
        assert_ne!(by, caller, "only one caller at a time is worker 0");
        second_ran.open();
        let first_id = first.thread().id();
        assert_eq!(first.join().unwrap().unwrap(), first_id);
        assert_ne!(by, first_id);
    });
}

// S51
#[test]
fn without_participation_no_caller_runs_jobs() {
    let _watch = watchdog();
    let pool = pool(1);
    let worker = pool.apply(|| thread::current().id()).unwrap();
    assert_ne!(worker, thread::current().id());
    let gate = hold(&pool, 1);
    thread::scope(|s| {
        let apply = s.spawn(|| vec![pool.apply(|| thread::current().id()).unwrap()]);
        let map = s.spawn(|| pool.map(0..10, |_| thread::current().id()).unwrap());
        let scope = s.spawn(|| {
            let by = Mutex::new(Vec::new());
            pool.scope(|s| {
                s.apply_async(|| by.lock().unwrap().push(thread::current().id()));
            })
            .unwrap();
            by.into_inner().unwrap()
        });
        let imap = s.spawn(|| {
            let by = pool.imap(0..10, |_| thread::current().id());
            by.map(Result::unwrap).collect()
        });
        let later = s.spawn(|| {
            gate.open();
            Vec::new()
        });
        for thread in [apply, map, scope, imap, later] {
            assert!(thread.join().unwrap().iter().all(|by| *by == worker));
        }
    });
}

/// Starts std threads, and notes what callers do around their time as worker 0.
struct Noting {
    threads: Threads,
    notes: Log<&'static str>,
    refuses: Option<fn() -> String>,
}

impl Noting {
    fn new(notes: &Log<&'static str>) -> Self {
        Self {
            threads: Threads::new(),
            notes: notes.clone(),
            refuses: None,
        }
    }
}

impl Spawner for Noting {
    type Handle = <Threads as Spawner>::Handle;
    type Error = std::io::Error;

    fn default_workers(&self) -> usize {
        2
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<Self::Handle, Self::Error> {
        self.threads.spawn(start, at)
    }

    fn reclaim(&mut self, handle: Self::Handle) {
        self.threads.reclaim(handle);
    }

    fn caller(&mut self, at: Placement) -> Result<Option<Box<dyn Caller>>, Self::Error> {
        assert_eq!((at.index, at.workers, at.generation), (0, 2, 0));
        match self.refuses {
            None => Ok(Some(Box::new(Hooks(self.notes.clone())))),
            Some(why) => Err(std::io::Error::other(why())),
        }
    }
}

struct Hooks(Log<&'static str>);

impl Caller for Hooks {
    fn enter(&mut self) {
        self.0.push("enters");
        boom("swallowed");
    }

    fn leave(&mut self) {
        self.0.push("leaves");
        boom("swallowed");
    }
}

// S5, S51
#[test]
fn a_spawner_has_a_say_around_a_callers_time_as_worker_zero() {
    let _watch = watchdog();
    let notes = Log::new();
    let (made, ended) = (notes.clone(), notes.clone());
    let pool = Pool::builder()
        .spawner(Noting::new(&notes))
        .initializer(move |info| {
            if info.index() == 0 {
                made.push("state");
            }
        })
        .exit_hook(move |info, ()| {
            if info.index() == 0 {
                ended.push("hook");
            }
        })
        .caller_participates()
        .build()
        .unwrap();
    assert_eq!(notes.take(), ["enters", "state", "leaves"]);

    let gate = hold(&pool, 1);
    pool.apply(|| notes.push("job")).unwrap();
    assert_eq!(notes.take(), ["enters", "job", "leaves"]);
    pool.apply(|| pool.apply(|| notes.push("nested")).unwrap())
        .unwrap();
    assert_eq!(notes.take(), ["enters", "nested", "leaves"]);
    assert!(pool.apply(|| boom("in a job")).is_err());
    assert_eq!(notes.take(), ["enters", "leaves"]);
    gate.open();

    drop(pool);
    assert_eq!(notes.take(), ["enters", "hook", "leaves"]);
}

// S4, S51
#[test]
fn a_spawner_that_cannot_have_callers_is_refused_with_its_error() {
    let _watch = watchdog();
    let notes = Log::new();
    for why in [|| "no room".to_owned(), || boom("no room")] {
        let mut spawner = Noting::new(&notes);
        spawner.refuses = Some(why);
        let refused = Pool::builder()
            .spawner(spawner)
            .caller_participates()
            .build();
        let BuildError::Spawn { worker: 0, source } = refused.unwrap_err() else {
            panic!("another error");
        };
        assert!(source.to_string().contains("no room"), "{source}");
    }
    assert_eq!(notes.take(), [""; 0]);
}

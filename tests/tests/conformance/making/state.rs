//! Initializers, worker state and exit hooks.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;

use ringpool::{BuildError, Pool};
use ringpool_tests::{Log, Plan, Refused, Tally, TestSpawner, Tracker, boom, watchdog};

use super::assert_is_a_sentence;

// S5
#[test]
fn an_initializer_runs_once_in_every_worker_and_makes_its_state() {
    let _watch = watchdog();
    let infos = Log::new();
    let log = infos.clone();
    let builder = Pool::builder()
        .workers(3)
        .name("cook")
        .initializer(move |info| {
            log.push((
                info.index(),
                info.name().to_owned(),
                info.workers(),
                info.generation(),
            ));
            (info.index(), thread::current().id())
        });
    let pool = builder.build().unwrap();
    let expected: Vec<_> = (0..3)
        .map(|index| (index, "cook".to_owned(), 3, 0))
        .collect();
    assert_eq!(infos.take_sorted(), expected);

    let seen = pool
        .broadcast(|w| (w.index(), *w.state, thread::current().id()))
        .unwrap();
    for (index, (of_worker, (of_state, made_on), runs_on)) in seen.into_iter().enumerate() {
        assert_eq!((of_worker, of_state), (index, index));
        assert_eq!(
            made_on, runs_on,
            "the state was made on the worker's own thread"
        );
    }
    assert!(infos.is_empty(), "an initializer ran again");
}

// S5
#[test]
fn worker_state_is_mutable_and_needs_neither_send_nor_sync() {
    let _watch = watchdog();
    let left = Log::new();
    let log = left.clone();
    let builder = Pool::builder()
        .workers(2)
        .initializer(|_| Rc::new(Cell::new(0_usize)));
    let pool = builder
        .exit_hook(move |_, state| log.push(state.get()))
        .build()
        .unwrap();
    let shared: &Pool<Rc<Cell<usize>>> = &pool;
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                shared.with_worker().for_each(0..100, |w, _| {
                    let state = Rc::clone(w.state);
                    state.set(state.get() + 1);
                })
            });
        }
    });
    pool.close();
    pool.join().unwrap();
    let counts = left.take();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (2, 200));
}

// S5
#[test]
fn every_stateful_verb_reaches_the_state() {
    let _watch = watchdog();
    let pool = Pool::builder()
        .workers(1)
        .initializer(|_| 0_usize)
        .build()
        .unwrap();
    pool.with_worker().apply(|w| *w.state += 1).unwrap();
    pool.with_worker()
        .apply_async(|w| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    pool.with_worker()
        .try_apply_async(|w| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    pool.with_worker().map(0..2, |w, _| *w.state += 1).unwrap();
    pool.with_worker()
        .starmap([(1, 2)], |w, _, _| *w.state += 1)
        .unwrap();
    pool.with_worker()
        .for_each(0..2, |w, _| *w.state += 1)
        .unwrap();
    pool.with_worker()
        .map_async(0..2, |w, _| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    pool.with_worker()
        .starmap_async([(1, 2)], |w, _, _| *w.state += 1)
        .unwrap()
        .get()
        .unwrap();
    assert_eq!(
        pool.with_worker()
            .imap(0..2, |w, _| *w.state += 1)
            .map(Result::unwrap)
            .count(),
        2
    );
    assert_eq!(
        pool.with_worker()
            .imap_unordered(0..2, |w, _| *w.state += 1)
            .map(Result::unwrap)
            .count(),
        2
    );
    pool.broadcast(|w| *w.state += 1).unwrap();
    assert_eq!(pool.broadcast(|w| *w.state).unwrap(), [16]);
}

// S5
#[test]
fn an_exit_hook_mirrors_the_initializer() {
    let _watch = watchdog();
    let exits = Log::new();
    let log = exits.clone();
    let builder = Pool::builder()
        .workers(3)
        .initializer(|info| (info.index(), thread::current().id()));
    let builder = builder.exit_hook(move |info, (index, made_on)| {
        assert_eq!(made_on, thread::current().id());
        log.push((info.index(), index));
    });
    let pool = builder.build().unwrap();
    assert!(exits.is_empty());
    pool.close();
    pool.join().unwrap();
    assert_eq!(exits.take_sorted(), [(0, 0), (1, 1), (2, 2)]);
}

// S5
#[test]
fn state_without_an_exit_hook_is_dropped_on_its_worker() {
    let _watch = watchdog();
    let tracker = Tracker::new();
    let pool = Pool::builder()
        .workers(3)
        .initializer(move |_| tracker.make())
        .build()
        .unwrap();
    let threads = pool
        .broadcast(|w| (w.state.id(), thread::current().id()))
        .unwrap();
    assert_eq!(tracker.alive(), 3);
    drop(pool);
    tracker.assert_all_dropped_once();
    for (id, thread) in threads {
        assert_eq!(tracker.dropped_on(id), Some(thread));
    }
}

// S6
#[test]
fn a_panicking_initializer_fails_the_build() {
    let _watch = watchdog();
    for bad in 0..3 {
        let spawner = TestSpawner::new(Plan::Obey);
        let ledger = spawner.ledger();
        let tracker = Tracker::new();
        let exits = Tally::new();
        let hook = exits.clone();
        let builder = Pool::builder()
            .spawner(spawner)
            .workers(3)
            .initializer(move |info| {
                if info.index() == bad {
                    boom("no licence");
                }
                tracker.make()
            });
        let error = builder
            .exit_hook(move |_, _| {
                hook.add();
            })
            .build()
            .err()
            .unwrap();
        let BuildError::Initializer { worker, panic } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*worker, panic.message()), (bad, Some("no licence")));
        assert_is_a_sentence(&error);
        assert_eq!(ledger.started(), ledger.reclaimed());
        assert_eq!((tracker.alive(), exits.get()), (0, tracker.made()));
        tracker.assert_none_dropped_twice();
    }
}

// S6
#[test]
fn a_failing_initializer_fails_the_build_with_its_own_error() {
    let _watch = watchdog();
    let builder = Pool::builder().workers(3);
    let error = builder.try_initializer(|info| {
        if info.index() == 1 {
            Err(Refused(7))
        } else {
            Ok(())
        }
    });
    let error = error.build().err().unwrap();
    let BuildError::InitializerFailed { worker, source } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*worker, source.downcast_ref()), (1, Some(&Refused(7))));
    assert_is_a_sentence(&error);
}

// S5
#[test]
fn a_fallible_initializer_makes_state_too() {
    let _watch = watchdog();
    let builder = Pool::builder().workers(2);
    let pool = builder
        .try_initializer(|info| Ok::<_, Refused>(info.index() + 5))
        .build()
        .unwrap();
    assert_eq!(pool.broadcast(|w| *w.state).unwrap(), [5, 6]);
}

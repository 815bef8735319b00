//! The crate where threads cannot be pinned: on systems other than Linux and Android, and there without the feature
//! `libc`. `ci/platforms.sh` runs these tests.
#![cfg(not(all(feature = "libc", any(target_os = "linux", target_os = "android"))))]

use std::io;

use ringpool_affinity::{PinError, Pinned, Policy, advise_huge_pages, first_touch};
use ringpool_core::{BuildError, Builder, Pool};
use ringpool_std::Std;

const UNSUPPORTED: &str = "threads cannot be pinned on this system";

fn builder(pinned: &Pinned) -> Builder<Std> {
    Builder::with_spawner(pinned.clone())
}

/// The error of the only kind that there is here.
fn check_refusal(refused: Result<Pool<Std>, BuildError>) {
    match refused.expect_err("nothing can be pinned") {
        BuildError::Spawn { worker, source } => {
            let error = source.downcast::<PinError>();
            let error = *error.expect("it is this crate's error");
            assert_eq!(worker, 0);
            assert!(matches!(error, PinError::Unsupported), "{error}");
            assert_eq!(error.to_string(), UNSUPPORTED);
        }
        other => panic!("{other}"),
    }
}

// S4, A12, A14
#[test]
fn a_strict_pool_is_refused() {
    let pinned = Pinned::new();
    check_refusal(ringpool_affinity::pool());
    check_refusal(builder(&pinned).build());
    check_refusal(builder(&pinned).workers(3).build());
    check_refusal(builder(&pinned).caller_participates().build());
    let notes = pinned.report().notes().join("\n");
    assert!(notes.contains(UNSUPPORTED), "{notes}");
    assert_eq!(pinned.verify(), Ok(0), "there is no pool");
}

// A12, A14, A16
#[test]
fn best_effort_goes_on_and_tells_of_each_worker() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = builder(&pinned).workers(3).build().expect("it goes on");
    let squares = pool.map(0..100, |x| x * x).expect("the pool is open");
    assert_eq!(squares, Vec::from_iter((0..100).map(|x| x * x)));

    let report = pinned.report();
    let notes = report.notes();
    assert!(notes.contains(&UNSUPPORTED.to_owned()), "{notes:?}");
    assert_eq!(report.workers().len(), 3);
    for worker in report.workers() {
        assert_eq!(worker.problem.as_deref(), Some(UNSUPPORTED));
        assert_eq!(worker.effective, None, "no mask can be read");
        let note = format!("worker {}: {UNSUPPORTED}", worker.index);
        assert!(notes.contains(&note), "{notes:?}");
    }
    let drift = pinned.verify().expect_err("nobody is known to be in place");
    let indices = drift.workers().iter().map(|worker| worker.index);
    assert_eq!(Vec::from_iter(indices), [0, 1, 2]);
    assert!(drift.workers().iter().all(|worker| worker.actual.is_none()));
}

// S1, A14
#[test]
fn best_effort_has_workers_by_default() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = builder(&pinned).build().expect("it goes on");
    assert!(pool.worker_count() > 0);
    assert_eq!(pool.apply(|| 7).expect("the pool is open"), 7);
}

// A14, A18
#[test]
fn best_effort_lets_callers_take_part_and_tells() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = builder(&pinned)
        .workers(2)
        .caller_participates()
        .build()
        .expect("it goes on");
    let notes = pinned.report().notes().join("\n");
    let built = format!("worker 0: {UNSUPPORTED}");
    assert!(notes.contains(&built), "{notes}");

    let mut cells = [0; 100];
    pinned
        .stay(|| pool.for_each(&mut cells, |cell| *cell += 1))
        .expect("it goes on")
        .expect("the pool is open");
    assert_eq!(cells, [1; 100]);
    let notes = pinned.report().notes().join("\n");
    let called = format!("a caller that took part was not pinned: {UNSUPPORTED}");
    assert!(notes.contains(&called), "{notes}");
}

// A12, A14
#[test]
fn off_has_nothing_to_complain_of_in_its_workers() {
    let pinned = Pinned::new().policy(Policy::Off);
    let pool = builder(&pinned)
        .workers(2)
        .build()
        .expect("it pins nothing");
    assert_eq!(pool.apply(|| 7).expect("the pool is open"), 7);
    assert_eq!(pinned.verify(), Ok(0));
    let report = pinned.report();
    assert_eq!(report.workers().len(), 2);
    for worker in report.workers() {
        assert_eq!((&worker.wanted, &worker.problem), (&None, &None));
    }
}

// A14, A19
#[test]
fn without_huge_pages_the_values_are_the_same() {
    let error = advise_huge_pages(&mut vec![0_u8; 1 << 20]).expect_err("there is no such advice");
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = builder(&pinned).workers(2).build().expect("it goes on");
    let made = first_touch(&pool, 1000, |index| index).expect("the pool is open");
    assert_eq!(made, Vec::from_iter(0..1000));
}

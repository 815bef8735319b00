//! Where a calling thread is before, while and after it takes part.
#![cfg(all(feature = "libc", any(target_os = "linux", target_os = "android")))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use ringpool_core::{BuildError, Builder, JobError, Pool, Schedule, source::pull};
use ringpool_std::Std;

use super::*;
use crate::{Bind, Pinned, Places, Policy};

fn mask() -> CpuSet {
    sys::mask_of(sys::HERE).expect("it can be read")
}

/// As many workers as CPUs, one of which is the caller.
fn team(pinned: &Pinned) -> Pool<Std> {
    Builder::with_spawner(pinned.clone())
        .workers(mask().len().max(2))
        .caller_participates()
        .build()
        .expect("these CPUs may be used")
}

fn guest_of(pinned: &Pinned) -> Guest {
    pinned.guest().expect("callers take part")
}

fn threads() -> Pinned {
    Pinned::new().places(Places::Threads)
}

// A18
#[test]
fn a_caller_is_on_the_place_of_worker_zero_and_then_where_it_was() {
    let (pinned, before) = (threads(), mask());
    let pool = team(&pinned);
    assert_eq!(mask(), before, "building leaves no trace");
    let me = thread::current().id();
    let masks = pool
        .broadcast(|_| (mask(), thread::current().id()))
        .expect("the pool is open");
    let places = pinned.report().places().to_vec();
    assert_eq!(masks[0].0, places[0]);
    let all = masks
        .iter()
        .fold(CpuSet::new(), |all, (one, _)| all.union(one));
    assert_eq!(all, before, "every place has a thread");
    assert_eq!(masks[0].1, me, "P places have P threads");
    assert!(masks[1..].iter().all(|(_, by)| *by != me));
    assert_eq!(mask(), before);
}

// A16, A18
#[test]
fn the_report_shows_where_callers_go_and_who_is_there() {
    let pinned = threads();
    let pool = team(&pinned);
    let report = pinned.report();
    let place = &report.places()[0];
    assert_eq!(report.caller(), Some(place));
    let awaited = format!(
        "workers: {}\n  worker 0: CPUs {place}, the thread that calls\n",
        pool.worker_count()
    );
    assert!(report.to_string().contains(&awaited), "{report}");
    let while_there = pinned.stay(|| pinned.report().to_string());
    let while_there = while_there.expect("this CPU may be used");
    let present = format!(
        "workers: {}\n  worker 0: place 0, CPUs {place}, thread ",
        pool.worker_count()
    );
    assert!(while_there.contains(&present), "{while_there}");
    drop(pool);
    assert_eq!(pinned.report().caller(), None, "the pool has ended");
    let _plain = Builder::<Std>::with_spawner(pinned.clone())
        .workers(1)
        .build()
        .expect("a CPU may be used");
    assert_eq!(pinned.report().caller(), None, "callers do not take part");
}

// A18
#[test]
fn a_caller_has_its_mask_back_where_a_panic_unwinds_through_the_call() {
    let (pinned, before) = (threads(), mask());
    let pool = team(&pinned);
    let mut seen = None;
    let items = std::iter::from_fn(|| -> Option<u8> {
        seen = Some(mask());
        panic!("the input ends badly")
    });
    let unwound = catch_unwind(AssertUnwindSafe(|| pool.for_each(pull(items), drop)));
    assert!(unwound.is_err());
    assert!(seen.is_some());
    assert_eq!(mask(), before);
    let panicked = pool.broadcast(|_| panic!("the function ends badly"));
    assert!(panicked.is_err());
    assert_eq!(mask(), before);
}

// A18
#[test]
fn a_caller_has_its_mask_back_however_a_call_ends() {
    let (pinned, before) = (threads(), mask());
    let pool = team(&pinned);
    let place = pinned.report().places()[0].clone();
    let is_there = || assert_eq!(mask(), place);

    let unwound = catch_unwind(AssertUnwindSafe(|| {
        pool.scope(|_| {
            is_there();
            panic!("the body ends badly");
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(mask(), before);
    let late = pool.with().deadline(Duration::ZERO).for_each(0..9, drop);
    assert!(matches!(late, Err(JobError::DeadlineExpired)), "{late:?}");
    assert_eq!(mask(), before);
    let failed = pool.try_map(0..9, |n| if n < 3 { Ok(n) } else { Err(n) });
    assert!(matches!(failed, Ok(Err(_))), "{failed:?}");
    assert_eq!(mask(), before);
    let ended = pool.broadcast(|worker| {
        if worker.index() == 0 {
            is_there();
            pool.terminate();
        }
    });
    assert!(matches!(ended, Ok(_) | Err(JobError::Terminated)));
    assert_eq!(mask(), before);
    let refused = pool.for_each(0..9, drop);
    assert!(matches!(refused, Err(JobError::Terminated)), "{refused:?}");
    assert_eq!(mask(), before);
    thread::scope(|scope| {
        let joiner = scope.spawn(|| {
            pool.join().expect("it was terminated");
            assert_eq!(mask(), before, "the joiner ended worker 0");
        });
        joiner.join().expect("it has its mask back");
    });
}

// A18
#[test]
fn a_builder_has_its_mask_back_where_an_initializer_fails() {
    let before = mask();
    for bad in [0, 1] {
        let pinned = threads();
        let place = pinned.report().places()[0].clone();
        let built = Builder::<Std>::with_spawner(pinned)
            .workers(2)
            .initializer(move |worker| {
                assert!(worker.index() > 0 || mask() == place);
                assert_ne!(worker.index(), bad, "it ends badly");
            })
            .caller_participates()
            .build();
        let error = built.expect_err("a worker has no state");
        assert!(
            matches!(error, BuildError::Initializer { worker, .. } if worker == bad),
            "{error}"
        );
        assert_eq!(mask(), before);
    }
}

// A18
#[test]
fn the_state_of_worker_zero_is_made_and_ended_on_its_place() {
    use std::sync::{Arc, Mutex};
    let (pinned, before) = (threads(), mask());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = seen.clone();
    let pool = Builder::<Std>::with_spawner(pinned.clone())
        .workers(2)
        .initializer(|_| mask())
        .exit_hook(move |worker, state| {
            let mut seen = hook.lock().expect("no hook panics");
            seen.push((worker.index(), state, mask()));
        })
        .caller_participates()
        .build()
        .expect("these CPUs may be used");
    let place = pinned.report().places()[0].clone();
    drop(pool);
    let seen = seen.lock().expect("no hook panics");
    assert!(seen.contains(&(0, place.clone(), place)), "{seen:?}");
    assert_eq!(mask(), before);
}

// A18
#[test]
fn a_thread_that_stays_is_pinned_between_calls_and_then_where_it_was() {
    let (pinned, before) = (threads(), mask());
    let pool = team(&pinned);
    let place = pinned.report().places()[0].clone();
    let at_once = pinned.stay(|| {
        assert_eq!(mask(), place);
        pool.for_each(0..100, drop).expect("the pool is open");
        assert_eq!(mask(), place, "the call leaves it there");
        pinned
            .stay(|| assert_eq!(mask(), place))
            .expect("it is there already");
        assert_eq!(mask(), place);
        assert_eq!(pinned.report().workers()[0].index, 0);
        assert_eq!(pinned.verify(), Ok(pool.worker_count()));
    });
    at_once.expect("this CPU may be used");
    assert_eq!(mask(), before);
    let unwound = catch_unwind(AssertUnwindSafe(|| pinned.stay(|| panic!("it ends badly"))));
    assert!(unwound.is_err());
    assert_eq!(mask(), before);
    assert!(!guest_of(&pinned).stays());
}

// A18
#[test]
fn callers_of_other_pools_are_moved_by_each_of_them() {
    let before = mask();
    let (near, far) = (threads(), threads().bind(Bind::None));
    let (inner, outer) = (team(&near), team(&far));
    let place = near.report().places()[0].clone();
    far.stay(|| {
        assert_eq!(mask(), before, "this pool is bound to all CPUs");
        near.stay(|| {
            assert_eq!(mask(), place);
            let masks = outer.broadcast(|_| mask()).expect("the pool is open");
            assert_eq!(masks[0], before);
            assert_eq!(mask(), place);
        })
        .expect("this CPU may be used");
        assert_eq!(mask(), before);
        let masks = inner.broadcast(|_| mask()).expect("the pool is open");
        assert_eq!(masks[0], place);
    })
    .expect("these CPUs may be used");
    assert_eq!(mask(), before);
}

// A12, A18
#[test]
fn off_and_pools_without_participation_leave_the_caller_alone() {
    let before = mask();
    let off = threads().policy(Policy::Off);
    let pool = team(&off);
    let masks = pool.broadcast(|_| mask()).expect("the pool is open");
    assert!(masks.iter().all(|mask| *mask == before));
    off.stay(|| assert_eq!(mask(), before))
        .expect("nothing fails");
    let plain = threads();
    plain
        .stay(|| assert_eq!(mask(), before))
        .expect("there is no pool");
    let _pool = Builder::<Std>::with_spawner(plain.clone())
        .workers(1)
        .build();
    plain
        .stay(|| assert_eq!(mask(), before))
        .expect("callers do not take part");
}

// A18
#[test]
fn a_mask_that_cannot_be_given_back_is_a_note() {
    let pinned = threads();
    let _pool = team(&pinned);
    let before = mask();
    thread::scope(|scope| {
        let lost = scope.spawn(|| {
            let mut guest = guest_of(&pinned);
            guest.enter();
            guest.before = Some(CpuSet::from(9000..=9000));
            guest.leave();
        });
        lost.join().expect("it does not panic");
    });
    let notes = pinned.report().notes().join("\n");
    assert!(notes.contains("did not get its CPUs back"), "{notes}");
    assert_eq!(mask(), before);
}

// S51
#[test]
fn static_ranges_stay_on_their_places() {
    let pinned = threads();
    let pool = team(&pinned);
    let mut places = vec![CpuSet::new(); 4 * pool.worker_count()];
    for _ in 0..20 {
        let steps = pool.with().schedule(Schedule::Static);
        steps
            .for_each(&mut places, |place| {
                let here = mask();
                assert!(place.is_empty() || *place == here, "a range has moved");
                *place = here;
            })
            .expect("every range stays");
    }
    assert_eq!(places[0], pinned.report().places()[0]);
}

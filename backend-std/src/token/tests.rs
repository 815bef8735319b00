//! Each test hangs rather than fails if a permit is lost; none depends on how long anything takes.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;

fn now() -> Instant {
    Std::now().expect("std has a clock")
}

/// Waits until a thread is about to sleep on `token`, so that the next unpark takes the slow path.
fn until_parked(token: &Token) {
    while token.state.load(Ordering::Relaxed) != PARKED {
        thread::yield_now();
    }
}

fn state(token: &Token) -> u8 {
    token.state.load(Ordering::Relaxed)
}

#[test]
fn early_unpark_is_not_lost() {
    let token = Token::NEW;
    token.unpark();
    token.park(None);
    token.unpark();
    token.park(Some(Instant::NEVER));
    assert_eq!(state(&token), EMPTY);
}

#[test]
fn two_unparks_leave_one_permit() {
    let token = Token::NEW;
    token.unpark();
    token.unpark();
    assert!(token.take_permit());
    assert!(!token.take_permit());
}

#[test]
fn a_passed_deadline_returns() {
    let token = Token::NEW;
    token.park(Some(Instant::from_nanos(0)));
    token.park(Some(now()));
    assert_eq!(state(&token), EMPTY);
}

#[test]
fn a_deadline_ends_the_sleep_without_an_unpark() {
    let token = Token::NEW;
    for micros in [1, 100, 5_000] {
        let deadline = now().saturating_add(Duration::from_micros(micros));
        while now() < deadline {
            token.park(Some(deadline));
        }
        assert_eq!(state(&token), EMPTY);
    }
}

#[test]
fn a_permit_is_taken_even_after_the_deadline() {
    let token = Token::NEW;
    token.unpark();
    token.park(Some(Instant::from_nanos(0)));
    assert_eq!(state(&token), EMPTY);
}

#[test]
fn unpark_wakes_a_sleeping_thread_whatever_its_deadline() {
    let huge = [
        u64::MAX,
        u64::MAX - 1,
        u64::MAX / 2,
        i64::MAX as u64 + 1,
        3_600_000_000_000,
    ];
    let deadlines = huge.map(|nanos| Some(now().saturating_add(Duration::from_nanos(nanos))));
    for deadline in deadlines.into_iter().chain([None, Some(Instant::NEVER)]) {
        let token = Token::NEW;
        thread::scope(|s| {
            s.spawn(|| token.park(deadline));
            until_parked(&token);
            token.unpark();
        });
        assert_eq!(state(&token), EMPTY, "with {deadline:?}");
    }
}

#[test]
fn threads_that_wake_each_other_lose_no_permit_and_see_each_others_writes() {
    const ROUNDS: usize = if cfg!(miri) { 50 } else { 20_000 };
    let (serve, reply) = (Token::NEW, Token::NEW);
    let turns = AtomicUsize::new(0);
    // Relaxed throughout: only the tokens order these accesses.
    let wait_for = |token: &Token, turn| {
        while turns.load(Ordering::Relaxed) < turn {
            token.park(None);
        }
    };
    thread::scope(|s| {
        s.spawn(|| {
            for round in 0..ROUNDS {
                wait_for(&serve, 2 * round + 1);
                turns.store(2 * round + 2, Ordering::Relaxed);
                reply.unpark();
            }
        });
        for round in 0..ROUNDS {
            turns.store(2 * round + 1, Ordering::Relaxed);
            serve.unpark();
            wait_for(&reply, 2 * round + 2);
        }
    });
    assert_eq!(turns.into_inner(), 2 * ROUNDS);
}

/// Memory that only the tokens order: `ThreadSanitizer` and Miri see an ordering that is too weak.
struct Plain(UnsafeCell<usize>);

// SAFETY: the one test that shares it hands it over with a permit, so one thread at a time uses it.
unsafe impl Sync for Plain {}

impl Plain {
    /// Adds one, and returns what was there.
    ///
    /// # Safety
    ///
    /// No other thread accesses the memory at the same time.
    unsafe fn bump(&self) -> usize {
        // SAFETY: the caller promises that this is the only access.
        let value = unsafe { &mut *self.0.get() };
        *value += 1;
        *value - 1
    }
}

#[test]
fn a_permit_hands_over_plain_memory() {
    const ROUNDS: usize = if cfg!(miri) { 50 } else { 2_000 };
    let (there, back) = (Token::NEW, Token::NEW);
    let memory = Plain(UnsafeCell::new(0));
    // This token's `park` returns without a permit only after a deadline, so each return is a handover.
    thread::scope(|s| {
        s.spawn(|| {
            for round in 0..ROUNDS {
                there.park(None);
                // SAFETY: the other thread is parked until `back` gets its permit.
                assert_eq!(unsafe { memory.bump() }, 2 * round + 1);
                back.unpark();
            }
        });
        for round in 0..ROUNDS {
            // SAFETY: the other thread is parked until `there` gets its permit.
            assert_eq!(unsafe { memory.bump() }, 2 * round);
            there.unpark();
            back.park(None);
        }
    });
}

#[test]
fn a_deadline_racing_an_unpark_loses_nothing() {
    const ROUNDS: usize = if cfg!(miri) { 50 } else { 5_000 };
    let token = Token::NEW;
    let sent = AtomicUsize::new(0);
    let seen = AtomicUsize::new(0);
    thread::scope(|s| {
        s.spawn(|| {
            for round in 1..=ROUNDS {
                while sent.load(Ordering::Relaxed) < round {
                    // Short and long deadlines in turn: the long ones hang if an unpark is lost.
                    let micros = if round % 2 == 0 { 20 } else { u64::MAX };
                    token.park(Some(now().saturating_add(Duration::from_micros(micros))));
                }
                seen.store(round, Ordering::Relaxed);
            }
        });
        for round in 1..=ROUNDS {
            sent.store(round, Ordering::Relaxed);
            token.unpark();
            while seen.load(Ordering::Relaxed) < round {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn unpark_without_an_owner_reaches_the_next_thread_that_parks() {
    let token = Token::NEW;
    thread::scope(|s| {
        s.spawn(|| token.unpark());
    });
    thread::scope(|s| {
        s.spawn(|| token.park(None));
    });
    assert_eq!(state(&token), EMPTY);
}

#[test]
fn a_late_notification_is_no_permit() {
    let token = Token::NEW;
    // What remains of an unpark whose permit was taken before it came to notify.
    token.notify();
    assert!(!token.take_permit());
    thread::scope(|s| {
        s.spawn(|| token.park(None));
        until_parked(&token);
        token.notify();
        token.unpark();
    });
    assert_eq!(state(&token), EMPTY);
}

#[test]
fn a_poisoned_lock_changes_nothing() {
    let token = Token::NEW;
    let poisoning = catch_unwind(AssertUnwindSafe(|| {
        let _guard = token.lock();
        resume_unwind(Box::new(()));
    }));
    assert!(poisoning.is_err());
    assert!(token.lock.is_poisoned());
    for deadline in [
        None,
        Some(Instant::NEVER),
        Some(now().saturating_add(Duration::from_hours(1))),
    ] {
        thread::scope(|s| {
            s.spawn(|| token.park(deadline));
            until_parked(&token);
            token.unpark();
        });
    }
}

#[test]
fn debug_decodes_the_state() {
    let token = Token::default();
    assert_eq!(format!("{token:?}"), "Token(empty)");
    token.unpark();
    assert_eq!(format!("{token:?}"), "Token(notified)");
}

//! What a thread parks on: a binary semaphore that locks only while somebody sleeps.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringpool_core::{Instant, Park, Platform};

use crate::Std;

// The state of a token, and who moves it on:
//
//   from       by       to         and the mover must
//   EMPTY      unpark   NOTIFIED   do nothing more
//   NOTIFIED   unpark   NOTIFIED   do nothing more: two unparks leave one permit
//   PARKED     unpark   NOTIFIED   take the lock once, then notify
//   NOTIFIED   park     EMPTY      return
//   EMPTY      park     PARKED     hold the lock, and give it up only by sleeping or returning
//   PARKED     park     EMPTY      return: the deadline has passed
//
/// No permit, and nobody sleeps.
const EMPTY: u8 = 0;
/// One permit. The next `park` takes it.
const NOTIFIED: u8 = 1;
/// No permit, and the owner sleeps or is about to.
const PARKED: u8 = 2;

/// A binary semaphore on which one thread at a time parks.
///
/// It is self-contained: the permit lies in the token and not in a thread, so an `unpark` may come
/// early, late, or when another thread owns the token. std's own `thread::park` would not do: its permit
/// belongs to the thread, and user code in a job may be waiting for that one.
///
/// `unpark` is one atomic swap unless somebody sleeps. If somebody does, it also takes a lock, which a
/// parking thread holds for the few instructions between its announcement and its sleep, never while
/// code of a pool or a user runs. That lock is why `Token` is not
/// [`IsrUnpark`](ringpool_core::IsrUnpark): a signal handler that interrupts a thread inside `park` and
/// unparks the same token would wait for the lock that its own thread holds. Neither may a handler call
/// `notify_one`, which is not async-signal-safe.
///
/// ```
/// use ringpool_core::{Instant, Park};
/// use ringpool_std::Token;
///
/// static TOKEN: Token = Token::NEW;
///
/// let waker = std::thread::spawn(|| TOKEN.unpark());
/// TOKEN.park(None);                         // until the permit arrives
/// TOKEN.park(Some(Instant::from_nanos(0))); // the deadline has passed
/// waker.join().unwrap();
/// ```
pub struct Token {
    state: AtomicU8,
    /// Protects nothing but the step from `PARKED` into the sleep: whoever has swapped `PARKED` away and
    /// then gets this lock knows that the owner sleeps or has looked at the state again.
    lock: Mutex<()>,
    notified: Condvar,
}

impl Park for Token {
    const NEW: Self = Self {
        state: AtomicU8::new(EMPTY),
        lock: Mutex::new(()),
        notified: Condvar::new(),
    };

    fn park(&self, deadline: Option<Instant>) {
        if self.take_permit() {
            return;
        }
        // `NEVER` needs no clock.
        let deadline = deadline.filter(|&deadline| deadline != Instant::NEVER);
        if remaining(deadline) != Some(Duration::ZERO) {
            self.sleep(deadline);
        }
    }

    fn unpark(&self) {
        // Release: pairs with the Acquire of the park that takes the permit. A later unpark that finds
        // `NOTIFIED` continues the release sequence, so that park sees what was written before both.
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            self.notify();
        }
    }
}

impl Token {
    fn take_permit(&self) -> bool {
        self.state
            // Acquire: pairs with the Release in `unpark`. Relaxed on failure: nothing was learnt that
            // anybody relies on; `EMPTY` and `PARKED` publish nothing.
            .compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[cold]
    fn sleep(&self, deadline: Option<Instant>) {
        let mut guard = self.lock();
        let announced = self
            .state
            // Relaxed: the announcement publishes nothing; `unpark` meets it again under the lock.
            .compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed);
        if announced.is_err() {
            // A permit came between the first look and the lock. (Or a second thread parks, against
            // the contract; its park returns early and takes nothing.)
            self.take_permit();
            return;
        }
        loop {
            let left = remaining(deadline);
            if left == Some(Duration::ZERO) {
                // Acquire: an unpark may have come since the last look. Its permit is taken, and what
                // its Release published is seen.
                self.state.swap(EMPTY, Ordering::Acquire);
                return;
            }
            guard = self.sleep_once(guard, left);
            if self.take_permit() {
                return;
            }
        }
    }

    /// Sleeps until a notification, the time-out, or no reason at all.
    fn sleep_once<'a>(
        &self,
        guard: MutexGuard<'a, ()>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, ()> {
        match left {
            None => self
                .notified
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let woken = self.notified.wait_timeout(guard, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    #[cold]
    fn notify(&self) {
        // The owner held the lock from before it wrote `PARKED`. That we get it means that the owner
        // sleeps, and the notification cannot slip in front of its sleep; or that it has returned, and
        // the notification does nothing.
        drop(self.lock());
        self.notified.notify_one();
    }

    /// The lock guards no data, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time until `deadline`: zero once it has passed, `None` if there is none.
fn remaining(deadline: Option<Instant>) -> Option<Duration> {
    Some(deadline?.saturating_since(Std::now()?))
}

impl Default for Token {
    fn default() -> Self {
        Self::NEW
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a look that nobody acts upon.
        let state = match self.state.load(Ordering::Relaxed) {
            EMPTY => "empty",
            NOTIFIED => "notified",
            _ => "parked",
        };
        f.debug_tuple("Token")
            .field(&format_args!("{state}"))
            .finish()
    }
}

#[cfg(test)]
mod tests;

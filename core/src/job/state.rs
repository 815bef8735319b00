//! The job word: who still holds a job, and whether its value is there.
//!
//! A queued job lies in a cell of the queue, and *the cell owns it*: whoever exchanges the job out of
//! its cell, be it a worker that popped the entry, `cancel`, `terminate`, or a wait that runs the job in
//! place, is its *runner*, alone. So the word has no "claimed" phase; it counts the holders and says
//! when the value is ready.
//!
//! | bit     | set by                                   | cleared by              | meaning |
//! |---------|------------------------------------------|-------------------------|---------|
//! | READY   | the runner, once                         | never                   | the value is written |
//! | OK      | with READY                               | never                   | the value is `Ok` |
//! | TAKEN   | the handle, after READY                  | never                   | the value was moved out |
//! | HANDLE  | at birth                                 | the handle              | the handle holds the job |
//! | RUNNER  | at birth                                 | the runner              | queue or runner hold the job |
//! | SCOPE   | at birth, or the runner before READY     | the scope               | a scope holds the job |
//! | CANCEL  | anybody who holds the job                | never                   | the job's cancel token |
//! | WAKER   | the handle                               | the handle, before READY | the waker cell is filled; after READY it is the runner's to read |
//! | OUTSIDE | a runner that does not belong to the pool | never                  | the job no longer needs its pool |
//!
//! Above them lie MANY and the seat of the first waiter, which `seats.rs` owns.
//!
//! Rules for the fields of a job, cited where they are used:
//! - R1: body and value belong to the runner until it sets READY; then the value belongs to the handle
//!   until that sets TAKEN or gives HANDLE up, and after that to whoever frees the job.
//! - R2: the waker cell belongs to the handle while WAKER is clear. While it is set, handle and runner
//!   may only read it.
//! - R3: whoever clears the last of HANDLE, RUNNER and SCOPE frees the job.

use core::fmt;

use crate::platform::Platform;
use crate::seats::{self, Look};
use crate::sync::{AtomicUsize, Ordering, const_fn, fence_acquire};

const READY: usize = 1;
const OK: usize = 1 << 1;
const TAKEN: usize = 1 << 2;
const HANDLE: usize = 1 << 3;
const RUNNER: usize = 1 << 4;
const SCOPE: usize = 1 << 5;
const CANCEL: usize = 1 << 6;
const WAKER: usize = 1 << 7;
const OUTSIDE: usize = 1 << 8;

const HOLDERS: usize = HANDLE | RUNNER | SCOPE;

/// One who holds a job; see R3.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder {
    Handle,
    Runner,
    Scope,
}

impl Holder {
    const fn bit(self) -> usize {
        match self {
            Self::Handle => HANDLE,
            Self::Runner => RUNNER,
            Self::Scope => SCOPE,
        }
    }
}

/// A value of the job word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(usize);

impl Snapshot {
    pub(crate) const fn is_ready(self) -> bool {
        self.0 & READY != 0
    }

    pub(crate) const fn is_ok(self) -> bool {
        self.0 & OK != 0
    }

    pub(crate) const fn is_taken(self) -> bool {
        self.0 & TAKEN != 0
    }

    pub(crate) const fn has_waker(self) -> bool {
        self.0 & WAKER != 0
    }

    pub(crate) const fn has_handle(self) -> bool {
        self.0 & HANDLE != 0
    }

    /// Whether the job may outlive its pool: it has a runner that does not belong to the pool, or it
    /// is done.
    pub(crate) const fn is_detached_from_pool(self) -> bool {
        self.0 & (OUTSIDE | READY) != 0
    }

    const fn is_held_only_by(self, holder: Holder) -> bool {
        self.0 & HOLDERS == holder.bit()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (READY, "READY"),
            (OK, "OK"),
            (TAKEN, "TAKEN"),
            (HANDLE, "HANDLE"),
            (RUNNER, "RUNNER"),
            (SCOPE, "SCOPE"),
            (CANCEL, "CANCEL"),
            (WAKER, "WAKER"),
            (OUTSIDE, "OUTSIDE"),
        ];
        f.debug_set()
            .entries(
                names
                    .iter()
                    .filter(|(bit, _)| self.0 & bit != 0)
                    .map(|(_, name)| name),
            )
            .finish()
    }
}

/// What the runner must do after it has published the value.
#[must_use]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Completed {
    /// Nobody else holds the job: drop the value and free it.
    Free,
    /// Let go of the job and wake the threads in the old word.
    Wake(Woken),
    /// Call the waker, wake the threads in the old word, then release `Holder::Runner`.
    WakeTask(Woken),
}

/// The threads to wake, as the old word named them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Woken {
    old: usize,
    on: usize,
}

impl Woken {
    /// Wakes them. The job may be freed already: its address is used as a number.
    #[inline]
    pub(crate) fn wake<P: Platform>(self) {
        seats::wake::<P>(self.old, self.on);
    }
}

/// What becomes of a job when one of its holders lets go.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    /// Others hold it still.
    Held,
    /// The caller was the last: free it. Its value is still there unless the snapshot says TAKEN.
    Free(Snapshot),
}

/// Whether the waker cell may be used, after WAKER was asked to be set or cleared.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakerCell {
    /// Done: the job is not ready yet.
    Pending,
    /// Not done: the job became ready before. This does not show the value; `look` does.
    Ready,
}

/// The word itself.
pub(crate) struct JobWord(AtomicUsize);

impl fmt::Debug for JobWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look().fmt(f)
    }
}

impl JobWord {
    const_fn! {
        /// A job that its handle and the queue hold.
        pub(crate) const fn new() -> Self {
            Self(AtomicUsize::new(HANDLE | RUNNER))
        }
        /// A job that its scope holds as well.
        pub(crate) const fn new_in_scope() -> Self {
            Self(AtomicUsize::new(HANDLE | RUNNER | SCOPE))
        }
        /// A job that was refused: its value, an error, is there from birth.
        pub(crate) const fn new_refused() -> Self {
            Self(AtomicUsize::new(HANDLE | READY))
        }
    }

    /// The word now. Acquire: pairs with the Release in `complete`, so READY shows the value.
    #[inline]
    pub(crate) fn look(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Whether the job's cancel token is set. Relaxed: it carries nothing but itself.
    pub(crate) fn is_cancel_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed) & CANCEL != 0
    }

    /// Sets the cancel token; tells the word as it was before.
    pub(crate) fn request_cancel(&self) -> Snapshot {
        // Relaxed: the token carries nothing but itself, and the caller only asks for READY.
        Snapshot(self.0.fetch_or(CANCEL, Ordering::Relaxed))
    }

    /// Marks that the job's runner does not belong to the pool. Called by a visitor that has just taken
    /// the job, before its visit ends.
    pub(crate) fn leave_pool(&self) {
        // Relaxed: the end of the visit, a Release, carries it to whoever frees the pool, and the fences
        // of `seats::Visit` from there to the next visitor.
        self.0.fetch_or(OUTSIDE, Ordering::Relaxed);
    }

    /// Makes the scope a holder. Only the runner calls it, before READY.
    pub(crate) fn keep_for_scope(&self) {
        // Relaxed: the runner's own `complete` publishes it.
        self.0.fetch_or(SCOPE, Ordering::Relaxed);
    }

    /// Publishes the value. Only the runner calls it, once.
    #[inline]
    pub(crate) fn complete(&self, ok: bool) -> Completed {
        let outcome = if ok { READY | OK } else { READY };
        let on = seats::address(&self.0);
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            if Snapshot(old).is_held_only_by(Holder::Runner) {
                // Pairs with the Release of the handle that let go: its accesses come before the free.
                fence_acquire(&self.0);
                return Completed::Free;
            }
            // With a waker the runner keeps its hold until the waker was called.
            let kept = if old & WAKER == 0 { old & !RUNNER } else { old };
            // Release: publishes the value to `look`. Acquire: shows the waker that the handle filled in
            // and, for a scan of the seats, what each waiter wrote before it registered.
            match self.0.compare_exchange_weak(
                old,
                kept | outcome,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) if old & WAKER != 0 => return Completed::WakeTask(Woken { old, on }),
                Ok(_) => return Completed::Wake(Woken { old, on }),
                Err(now) => old = now,
            }
        }
    }

    /// Lets go of the job for `holder`, leaving the value where it is.
    #[inline]
    pub(crate) fn release(&self, holder: Holder) -> Released {
        let now = self.look();
        if now.is_held_only_by(holder) {
            // Nobody else can come back, so the word needs no further change.
            return Released::Free(now);
        }
        // Release: our accesses come before the last holder's free. Acquire: if we are the last, theirs
        // come before ours.
        let old = Snapshot(self.0.fetch_and(!holder.bit(), Ordering::AcqRel));
        if old.is_held_only_by(holder) {
            Released::Free(old)
        } else {
            Released::Held
        }
    }

    /// Notes that the handle, which saw READY, has moved the value out.
    pub(crate) fn mark_taken(&self) {
        // Relaxed: `release` of the handle, an AcqRel, carries it to whoever frees the job.
        self.0.fetch_or(TAKEN, Ordering::Relaxed);
    }

    /// Notes that the waker cell is filled (R2).
    pub(crate) fn set_waker(&self) -> WakerCell {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            if old & READY != 0 {
                return WakerCell::Ready;
            }
            // Release: publishes the waker to the Acquire of `complete`.
            match self.0.compare_exchange_weak(
                old,
                old | WAKER,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return WakerCell::Pending,
                Err(now) => old = now,
            }
        }
    }

    /// Takes the waker cell back (R2). On `Ready` the runner may be reading it, so it is left alone.
    pub(crate) fn clear_waker(&self) -> WakerCell {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            if old & READY != 0 {
                return WakerCell::Ready;
            }
            // Relaxed: the handle wrote the cell itself, and the runner has not touched it.
            match self.0.compare_exchange_weak(
                old,
                old & !WAKER,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return WakerCell::Pending,
                Err(now) => old = now,
            }
        }
    }

    /// Blocks until the job is ready or `look` gives up; tells which.
    pub(crate) fn wait<P: Platform>(&self, mut look: impl FnMut() -> Look) -> bool {
        seats::wait::<P>(&self.0, |value| {
            if value & READY != 0 {
                Look::Done
            } else {
                look()
            }
        })
    }
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_holder_frees() {
        for order in [
            [Holder::Handle, Holder::Scope],
            [Holder::Scope, Holder::Handle],
        ] {
            let word = JobWord::new_in_scope();
            assert!(matches!(word.complete(true), Completed::Wake(_)));
            assert_eq!(word.release(order[0]), Released::Held);
            assert!(matches!(word.release(order[1]), Released::Free(last) if last.is_ok()));
        }
    }

    #[test]
    fn a_runner_left_alone_frees() {
        let word = JobWord::new();
        assert_eq!(word.release(Holder::Handle), Released::Held);
        assert!(matches!(word.complete(true), Completed::Free));
    }

    #[test]
    fn a_waker_keeps_the_runner_until_it_was_called() {
        let word = JobWord::new();
        assert_eq!(word.set_waker(), WakerCell::Pending);
        assert!(matches!(word.complete(false), Completed::WakeTask(_)));
        assert_eq!(word.clear_waker(), WakerCell::Ready);
        assert_eq!(word.release(Holder::Handle), Released::Held);
        assert!(matches!(word.release(Holder::Runner), Released::Free(_)));
    }

    #[test]
    fn debug_decodes_the_bits() {
        assert_eq!(format!("{:?}", JobWord::new()), r#"{"HANDLE", "RUNNER"}"#);
    }
}

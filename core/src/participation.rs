//! Callers that take part: a thread that blocks in a verb is worker 0 meanwhile, one thread at a time.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::engine::Engine;
use crate::event_count::EventCount;
use crate::frame::Frame;
use crate::job::Due;
use crate::platform::{Platform, contain};
use crate::seats::Look;
use crate::spawner::Caller;
use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_fn};

/// Worker 0 of a pool in which callers take part, and whether a thread is it at the moment.
pub(crate) struct CallerSeat {
    taken: AtomicUsize,
    free: EventCount,
    /// Set while the pool is built; then it belongs to whoever has set `taken`.
    zero: UnsafeCell<Option<WorkerZero>>,
}

/// What makes a calling thread worker 0.
#[derive(Clone, Copy)]
pub(crate) struct WorkerZero {
    /// The worker's state.
    pub(crate) state: NonNull<()>,
    /// What the spawner has callers do.
    pub(crate) caller: Option<NonNull<dyn Caller>>,
}

// SAFETY: the pool allows callers to take part only where its state is `Send`, as `Caller` always is.
unsafe impl Sync for CallerSeat {}
// SAFETY: as above.
unsafe impl Send for CallerSeat {}

impl CallerSeat {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                taken: AtomicUsize::new(0),
                free: EventCount::new(),
                zero: UnsafeCell::new(None),
            }
        }
    }
}

impl<P: Platform> Engine<P> {
    /// Ends worker 0 of a pool in which callers take part, when no other worker is left: from now on callers
    /// only wait. `f` is called when nobody is worker 0 but this thread, for the last time.
    pub(crate) fn end_participation(&self, f: impl FnOnce()) {
        self.caller.free.wait::<P>(|| {
            if self.take_seat() {
                Look::Done
            } else {
                Look::Park(None)
            }
        });
        let _leave = LeaveSeat(self);
        // SAFETY: `taken` is ours, and with it what makes a thread worker 0.
        let zero = self.caller.zero.with_mut(|cell| unsafe { (*cell).take() });
        // SAFETY: as in `as_worker_zero`.
        let _entered = zero.map(|zero| unsafe { Entered::<P>::enter(zero.caller) });
        f();
    }

    /// Blocks until no caller is worker 0, or `look` gives up; tells which.
    pub(crate) fn wait_for_participants(&self, look: impl Fn() -> Look) -> bool {
        self.caller.free.wait::<P>(|| {
            // Relaxed: whoever goes on takes the seat first.
            if self.caller.taken.load(Ordering::Relaxed) == 0 {
                Look::Done
            } else {
                look()
            }
        })
    }

    fn take_seat(&self) -> bool {
        // Acquire: pairs with the Release of the last caller.
        self.caller
            .taken
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Lets callers take part.
    ///
    /// # Safety
    ///
    /// The state must be of the pool's type; both must stay valid, and the caller's hooks be used by nobody
    /// else, until [`end_participation`](Self::end_participation) has returned. Only the builder calls it.
    pub(crate) unsafe fn set_worker_zero(&self, zero: WorkerZero) {
        // SAFETY: the pool is being built, so nobody takes part yet.
        self.caller
            .zero
            .with_mut(|cell| unsafe { *cell = Some(zero) });
    }

    /// Runs `f` with this thread's frame if it is a worker already; as worker 0 if callers take part and no
    /// other caller is worker 0 now; otherwise without a frame. With `wait` it waits for its turn until that is due.
    pub(crate) fn as_participant<R>(
        &self,
        wait: Option<&dyn Fn() -> Due>,
        f: impl FnOnce(Option<&Frame<'_, P>>) -> R,
    ) -> R {
        Frame::find(self.head(), |frame| match frame {
            Some(frame) => f(Some(frame)),
            None if self.settings.caller_participates => self.as_worker_zero(wait, f),
            None => f(None),
        })
    }

    fn as_worker_zero<R>(
        &self,
        wait: Option<&dyn Fn() -> Due>,
        f: impl FnOnce(Option<&Frame<'_, P>>) -> R,
    ) -> R {
        let mine = match wait {
            None => self.take_seat(),
            Some(due) => self.caller.free.wait::<P>(|| {
                if self.take_seat() {
                    return Look::Done;
                }
                match due() {
                    Due::Now(_) => Look::GiveUp,
                    Due::At(deadline) => Look::Park(deadline),
                }
            }),
        };
        if !mine {
            return f(None);
        }
        let leave = LeaveSeat(self);
        // SAFETY: `taken` is ours, and with it what makes a thread worker 0.
        let Some(zero) = self.caller.zero.with(|cell| unsafe { *cell }) else {
            drop(leave);
            return f(None);
        };
        // Left before the seat is.
        // SAFETY: whoever has the seat has the hooks, which `set_worker_zero` was promised are valid.
        let _entered = unsafe { Entered::<P>::enter(zero.caller) };
        let f = |frame: &Frame<'_, P>| {
            // SAFETY: the builder stored a state there.
            unsafe { frame.state_is_there() };
            f(Some(frame))
        };
        // SAFETY: the state is of the pool's type, and ours now.
        unsafe { Frame::enter(self, 0, zero.state, f) }
    }
}

/// The spawner's hooks around a caller's time as worker 0, also where that ends by unwinding.
pub(crate) struct Entered<P: Platform>(Option<NonNull<dyn Caller>>, PhantomData<fn() -> P>);

impl<P: Platform> Entered<P> {
    /// For whoever has the seat, until they leave it.
    ///
    /// # Safety
    ///
    /// The hooks must be valid, and used by nobody else meanwhile.
    pub(crate) unsafe fn enter(caller: Option<NonNull<dyn Caller>>) -> Self {
        let entered = Self(caller, PhantomData);
        entered.tell(Caller::enter);
        entered
    }

    fn tell(&self, call: fn(&mut dyn Caller)) {
        if let Some(mut caller) = self.0 {
            // SAFETY: `enter` was promised that they are valid and ours.
            contain::<P>(|| call(unsafe { caller.as_mut() }));
        }
    }
}

impl<P: Platform> Drop for Entered<P> {
    fn drop(&mut self) {
        self.tell(Caller::leave);
    }
}

/// Leaves the caller's seat, also by unwinding.
struct LeaveSeat<'a, P: Platform>(&'a Engine<P>);

impl<P: Platform> Drop for LeaveSeat<'_, P> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take_seat`.
        self.0.caller.taken.store(0, Ordering::Release);
        self.0.caller.free.notify::<P>();
    }
}

//! Idle workers: who searches, who sleeps, and whom a submitter wakes.
//!
//! A worker without work first *searches* (spins), then lets other threads run for a moment, then
//! *announces* itself in a bitmap and parks. A submitter that has published an entry wakes one announced
//! worker, unless one is counted as searching: that one will find the entry. A searcher that leaves with work
//! while nobody else searches passes the wake on, so wakes ramp up one by one.
//!
//! Only so many workers spin at once and are counted. One that only yields is awake without anybody knowing;
//! that is safe, as it looks for work once more after it has announced itself (W4). It may cost a wake that was not
//! needed; and if all workers just yield, nobody is woken, and the entry waits until one of them comes back.
//!
//! | step of the worker              | step of the submitter                |
//! |---------------------------------|--------------------------------------|
//! | W1 set the bit                  | S1 publish the entry                 |
//! | W2 stop searching               | S2 `fence(SeqCst)`                   |
//! | W3 `fence(SeqCst)`              | S3 somebody searches? then done      |
//! | W4 look for work once more      | S4 count a searcher, take one bit, unpark its worker |
//! | W5 park until the bit is gone   |                                      |
//!
//! The two fences are one Dekker pair: if W4 misses the entry, then S3 sees W2 and S4 sees W1. With them the
//! words themselves can be Relaxed but for one thing (`take_bit`). A worker that finds work at
//! W4 takes its bit back and is counted as searching again, for a submitter may have relied on it before W2; if
//! the bit is gone, somebody has spent a wake on it, and has counted it. Either way it owes a wake to the next
//! (`stop_searching`).
//!
//! S4 counts before it takes the bit. The other way round, the worker could find the entry by itself and take back
//! the count that was not there yet: a count below zero looks like a searcher to the next submitter, who would
//! then wake nobody. If the bit turns out to be taken, the count was too high for a moment, in which another
//! submitter may have relied on it: so a fence, and another look at the bitmap.
//!
//! A worker that is a task of an executor is not counted for its wake, for nobody knows when it will be polled: S4 goes on
//! to the next bit, up to a worker that parks on its token. Its own look at W4 counts it as any other.
//!
//! A worker that is stopped by the scheduler while it searches, or lets another thread run, delays what it was
//! awake for by as long (`backoff.rs` allows one late yield); `submit` itself waits for nobody.

use crate::platform::{Park, Platform, contain};
use crate::slot::WorkerSlot;
use crate::sync::{AtomicUsize, CachePadded, Ordering, const_fn, fence_seq_cst};

const WORD: usize = usize::BITS as usize;

/// The searchers' count; the bitmap lies in the slots.
#[derive(Debug)]
pub(crate) struct Idle {
    searching: CachePadded<AtomicUsize>,
    /// How many may spin at once. One for every two CPUs: on two, a second searcher takes the CPU
    /// from the caller that spins for its result.
    limit: usize,
}

fn bit(index: usize) -> usize {
    1 << (index % WORD)
}

fn word_of<P: Platform>(slots: &[WorkerSlot<P>], index: usize) -> &AtomicUsize {
    &slots[index - index % WORD].idle_bits
}

impl Idle {
    const_fn! {
        pub(crate) const fn new(limit: usize) -> Self {
            Self { searching: CachePadded(AtomicUsize::new(0)), limit }
        }
    }

    /// Becomes a searcher, unless enough search already.
    pub(crate) fn start_searching(&self) -> bool {
        let mut now = self.searching.load(Ordering::Relaxed);
        while now < self.limit {
            match self.searching.compare_exchange_weak(
                now,
                now + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// A searcher has found work. Tells whether it was the last, and so must look whether there is more.
    #[must_use]
    pub(crate) fn stop_searching(&self) -> bool {
        let last = self.searching.fetch_sub(1, Ordering::Relaxed) == 1;
        if last {
            // Dekker pair with S2: a submitter that relied on us has published before.
            fence_seq_cst();
        }
        last
    }

    /// W1 to W3. The caller looks for work once more, and then parks or withdraws.
    pub(crate) fn announce<P: Platform>(
        &self,
        slots: &[WorkerSlot<P>],
        index: usize,
        searching: bool,
    ) {
        // Release: pairs with the Acquire in `take_bit`, for the waker in the worker's berth.
        word_of(slots, index).fetch_or(bit(index), Ordering::Release);
        if searching {
            self.searching.fetch_sub(1, Ordering::Relaxed);
        }
        fence_seq_cst();
    }

    /// Takes the announcement back; `false` if somebody has spent a wake on this worker. Afterwards the worker is
    /// counted as searching, unless it is a task on which a wake was spent.
    #[must_use = "who is woken by a waker has to see to it"]
    pub(crate) fn withdraw<P: Platform>(&self, slots: &[WorkerSlot<P>], index: usize) -> bool {
        let mine = take_bit(slots, index);
        if mine {
            self.searching.fetch_add(1, Ordering::Relaxed);
        }
        mine
    }

    /// W5. Afterwards the worker is counted as searching.
    pub(crate) fn park<P: Platform>(slots: &[WorkerSlot<P>], index: usize) {
        let word = word_of(slots, index);
        // Acquire: pairs with the Release in `take_bit`.
        while word.load(Ordering::Acquire) & bit(index) != 0 {
            slots[index].berth.token.park(None);
        }
    }

    /// S2 to S4: sees to it that somebody looks at what was just published.
    #[inline]
    pub(crate) fn notify<P: Platform>(&self, slots: &[WorkerSlot<P>]) {
        fence_seq_cst();
        if self.searching.load(Ordering::Relaxed) == 0 {
            self.wake_one(slots);
        }
    }

    /// As [`notify`](Self::notify), after `entries` entries were published for as many workers.
    pub(crate) fn notify_many<P: Platform>(&self, slots: &[WorkerSlot<P>], entries: usize) {
        fence_seq_cst();
        for _ in self.searching.load(Ordering::Relaxed)..entries {
            if !self.wake_one(slots) {
                return;
            }
        }
    }

    /// Wakes one announced worker, if there is one.
    pub(crate) fn wake_one<P: Platform>(&self, slots: &[WorkerSlot<P>]) -> bool {
        while let Some(index) = announced(slots) {
            if self.wake(slots, index) {
                return true;
            }
        }
        false
    }

    /// Wakes every announced worker. The caller has fenced after its change.
    pub(crate) fn wake_all<P: Platform>(&self, slots: &[WorkerSlot<P>]) {
        for (number, slot) in slots.iter().enumerate().step_by(WORD) {
            let mut bits = slot.idle_bits.load(Ordering::Relaxed);
            while bits != 0 {
                if !self.wake(slots, number + bits.trailing_zeros() as usize) {
                    self.wake_one(slots);
                }
                bits &= bits - 1;
            }
        }
    }

    /// S4 for one worker. On `false` nobody is counted, as another has taken the bit or the worker is a task, and the
    /// caller must look at the bitmap again.
    ///
    /// Apart from those who find nobody asleep: a wake is a system call, and needs no haste.
    #[inline(never)]
    fn wake<P: Platform>(&self, slots: &[WorkerSlot<P>], index: usize) -> bool {
        self.searching.fetch_add(1, Ordering::Relaxed);
        // Before the bit is taken: a worker whose bit is gone finds the time of its wake.
        slots[index].woken_at.note(P::now());
        let mut task = None;
        if take_bit(slots, index) {
            let berth = &slots[index].berth;
            task = berth.take_waker();
            if task.is_none() {
                berth.token.unpark();
                P::seats().crowded.note_wake();
                return true;
            }
        }
        self.searching.fetch_sub(1, Ordering::Relaxed);
        if let Some(waker) = task {
            contain::<P>(move || waker.wake());
        }
        // Pairs with S2 of a submitter that relied on our count: we see whoever had announced itself before.
        fence_seq_cst();
        false
    }
}

/// Takes a worker's bit; `false` if another was faster.
fn take_bit<P: Platform>(slots: &[WorkerSlot<P>], index: usize) -> bool {
    // Release: who finds its bit gone finds that it was counted. Acquire: the other half, in `withdraw`; and it shows
    // the worker's berth as it was when the bit was set.
    let old = word_of(slots, index).fetch_and(!bit(index), Ordering::AcqRel);
    old & bit(index) != 0
}

/// The first worker that has announced itself.
fn announced<P: Platform>(slots: &[WorkerSlot<P>]) -> Option<usize> {
    let mut number = 0;
    // Every submission comes by here, and `step_by` costs it twenty instructions more.
    while let Some(slot) = slots.get(number) {
        let bits = slot.idle_bits.load(Ordering::Relaxed);
        if bits != 0 {
            return Some(number + bits.trailing_zeros() as usize);
        }
        number += WORD;
    }
    None
}

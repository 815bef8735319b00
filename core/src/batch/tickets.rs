//! Invitations to a batch: queued, taken by workers, taken back when there is nothing left to do.

use core::ptr::NonNull;

use super::BatchCore;
use crate::error::Refusal;
use crate::frame::Frame;
use crate::job::{Due, Entry, EntryVTable, PoolHead};
use crate::latch::Latch;
use crate::platform::Platform;
use crate::seats::Look;
use crate::sync::{AtomicPtr, Ordering, fence_seq_cst};

/// Tickets that a batch can have queued at once. More workers than that are invited by those who came.
pub(super) const TICKETS: usize = 16;
/// The bits of all tickets.
const ALL: usize = (1 << TICKETS) - 1;

/// An invitation to a batch.
#[repr(C)]
pub(super) struct Ticket<P: Platform> {
    entry: Entry<P>,
    batch: AtomicPtr<BatchCore<P>>,
}

impl<P: Platform> Ticket<P> {
    pub(super) fn new() -> Self {
        Self {
            entry: Entry::new(NonNull::from(&BatchCore::<P>::TICKET)),
            batch: AtomicPtr::new(core::ptr::null_mut()),
        }
    }
}

pub(super) fn ticket_entry<P: Platform>(ticket: &Ticket<P>) -> NonNull<Entry<P>> {
    NonNull::from(ticket).cast()
}

impl<P: Platform> BatchCore<P> {
    const TICKET: EntryVTable<P> = EntryVTable {
        run: Self::run_ticket,
        refuse: Self::refuse_ticket,
    };

    /// Queues up to so many tickets, as long as there is work and one is to come. A full or closed
    /// queue ends it early: invitations are optional. The caller holds a count, or is the one who waits for them.
    ///
    /// Who comes invites one more before each chunk. So while there is work and room, a ticket is queued for whoever
    /// runs out of other work, be it asleep or awake at the moment.
    pub(super) fn invite(&self, this: NonNull<Self>, at_most: usize) {
        let mut queued = 0;
        while queued < at_most
            && self.claims.uninvited.load(Ordering::Relaxed) > 0
            && self.in_use.load(Ordering::Relaxed) != ALL
            && !self.is_exhausted()
            && self.engine().may_have_room()
            && let Some(ticket) = self.prepare_ticket(this)
        {
            if self.engine().offer_quietly(ticket_entry(ticket)).is_err() {
                self.unprepare_ticket(ticket);
                break;
            }
            queued += 1;
        }
        if queued > 0 {
            let engine = self.engine();
            // Its fence is a Dekker pair with that in `leave`: we queue tickets and read the cursor, who leaves
            // has moved the cursor and reads which tickets are queued.
            engine.idle.notify_many(engine.slots(), queued);
            if self.is_exhausted() {
                // SAFETY: the caller keeps the pool alive.
                unsafe { self.retract() };
            }
        }
    }

    /// Takes queued tickets back, with their counts. The caller holds one more, or is the one who waits for them.
    ///
    /// # Safety
    ///
    /// The pool must outlive the call.
    pub(super) unsafe fn retract(&self) {
        // SAFETY: the caller's promise.
        let taken = unsafe { self.take_tickets_back() };
        for _ in 0..taken {
            self.out.down::<P>();
        }
    }

    fn is_exhausted(&self) -> bool {
        self.claims.cursor.load(Ordering::Relaxed) >= self.len
    }

    /// Queues the first ticket of a call, waiting for room.
    ///
    /// # Errors
    ///
    /// Why the pool refuses.
    pub(super) fn invite_patiently(&self, this: NonNull<Self>) -> Result<(), Refusal> {
        let Some(ticket) = self.prepare_ticket(this) else {
            return Ok(());
        };
        let entry = ticket_entry(ticket);
        let queued = self
            .engine()
            .offer_patiently(entry, || self.options.due::<P>());
        if queued.is_err() {
            self.unprepare_ticket(ticket);
        }
        queued
    }

    /// Queues one ticket if there is room. The caller keeps the batch from ending.
    ///
    /// # Errors
    ///
    /// Why it was not queued.
    pub(super) fn invite_one(&self, this: NonNull<Self>) -> Result<(), Refusal> {
        let Some(ticket) = self.prepare_ticket(this) else {
            return Ok(());
        };
        let queued = self.engine().offer(ticket_entry(ticket));
        if queued.is_err() {
            self.unprepare_ticket(ticket);
        }
        queued
    }

    /// Takes a ticket that is not out, and counts it.
    fn prepare_ticket(&self, this: NonNull<Self>) -> Option<&Ticket<P>> {
        let one_less = |n: usize| n.checked_sub(1);
        self.claims
            .uninvited
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .ok()?;
        let Some(ticket) = self.reserve_ticket(this) else {
            self.claims.uninvited.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let counted = self.out.up();
        debug_assert!(counted, "the count of tickets is far from its limit");
        Some(ticket)
    }

    /// Takes a ticket that is not out.
    fn reserve_ticket(&self, this: NonNull<Self>) -> Option<&Ticket<P>> {
        let mut used = self.in_use.load(Ordering::Relaxed);
        loop {
            let free = (!used).trailing_zeros() as usize;
            if free >= TICKETS {
                return None;
            }
            // Acquire: pairs with the Release of whoever used the ticket before.
            match self.in_use.compare_exchange_weak(
                used,
                used | 1 << free,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    let ticket = &self.tickets[free];
                    ticket.batch.store(this.as_ptr(), Ordering::Relaxed);
                    return Some(ticket);
                }
                Err(now) => used = now,
            }
        }
    }

    fn ticket_bit(&self, ticket: &Ticket<P>) -> usize {
        let first = self.tickets.as_ptr();
        let offset = core::ptr::from_ref(ticket).addr() - first.addr();
        1 << (offset / size_of::<Ticket<P>>())
    }

    /// A ticket was not queued after all. Somebody else keeps the count above zero.
    fn unprepare_ticket(&self, ticket: &Ticket<P>) {
        let bit = self.ticket_bit(ticket);
        // Relaxed: no cell was noted that a later use could be taken for. A full queue notes none, and a closed one
        // takes nothing later.
        self.in_use.fetch_and(!bit, Ordering::Relaxed);
        self.claims.uninvited.fetch_add(1, Ordering::Relaxed);
        self.out.down::<P>();
    }

    /// Takes queued tickets back; tells how many. The caller counts them down.
    ///
    /// # Safety
    ///
    /// The pool must outlive the call.
    pub(super) unsafe fn take_tickets_back(&self) -> usize {
        let mut used = self.in_use.load(Ordering::Relaxed);
        let mut taken = 0;
        while used != 0 {
            let index = used.trailing_zeros() as usize;
            used &= used - 1;
            // SAFETY: the pool, and with it the queue, is there.
            if unsafe { Entry::take_back(ticket_entry(&self.tickets[index])) } {
                // Release: pairs with the Acquire in `reserve_ticket`.
                self.in_use.fetch_and(!(1 << index), Ordering::Release);
                taken += 1;
            }
        }
        if taken > 0 {
            // SAFETY: the pool is there.
            unsafe { PoolHead::tidy_up(self.engine().head()) };
        }
        taken
    }

    /// Gives up one count after the work, and those of the tickets that are still queued. The batch may be gone
    /// afterwards.
    ///
    /// # Safety
    ///
    /// The caller must hold a count, and keep the pool alive.
    unsafe fn leave(this: NonNull<Self>) {
        // SAFETY: the caller holds a count.
        let core = unsafe { this.as_ref() };
        // Dekker pair with the fence in `invite`.
        fence_seq_cst();
        // SAFETY: the caller keeps the pool alive.
        let taken = unsafe { core.take_tickets_back() };
        // SAFETY: we hold so many counts.
        unsafe { Self::count_down(this, taken + 1) };
    }

    /// Takes the count of a ticket that has just come out of its cell; the ticket itself is free again.
    ///
    /// # Safety
    ///
    /// The entry must be that of a ticket.
    unsafe fn admit(entry: NonNull<Entry<P>>) -> NonNull<Self> {
        // SAFETY: a ticket is valid while it is out, and its entry is its first field.
        let ticket = unsafe { entry.cast::<Ticket<P>>().as_ref() };
        // Relaxed: it was stored before the ticket was queued, and whoever took it out knows that.
        let this = NonNull::new(ticket.batch.load(Ordering::Relaxed))
            .expect("a ticket that is out leads to its batch");
        // SAFETY: the ticket's count keeps the batch.
        let core = unsafe { this.as_ref() };
        // Release: pairs with the Acquire in `reserve_ticket`.
        core.in_use
            .fetch_and(!core.ticket_bit(ticket), Ordering::Release);
        this
    }

    /// Lowers the count of tickets and ends the batch if none is left. The batch may be gone afterwards.
    ///
    /// # Safety
    ///
    /// The caller must hold so many counts.
    pub(super) unsafe fn count_down(this: NonNull<Self>, counts: usize) {
        for _ in 0..counts {
            // SAFETY: we hold a count, so the batch is there.
            let ended = unsafe { this.as_ref() }.vtable.ended;
            // SAFETY: as above.
            let out = unsafe { &raw const (*this.as_ptr()).out };
            // SAFETY: as above.
            if unsafe { Latch::down_at::<P>(out) } == 0 {
                // SAFETY: that was the last count. A blocking batch does nothing here.
                unsafe { ended(this) };
            }
        }
    }

    /// # Safety
    ///
    /// As for `Entry::run`.
    unsafe fn run_ticket(entry: NonNull<Entry<P>>, frame: &Frame<'_, P>) {
        // SAFETY: the entry was queued by `invite` and its kin.
        let this = unsafe { Self::admit(entry) };
        // SAFETY: we hold a count.
        let done = unsafe { Self::help(this, frame, frame.is_run_by_loop()) };
        if !done {
            // SAFETY: as above, and a worker keeps its pool alive.
            unsafe { Self::hand_over(this, frame) };
            return;
        }
        // SAFETY: we hold a count, and a worker keeps its pool alive.
        unsafe { Self::leave(this) };
    }

    /// Leaves our count, as a ticket, to the worker that replaces this one, or gives it up where 16 others are out:
    /// the replacement finds one of them in the queue, or is invited by whoever runs one. The batch may be gone
    /// afterwards.
    ///
    /// Giving it up cannot end the batch before its last chunk: the tickets that were out then have counts of their
    /// own, and the last one of those who give up had 16 of them before it.
    ///
    /// # Safety
    ///
    /// The caller must hold a count, and keep the pool alive.
    unsafe fn hand_over(this: NonNull<Self>, frame: &Frame<'_, P>) {
        // SAFETY: the caller holds a count.
        let core = unsafe { this.as_ref() };
        if let Some(ticket) = core.reserve_ticket(this) {
            frame.slot().hand_over(ticket_entry(ticket));
        } else {
            core.claims.uninvited.fetch_add(1, Ordering::Relaxed);
            // SAFETY: we hold a count.
            unsafe { Self::count_down(this, 1) };
        }
    }

    /// # Safety
    ///
    /// As for `Entry::refuse`.
    unsafe fn refuse_ticket(entry: NonNull<Entry<P>>, why: Refusal) -> bool {
        // SAFETY: the entry was queued by `invite` and its kin.
        let this = unsafe { Self::admit(entry) };
        // SAFETY: we hold a count.
        unsafe { this.as_ref() }.cut(why);
        // SAFETY: we hold a count, and whoever drains a pool keeps it alive.
        unsafe { Self::leave(this) };
        // The pool word has counted the batch.
        false
    }

    /// Blocks until no ticket is out; cuts the batch when its options say so.
    pub(super) fn wait_for_tickets(&self, retract: bool) {
        if retract {
            // SAFETY: the caller borrows the pool.
            unsafe { self.retract() };
            let is_due = || matches!(self.options.due::<P>(), Due::Now(_));
            self.engine()
                .await_others(|| self.out.count() == 0 || is_due());
        }
        let mut may_cut = true;
        loop {
            let ended = self.out.wait::<P>(|| match self.options.due::<P>() {
                Due::Now(_) if may_cut => Look::GiveUp,
                Due::Now(_) => Look::Park(None),
                Due::At(deadline) => Look::Park(deadline),
            });
            if ended {
                return;
            }
            if let Due::Now(why) = self.options.due::<P>() {
                may_cut = false;
                self.cut(why);
                // SAFETY: the caller borrows the pool.
                unsafe { self.retract() };
            }
        }
    }
}

#[cfg(all(test, ringpool_loom))]
mod models;

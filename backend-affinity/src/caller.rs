//! Callers that take part: a thread is pinned as worker 0 while it is that worker, and then has its own mask again.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use ringpool_core::{Caller, Placement};

use crate::team::{Team, pin};
use crate::{CpuSet, PinError, sys};

thread_local! {
    /// The team as whose worker 0 this thread stays pinned between calls, as a number only.
    static STAYS_WITH: Cell<*const Team> = const { Cell::new(ptr::null()) };
}

/// Pins calling threads.
pub(crate) struct Guest {
    team: Arc<Team>,
    at: Placement,
    /// The mask of the thread that is worker 0 now, if it was another one.
    before: Option<CpuSet>,
    /// Whether that thread is pinned for longer than this call.
    staying: bool,
}

impl Guest {
    pub(crate) fn new(team: Arc<Team>, at: Placement) -> Self {
        Self {
            team,
            at,
            before: None,
            staying: false,
        }
    }

    /// Whether this thread stays pinned as this worker between calls.
    pub(crate) fn stays(&self) -> bool {
        STAYS_WITH.get() == Arc::as_ptr(&self.team)
    }

    /// Pins this thread, and tells the report of it.
    pub(crate) fn pin(&mut self) -> Result<(), PinError> {
        let Self { team, at, .. } = self;
        let wanted = team.plan.cpus_of(at.index, at.workers);
        let mask = sys::mask_of(sys::HERE).map_err(PinError::unreadable);
        let pinned = mask.and_then(|mask| {
            if mask == wanted {
                return Ok(());
            }
            self.before = Some(mask);
            pin(&wanted, &team.plan.allowed)
        });
        let problem = pinned.as_ref().err().map(ToString::to_string);
        let effective = match &problem {
            None => Some(wanted.clone()),
            Some(_) => sys::mask_of(sys::HERE).ok(),
        };
        team.seat(*at, Some(wanted), effective, problem);
        pinned
    }

    /// Gives this thread its mask back.
    pub(crate) fn unpin(&mut self) {
        self.team.leave(self.at);
        if let Some(mask) = self.before.take()
            && let Err(error) = pin(&mask, &mask)
        {
            let text = format!("a caller that took part did not get its CPUs back: {error}");
            self.team.note(text);
        }
    }
}

impl Caller for Guest {
    fn enter(&mut self) {
        self.staying = self.stays();
        if !self.staying
            && let Err(error) = self.pin()
        {
            let text = format!("a caller that took part was not pinned: {error}");
            self.team.note(text);
        }
    }

    fn leave(&mut self) {
        if !self.staying {
            self.unpin();
        }
    }
}

/// A thread that is pinned as a worker 0 until this is dropped.
pub(crate) struct Stay {
    guest: Guest,
    /// As whose worker 0 the thread stayed pinned before.
    outer: *const Team,
}

impl Stay {
    pub(crate) fn begin(mut guest: Guest) -> Result<Self, PinError> {
        if let Err(error) = guest.pin() {
            guest.unpin();
            return Err(error);
        }
        let outer = STAYS_WITH.replace(Arc::as_ptr(&guest.team));
        Ok(Self { guest, outer })
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        STAYS_WITH.set(self.outer);
        self.guest.unpin();
    }
}

#[cfg(test)]
mod tests;

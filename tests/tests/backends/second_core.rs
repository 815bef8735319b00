//! A backend for chips whose second core is launched once and must not return, such as the RP2040 and the ESP32.

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use ringpool::platform::{Hart, Placement, Spawner, Spin, WorkerStart};

use crate::mocks::second_core::{core, launch_second_core, send_event, wait_for_event};

/// The chip, for `Spin`: all that a machine without a scheduler has to say.
pub enum Core {}

// SAFETY: the chip numbers its cores, 0 and 1.
unsafe impl Hart for Core {
    fn index() -> usize {
        core()
    }

    /// An event that came since the last wait ends this one at once, so none is missed.
    fn relax() {
        wait_for_event();
    }

    fn wake() {
        send_event();
    }
}

/// The platform.
pub type Chip = Spin<Core>;

/// Launches the second core as the one worker.
pub struct SecondCore;

/// The second core has been launched before.
#[derive(Debug)]
pub struct Launched;

impl fmt::Display for Launched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the second core has been launched before")
    }
}

impl std::error::Error for Launched {}

/// What the second core is to begin with: its entry has no arguments.
static START: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());
static LAUNCH: AtomicBool = AtomicBool::new(false);
static LEFT: AtomicBool = AtomicBool::new(false);

impl Spawner for SecondCore {
    type Handle = ();
    type Error = Launched;

    fn default_workers(&self) -> usize {
        1
    }

    fn spawn(&mut self, start: WorkerStart, _: Placement) -> Result<(), Launched> {
        if LAUNCH.swap(true, Ordering::Relaxed) {
            return Err(Launched);
        }
        let (_, token) = start.into_raw();
        // Release: pairs with the Acquire in `entry`.
        START.store(token, Ordering::Release);
        launch_second_core(entry);
        Ok(())
    }

    fn reclaim(&mut self, (): ()) {
        // Acquire: pairs with the Release in `idle`.
        while !LEFT.load(Ordering::Acquire) {
            wait_for_event();
        }
    }

    /// A worker that has used up its jobs begins anew where it is.
    fn can_respawn(&self) -> bool {
        false
    }
}

fn entry() -> ! {
    // SAFETY: `spawn` has taken the token apart, and launches this once.
    let start = unsafe { WorkerStart::from_raw(START.load(Ordering::Acquire)) };
    start.run_then(idle)
}

/// What the second core does for the rest of its days.
fn idle() -> ! {
    LEFT.store(true, Ordering::Release);
    send_event();
    loop {
        wait_for_event();
    }
}

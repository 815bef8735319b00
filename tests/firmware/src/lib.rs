//! The core without an allocator: what a program for one bare core looks like, and tests of that build.
//!
//! `ci/no-std.sh` builds it for machines for which there is no library but `core`, and runs the tests on the
//! host, where the harts of `Spin` are threads.
#![cfg_attr(not(test), no_std)]

use core::sync::atomic::{AtomicU32, Ordering};

use ringpool_core::{AsyncResult, IsrUnpark, JobError, Platform, StaticPool};

/// Readings of a sensor that nobody has looked at yet.
static READINGS: AtomicU32 = AtomicU32::new(0);

/// The main program: works on what interrupt handlers have submitted, and on batches of its own.
///
/// # Errors
///
/// How a job or batch ended.
pub fn main_loop<P: Platform>(
    pool: &'static StaticPool<1, 8, 64, P, u32>,
    rounds: u32,
) -> Result<u32, JobError> {
    let Ok(mut seat) = pool.seat(0) else {
        return Err(JobError::Closed);
    };
    let mut samples = [0_u32; 16];
    for round in 0..rounds {
        while seat.run_one() {}
        seat.participate(|| {
            pool.map_into(0..16_u32, &mut samples, |x| x * x + round)?;
            pool.for_each(&mut samples, |sample| *sample /= 2)
        })?;
    }
    let logged = pool
        .with()
        .name("log")
        .apply_async(|| READINGS.swap(0, Ordering::Relaxed))?;
    while seat.run_one() {}
    let logged = logged.get()?;
    let sum = seat.participate(|| pool.reduce(&samples, 0, |x| *x, |a, b| a + b))?;
    pool.close();
    Ok(sum + logged)
}

/// What an interrupt handler does: it hands a reading on, and drops it if the pool is full.
pub fn on_reading<P: Platform<Park: IsrUnpark>>(
    pool: &'static StaticPool<1, 8, 64, P, u32>,
    reading: u32,
) -> Option<AsyncResult<u32, P>> {
    let note = move || READINGS.fetch_add(reading, Ordering::Relaxed);
    pool.isr().try_apply_async(note).ok()
}

/// The program on a machine: no name of a platform, no thread, no heap.
#[cfg(target_os = "none")]
mod machine {
    use ringpool_core::{SingleCore, Spin};

    use super::{StaticPool, main_loop, on_reading};

    static POOL: StaticPool<1, 8, 64, Spin<SingleCore>, u32> = StaticPool::new();
    /// The platform of a machine with one core need not be said.
    static SMALL: StaticPool<1, 4, 24> = StaticPool::new();

    /// Called once after reset.
    pub extern "C" fn main() -> u32 {
        main_loop(&POOL, 10).unwrap_or(0)
    }

    /// The shortest program: one job, and the loop that does it.
    pub extern "C" fn blink() -> bool {
        let Ok(mut seat) = SMALL.seat(0) else {
            return false;
        };
        let led = SMALL.apply_async(|| true);
        seat.run_one() && led.is_ok_and(|led| led.get().is_ok_and(|on| on))
    }

    /// Called by the timer.
    pub extern "C" fn timer() {
        drop(on_reading(&POOL, 1));
    }
}

#[cfg(target_os = "none")]
pub use machine::{blink, main, timer};

#[cfg(test)]
mod tests;

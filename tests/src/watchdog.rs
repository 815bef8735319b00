//! A safety net: a test that hangs ends the process with its name instead of blocking for ever.

use std::collections::HashMap;
use std::io::{Write, stderr};
use std::process;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lock;

/// How long a test may take. No test asserts anything about it.
const LIMIT: Duration = Duration::from_mins(2);

#[derive(Default)]
struct Kennel {
    running: Mutex<(u64, HashMap<u64, (String, Instant)>)>,
    changed: Condvar,
}

static KENNEL: OnceLock<Kennel> = OnceLock::new();

/// Watches over a test as long as it lives.
#[derive(Debug)]
#[must_use = "the test is watched only as long as this lives"]
pub struct Watchdog(u64);

/// Aborts the process if the returned guard lives longer than two minutes.
///
/// One thread watches all tests of the process.
pub fn watchdog() -> Watchdog {
    let mut first = false;
    let kennel = KENNEL.get_or_init(|| {
        first = true;
        Kennel::default()
    });
    if first {
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(|| watch(kennel))
            .expect("a watchdog can start");
    }
    let name = thread::current()
        .name()
        .unwrap_or("a thread without a name")
        .to_owned();
    let mut running = lock(&kennel.running);
    running.0 += 1;
    let id = running.0;
    running.1.insert(id, (name, Instant::now() + LIMIT));
    kennel.changed.notify_all();
    Watchdog(id)
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(kennel) = KENNEL.get() {
            lock(&kennel.running).1.remove(&self.0);
        }
    }
}

fn watch(kennel: &'static Kennel) {
    let mut running = lock(&kennel.running);
    loop {
        let now = Instant::now();
        if let Some((name, _)) = running.1.values().find(|(_, limit)| *limit <= now) {
            // Not by `eprintln`, whose text the test harness keeps to itself, and the process ends here.
            let _ = writeln!(
                stderr(),
                "\nwatchdog: {name} hangs: it took more than {} s",
                LIMIT.as_secs()
            );
            process::abort();
        }
        let next = running
            .1
            .values()
            .map(|(_, limit)| *limit - now)
            .min()
            .unwrap_or(LIMIT);
        running = kennel
            .changed
            .wait_timeout(running, next)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

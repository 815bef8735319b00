//! Turns a hang into a failure: aborts the process with the name of what hangs.

use std::fmt::Display;
use std::io::{Write as _, stderr};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_mins(2);

struct Entry {
    id: usize,
    since: Instant,
    name: Box<dyn Fn() -> String + Send>,
}

static RUNNING: Mutex<(usize, Vec<Entry>)> = Mutex::new((0, Vec::new()));
static START: Once = Once::new();

/// Something that must end within two minutes; it ends when this is dropped.
#[must_use]
pub(crate) struct Watched(usize);

/// Begins to watch. `name` is asked for only if it hangs.
pub(crate) fn watch<N: Display + Send + 'static>(name: N) -> Watched {
    START.call_once(|| {
        thread::spawn(look_after);
    });
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.0 += 1;
    let id = running.0;
    running.1.push(Entry {
        id,
        since: Instant::now(),
        name: Box::new(move || name.to_string()),
    });
    Watched(id)
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.1.retain(|entry| entry.id != self.0);
    }
}

fn look_after() {
    loop {
        thread::park_timeout(Duration::from_secs(1));
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let hanging: Vec<_> = running
            .1
            .iter()
            .filter(|entry| entry.since.elapsed() > LIMIT)
            .collect();
        if !hanging.is_empty() {
            for entry in hanging {
                // Not by `eprintln`, whose text a test keeps to itself until it fails.
                let _ = writeln!(
                    stderr(),
                    "hangs for {} s: {}",
                    LIMIT.as_secs(),
                    (entry.name)()
                );
            }
            std::process::abort();
        }
    }
}

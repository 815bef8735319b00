//! A program that hangs, or that ends the process, is named first.

use std::io::{self, Write};
use std::panic;
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::programs::Tracked;
use super::program_of;

/// How long a program may take. Nothing else is asserted about time.
const LIMIT: Duration = Duration::from_mins(1);

/// Where a program comes from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) seed: u64,
    pub(crate) numbers: &'a [usize],
}

type Running = Arc<Mutex<Option<(Instant, u64, Vec<usize>)>>>;

/// Everything that runs now, for a panic that ends the process.
static ALL: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// Watches over the programs of one thread, one after the other.
pub(crate) struct Watch {
    running: Running,
    /// The watching thread ends with it.
    _end: Sender<()>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        name_programs_on_panic();
        let running = Running::default();
        lock(&ALL).push(Arc::clone(&running));
        let (end, ended) = mpsc::channel();
        let watched = Arc::clone(&running);
        thread::spawn(move || {
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                let now = lock(&watched);
                if now
                    .as_ref()
                    .is_some_and(|(since, ..)| since.elapsed() > LIMIT)
                {
                    say("\na program hangs:");
                    name(now.as_ref());
                    process::abort();
                }
            }
        });
        Self { running, _end: end }
    }

    /// Runs a program.
    pub(crate) fn over<T>(&self, origin: Origin<'_>, run: impl FnOnce() -> T) -> T {
        *lock(&self.running) = Some((Instant::now(), origin.seed, origin.numbers.to_vec()));
        let value = run();
        *lock(&self.running) = None;
        value
    }
}

fn name(running: Option<&(Instant, u64, Vec<usize>)>) {
    if let Some((_, seed, numbers)) = running {
        say(&format!(
            "RINGPOOL_SEED={seed}, or made out of it:\n\n{}",
            program_of(numbers)
        ));
    }
}

/// Writes where the test harness, which may not live to show what it has caught, catches nothing.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A panic with anything but a value of a program is a fault of ringpool or of this test.
fn name_programs_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload().is::<Tracked>() {
                return;
            }
            print(info);
            for running in lock(&ALL).iter() {
                name(lock(running).as_ref());
            }
        }));
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

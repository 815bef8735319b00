//! The spawner: named std threads.

use std::cell::Cell;
use std::io;
use std::num::NonZero;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use ringpool_core::{Placement, Spawner, WorkerStart};

/// Starts workers as std threads.
///
/// A thread is named after its pool and its index, `render-0`, or `ringpool-0` if the pool has no name;
/// Linux shows the first 15 bytes of it. A pool name with a NUL byte is refused with
/// [`io::ErrorKind::InvalidInput`].
///
/// ```
/// use ringpool_core::Spawner;
/// use ringpool_std::Threads;
///
/// let spawner = Threads::new().stack_size(256 * 1024);
/// assert!(spawner.default_workers() >= 1);
/// assert!(spawner.can_respawn());
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a spawner starts nothing until a pool is built with it"]
pub struct Threads {
    stack_size: Option<usize>,
}

impl Threads {
    /// A spawner of threads with the stack size that std chooses: 2 MiB, or `RUST_MIN_STACK` bytes.
    ///
    /// ```
    /// let spawner = ringpool_std::Threads::new();
    /// # let _ = spawner;
    /// ```
    pub const fn new() -> Self {
        Self { stack_size: None }
    }

    /// Gives each worker's thread a stack of at least `bytes` bytes.
    ///
    /// The system rounds up, also what is below its minimum; a size that it cannot give makes building
    /// the pool fail.
    ///
    /// ```
    /// let spawner = ringpool_std::Threads::new().stack_size(8 << 20);
    /// # let _ = spawner;
    /// ```
    pub const fn stack_size(self, bytes: usize) -> Self {
        Self {
            stack_size: Some(bytes),
        }
    }

    /// Starts a thread, named and sized as a worker's, that runs `f` with the worker's token: for spawners that
    /// have something to do on the thread before the worker begins, or after it has left.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses the thread, and [`io::ErrorKind::InvalidInput`] for a pool name with a
    /// NUL byte.
    ///
    /// ```
    /// use ringpool_core::{Builder, Placement, Spawner, WorkerStart};
    /// use ringpool_std::{Std, Threads};
    /// use std::{io, thread::JoinHandle};
    ///
    /// struct Announced(Threads);
    ///
    /// impl Spawner for Announced {
    ///     type Handle = JoinHandle<()>;
    ///     type Error = io::Error;
    ///     fn default_workers(&self) -> usize {
    ///         self.0.default_workers()
    ///     }
    ///     fn spawn(&mut self, start: WorkerStart, at: Placement) -> io::Result<JoinHandle<()>> {
    ///         self.0.spawn_with(start, at, move |start| {
    ///             println!("worker {} begins", at.index);
    ///             start.run();
    ///         })
    ///     }
    ///     fn reclaim(&mut self, handle: JoinHandle<()>) {
    ///         self.0.reclaim(handle);
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Builder::<Std>::with_spawner(Announced(Threads::new())).build()?;
    /// assert_eq!(pool.apply(|| 6 * 7)?, 42);
    /// # Ok(()) }
    /// ```
    pub fn spawn_with<F>(
        &self,
        start: WorkerStart,
        at: Placement,
        f: F,
    ) -> io::Result<JoinHandle<()>>
    where
        F: FnOnce(WorkerStart) + Send + 'static,
    {
        let thread = self.thread(start.name(), at.index)?;
        thread.spawn(move || f(start))
    }

    /// The thread for worker `index`, not yet started.
    fn thread(&self, pool: &str, index: usize) -> io::Result<Builder> {
        if pool.contains('\0') {
            // `Builder::spawn` would panic.
            let text = format!("the pool name {pool:?} contains a NUL byte");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let pool = if pool.is_empty() { "ringpool" } else { pool };
        let thread = Builder::new().name(format!("{pool}-{index}"));
        Ok(match self.stack_size {
            Some(bytes) => thread.stack_size(bytes),
            None => thread,
        })
    }
}

thread_local! {
    /// What this thread has counted last, and when. Each thread for itself, as each has a mask of its own.
    static CPUS: Cell<Option<(Instant, usize)>> = const { Cell::new(None) };
}

impl Spawner for Threads {
    type Handle = JoinHandle<()>;
    type Error = io::Error;

    /// One per CPU that this process may use: [`thread::available_parallelism`] respects the affinity
    /// mask and, on Linux, the cgroup's quota. One where it does not know.
    fn default_workers(&self) -> usize {
        let cpus = thread::available_parallelism().map_or(1, NonZero::get);
        CPUS.set(Some((Instant::now(), cpus)));
        cpus
    }

    /// The default workers as this thread has counted them within the last second: on Linux the count reads files of the
    /// cgroup, which takes as long as starting a thread.
    fn parallelism(&self) -> usize {
        match CPUS.get() {
            Some((then, cpus)) if then.elapsed() < Duration::from_secs(1) => cpus,
            _ => self.default_workers(),
        }
    }

    fn spawn(&mut self, start: WorkerStart, at: Placement) -> io::Result<JoinHandle<()>> {
        self.spawn_with(start, at, WorkerStart::run)
    }

    fn reclaim(&mut self, handle: JoinHandle<()>) {
        // `WorkerStart::run` never unwinds, so there is no payload to look at.
        drop(handle.join());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(pool: &str, index: usize) -> Option<String> {
        Threads::new()
            .thread(pool, index)
            .expect("the name has no NUL byte")
            .spawn(|| thread::current().name().map(str::to_owned))
            .expect("the system refused a thread")
            .join()
            .expect("reading the name panicked")
    }

    #[test]
    fn threads_are_named_after_pool_and_index() {
        assert_eq!(name_of("render", 3).as_deref(), Some("render-3"));
        assert_eq!(name_of("", 0).as_deref(), Some("ringpool-0"));
        let long = "a name that is far longer than the fifteen bytes that Linux shows".repeat(10);
        assert_eq!(name_of(&long, 12), Some(format!("{long}-12")));
    }

    #[test]
    fn each_thread_counts_its_cpus_once_for_its_pools() {
        let truth = thread::available_parallelism().map_or(1, NonZero::get);
        let counts = move || {
            CPUS.set(Some((Instant::now() + Duration::from_mins(1), truth + 1)));
            let remembered = Threads::new().parallelism();
            let old = Instant::now().checked_sub(Duration::from_secs(2));
            CPUS.set(old.map(|then| (then, truth + 1)));
            (remembered, Threads::new().parallelism())
        };
        let (remembered, counted) = thread::spawn(counts).join().expect("it counts");
        assert_eq!((remembered, counted), (truth + 1, truth));
        let fresh = thread::spawn(|| Threads::new().parallelism());
        assert_eq!(fresh.join().expect("it counts"), truth);
    }

    #[test]
    fn a_name_with_nul_is_an_error() {
        for name in ["\0", "a\0b", "ab\0"] {
            let error = Threads::new()
                .thread(name, 0)
                .expect_err("the name has a NUL byte");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
    }

    #[test]
    fn every_stack_size_gives_a_thread_or_an_error() {
        for bytes in [0, 1, 4095, 64 << 10, 1 << 20] {
            let thread = Threads::new()
                .stack_size(bytes)
                .thread("small", 0)
                .expect("the name is good");
            let thread = thread
                .spawn(|| ())
                .expect("the system rounds small sizes up");
            thread.join().expect("the thread does nothing");
        }
        // On 32 bits half of all addresses may be free in a row.
        for bytes in [usize::MAX / 8 * 7, usize::MAX] {
            let thread = Threads::new()
                .stack_size(bytes)
                .thread("huge", 0)
                .expect("the name is good");
            thread
                .spawn(|| ())
                .expect_err("no machine has that much memory");
        }
    }

    #[test]
    fn there_is_at_least_one_default_worker() {
        assert!(Threads::default().default_workers() >= 1);
    }
}

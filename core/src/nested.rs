//! Calls that a job makes through its `Worker`: blocking, and with the worker's state, which they borrow again.

use core::marker::PhantomData;

use crate::batch::Schedule;
use crate::batch::work::OnWorker;
use crate::engine::Engine;
use crate::error::JobError;
use crate::job::OnWorkerFn;
use crate::platform::Platform;
use crate::source::Source;
use crate::verbs::{self, How};
use crate::worker::Worker;

#[cfg(feature = "alloc")]
use crate::{batch::work::StarOnWorker, source::UnpackOn};
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

fn plainly<P: Platform>(engine: &Engine<P>) -> How {
    How {
        schedule: Schedule::Auto,
        options: engine.options(),
    }
}

impl<P: Platform, W: 'static> Worker<'_, P, W> {
    /// Runs `f` here, with the state.
    ///
    /// # Errors
    ///
    /// As [`Pool::apply`](crate::Pool::apply).
    pub fn apply<F, T>(&mut self, f: F) -> Result<T, JobError>
    where
        F: FnOnce(&mut Worker<'_, P, W>) -> T + Send,
        T: Send,
    {
        let engine = self.frame.engine;
        // SAFETY: a worker's `W` is its pool's.
        let body = unsafe { OnWorkerFn::new(f) };
        self.frame.reclaim_state(self.state, || {
            crate::submit::apply(engine, body, engine.options())
        })
    }

    /// As [`Pool::map`](crate::Pool::map), on this worker and those that are free.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ringpool_std::Std;
    /// let pool = ringpool_core::Pool::<Std>::builder().workers(1).initializer(|_| 0_u32).build()?;
    /// let squares = pool.with_worker().apply(|worker| {
    ///     *worker.state += 1;
    ///     worker.map(0..3_u32, |worker, x| {
    ///         *worker.state += 1;
    ///         x * x
    ///     })
    /// })??;
    /// assert_eq!(squares, [0, 1, 4]);
    /// assert_eq!(pool.broadcast(|worker| *worker.state)?, [4]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "alloc")]
    pub fn map<S, F, R>(&mut self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source,
        F: Fn(&mut Worker<'_, P, W>, S::Item) -> R + Sync,
        R: Send,
    {
        let engine = self.frame.engine;
        self.frame.reclaim_state(self.state, || {
            verbs::map(
                engine,
                items.into_feed(),
                OnWorker(f, PhantomData),
                plainly(engine),
            )
        })
    }

    /// As [`Pool::for_each`](crate::Pool::for_each), on this worker and those that are free.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn for_each<S, F>(&mut self, items: S, f: F) -> Result<(), JobError>
    where
        S: Source,
        F: Fn(&mut Worker<'_, P, W>, S::Item) + Sync,
    {
        let engine = self.frame.engine;
        self.frame.reclaim_state(self.state, || {
            verbs::for_each(
                engine,
                items.into_feed(),
                OnWorker(f, PhantomData),
                plainly(engine),
            )
        })
    }

    /// As [`Pool::starmap`](crate::Pool::starmap), on this worker and those that are free.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "alloc")]
    pub fn starmap<S, F, R>(&mut self, items: S, f: F) -> Result<Vec<R>, JobError>
    where
        S: Source<Item: UnpackOn<F, P, W, R>>,
        F: Sync,
        R: Send,
    {
        let engine = self.frame.engine;
        self.frame.reclaim_state(self.state, || {
            verbs::map(
                engine,
                items.into_feed(),
                StarOnWorker(f, PhantomData),
                plainly(engine),
            )
        })
    }

    /// As [`Pool::reduce`](crate::Pool::reduce), on this worker and those that are free.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn reduce<S, R, M, C>(
        &mut self,
        items: S,
        identity: R,
        map: M,
        combine: C,
    ) -> Result<R, JobError>
    where
        S: Source,
        R: Send,
        M: Fn(&mut Worker<'_, P, W>, S::Item) -> R + Sync,
        C: Fn(R, R) -> R + Sync,
    {
        let engine = self.frame.engine;
        self.frame.reclaim_state(self.state, || {
            let map = OnWorker(map, PhantomData);
            verbs::reduce(
                engine,
                items.into_feed(),
                identity,
                map,
                combine,
                engine.options(),
            )
        })
    }
}

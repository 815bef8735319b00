//! The part of a stream that depends on the order of its results.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::chunk::{Bunch, ChunkBody, Outbox, PostedChunk, Results};
use crate::batch::drop_each;
use crate::batch::work::Call;
use crate::engine::Engine;
use crate::error::JobError;
use crate::job::{Body, Due, Options};
use crate::platform::{Contained, Platform};
use crate::result::AsyncResult;
use crate::seats::Look;
use crate::time::Instant;

/// How a stream's chunks are submitted; it knows the types of body and scope.
pub(crate) trait Submitter<'p, P: Platform> {
    /// Submits; with `wait` it waits for room.
    ///
    /// # Errors
    ///
    /// Why the pool refused, and the body.
    fn submit<B>(
        &self,
        body: B,
        options: Options,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, P>, (JobError, B)>
    where
        B: Body<P> + 'p,
        B::Value: 'p;
    fn engine(&self) -> &'p Engine<P>;
}

/// The part of a stream that depends on the order of its results.
pub(super) trait Flight<T, R, P: Platform> {
    /// Submits a chunk; with `wait` it waits for room.
    fn launch(
        &mut self,
        items: Bunch<T>,
        first: usize,
        wait: bool,
    ) -> Result<(), (JobError, Bunch<T>)>;
    /// Whether nothing can be taken at once.
    fn must_wait(&self) -> bool;
    /// On a worker, runs the first chunk that nobody has begun; where `awaited` is set, only if `land` waits for it. Tells
    /// whether a chunk has ended.
    fn help(&mut self, awaited: bool) -> bool;
    /// Blocks until a chunk has landed, at most until the moment given. `Ok(None)` if none is under way.
    fn land(&mut self, until: Option<Instant>) -> Result<Option<Results<R>>, TimedOut>;
    /// Cancels every chunk under way.
    fn cancel(&self);
    /// Blocks until every chunk under way has ended.
    fn settle(&self);
}

pub(super) struct TimedOut;

/// On a worker, tries to run a chunk. `None` if others have begun it, which does not change any more; `Some(false)` if it
/// needs the state which the worker has lent.
fn try_to_run<T, P: Platform>(handle: &AsyncResult<T, P>) -> Option<bool> {
    if handle.ready() {
        None
    } else if handle.needs_lent_state() {
        Some(false)
    } else {
        handle.help().then_some(true)
    }
}

pub(super) struct Ordered<S, G, R, P: Platform> {
    submitter: S,
    call: Contained<Arc<G>, P>,
    options: Options,
    /// With the number of items in each.
    under_way: VecDeque<(usize, AsyncResult<Results<R>, P>)>,
    /// So many of the first are known to have been begun.
    begun: usize,
}

impl<S, G, R, P: Platform> Ordered<S, G, R, P> {
    pub(super) fn new(submitter: S, call: G, options: Options) -> Self {
        Self {
            submitter,
            call: Contained::new(Arc::new(call)),
            options,
            under_way: VecDeque::new(),
            begun: 0,
        }
    }
}

impl<'p, S, T, G, R, P> Flight<T, R, P> for Ordered<S, G, R, P>
where
    S: Submitter<'p, P>,
    G: Call<P, T, Out = R> + Send + Sync + 'p,
    T: Send + 'p,
    R: Send + 'p,
    P: Platform,
{
    fn launch(
        &mut self,
        items: Bunch<T>,
        first: usize,
        wait: bool,
    ) -> Result<(), (JobError, Bunch<T>)> {
        let count = items.len();
        let body = ChunkBody {
            items,
            first,
            call: Arc::clone(&self.call),
            name: self.options.name,
        };
        let handle = self
            .submitter
            .submit(body, self.options.clone(), wait)
            .map_err(|(error, body)| (error, body.into_items()))?;
        self.under_way.push_back((count, handle));
        Ok(())
    }

    fn must_wait(&self) -> bool {
        self.under_way
            .front()
            .is_none_or(|(_, oldest)| !oldest.ready())
    }

    fn help(&mut self, awaited: bool) -> bool {
        if awaited {
            // `land` does: it waits for the oldest only.
            return false;
        }
        while let Some((_, handle)) = self.under_way.get(self.begun) {
            match try_to_run(handle) {
                Some(has_ended) => return has_ended,
                None => self.begun += 1,
            }
        }
        false
    }

    fn land(&mut self, until: Option<Instant>) -> Result<Option<Results<R>>, TimedOut> {
        let Some((_, oldest)) = self.under_way.front() else {
            return Ok(None);
        };
        if !oldest.wait_until(until) {
            return Err(TimedOut);
        }
        self.begun = self.begun.saturating_sub(1);
        Ok(self
            .under_way
            .pop_front()
            .map(|(count, handle)| match handle.get() {
                Ok(results) => results,
                Err(_) => Results::state_lent(count),
            }))
    }

    fn cancel(&self) {
        for (_, handle) in &self.under_way {
            handle.cancel();
        }
    }

    fn settle(&self) {
        for (_, handle) in &self.under_way {
            handle.wait_until(None);
        }
    }
}

/// A chunk of an unordered stream that is under way.
struct Posted<P: Platform> {
    /// Where its items stand in the input.
    first: usize,
    count: usize,
    handle: AsyncResult<(), P>,
}

pub(super) struct Unordered<S, G, R, P: Platform> {
    submitter: S,
    call: Contained<Arc<G>, P>,
    options: Options,
    outbox: Arc<Outbox<P, R>>,
    /// By place; `None` where the place is free.
    under_way: Vec<Option<Posted<P>>>,
    free: Vec<usize>,
    /// The places of chunks that others may not have begun, in the order of the input, with the first item of each: a place is
    /// used again.
    not_begun: VecDeque<(usize, usize)>,
    landed: VecDeque<Results<R>>,
}

impl<S, G, R, P: Platform> Unordered<S, G, R, P> {
    pub(super) fn new(submitter: S, call: G, options: Options) -> Self {
        Self {
            submitter,
            call: Contained::new(Arc::new(call)),
            options,
            outbox: Arc::new(Outbox::new()),
            under_way: Vec::new(),
            free: Vec::new(),
            not_begun: VecDeque::new(),
            landed: VecDeque::new(),
        }
    }

    /// Takes what has landed out of the outbox, in order of completion.
    fn collect(&mut self) {
        let at = self.landed.len();
        let (landed, under_way, free) = (&mut self.landed, &mut self.under_way, &mut self.free);
        self.outbox.take(|place, results| {
            // Nobody waits any more for a chunk whose handle is gone.
            if under_way[place].take().is_some() {
                landed.insert(at, results);
            }
            free.push(place);
        });
    }

    /// Drops from the list of chunks that may not have begun those that have landed.
    fn forget_landed(&mut self) {
        let mut listed = core::mem::take(&mut self.not_begun);
        listed.retain(|(place, first)| self.is_under_way(*place, *first).is_some());
        self.not_begun = listed;
    }

    /// Gives up a chunk that needs the state which this thread has lent; its results will be dropped.
    fn give_up_lent<T>(&mut self) -> Option<Results<R>>
    where
        G: Call<P, T>,
    {
        if !G::STATEFUL {
            return None;
        }
        let refused = self
            .under_way
            .iter_mut()
            .find_map(|place| place.take_if(|chunk| chunk.handle.needs_lent_state()))?;
        refused.handle.cancel();
        Some(Results::state_lent(refused.count))
    }

    /// Blocks until a chunk has landed or the time is over. When the options say so, it resolves the chunks that
    /// are still queued itself (S50).
    fn wait_for_mail(&self, until: Option<Instant>, is_over: impl Fn() -> bool) {
        let mut may_withdraw = true;
        self.outbox.filled.wait::<P>(|| {
            if !self.outbox.is_empty() {
                return Look::Done;
            }
            if is_over() {
                return Look::GiveUp;
            }
            match self.options.due::<P>() {
                Due::Now(why) if may_withdraw => {
                    may_withdraw = false;
                    for handle in self.handles() {
                        handle.withdraw(why);
                    }
                    // Look again at once: what was withdrawn has landed.
                    Look::Park(Some(Instant::from_nanos(0)))
                }
                Due::Now(_) => Look::Park(until),
                Due::At(deadline) => Look::Park([until, deadline].into_iter().flatten().min()),
            }
        });
    }

    fn handles(&self) -> impl Iterator<Item = &AsyncResult<(), P>> {
        self.under_way.iter().flatten().map(|chunk| &chunk.handle)
    }

    fn is_under_way(&self, place: usize, first: usize) -> Option<&Posted<P>> {
        self.under_way[place]
            .as_ref()
            .filter(|chunk| chunk.first == first)
    }
}

impl<S, G, R, P: Platform> Drop for Unordered<S, G, R, P> {
    fn drop(&mut self) {
        self.landed
            .drain(..)
            .for_each(|results| drop_each::<P, _>(results.into_iter()));
    }
}

impl<'p, S, T, G, R, P> Flight<T, R, P> for Unordered<S, G, R, P>
where
    S: Submitter<'p, P>,
    G: Call<P, T, Out = R> + Send + Sync + 'p,
    T: Send + 'p,
    R: Send + 'p,
    P: Platform,
{
    fn launch(
        &mut self,
        items: Bunch<T>,
        first: usize,
        wait: bool,
    ) -> Result<(), (JobError, Bunch<T>)> {
        let count = items.len();
        let place = self.free.pop().unwrap_or_else(|| {
            self.under_way.push(None);
            self.under_way.len() - 1
        });
        let body = PostedChunk {
            chunk: ChunkBody {
                items,
                first,
                call: Arc::clone(&self.call),
                name: self.options.name,
            },
            place,
            outbox: Arc::clone(&self.outbox),
        };
        match self.submitter.submit(body, self.options.clone(), wait) {
            Ok(handle) => {
                let chunk = Posted {
                    first,
                    count,
                    handle,
                };
                self.under_way[place] = Some(chunk);
                self.not_begun.push_back((place, first));
                if self.not_begun.len() > 2 * self.under_way.len() {
                    self.forget_landed();
                }
                Ok(())
            }
            Err((error, body)) => {
                self.free.push(place);
                Err((error, body.chunk.into_items()))
            }
        }
    }

    fn must_wait(&self) -> bool {
        self.landed.is_empty() && self.outbox.is_empty()
    }

    fn help(&mut self, _awaited: bool) -> bool {
        // Whichever lands will do.
        while let Some((place, first)) = self.not_begun.front().copied() {
            let chunk = self.is_under_way(place, first);
            match chunk.and_then(|chunk| try_to_run(&chunk.handle)) {
                Some(false) => return false,
                ran => {
                    self.not_begun.pop_front();
                    if ran.is_some() {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn land(&mut self, until: Option<Instant>) -> Result<Option<Results<R>>, TimedOut> {
        let is_over = || until.is_some_and(|at| P::now().is_some_and(|now| now >= at));
        loop {
            self.collect();
            if let Some(results) = self.landed.pop_front() {
                return Ok(Some(results));
            }
            if self.handles().next().is_none() {
                return Ok(None);
            }
            if let Some(results) = self.give_up_lent::<T>() {
                return Ok(Some(results));
            }
            if is_over() {
                return Err(TimedOut);
            }
            self.wait_for_mail(until, is_over);
        }
    }

    fn cancel(&self) {
        for handle in self.handles() {
            handle.cancel();
        }
    }

    fn settle(&self) {
        for handle in self.handles() {
            handle.wait_until(None);
        }
    }
}

//! What only pools on the heap can do: handles whose jobs are boxes, batches with a handle, and streams.

use alloc::vec::Vec;

use super::{OnHeap, With};
use crate::batch::detached::{self, Detached};
use crate::batch::work::Call;
use crate::engine::Engine;
use crate::error::{JobError, SubmitError};
use crate::job::{Annotated, Body, Callbacks, JobWord, Options};
use crate::lazy::{self, IMap, Submitter};
use crate::platform::Platform;
use crate::result::AsyncResult;
use crate::source::Indexed;
use crate::submit;
use crate::verbs::{self, Order, len_of};

impl<'p, P: Platform, W: 'static, C, M> With<'p, P, W, C, M, OnHeap> {
    /// Submits a single job with callbacks.
    pub(super) fn single<B, F>(
        self,
        body: B,
        give_back: impl FnOnce(B) -> F,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, P>, SubmitError<F>>
    where
        B: Body<P> + 'static,
        C: Callbacks<B::Value>,
    {
        let (engine, options) = (self.engine, self.options());
        let body = Annotated {
            body,
            callbacks: self.callbacks,
            name: options.name,
        };
        submit::apply_async(engine, body, options, wait)
            .map_err(|(error, body)| SubmitError::new(error, give_back(body.body)))
    }

    /// Submits a detached batch with callbacks.
    pub(super) fn detached<S, F, G>(
        self,
        items: S,
        f: F,
        call: impl FnOnce(F) -> G,
        give_back: impl FnOnce(G) -> F,
    ) -> Result<AsyncResult<Vec<G::Out>, P>, SubmitError<(S, F)>>
    where
        S: Indexed + 'static,
        G: Call<P, S::Item>,
        C: Callbacks<Vec<G::Out>>,
    {
        let engine = self.engine;
        let how = match self.how() {
            Ok(how) => how,
            Err(error) => return Err(SubmitError::new(error, (items, f))),
        };
        let feed = items.into_feed();
        let room = len_of(&feed).and_then(|len| Ok((len, verbs::room_for(len)?)));
        let (len, values) = match room {
            Ok(room) => room,
            Err(error) => return Err(SubmitError::new(error, (S::from_feed(feed), f))),
        };
        let parts = Detached {
            feed,
            call: call(f),
            values,
            callbacks: self.callbacks,
            extra: (),
            len,
            schedule: how.schedule,
            options: how.options,
            word: JobWord::new(),
        };
        detached::submit(engine, parts, |(), _| ()).map_err(|(error, feed, call)| {
            SubmitError::new(error, (S::from_feed(feed), give_back(call)))
        })
    }

    pub(super) fn stream<I, G>(
        self,
        items: I,
        call: G,
        order: Order,
    ) -> IMap<'p, I::IntoIter, G::Out, P>
    where
        I: IntoIterator<Item: Send + 'static>,
        G: Call<P, I::Item, Out: Send + 'static> + Send + Sync + 'static,
    {
        let engine = self.engine;
        let settings = lazy::Settings {
            chunk_size: self.chunk_size,
            window: self.window,
            options: self.options(),
        };
        IMap::new(Detaching(engine), items.into_iter(), call, order, settings)
    }
}

/// Submits the chunks of a stream to a pool.
struct Detaching<'p, P: Platform>(&'p Engine<P>);

impl<'p, P: Platform> Submitter<'p, P> for Detaching<'p, P> {
    fn submit<B>(
        &self,
        body: B,
        options: Options,
        wait: bool,
    ) -> Result<AsyncResult<B::Value, P>, (JobError, B)>
    where
        B: Body<P> + 'p,
        B::Value: 'p,
    {
        submit::apply_async(self.0, body, options, wait)
    }

    fn engine(&self) -> &'p Engine<P> {
        self.0
    }
}

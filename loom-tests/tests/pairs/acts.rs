//! What the threads of a race do.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ringpool_core::{CancelOutcome, JobError, Park, Pool};
use ringpool_loom_tests::matrix::Event;
use ringpool_loom_tests::{Loom, Token};

use crate::scene::{Side, submit};
use crate::witness::Accepted;

/// Longer than none, shorter than what `let_time_pass` lets pass.
const A_WHILE: Duration = Duration::from_secs(1);

impl Side {
    fn pool(&self) -> &Pool<Loom> {
        self.pool.as_ref().expect("the race lends its pool")
    }

    fn job(&self) -> &Accepted {
        self.job.as_ref().expect("the race lends its job")
    }

    fn own_job(&mut self) -> Accepted {
        let job = self.job.take().expect("the race gives its job");
        Arc::into_inner(job).expect("no other thread has it")
    }
}

/// What the thread of an event does.
pub(crate) fn act(event: Event) -> fn(&mut Side) {
    match event {
        Event::Submit | Event::Room => |side| {
            side.accepted
                .extend(submit(side.pool(), &side.drops, side.causes));
        },
        Event::Get => get,
        Event::GetTimeout => get_timeout,
        Event::Cancel => cancel,
        Event::DropHandle => |side| drop(side.own_job()),
        Event::Close => |side| side.pool().close(),
        Event::Terminate => |side| {
            side.pool().terminate();
        },
        Event::Join => join,
        Event::DropPool => |side| drop(side.pool.take()),
        Event::Nested => nested,
        Event::Batch => batch,
        Event::Lazy => lazy,
        Event::Poll => poll,
        Event::Scope => scope,
        Event::Broadcast => broadcast,
        Event::Deadline => deadline,
        Event::Run | Event::Callback | Event::Park | Event::Retire | Event::Fail => {
            unreachable!("it happens on a worker")
        }
    }
}

fn get(side: &mut Side) {
    let alone = side
        .job
        .as_ref()
        .is_some_and(|job| Arc::strong_count(job) == 1);
    if alone {
        side.own_job().get(side.causes);
    } else {
        side.job().handle.wait();
        assert!(side.job().handle.ready());
        side.job().witness.assert_resolved();
    }
}

fn get_timeout(side: &mut Side) {
    if side.job().handle.wait_timeout(A_WHILE) {
        side.job().witness.assert_resolved();
    }
}

fn cancel(side: &mut Side) {
    match side.job().handle.cancel() {
        CancelOutcome::NeverRan => {
            assert_eq!(side.job().handle.successful(), Some(false));
            side.job().witness.assert_resolved();
        }
        CancelOutcome::AlreadyDone => {
            assert!(side.job().handle.ready());
            side.job().witness.assert_resolved();
        }
        // It runs, or another thread is just resolving it.
        _ => {}
    }
}

fn join(side: &mut Side) {
    side.pool().close();
    side.pool()
        .join()
        .expect("it is closed, and this is no worker");
    assert_eq!(side.crew.alive(), 0, "a worker was left behind");
}

fn nested(side: &mut Side) {
    let pool = side.pool();
    let (drops, causes) = (&side.drops, side.causes);
    let outer = pool.apply(|| {
        if let Some(inner) = submit(pool, drops, causes) {
            inner.get(causes);
        }
    });
    side.causes.check(outer);
}

fn batch(side: &mut Side) {
    let items = vec![side.drops.make(), side.drops.make()];
    let made = side
        .pool()
        .with()
        .chunk_size(1)
        .map(items, |item| item.make());
    side.causes
        .check(made.map(|values| assert_eq!(values.len(), 2)));
}

fn lazy(side: &mut Side) {
    let items = [side.drops.make(), side.drops.make()];
    let mut stream = side.pool().with().window(2).imap(items, |item| item.make());
    match stream.next() {
        Some(result) => side.causes.check(result),
        None => panic!("a stream that was cut short says why"),
    }
}

/// Leaves a permit in a token.
struct Rouse(Token);

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn poll(side: &mut Side) {
    let Accepted {
        mut handle,
        witness,
    } = side.own_job();
    let rouses = [(); 2].map(|()| Arc::new(Rouse(Token::new_token())));
    let mut ask = |rouse: &Arc<Rouse>| {
        let waker = Waker::from(Arc::clone(rouse));
        match Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    };
    let outcome = ask(&rouses[0])
        .or_else(|| ask(&rouses[1]))
        .unwrap_or_else(|| {
            // Only the second waker is owed a wake, and only for a job that is ready.
            rouses[1].0.park(None);
            ask(&rouses[1]).expect("woken for nothing")
        });
    witness.assert_resolved();
    side.causes.check(outcome);
}

fn scope(side: &mut Side) {
    let lent = side.drops.make();
    let ended = side
        .pool()
        .scope(|scope| drop(scope.apply_async(|| lent.make())));
    // Its drop races the job's look at it if the scope has ended too early.
    drop(lent);
    side.causes.check(ended);
}

fn broadcast(side: &mut Side) {
    let indices = side.pool().broadcast(|worker| worker.index());
    let checked =
        indices.map(|indices| assert!(indices.into_iter().eq(0..side.pool().worker_count())));
    side.causes.check(checked);
}

fn deadline(side: &mut Side) {
    let captured = side.drops.make();
    let submitted = side
        .pool()
        .with()
        .deadline(A_WHILE)
        .apply_async(move || captured.make());
    match submitted {
        Ok(handle) => side.causes.check(handle.get()),
        Err(refused) => side.causes.check::<()>(Err(JobError::from(refused))),
    }
}

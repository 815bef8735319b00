//! One job at a time: `apply`, `apply_async` and what its handle can do.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use ringpool::Pool;

use crate::Outcome;
use crate::show::Show;

pub(crate) fn one_job(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("One job")?;

    let answer = pool.apply(|| 6 * 7)?;
    assert_eq!(answer, 42);
    show.call("apply(|| 6 * 7)", answer)?;

    let title = String::from("borrowed, not moved");
    let length = pool.apply(|| title.len())?;
    assert_eq!(length, title.len());
    show.call(
        "apply(|| title.len())",
        format_args!("{length}, of a string that stayed here"),
    )?;

    // The job waits at a gate, so that the handle can be looked at before it is ready.
    let (open, gate) = mpsc::channel();
    let handle = pool.apply_async(move || gate.recv().map(|factor: u32| factor * 7))?;
    assert!(!handle.ready());
    assert_eq!(handle.successful(), None);
    show.call("let r = apply_async(…)", "runs in the background")?;
    show.call("r.ready(), r.successful()", "false, None")?;
    open.send(6)?;
    handle.wait();
    assert_eq!((handle.ready(), handle.successful()), (true, Some(true)));
    show.call("r.wait(); r.ready(), r.successful()", "true, Some(true)")?;
    assert_eq!(handle.get()?, Ok(42));
    show.call("r.get()", 42)?;

    let tried = pool.try_apply_async(|| "never waits for room")?.get()?;
    assert_eq!(tried, "never waits for room");
    show.call("try_apply_async(…)", tried)?;

    let (sender, receiver) = mpsc::channel();
    let handle = pool
        .with()
        .on_success(move |value: &u32| sender.send(*value).unwrap())
        .apply_async(|| 42)?;
    handle.wait();
    // A callback has run before its job is ready, so nothing is waited for here.
    assert_eq!(receiver.try_recv(), Ok(42));
    show.call(
        "with().on_success(…).apply_async(…)",
        "called with 42 before the job was ready",
    )?;

    let awaited = block_on(pool.apply_async(|| 6 * 7)?)?;
    assert_eq!(awaited, 42);
    show.call(
        "apply_async(…).await",
        format_args!("{awaited}: a handle is a future"),
    )?;
    Ok(())
}

/// The smallest executor there is, to show that a handle needs no particular one.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

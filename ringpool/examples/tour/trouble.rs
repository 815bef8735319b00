//! What goes wrong and what comes of it: panics, time-outs, cancelling, refusals.

use std::num::ParseIntError;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ringpool::{BuildError, CancelOutcome, Control, GetError, JobError, Pool};

use crate::show::Show;
use crate::{ON_PURPOSE, Outcome};

fn fail(what: &str) -> ! {
    panic!("{ON_PURPOSE}{what}")
}

/// The message of a planned panic, without the mark that keeps it from printing.
fn message(error: &JobError) -> Option<&str> {
    match error {
        JobError::Panicked(panic) => panic.message()?.strip_prefix(ON_PURPOSE),
        _ => None,
    }
}

pub(crate) fn panics(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("Errors are values")?;

    let error = pool
        .apply(|| fail("the disk is full"))
        .map(|(): ()| ())
        .unwrap_err();
    assert_eq!(message(&error), Some("the disk is full"));
    show.call(
        "apply(|| panic!(…))",
        format_args!("Panicked: {}", message(&error).unwrap_or_default()),
    )?;

    let error = pool
        .map(0..1000, |i| {
            if i % 400 == 123 {
                fail("no such row")
            } else {
                i
            }
        })
        .unwrap_err();
    let JobError::Panicked(panic) = &error else {
        return Err(error.into());
    };
    assert_eq!(panic.index(), Some(123));
    show.call(
        "map(0..1000, …), items 123 and 523 panic",
        "Panicked at index 123, the lowest",
    )?;

    let items = pool.imap(["1", "two", "3"], |text| {
        text.parse().unwrap_or_else(|_| fail(text))
    });
    let items: Vec<Result<u32, JobError>> = items.collect();
    assert!(matches!(&items[..], [Ok(1), Err(error), Ok(3)] if message(error) == Some("two")));
    show.call(
        "imap([\"1\", \"two\", \"3\"], parse)",
        "Ok(1), Err(panicked), Ok(3)",
    )?;

    let numbers: Result<Vec<u32>, ParseIntError> =
        pool.try_map(&["1", "two", "3"], |text| text.parse())?;
    let error = numbers.unwrap_err();
    show.call(
        "try_map([\"1\", \"two\", \"3\"], parse)",
        format_args!("Err({error})"),
    )?;
    let numbers = pool.try_map(&["1", "2", "3"], |text| text.parse::<u32>())??;
    assert_eq!(numbers, [1, 2, 3]);
    show.call(
        "try_map([\"1\", \"2\", \"3\"], parse)??",
        format_args!("{numbers:?}"),
    )?;

    let (sender, receiver) = mpsc::channel();
    let report = move |error: &JobError| sender.send(message(error).map(String::from)).unwrap();
    let handle = pool
        .with()
        .on_error(report)
        .apply_async(|| fail("a sensor is missing"))?;
    handle.wait();
    assert_eq!(handle.successful(), Some(false));
    let told = receiver.try_recv()?;
    assert_eq!(told.as_deref(), Some("a sensor is missing"));
    show.call(
        "with().on_error(…).apply_async(…)",
        "called with the panic; successful() is Some(false)",
    )?;
    assert!(matches!(
        handle.get().map(|(): ()| ()),
        Err(JobError::Panicked(_))
    ));

    assert_eq!(pool.apply(|| "still here")?, "still here");
    show.call("apply(…) after all that", "still here")?;
    Ok(())
}

pub(crate) fn time(show: &mut Show, pool: &Pool) -> Outcome {
    show.section("Time-outs, deadlines, cancelling")?;

    let (open, gate) = mpsc::channel::<()>();
    let mut handle = pool.apply_async(move || gate.recv().is_ok())?;
    assert!(matches!(
        handle.get_timeout(Duration::from_millis(2)),
        Err(GetError::TimedOut)
    ));
    show.call("r.get_timeout(2 ms)", "TimedOut; the handle stays usable")?;
    assert!(!handle.wait_timeout(Duration::ZERO));
    show.call("r.wait_timeout(0)", "false: only looks")?;
    open.send(())?;
    assert!(handle.get_timeout(Duration::MAX)?);
    show.call(
        "r.get_timeout(Duration::MAX)",
        "true, now that its gate is open",
    )?;

    let error = pool
        .with()
        .deadline(Duration::ZERO)
        .map(0..100, |i| i)
        .unwrap_err();
    assert!(matches!(error, JobError::DeadlineExpired));
    show.call("with().deadline(0).map(…)", &error)?;

    // One worker at a gate: what comes next is certainly still queued.
    let alone = Pool::builder().workers(1).build()?;
    let (open, gate) = mpsc::channel::<()>();
    let (begun, started) = mpsc::channel();
    let running = alone.with_worker().apply_async(move |worker| {
        begun.send(()).unwrap();
        gate.recv().unwrap();
        worker.is_cancelled()
    })?;
    started.recv()?;
    let queued = alone.apply_async(|| 42)?;
    assert_eq!(queued.cancel(), CancelOutcome::NeverRan);
    assert!(matches!(queued.get(), Err(JobError::Cancelled)));
    show.call("queued.cancel()", "NeverRan; get() says Cancelled")?;
    assert_eq!(running.cancel(), CancelOutcome::StillRuns);
    open.send(())?;
    running.wait();
    assert_eq!(running.cancel(), CancelOutcome::AlreadyDone);
    assert!(running.get()?);
    show.call(
        "running.cancel()",
        "StillRuns; the job sees its token and ends itself",
    )?;

    let control = Control::new();
    let (begun, started) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        let remote = control.clone();
        scope.spawn(move || {
            let _ = started.recv();
            remote.cancel();
        });
        let cancelled = &control;
        alone
            .with()
            .control(&control)
            .chunk_size(1)
            .for_each(0..1_000_000, |index| {
                if index == 0 {
                    begun.send(()).unwrap();
                    while !cancelled.is_cancelled() {
                        thread::yield_now();
                    }
                }
            })
    });
    assert!(matches!(outcome, Err(JobError::Cancelled)));
    let progress = control.progress();
    assert!(progress.done < 1_000_000);
    show.call(
        "control.cancel() from another thread",
        format_args!("the map ended after {} of 1,000,000", progress.done),
    )?;
    Ok(())
}

pub(crate) fn refusals(show: &mut Show) -> Outcome {
    show.section("Refusals hand back what they were given")?;

    let error = Pool::<()>::builder()
        .workers(0)
        .build()
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, BuildError::ZeroWorkers));
    show.call("builder().workers(0).build()", &error)?;

    let small = Pool::builder().workers(1).capacity(1).build()?;
    let (open, gate) = mpsc::channel::<()>();
    let (begun, started) = mpsc::channel();
    let running = small.apply_async(move || {
        begun.send(()).unwrap();
        gate.recv().is_ok()
    })?;
    started.recv()?;
    let mut accepted = Vec::new();
    let refused = loop {
        match small.try_apply_async(|| "run here instead") {
            Ok(handle) => accepted.push(handle),
            Err(error) => break error,
        }
    };
    assert!(refused.is_full());
    show.call(
        "capacity(1), then try_apply_async(…)",
        format_args!("{refused}"),
    )?;
    let job = refused.into_inner();
    assert_eq!(job(), "run here instead");
    show.call("error.into_inner()()", "run here instead")?;
    open.send(())?;
    assert!(running.get()?);
    for handle in accepted {
        assert_eq!(handle.get()?, "run here instead");
    }

    let error = small.with().chunk_size(0).map(0..10, |i| i).unwrap_err();
    assert!(matches!(error, JobError::InvalidOption { value: 0, .. }));
    show.call("with().chunk_size(0).map(…)", &error)?;

    small.close();
    let text = String::from("not lost");
    let refused = small.apply_async(move || text).map(drop).unwrap_err();
    assert!(matches!(refused.reason(), JobError::Closed));
    let reason = refused.to_string();
    assert_eq!(refused.into_inner()(), "not lost");
    show.call(
        "close(); apply_async(move || text)",
        format_args!("{reason}; text comes back"),
    )?;
    small.join()?;
    Ok(())
}

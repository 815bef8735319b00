//! The race matrix: every pair of events in a pool's life, and the model that covers it.
//!
//! This file knows no thread and no atomic, so that `MATRIX.md` is checked by a build without loom as well.

use std::fmt::Write;

/// Something that happens in the life of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A job is queued.
    Submit,
    /// A job runs and is completed.
    Run,
    /// A thread waits for a result.
    Get,
    /// A thread waits for a result until a time-out strikes.
    GetTimeout,
    /// A job is cancelled.
    Cancel,
    /// A handle is dropped.
    DropHandle,
    /// A job's callback runs, and panics.
    Callback,
    /// The pool is closed.
    Close,
    /// The pool is terminated.
    Terminate,
    /// A closed pool is joined.
    Join,
    /// The pool is dropped.
    DropPool,
    /// A worker searches, sleeps and is woken.
    Park,
    /// A worker retires and is replaced.
    Retire,
    /// A worker retires, and its replacement fails.
    Fail,
    /// A job waits for another one, which it claims and runs in place.
    Nested,
    /// A batch is shared out in chunks.
    Batch,
    /// A lazy stream is pulled and dropped.
    Lazy,
    /// A submitter waits for room in a full queue.
    Room,
    /// A handle is polled with one waker, and then with another.
    Poll,
    /// A scope ends.
    Scope,
    /// Every worker is called.
    Broadcast,
    /// A job's deadline passes.
    Deadline,
}

/// What a thread needs for itself while it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Nothing.
    Not,
    /// A shared reference.
    Shares,
    /// The thing itself, so that no other thread can have it meanwhile.
    Owns,
}

impl Use {
    fn excludes(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Owns, Self::Owns | Self::Shares) | (Self::Shares, Self::Owns)
        )
    }
}

impl Event {
    /// Every event, in the order of the matrix.
    pub const ALL: [Self; 22] = [
        Self::Submit,
        Self::Run,
        Self::Get,
        Self::GetTimeout,
        Self::Cancel,
        Self::DropHandle,
        Self::Callback,
        Self::Close,
        Self::Terminate,
        Self::Join,
        Self::DropPool,
        Self::Park,
        Self::Retire,
        Self::Fail,
        Self::Nested,
        Self::Batch,
        Self::Lazy,
        Self::Room,
        Self::Poll,
        Self::Scope,
        Self::Broadcast,
        Self::Deadline,
    ];

    /// Its name in the matrix, and in the names of models.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Run => "run",
            Self::Get => "get",
            Self::GetTimeout => "get-timeout",
            Self::Cancel => "cancel",
            Self::DropHandle => "drop-handle",
            Self::Callback => "callback",
            Self::Close => "close",
            Self::Terminate => "terminate",
            Self::Join => "join",
            Self::DropPool => "drop-pool",
            Self::Park => "park",
            Self::Retire => "retire",
            Self::Fail => "fail",
            Self::Nested => "nested",
            Self::Batch => "batch",
            Self::Lazy => "lazy",
            Self::Room => "room",
            Self::Poll => "poll",
            Self::Scope => "scope",
            Self::Broadcast => "broadcast",
            Self::Deadline => "deadline",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Submit => "`apply_async`",
            Self::Run => "a worker pops a job, runs it, publishes its value and wakes who waits",
            Self::Get => "`get`; `wait` where another thread uses the handle as well",
            Self::GetTimeout => "`wait_timeout`; the time-out strikes at any moment",
            Self::Cancel => "`cancel`",
            Self::DropHandle => "the handle of a job is dropped",
            Self::Callback => "the callback of a job runs on its worker, and panics",
            Self::Close => "`close`",
            Self::Terminate => "`terminate`",
            Self::Join => "`close`, then `join`",
            Self::DropPool => "the pool is dropped: terminate, join, free",
            Self::Park => "a worker that counts as a searcher looks, sleeps and is woken",
            Self::Retire => "a worker whose jobs are used up starts its replacement and leaves",
            Self::Fail => "the same, but the replacement's initializer panics: the pool breaks",
            Self::Nested => "a job submits another to its own pool and waits for it",
            Self::Batch => "`map` of two chunks: invite, claim, complete, take tickets back",
            Self::Lazy => {
                "`imap` of two chunks, of which one is taken before the stream is dropped"
            }
            Self::Room => "`apply_async` on a full queue of one place",
            Self::Poll => "a future is polled with two wakers and then sleeps until it is woken",
            Self::Scope => "`scope` with a job that borrows, and whose handle is dropped",
            Self::Broadcast => "`broadcast`",
            Self::Deadline => "a job with a deadline, which passes at any moment, is waited for",
        }
    }

    /// Whether it happens on a worker, as part of running a job, rather than on a thread of its own.
    pub fn is_on_worker(self) -> bool {
        matches!(
            self,
            Self::Run | Self::Callback | Self::Park | Self::Retire | Self::Fail
        )
    }

    /// How its thread uses the pool.
    pub fn pool(self) -> Use {
        match self {
            Self::DropPool => Use::Owns,
            Self::Get | Self::GetTimeout | Self::Cancel | Self::DropHandle | Self::Poll => Use::Not,
            _ if self.is_on_worker() => Use::Not,
            _ => Use::Shares,
        }
    }

    /// How its thread uses the handle of the job that is queued when the race begins.
    pub fn job(self) -> Use {
        match self {
            Self::Get | Self::GetTimeout | Self::Cancel => Use::Shares,
            Self::DropHandle | Self::Poll => Use::Owns,
            _ => Use::Not,
        }
    }

    /// Whether its thread submits work, so that a race needs no other job.
    pub fn submits(self) -> bool {
        matches!(
            self,
            Self::Submit
                | Self::Nested
                | Self::Batch
                | Self::Lazy
                | Self::Scope
                | Self::Broadcast
                | Self::Deadline
        )
    }

    /// Whether workers retire.
    pub fn replaces_workers(self) -> bool {
        matches!(self, Self::Retire | Self::Fail)
    }

    /// Whether the pool takes no more work afterwards.
    pub fn ends_pool(self) -> bool {
        matches!(self, Self::Close | Self::Terminate | Self::Join)
    }

    /// Whether time passes at any moment of the race.
    pub fn is_timed(self) -> bool {
        matches!(self, Self::GetTimeout | Self::Deadline)
    }
}

/// A cell of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// There is a model.
    Model {
        /// Up to how many preemptions it is explored.
        preemptions: usize,
        /// Whether that takes a few seconds at most, so that the gate has time for it.
        ends_soon: bool,
    },
    /// No two threads can do this at the same time.
    Impossible(&'static str),
}

const ONE_POOL: &str = "Who drops a pool owns it, so no other thread has a reference to it.";
const ONE_HANDLE: &str =
    "Who drops or polls a handle has it exclusively, so no other thread has a reference to it.";

/// The cell of two events, which must stand in the order of the matrix.
pub fn cell(first: Event, second: Event) -> Cell {
    if first.pool().excludes(second.pool()) {
        Cell::Impossible(ONE_POOL)
    } else if first.job().excludes(second.job()) {
        Cell::Impossible(ONE_HANDLE)
    } else {
        Cell::Model {
            preemptions: preemptions(first, second),
            ends_soon: ends_soon(first, second),
        }
    }
}

/// Two where that ends within a minute or so on an idle machine, else one.
fn preemptions(first: Event, second: Event) -> usize {
    let both = |has: fn(Event) -> bool| has(first) && has(second);
    let either = |has: fn(Event) -> bool| has(first) || has(second);
    let works = |event: Event| event.submits() || event == Event::Room;
    let long = if either(Event::is_on_worker) {
        either(Event::replaces_workers) && (both(Event::is_on_worker) || either(works))
    } else {
        either(works) || either(|event| event == Event::DropPool) || both(Event::ends_pool)
    };
    if long || LONG_WITH_TWO.contains(&(first, second)) {
        1
    } else {
        2
    }
}

/// Not seen to end with two preemptions.
const LONG_WITH_TWO: [(Event, Event); 3] = [
    (Event::Close, Event::Poll),
    (Event::Terminate, Event::Poll),
    (Event::Join, Event::Poll),
];

/// Whether one preemption is explored within seconds.
fn ends_soon(first: Event, second: Event) -> bool {
    let on_workers = first.is_on_worker() && second.is_on_worker();
    let replaces = first.replaces_workers() || second.replaces_workers();
    !(on_workers && replaces || LONGEST.contains(&(first, second)))
}

/// About ten thousand interleavings or more with one preemption.
const LONGEST: [(Event, Event); 17] = [
    (Event::Join, Event::Join),
    (Event::Batch, Event::Batch),
    (Event::Close, Event::Lazy),
    (Event::Terminate, Event::Lazy),
    (Event::Join, Event::Lazy),
    (Event::Batch, Event::Lazy),
    (Event::Lazy, Event::Lazy),
    (Event::Submit, Event::Room),
    (Event::Terminate, Event::Room),
    (Event::Join, Event::Room),
    (Event::Nested, Event::Room),
    (Event::Batch, Event::Room),
    (Event::Lazy, Event::Room),
    (Event::Room, Event::Room),
    (Event::Room, Event::Scope),
    (Event::Room, Event::Broadcast),
    (Event::Room, Event::Deadline),
];

/// Every pair of events, in the order of the matrix, each event with itself included.
pub fn pairs() -> impl Iterator<Item = (Event, Event)> {
    Event::ALL
        .into_iter()
        .enumerate()
        .flat_map(|(number, second)| {
            Event::ALL
                .into_iter()
                .take(number + 1)
                .map(move |first| (first, second))
        })
}

/// The name of a pair's model.
pub fn name_of((first, second): (Event, Event)) -> String {
    format!("{}+{}", first.name(), second.name())
}

/// The text of `MATRIX.md`.
pub fn render() -> String {
    let mut text = String::from(HEAD);
    text += "| event | what happens |\n|---|---|\n";
    for event in Event::ALL {
        let _ = writeln!(text, "| {} | {} |", event.name(), event.meaning());
    }
    text += "\n## The matrix\n\n|  |";
    for event in Event::ALL {
        let _ = write!(text, " {} |", event.name());
    }
    text += "\n|---|";
    text += &"---|".repeat(Event::ALL.len());
    let mut reasons = Vec::new();
    let mut models = 0;
    for (first, second) in pairs() {
        if first == Event::ALL[0] {
            let _ = write!(text, "\n| {} |", second.name());
        }
        match cell(first, second) {
            Cell::Model { preemptions, .. } => {
                models += 1;
                let _ = write!(text, " {preemptions} |");
            }
            Cell::Impossible(why) => {
                let number = reasons.iter().position(|&reason| reason == why);
                let number = number.unwrap_or_else(|| {
                    reasons.push(why);
                    reasons.len() - 1
                });
                let _ = write!(text, " {} |", NOTES[number]);
            }
        }
    }
    text += "\n\n";
    for (note, reason) in NOTES.iter().zip(reasons) {
        let _ = writeln!(text, "- {note}: {reason}");
    }
    let _ = writeln!(text, "\n{models} models.");
    text
}

const NOTES: [&str; 2] = ["a", "b"];

const HEAD: &str = include_str!("matrix.head.md");

#[cfg(test)]
mod tests {
    use super::*;

    /// `RINGPOOL_WRITE_MATRIX=1 cargo test -p ringpool-loom-tests` writes the file.
    #[test]
    fn the_file_says_what_is_modelled() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/MATRIX.md");
        if std::env::var_os("RINGPOOL_WRITE_MATRIX").is_some() {
            std::fs::write(path, render()).expect("MATRIX.md can be written");
        }
        let written = std::fs::read_to_string(path).expect("MATRIX.md is there");
        assert!(
            written == render(),
            "MATRIX.md is out of date: RINGPOOL_WRITE_MATRIX=1 cargo test -p ringpool-loom-tests"
        );
    }

    #[test]
    fn every_event_is_in_the_matrix_once() {
        for (number, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, number);
        }
        assert_eq!(pairs().count(), 22 * 23 / 2);
    }
}

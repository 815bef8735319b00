//! Draws programs out of random numbers.

use std::sync::Arc;

use super::program::{
    Act, Call, CallbackAct, Callbacks, Deadline, Ending, Explosive, HandleOp, Op, Pace, Program,
    RestWhen, Settings, Sharing, Stream, StreamEvent, Timeout, Verb, Wait,
};

/// Where random numbers come from. Zero is the simplest choice everywhere, so that a source that has run dry
/// and gives zeros ends every program, and smaller numbers make simpler ones.
pub(crate) trait Draw {
    /// A number less than `n`.
    fn below(&mut self, n: usize) -> usize;
}

/// True once in `n` times.
fn once_in(n: usize, draw: &mut impl Draw) -> bool {
    draw.below(n) == n - 1
}

fn pick<T: Copy>(choices: &[T], draw: &mut impl Draw) -> T {
    choices[draw.below(choices.len())]
}

/// One of the choices, each as often as its weight says.
fn weigh<T: Copy>(choices: &[(usize, T)], draw: &mut impl Draw) -> T {
    let mut at = draw.below(choices.iter().map(|choice| choice.0).sum());
    for &(weight, choice) in choices {
        if at < weight {
            return choice;
        }
        at -= weight;
    }
    unreachable!("the number is less than the sum of the weights")
}

/// Up to `most` things. Before each it is drawn whether there is another, so that the numbers of one can be
/// taken out of the middle.
fn list<T, D: Draw>(most: usize, draw: &mut D, mut one: impl FnMut(&mut D) -> T) -> Vec<T> {
    let mut list = Vec::new();
    while list.len() < most && draw.below(8) != 0 {
        list.push(one(draw));
    }
    list
}

/// Where a call stands: what it may do depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Main,
    Side,
    Job { depth: usize },
}

impl At {
    fn depth(self) -> usize {
        match self {
            Self::Main | Self::Side => 0,
            Self::Job { depth } => depth,
        }
    }
}

/// Draws a program.
pub(crate) fn program(draw: &mut impl Draw) -> Program {
    let mut ids = Ids(0);
    Program {
        settings: settings(draw),
        main: list(10, draw, |draw| ids.op(At::Main, draw)),
        side: if once_in(4, draw) {
            list(4, draw, |draw| ids.op(At::Side, draw))
        } else {
            Vec::new()
        },
        ending: weigh(
            &[
                (8, Ending::CloseJoin),
                (8, Ending::TerminateJoin),
                (4, Ending::Drop),
                (1, Ending::CloseJoinLeak),
            ],
            draw,
        ),
        rest: handle_op(draw),
        rest_when: pick(
            &[
                RestWhen::BeforeEnding,
                RestWhen::BeforeDrop,
                RestWhen::AfterDrop,
            ],
            draw,
        ),
    }
}

fn settings(draw: &mut impl Draw) -> Settings {
    Settings {
        workers: weigh(&[(8, 1), (8, 2), (2, 3), (1, 8)], draw),
        capacity: pick(&[None, Some(1), None, Some(2), None, Some(3)], draw),
        max_jobs: weigh(&[(6, None), (1, Some(1)), (1, Some(2)), (1, Some(5))], draw),
        wait: weigh(
            &[(8, Wait::Adaptive), (8, Wait::Passive), (1, Wait::Active)],
            draw,
        ),
        caller_participates: once_in(4, draw),
        drain_on_drop: once_in(3, draw),
        exit_hook: once_in(2, draw),
        initializer_panics: once_in(16, draw).then(|| draw.below(8)),
    }
}

fn timeout(draw: &mut impl Draw) -> Timeout {
    pick(&[Timeout::Zero, Timeout::Long, Timeout::Short], draw)
}

fn handle_op(draw: &mut impl Draw) -> HandleOp {
    match draw.below(18) {
        0..5 => HandleOp::Get,
        5..7 => HandleOp::GetTimeout(timeout(draw)),
        7 => HandleOp::Wait,
        8 => HandleOp::WaitTimeout(timeout(draw)),
        9 => HandleOp::Await,
        10..13 => HandleOp::Cancel,
        13 => HandleOp::Look,
        14 => HandleOp::Leak,
        _ => HandleOp::Drop,
    }
}

const VERBS: [(usize, Verb); 16] = [
    (8, Verb::ApplyAsync),
    (6, Verb::TryApplyAsync),
    (5, Verb::MapAsync),
    (1, Verb::StarmapAsync),
    (2, Verb::Apply),
    (3, Verb::Map),
    (1, Verb::MapPull),
    (1, Verb::MapInto),
    (2, Verb::TryMap),
    (1, Verb::Starmap),
    (1, Verb::ForEach),
    (1, Verb::Reduce),
    (2, Verb::Broadcast),
    (3, Verb::Scope),
    (3, Verb::Imap),
    (2, Verb::ImapUnordered),
];

/// Gives every call a number of its own.
struct Ids(u32);

impl Ids {
    fn op(&mut self, at: At, draw: &mut impl Draw) -> Op {
        match draw.below(24) {
            0..14 => Op::Call(self.call(at, draw)),
            14..20 => Op::Handle(draw.below(4), handle_op(draw)),
            20 => Op::Stats,
            21 => Op::JoinTimeout(timeout(draw)),
            22 => Op::Join,
            _ if draw.below(2) == 0 => Op::Close,
            _ => Op::Terminate,
        }
    }

    fn call(&mut self, at: At, draw: &mut impl Draw) -> Arc<Call> {
        let id = self.0;
        self.0 += 1;
        let verb = weigh(&VERBS, draw);
        let acts = match at {
            _ if verb.is_single() => vec![self.act(verb, at, draw)],
            At::Job { .. } => list(2, draw, |draw| self.act(verb, at, draw)),
            At::Main | At::Side => list(6, draw, |draw| self.act(verb, at, draw)),
        };
        let on_worker = verb != Verb::Scope && once_in(4, draw);
        let through_worker = on_worker && verb.is_of_worker() && once_in(2, draw);
        let deeds = if verb == Verb::Scope { acts.len() } else { 2 };
        let mut call = Call {
            id,
            verb,
            chunk: None,
            schedule: Sharing::Auto,
            deadline: Deadline::None,
            on_worker,
            through_worker,
            callbacks: None,
            from_callback: None,
            then: (0..deeds).map(|_| handle_op(draw)).collect(),
            stream: Stream {
                window: None,
                pace: Pace::Next,
                after: 0,
                event: StreamEvent::None,
            },
            body_panics: verb == Verb::Scope && once_in(8, draw),
            input_panics: (verb.pulls() && once_in(12, draw)).then(|| draw.below(acts.len() + 1)),
            explosive: (verb != Verb::Scope && once_in(8, draw)).then(|| {
                pick(
                    &[Explosive::Capture, Explosive::Item, Explosive::Value],
                    draw,
                )
            }),
            acts,
        };
        if verb != Verb::Scope && !through_worker {
            options(&mut call, draw);
        }
        if call.callbacks.is_some() && at.depth() < 2 && once_in(6, draw) {
            let inner = At::Job {
                depth: at.depth() + 1,
            };
            // Whether a broadcast is refused depends on the thread, which a callback does not know.
            let is_clear = |call: &Arc<Call>| call.verb != Verb::Broadcast;
            call.from_callback = Some(self.call(inner, draw)).filter(is_clear);
        }
        Arc::new(call)
    }

    fn act(&mut self, verb: Verb, at: At, draw: &mut impl Draw) -> Act {
        let depth = at.depth();
        match draw.below(48) {
            // Mostly, and for zero, it returns.
            24..30 => Act::Panic,
            30..33 => Act::Yield(1 + draw.below(4)),
            33..39 if at == At::Main && verb.is_detached() => Act::Hold,
            33..39 if verb == Verb::TryMap => Act::Fail,
            39 => Act::Cancel,
            40..45 if depth < 2 => Act::Nest(self.call(At::Job { depth: depth + 1 }, draw)),
            45 => Act::Join,
            46 if once_in(3, draw) => Act::Close,
            47 if once_in(3, draw) => Act::Terminate,
            _ => Act::Return,
        }
    }
}

/// Sets what a call is made with.
fn options(call: &mut Call, draw: &mut impl Draw) {
    call.deadline = weigh(
        &[
            (16, Deadline::None),
            (1, Deadline::Zero),
            (1, Deadline::Short),
            (1, Deadline::Long),
        ],
        draw,
    );
    if call.verb.has_chunks() {
        let sizes = [None, Some(1), None, Some(2), Some(3)];
        call.chunk = if once_in(40, draw) {
            Some(0)
        } else {
            pick(&sizes, draw)
        };
        call.schedule = weigh(
            &[
                (4, Sharing::Auto),
                (2, Sharing::Static),
                (1, Sharing::Guided),
                (1, Sharing::Python),
            ],
            draw,
        );
    }
    if call.verb.is_detached() && once_in(2, draw) {
        let choices = [(5, CallbackAct::Return), (1, CallbackAct::Panic)];
        call.callbacks = Some(Callbacks {
            success: weigh(&choices, draw),
            error: weigh(&choices, draw),
        });
    }
    if call.verb.is_stream() {
        let windows = [
            (4, None),
            (3, Some(1)),
            (3, Some(2)),
            (3, Some(4)),
            (1, Some(0)),
        ];
        call.stream = Stream {
            window: weigh(&windows, draw),
            pace: pick(&[Pace::Next, Pace::Look, Pace::NextTimeout], draw),
            event: weigh(
                &[
                    (4, StreamEvent::None),
                    (1, StreamEvent::Close),
                    (1, StreamEvent::Terminate),
                    (1, StreamEvent::Cancel),
                    (1, StreamEvent::Drop),
                    (1, StreamEvent::IntoInput),
                    (1, StreamEvent::Leak),
                ],
                draw,
            ),
            after: draw.below(4),
        };
    }
}

//! Writes a program down as code.

use std::fmt::{self, Display, Formatter};

use super::program::{
    Act, Call, CallbackAct, Deadline, Ending, Explosive, HandleOp, Op, Pace, Program, RestWhen,
    Settings, Sharing, StreamEvent, Timeout, Verb, Wait,
};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "let pool = {};", self.settings)?;
        if !self.side.is_empty() {
            writeln!(f, "thread::spawn(|| {{")?;
            write_ops(f, &self.side, "s")?;
            writeln!(f, "}});")?;
        }
        write_ops(f, &self.main, "h")?;
        if !self.side.is_empty() {
            writeln!(f, "side.join();")?;
        }
        let rest = |f: &mut Formatter<'_>, when| {
            if self.rest_when == when {
                writeln!(f, "for h in rest {{ {} }}", Deed("h", self.rest))
            } else {
                Ok(())
            }
        };
        rest(f, RestWhen::BeforeEnding)?;
        match self.ending {
            Ending::CloseJoin | Ending::CloseJoinLeak => writeln!(f, "pool.close(); pool.join();")?,
            Ending::TerminateJoin => writeln!(f, "pool.terminate(); pool.join();")?,
            Ending::Drop => {}
        }
        rest(f, RestWhen::BeforeDrop)?;
        match self.ending {
            Ending::CloseJoinLeak => writeln!(f, "mem::forget(pool);")?,
            _ => writeln!(f, "drop(pool);")?,
        }
        rest(f, RestWhen::AfterDrop)
    }
}

impl Display for Settings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Pool::builder().workers({})", self.workers)?;
        if let Some(capacity) = self.capacity {
            write!(f, ".capacity({capacity})")?;
        }
        if let Some(jobs) = self.max_jobs {
            write!(f, ".max_jobs_per_worker({jobs})")?;
        }
        match self.wait {
            Wait::Adaptive => {}
            Wait::Passive => write!(f, ".wait_policy(Passive)")?,
            Wait::Active => write!(f, ".wait_policy(Active)")?,
        }
        if self.caller_participates {
            write!(f, ".caller_participates()")?;
        }
        if self.drain_on_drop {
            write!(f, ".drain_on_drop()")?;
        }
        if let Some(at) = self.initializer_panics {
            write!(f, ".initializer(|_| if this_is_call({at}) {{ panic!() }})")?;
        }
        if self.exit_hook {
            write!(f, ".exit_hook(|_, state| drop(state))")?;
        }
        write!(f, ".build()")
    }
}

fn write_ops(f: &mut Formatter<'_>, ops: &[Op], handle: &str) -> fmt::Result {
    let pad = if handle == "s" { "    " } else { "" };
    for op in ops {
        f.write_str(pad)?;
        match op {
            Op::Call(call) if call.verb.is_detached() => {
                writeln!(f, "{handle}.push({});", Line(call, pad.len()))?;
            }
            Op::Call(call) => writeln!(f, "{};", Line(call, pad.len()))?,
            Op::Handle(number, deed) => {
                let name = format!("{handle}[{number} % {handle}.len()]");
                writeln!(f, "{};", Deed(&name, *deed))?;
            }
            Op::Close => writeln!(f, "pool.close();")?,
            Op::Terminate => writeln!(f, "pool.terminate();")?,
            Op::Join => writeln!(f, "pool.join();")?,
            Op::JoinTimeout(timeout) => writeln!(f, "pool.join_timeout({timeout});")?,
            Op::Stats => writeln!(f, "pool.stats();")?,
        }
    }
    Ok(())
}

impl Display for Timeout {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zero => "ZERO",
            Self::Short => "SHORT",
            Self::Long => "MAX",
        })
    }
}

/// Something done to a handle of that name.
struct Deed<'a>(&'a str, HandleOp);

impl Display for Deed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(name, deed) = self;
        match deed {
            HandleOp::Get => write!(f, "{name}.get()"),
            HandleOp::GetTimeout(timeout) => write!(f, "{name}.get_timeout({timeout})"),
            HandleOp::Wait => write!(f, "{name}.wait()"),
            HandleOp::WaitTimeout(timeout) => write!(f, "{name}.wait_timeout({timeout})"),
            HandleOp::Await => write!(f, "block_on({name})"),
            HandleOp::Cancel => write!(f, "{name}.cancel()"),
            HandleOp::Look => write!(
                f,
                "({name}.ready(), {name}.successful(), {name}.progress())"
            ),
            HandleOp::Drop => write!(f, "drop({name})"),
            HandleOp::Leak => write!(f, "mem::forget({name})"),
        }
    }
}

/// A call, with the width of the margin that its inner lines keep.
struct Line<'a>(&'a Call, usize);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(call, margin) = self;
        let owner = if call.through_worker {
            "worker_or_pool"
        } else {
            "pool"
        };
        write!(f, "/* {} */ {owner}", call.id)?;
        write_options(f, call)?;
        if let Some(call) = &call.from_callback {
            write!(f, ".before_the_callback(|| {})", Line(call, *margin))?;
        }
        let name = match call.verb {
            Verb::ApplyAsync => "apply_async",
            Verb::TryApplyAsync => "try_apply_async",
            Verb::MapAsync => "map_async",
            Verb::StarmapAsync => "starmap_async",
            Verb::Apply => "apply",
            Verb::Map | Verb::MapPull => "map",
            Verb::MapInto => "map_into",
            Verb::TryMap => "try_map",
            Verb::Starmap => "starmap",
            Verb::ForEach => "for_each",
            Verb::Reduce => "reduce",
            Verb::Broadcast => "broadcast",
            Verb::Scope => "scope",
            Verb::Imap => "imap",
            Verb::ImapUnordered => "imap_unordered",
        };
        write!(f, ".{name}(")?;
        match call.verb {
            verb if verb.is_single() => write!(f, "|| ")?,
            Verb::Broadcast => write!(f, "|worker| match worker.index() ")?,
            Verb::Scope => write!(f, "|s| for i in 0..{} ", call.acts.len())?,
            verb if verb.pulls() => write!(f, "pull(0..{}", call.acts.len())?,
            _ => write!(f, "0..{}, |i| match i ", call.acts.len())?,
        }
        if call.verb.pulls() {
            if let Some(at) = call.input_panics {
                write!(f, ".panics_at({at})")?;
            }
            write!(f, "), |i| match i ")?;
        }
        write_acts(f, call, *margin)?;
        if call.body_panics {
            write!(f, "; panic!()")?;
        }
        write!(f, ")")?;
        write_stream(f, call)?;
        if !call.then.is_empty() && call.verb.is_detached() {
            let deeds: Vec<_> = call
                .then
                .iter()
                .map(|deed| Deed("h", *deed).to_string())
                .collect();
            write!(f, " /* if nested: {} */", deeds.join("; "))?;
        }
        Ok(())
    }
}

fn write_options(f: &mut Formatter<'_>, call: &Call) -> fmt::Result {
    if call.on_worker && !call.through_worker {
        write!(f, ".with_worker()")?;
    }
    if let Some(size) = call.chunk {
        write!(f, ".chunk_size({size})")?;
    }
    match call.schedule {
        Sharing::Auto => {}
        Sharing::Static => write!(f, ".schedule(Static)")?,
        Sharing::Guided => write!(f, ".schedule(Guided)")?,
        Sharing::Python => write!(f, ".schedule(Python)")?,
    }
    match call.deadline {
        Deadline::None => {}
        Deadline::Zero => write!(f, ".deadline(ZERO)")?,
        Deadline::Short => write!(f, ".deadline(SHORT)")?,
        Deadline::Long => write!(f, ".deadline(MAX)")?,
    }
    if call.cancels_itself() {
        write!(f, ".control(&control)")?;
    }
    if let Some(window) = call.stream.window {
        write!(f, ".window({window})")?;
    }
    match call.explosive {
        None => {}
        Some(Explosive::Capture) => write!(f, " /* its function panics on drop */ ")?,
        Some(Explosive::Item) => write!(f, " /* its items panic on drop */ ")?,
        Some(Explosive::Value) => write!(f, " /* its values panic on drop */ ")?,
    }
    if let Some(callbacks) = call.callbacks {
        let act = |act| {
            if act == CallbackAct::Panic {
                "panic!()"
            } else {
                "()"
            }
        };
        write!(
            f,
            ".on_success(|_| {}).on_error(|_| {})",
            act(callbacks.success),
            act(callbacks.error)
        )?;
    }
    Ok(())
}

fn write_acts(f: &mut Formatter<'_>, call: &Call, margin: usize) -> fmt::Result {
    if let ([act], true) = (&call.acts[..], call.verb.is_single()) {
        return write_act(f, act, margin);
    }
    let pad = " ".repeat(margin);
    writeln!(f, "{{")?;
    for (index, act) in call.acts.iter().enumerate() {
        write!(f, "{pad}    {index} => ")?;
        if call.verb == Verb::Scope {
            write!(f, "{{ let h = s.apply_async(|| ")?;
            write_act(f, act, margin + 4)?;
            writeln!(f, "); {} }}", Deed("h", call.then[index]))?;
        } else {
            write_act(f, act, margin + 4)?;
            writeln!(f, ",")?;
        }
    }
    write!(f, "{pad}}}")
}

fn write_act(f: &mut Formatter<'_>, act: &Act, margin: usize) -> fmt::Result {
    match act {
        Act::Return => write!(f, "()"),
        Act::Panic => write!(f, "panic!()"),
        Act::Fail => write!(f, "return Err(())"),
        Act::Hold => write!(f, "until_main_blocks()"),
        Act::Yield(times) => write!(f, "for _ in 0..{times} {{ yield_now() }}"),
        Act::Close => write!(f, "pool.close()"),
        Act::Terminate => write!(f, "pool.terminate()"),
        Act::Join => write!(f, "pool.join()"),
        Act::Cancel => write!(f, "control.cancel()"),
        Act::Nest(call) => write!(f, "{}", Line(call, margin)),
    }
}

fn write_stream(f: &mut Formatter<'_>, call: &Call) -> fmt::Result {
    if !call.verb.is_stream() {
        return Ok(());
    }
    f.write_str(match call.stream.pace {
        Pace::Next => ".for_each_next(",
        Pace::Look => ".for_each_look_and_next(",
        Pace::NextTimeout => ".for_each_next_timeout(",
    })?;
    let event = match call.stream.event {
        StreamEvent::None => return f.write_str(")"),
        StreamEvent::Close => "pool.close()",
        StreamEvent::Terminate => "pool.terminate()",
        StreamEvent::Cancel => "stream.cancel()",
        StreamEvent::Drop => "drop(stream)",
        StreamEvent::IntoInput => "stream.into_input()",
        StreamEvent::Leak => "mem::forget(stream)",
    };
    write!(f, "after {}: {event})", call.stream.after)
}

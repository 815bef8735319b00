//! Commands as process groups, so that a signal reaches what they have started as well.

use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use process_control::{ChildExt, Control, ExitStatus};

/// The groups that run, by their leaders' ids, and how often all of them were told to end.
struct Running {
    ids: Vec<u32>,
    told: u32,
}

static RUNNING: Mutex<Running> = Mutex::new(Running {
    ids: Vec::new(),
    told: 0,
});

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all groups that run, and those that are just being started: with SIGINT the first time, as a terminal does
/// with the group in its foreground, which they are not in; by killing them from then on.
pub(crate) fn end_all() {
    let mut running = running();
    running.told += 1;
    for &id in &running.ids {
        system::end(id, running.told);
    }
}

/// A command that leads a group; dropped before it has ended, it is killed with its group.
pub(crate) struct Group {
    leader: Child,
    ended: bool,
}

impl Group {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        system::lead(command);
        let leader = command.spawn()?;
        let mut running = running();
        running.ids.push(leader.id());
        // Whoever told the others to end did not see this one.
        if running.told > 0 {
            system::end(leader.id(), running.told);
        }
        Ok(Self {
            leader,
            ended: false,
        })
    }

    /// How the command ended; `None` if it is killed because time ran out. What it left behind when it ended by itself
    /// stays.
    pub(crate) fn wait(mut self, limit: Option<Duration>) -> io::Result<Option<ExitStatus>> {
        let mut control = self.leader.controlled();
        if let Some(limit) = limit {
            control = control.time_limit(limit);
        }
        let status = control.wait()?;
        self.ended = status.is_some();
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.leader.id();
        running().ids.retain(|&other| other != id);
        if !self.ended {
            // The command is not waited for yet, so that the id is its own.
            system::kill(id);
            let _ = self.leader.kill();
            let _ = self.leader.wait();
        }
    }
}

#[cfg(unix)]
mod system {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    pub(super) fn lead(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn end(id: u32, told: u32) {
        signal(
            id,
            if told == 1 {
                Signal::SIGINT
            } else {
                Signal::SIGKILL
            },
        );
    }

    pub(super) fn kill(id: u32) {
        signal(id, Signal::SIGKILL);
    }

    /// A group of which only a dead leader is left refuses, which is as good.
    fn signal(id: u32, signal: Signal) {
        let _ = killpg(Pid::from_raw(id.cast_signed()), signal);
    }
}

/// Elsewhere Ctrl-C reaches all processes of a console without help, and time-outs kill the command alone.
#[cfg(not(unix))]
mod system {
    use std::process::Command;

    pub(super) fn lead(_: &mut Command) {}

    pub(super) fn end(_: u32, _: u32) {}

    pub(super) fn kill(_: u32) {}
}

//! What a job carries besides its body: options of the call, and the scope it belongs to.

use crate::control::Control;
use crate::error::Refusal;
use crate::event_count::EventCount;
use crate::platform::Platform;
use crate::scope_core::ScopeLink;
use crate::time::Instant;
use crate::timeline::Label;

/// Whether a job must end without running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Now, and why.
    Now(Refusal),
    /// At that moment, if at all.
    At(Option<Instant>),
}

/// What a job carries besides its body. It stays readable for as long as the job is valid.
pub(crate) trait Extra<P: Platform>: Send + Sync {
    /// Whether the job's options forbid it to start.
    fn due(&self) -> Due {
        Due::At(None)
    }

    /// Which call the job belongs to.
    fn label(&self) -> Label {
        Label::default()
    }

    /// The job's place in its scope, if it belongs to one.
    fn scope(&self) -> Option<&ScopeLink<P>> {
        None
    }

    /// What is rung when the job is ready, for those who wait for any of several jobs.
    fn bell(&self) -> Option<&'static EventCount> {
        None
    }
}

impl<P: Platform> Extra<P> for () {}

/// The options of one call, as `With` collects them.
// What every chunk asks for comes first, on the line of the batch's other constants.
#[derive(Debug, Clone, Default)]
#[repr(C)]
pub(crate) struct Options {
    pub(crate) deadline: Option<Instant>,
    pub(crate) control: Option<Control>,
    pub(crate) name: Option<&'static str>,
    /// The call's number in the pool's timeline; zero if there is none.
    pub(crate) call: usize,
}

impl Options {
    /// Which call these are the options of.
    pub(crate) fn label(&self) -> Label {
        Label {
            name: self.name,
            call: self.call,
        }
    }

    /// Whether a job with these options may start, as far as they are concerned.
    #[inline]
    pub(crate) fn due<P: Platform>(&self) -> Due {
        if self.control.as_ref().is_some_and(Control::is_cancelled) {
            return Due::Now(Refusal::Cancelled);
        }
        match self.deadline {
            Some(at) if P::now().is_some_and(|now| now >= at) => Due::Now(Refusal::DeadlineExpired),
            deadline => Due::At(deadline),
        }
    }
}

impl<P: Platform> Extra<P> for Options {
    #[inline]
    fn due(&self) -> Due {
        Options::due::<P>(self)
    }

    fn label(&self) -> Label {
        Options::label(self)
    }
}

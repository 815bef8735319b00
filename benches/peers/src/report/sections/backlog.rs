//! Memory of jobs that no worker has begun.

use ringpool_peers::backlog::BACKLOGS;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    if !settings.wants("backlog") {
        return;
    }
    let jobs = settings.scaled(1_000_000);
    let what = format!("memory of {jobs} jobs that no worker has begun");
    let mut figures = Figures::new("Backlog", what, "bytes a job");
    let entries = BACKLOGS.iter().enumerate().map(|(which, backlog)| {
        (
            backlog.name.to_owned(),
            Task::new("backlog", &[which, jobs]),
        )
    });
    figures.rows = by_turns("backlog", settings.rounds.min(3), entries);
    sink(figures);
}

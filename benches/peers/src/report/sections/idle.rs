//! What a pool burns while it has nothing to do.

use ringpool_peers::idle::KINDS;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;
use crate::table::Sample;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    if !settings.wants("idle") {
        return;
    }
    let what = "CPU time of a process in the second after the pool's last work";
    let mut figures = Figures::new("Idle", what, "% of one CPU");
    let entries = KINDS
        .iter()
        .enumerate()
        .map(|(which, kind)| (kind.name.to_owned(), Task::new("idle", &[which])));
    figures.rows = by_turns("idle", settings.rounds.min(3), entries);
    // Nothing is compared: the first one's share is next to nothing.
    for row in &mut figures.rows {
        row.ratio = Sample::default();
    }
    sink(figures);
}

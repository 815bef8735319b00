//! What the machine itself takes.

use ringpool_peers::limits::LIMITS;

use super::model;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;
use crate::table::{Sample, number};

const ID: &str = "Limits";

/// The limits, each in a row of its number; without rows where they are not wanted.
pub(crate) fn measure(settings: &Settings) -> Figures {
    let what = "what the machine itself takes, measured in this run";
    let mut figures = Figures::new(ID, what, "ns");
    if settings.wants(ID) || settings.wants(model::ID) {
        let entries = LIMITS.iter().enumerate().map(|(which, limit)| {
            let name = match limit.bounds {
                [] => limit.what.to_owned(),
                bounds => format!("{} ({})", limit.what, bounds.join(", ")),
            };
            (name, Task::new("limit", &[which]))
        });
        figures.rows = by_turns(ID, settings.rounds, entries);
        for row in &mut figures.rows {
            // A limit is compared to workloads, not to another limit.
            row.ratio = Sample::default();
        }
        figures.note = "In brackets the workloads that it bounds.".into();
    }
    figures
}

/// Says below a workload what bounds it.
pub(crate) fn annotate(limits: &Figures, figures: &mut Figures) {
    let bounds = LIMITS.iter().zip(&limits.rows);
    let bounds = bounds.filter(|(limit, _)| limit.bounds.contains(&&*figures.id));
    let said =
        bounds.map(|(limit, row)| format!("{} {} ns", limit.what, number(row.value.median())));
    let said: Vec<String> = said.collect();
    if !said.is_empty() {
        let limits = format!("Limits of this machine: {}.", said.join("; "));
        let notes = [figures.note.as_str(), &limits].join(" ");
        notes.trim_start().clone_into(&mut figures.note);
    }
}

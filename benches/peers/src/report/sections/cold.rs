//! Single jobs with pauses between them, which park all who wait.

use ringpool_peers::hot::HOT;
use ringpool_peers::workers;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    if !settings.wants("W1 cold") {
        return;
    }
    // Beside busy threads a job takes milliseconds with some contenders, so more of them would take an hour.
    for (id, strangers, jobs) in [("W1 cold", 0, 1000), ("W1 cold, busy", workers(), 200)] {
        let what = format!(
            "one tiny job after a sleep of 100 µs, again and again, beside {strangers} other busy threads"
        );
        let mut figures = Figures::new(id, what, "µs a job");
        let entries = HOT.contenders.iter().enumerate().map(|(place, contender)| {
            let numbers = [place, strangers, settings.scaled(jobs)];
            (contender.name.to_owned(), Task::new("cold", &numbers))
        });
        figures.rows = by_turns(id, settings.rounds, entries);
        figures.more = vec!["p99".into(), "longest".into()];
        sink(figures);
    }
}

//! Who takes part in an empty region.

use ringpool_peers::foreign::Found;
use ringpool_peers::{region, workers};

use super::Sink;
use crate::child::float;
use crate::figures::{Figures, Row};
use crate::measure::{Task, append};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, found: &Found, sink: Sink<'_>) {
    if !settings.wants("W4 region") {
        return;
    }
    let regions = settings.scaled(20_000);
    let what = format!("of {regions} regions, those in which every worker ran");
    let mut figures = Figures::new("W4 shares", what, "%");
    let mut all = Row::default();
    append(
        &mut all,
        &Task::new("shares", &[regions]),
        region::SHARED.len(),
    );
    figures.rows = region::SHARED
        .into_iter()
        .zip(all.more)
        .map(|(name, value)| Row {
            name: name.into(),
            value,
            ..Row::default()
        })
        .collect();
    for contender in found.of("W4 shares") {
        let mut row = Row {
            name: contender.name.clone(),
            ..Row::default()
        };
        let task = Task::Foreign {
            contender: contender.clone(),
            question: "time",
            numbers: [workers(), regions, 1],
            sum: None,
        };
        // Where others tell their checksum, it tells the regions.
        append(&mut row, &task, 2);
        let full = row.more.drain(..).nth(1).and_then(|full| full.median());
        row.value = full
            .map(|full| 100.0 * full / float(regions))
            .into_iter()
            .collect();
        figures.rows.push(row);
    }
    figures.note = "A broadcast runs on every worker by its contract; so do paralight's equal shares, scoped threads and a \
                    parallel region of OpenMP."
        .into();
    sink(figures);
}

//! The workloads: their time, what they allocate, how often they switch, and the tail where single units are waited for.

use ringpool_peers::{Contender, WORKLOADS, Workload};

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, append, by_turns};
use crate::settings::Settings;
use crate::table::Sample;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    for (index, workload) in WORKLOADS.iter().enumerate() {
        if settings.wants(workload.id) {
            sink(one(settings, index, workload));
        }
    }
}

fn one(settings: &Settings, index: usize, workload: &Workload) -> Figures {
    let unit = workload.unit;
    let units = settings.scaled(workload.units);
    let mut figures = Figures::new(workload.id, workload.what, format!("ns a {unit}"));
    let entry = |(place, contender): (usize, &Contender)| {
        (
            contender.name.to_owned(),
            Task::new("time", &[index, place, units]),
        )
    };
    let entries = workload.contenders.iter().enumerate().map(entry);
    figures.rows = by_turns(workload.id, settings.rounds, entries);
    figures.more = vec!["switches: waits".into(), "others".into()];
    // With fewer units, what a pool keeps for itself would hide what a unit needs.
    if workload.units >= 1_000_000 && unit == "job" {
        figures.more.push(format!("peak memory, bytes a {unit}"));
    }
    for row in &mut figures.rows {
        row.more.resize_with(figures.more.len(), Sample::default);
    }
    figures
        .more
        .extend([format!("allocations a {unit}"), "bytes allocated".into()]);
    for (place, row) in figures.rows.iter_mut().enumerate() {
        let some = (units / 10).max(1);
        append(row, &Task::new("count", &[index, place, some]), 2);
    }
    if workload.singles > 0 {
        figures
            .more
            .extend(["one by one: median".into(), "p99".into(), "longest".into()]);
        for (place, row) in figures.rows.iter_mut().enumerate() {
            let singles = settings.scaled(workload.singles);
            append(row, &Task::new("singles", &[index, place, singles]), 3);
        }
    }
    figures
}

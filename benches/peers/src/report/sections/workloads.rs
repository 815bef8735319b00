//! The workloads: their time, what they allocate, how often they switch, and the tail where single units are waited for.

use ringpool_peers::foreign::{Foreign, Found};
use ringpool_peers::{Contender, WORKLOADS, Workload, workers};

use super::Sink;
use crate::child::float;
use crate::figures::Figures;
use crate::measure::{Task, append, by_turns};
use crate::settings::Settings;
use crate::table::Sample;

pub(crate) fn run(settings: &Settings, found: &Found, sink: Sink<'_>) {
    for (index, workload) in WORKLOADS.iter().enumerate() {
        if settings.wants(workload.id) {
            sink(one(settings, found, index, workload));
        }
    }
}

fn one(settings: &Settings, found: &Found, index: usize, workload: &Workload) -> Figures {
    let unit = workload.unit;
    let units = settings.scaled(workload.units);
    let mut figures = Figures::new(workload.id, workload.what, format!("ns a {unit}"));
    let entry = |(place, contender): (usize, &Contender)| {
        (
            contender.name.to_owned(),
            Task::new("time", &[index, place, units]),
        )
    };
    let own = workload.contenders.len();
    let entries = workload.contenders.iter().enumerate().map(entry);
    let entries = entries.chain(foreign(found, workload, units));
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
    for (place, row) in figures.rows.iter_mut().take(own).enumerate() {
        let some = (units / 10).max(1);
        append(row, &Task::new("count", &[index, place, some]), 2);
    }
    if workload.singles > 0 {
        figures
            .more
            .extend(["one by one: median".into(), "p99".into(), "longest".into()]);
        for (place, row) in figures.rows.iter_mut().take(own).enumerate() {
            let singles = settings.scaled(workload.singles);
            append(row, &Task::new("singles", &[index, place, singles]), 3);
        }
    }
    let singles = settings.scaled(workload.singles);
    for (row, contender) in figures.rows[own..].iter_mut().zip(found.of(workload.id)) {
        row.more = vec![Sample::absent(); figures.more.len()];
        if workload.singles > 0 {
            row.more.truncate(figures.more.len() - 3);
            let task = Task::Foreign {
                contender: contender.clone(),
                question: "single",
                numbers: [workers(), contender.units(singles), 0],
                sum: None,
            };
            append(row, &task, 3);
        }
    }
    show_efficiency(&mut figures);
    figures
}

/// Where one thread does the work as well: which part of its time each of so many workers needs, at best 100 %.
fn show_efficiency(figures: &mut Figures) {
    let alone = figures.rows.iter().find(|row| row.name == "sequential");
    let Some(alone) = alone.and_then(|row| row.ratio.median()) else {
        return;
    };
    figures.more.push("efficiency, %".into());
    for row in &mut figures.rows {
        let share = alone / float(workers());
        let efficiency = row.ratio.median().map(|ratio| 100.0 * share / ratio);
        row.more.push(efficiency.into_iter().collect());
    }
}

/// The contenders in other languages, each with the checksum that it has to come to.
fn foreign(found: &Found, workload: &Workload, units: usize) -> Vec<(String, Task)> {
    let entry = |contender: &Foreign| {
        let units = contender.units(units);
        let task = Task::Foreign {
            contender: contender.clone(),
            question: "time",
            numbers: [workers(), units, workload.repeats],
            sum: Some((workload.checksum)(units, workers())),
        };
        (contender.name.clone(), task)
    };
    found.of(workload.id).map(entry).collect()
}

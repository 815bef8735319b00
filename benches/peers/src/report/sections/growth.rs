//! What a job of ringpool costs as work grows.

use ringpool_peers::growth::{CAPTURES, Point};
use ringpool_peers::workers;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

/// A cost so many times the least is a bend.
const BEND: f64 = 1.5;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    let few = Point {
        jobs: 500_000,
        workers: workers(),
        capture: CAPTURES[0],
        submitters: 1,
    };
    let powers = || (0..7).map(|n| 1 << n);
    let jobs = (2..=7).map(|n| 10_usize.pow(n));
    let axes: [(&str, &str, Vec<(String, Point)>); 4] = [
        (
            "Growth: jobs",
            "more jobs in one scope",
            jobs.map(|jobs| (format!("{jobs} jobs"), Point { jobs, ..few }))
                .collect(),
        ),
        (
            "Growth: workers",
            "more workers, 500,000 jobs",
            powers()
                .map(|workers| (format!("{workers} workers"), Point { workers, ..few }))
                .collect(),
        ),
        (
            "Growth: captures",
            "larger closures, 20,000 jobs",
            CAPTURES
                .map(|capture| {
                    let jobs = 20_000;
                    (
                        format!("{capture} bytes"),
                        Point {
                            jobs,
                            capture,
                            ..few
                        },
                    )
                })
                .into(),
        ),
        (
            "Growth: submitters",
            "more threads that submit, 500,000 jobs in all",
            powers()
                .map(|submitters| {
                    (
                        format!("{submitters} submitters"),
                        Point { submitters, ..few },
                    )
                })
                .collect(),
        ),
    ];
    for (id, what, points) in axes {
        if settings.wants(id) {
            sink(axis(settings, id, what, points));
        }
    }
}

fn axis(settings: &Settings, id: &str, what: &str, points: Vec<(String, Point)>) -> Figures {
    let mut figures = Figures::new(id, what, "ns a job");
    figures.base = "the least";
    figures.more = vec![
        "CPU time, ns".into(),
        "switches: waits".into(),
        "others".into(),
        "peak memory, bytes".into(),
    ];
    let entries = points.into_iter().map(|(name, point)| {
        // At least one job for each submitter.
        let jobs = settings.scaled(point.jobs).max(100);
        let numbers = [jobs, point.workers, point.capture, point.submitters];
        (name, Task::new("growth", &numbers))
    });
    figures.rows = by_turns(id, settings.rounds.min(3), entries);
    let medians = figures.rows.iter().filter_map(|row| row.value.median());
    let least = medians.fold(f64::INFINITY, f64::min);
    let mut bends = Vec::new();
    for row in &mut figures.rows {
        let ratio = row.value.median().map(|median| median / least);
        row.ratio = ratio.into_iter().collect();
        if ratio.is_some_and(|ratio| ratio > BEND) {
            bends.push(row.name.as_str());
        }
    }
    figures.note = if bends.is_empty() {
        format!("Flat: nowhere more than {BEND} times the least.")
    } else {
        format!("More than {BEND} times the least: {}.", bends.join(", "))
    };
    figures
}

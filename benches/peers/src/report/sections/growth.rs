//! What a job of ringpool costs as work grows.

use ringpool_peers::growth::{CAPTURES, Point};
use ringpool_peers::workers;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

/// What the table is called, what grows, why the cost would bend, and the points.
type Axis = (
    &'static str,
    &'static str,
    &'static str,
    Vec<(String, Point)>,
);

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
    let axes: [Axis; 4] = [
        (
            "Growth: jobs",
            "more jobs in one scope",
            "Nothing of a job lasts; what bends is the machine's pace, or a backlog that leaves the caches (peak memory).",
            jobs.map(|jobs| (format!("{jobs} jobs"), Point { jobs, ..few }))
                .collect(),
        ),
        (
            "Growth: workers",
            "more workers, 500,000 jobs",
            "One thread submits, so few workers are awake at a time; few of them meet it at the same lines, and many \
             more than CPUs take turns with it (the last switches).",
            powers()
                .map(|workers| (format!("{workers} workers"), Point { workers, ..few }))
                .collect(),
        ),
        (
            "Growth: captures",
            "larger closures, 20,000 jobs",
            "A closure is copied into its job's block. Blocks beyond 152 bytes are not kept for jobs to come: one thread \
             allocates them and another frees them, and where the backlog grows (peak memory) their pages are touched for \
             the first time, see the limits.",
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
            "Submitters outnumber CPUs and workers: they contend for the queue's end, and while workers have no CPU the \
             backlog grows (peak memory), for which blocks come from the allocator and not from jobs that ended.",
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
    for axis in axes {
        if settings.wants(axis.0) {
            sink(measure(settings, axis));
        }
    }
}

fn measure(settings: &Settings, (id, what, why, points): Axis) -> Figures {
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
        format!(
            "More than {BEND} times the least: {}. {why}",
            bends.join(", ")
        )
    };
    figures
}

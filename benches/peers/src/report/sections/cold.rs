//! Single jobs with pauses between them, in which waiting threads fall asleep, and the caller with them or not.

use ringpool_peers::foreign::{Foreign, Found};
use ringpool_peers::{WORKLOADS, workers};

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

/// What the table is called, the workload, busy threads beside it, the pause, how many units.
type Case = (&'static str, &'static str, usize, Pause, usize);

/// What the caller does for so many microseconds before each unit.
#[derive(Clone, Copy)]
enum Pause {
    Sleeps(usize),
    IsBusy(usize),
}

pub(crate) fn run(settings: &Settings, found: &Found, sink: Sink<'_>) {
    // Beside busy threads a job takes milliseconds with some contenders, so more of them would take an hour.
    let cases: [Case; 5] = [
        ("W1 cold", "W1 hot", 0, Pause::Sleeps(100), 1000),
        (
            "W1 cold, busy",
            "W1 hot",
            workers(),
            Pause::Sleeps(100),
            200,
        ),
        ("W1 parked", "W1 hot", 0, Pause::Sleeps(1000), 300),
        ("W1 spun", "W1 hot", 0, Pause::IsBusy(1000), 300),
        ("W4 idle", "W4 region", 0, Pause::Sleeps(1000), 500),
    ];
    for case in cases {
        if settings.wants(case.0) {
            sink(one(settings, found, case));
        }
    }
}

fn one(settings: &Settings, found: &Found, case: Case) -> Figures {
    let (id, workload, strangers, pause, units) = case;
    let index = WORKLOADS.iter().position(|one| one.id == workload);
    let index = index.expect("it is one of them");
    let workload = &WORKLOADS[index];
    let units = settings.scaled(units);
    let (kind, pause, rest) = match pause {
        Pause::Sleeps(micros) => ("cold", micros, "a sleep"),
        Pause::IsBusy(micros) => ("spun", micros, "work of the caller"),
    };
    let what = format!(
        "one {} after {rest} of {pause} µs, again and again, beside {strangers} other busy threads",
        workload.unit
    );
    let mut figures = Figures::new(id, what, format!("ns a {}", workload.unit));
    let own = workload.contenders.iter().enumerate();
    let own = own.map(|(place, contender)| {
        let numbers = [index, place, strangers, pause, units];
        (contender.name.to_owned(), Task::new(kind, &numbers))
    });
    let foreign = |contender: &Foreign| {
        let task = Task::Foreign {
            contender: contender.clone(),
            question: "single",
            numbers: [workers(), units, pause],
            sum: None,
        };
        (contender.name.clone(), task)
    };
    // Programs in other languages know no pause but a sleep, and no strangers.
    let comparable = strangers == 0 && kind == "cold";
    let others = found.of(workload.id).filter(|_| comparable);
    figures.rows = by_turns(id, settings.rounds, own.chain(others.map(foreign)));
    figures.more = vec!["p99".into(), "longest".into()];
    figures
}

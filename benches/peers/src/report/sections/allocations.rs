//! What a call allocates, against what it may.

use ringpool_peers::calls::CALLS;

use super::Sink;
use crate::child::float;
use crate::figures::{Figures, Row};
use crate::measure::{Task, append};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    if !settings.wants("allocations") {
        return;
    }
    let calls = settings.scaled(1000);
    let mut figures = Figures::new(
        "Allocations",
        "what a call allocates, once the pool has warmed up",
        "allowed",
    );
    figures.more = vec!["allocations".into(), "bytes".into()];
    for (which, call) in CALLS.iter().enumerate() {
        let mut row = Row {
            name: call.name.into(),
            value: [float(call.allowed)].into_iter().collect(),
            ..Row::default()
        };
        append(&mut row, &Task::new("call", &[which, calls]), 2);
        figures.rows.push(row);
    }
    sink(figures);
}

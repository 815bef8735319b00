//! Who takes part in an empty region.

use ringpool_peers::region;

use super::Sink;
use crate::figures::{Figures, Row};
use crate::measure::{Task, append};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
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
    figures.note = "A broadcast runs on every worker by its contract.".into();
    sink(figures);
}

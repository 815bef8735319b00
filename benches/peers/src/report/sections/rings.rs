//! ringpool's ring beside other queues.

use ringpool_peers::rings::QUEUES;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, sink: Sink<'_>) {
    let shapes = [
        (
            0,
            "Rings, one thread",
            "a push and a pop in turn, by one thread",
        ),
        (
            1,
            "Rings, 1 + 1",
            "items from one producer to one consumer, 1,024 places",
        ),
        (
            2,
            "Rings, 2 + 2",
            "items from two producers to two consumers, 1,024 places",
        ),
    ];
    for (pairs, id, what) in shapes {
        if !settings.wants(id) {
            continue;
        }
        let items = settings.scaled(1_000_000);
        let mut figures = Figures::new(id, what, "ns an item");
        figures.base = "ringpool's";
        let entries = QUEUES
            .iter()
            .enumerate()
            .filter(|(_, queue)| pairs < 2 || queue.shared)
            .map(|(which, queue)| {
                let task = Task::new("relay", &[which, pairs, items]);
                (queue.name.to_owned(), task)
            });
        figures.rows = by_turns(id, settings.rounds, entries);
        sink(figures);
    }
}

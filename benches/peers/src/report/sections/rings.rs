//! ringpool's ring beside other queues.

use ringpool_peers::foreign::Found;
use ringpool_peers::rings::{self, QUEUES};
use ringpool_peers::workers;

use super::Sink;
use crate::figures::Figures;
use crate::measure::{Task, by_turns};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, found: &Found, sink: Sink<'_>) {
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
        let others = found.of(id).map(|contender| {
            let task = Task::Foreign {
                contender: contender.clone(),
                question: "time",
                numbers: [workers(), items, 1],
                sum: Some(rings::total(items as u64)),
            };
            (contender.name.clone(), task)
        });
        figures.rows = by_turns(id, settings.rounds, entries.chain(others));
        for row in &mut figures.rows {
            // The checksum of a foreign program has been looked at.
            row.more.clear();
        }
        sink(figures);
    }
}

//! loom models of the outbox of an unordered stream.

extern crate std;

use loom::thread;

use super::*;
use crate::models::{Machine, Value, explore, join, shared};
use crate::seats::Look;

// S35
#[test]
fn what_is_put_into_an_outbox_is_complete_when_it_is_taken() {
    explore(3, || {
        let [outbox, first, second] = shared(Outbox::<Machine, Value>::new());
        let puts = [(0, first), (1, second)].map(|(place, outbox)| {
            thread::spawn(move || outbox.put(place, Results::Values(Bunch::One(Value::new()))))
        });
        join([thread::spawn(move || {
            let mut left = 2;
            while left > 0 {
                outbox.filled.wait::<Machine>(|| {
                    if outbox.is_empty() {
                        Look::Park(None)
                    } else {
                        Look::Done
                    }
                });
                outbox.take(|_, results| {
                    left -= 1;
                    results.into_iter().flatten().for_each(|value| value.read());
                });
            }
        })]);
        join(puts);
    });
}

//! loom models of the latest records.

extern crate std;

use super::Recent;
use crate::models::{explore, join, shared};

/// Each record that is read is whole, and the one that its number says.
#[test]
fn a_reader_beside_the_writer_sees_whole_records_only() {
    explore(3, || {
        let [written, read] = shared(Recent::<2>::new(1).expect("there is memory"));
        join([
            loom::thread::spawn(move || {
                written.push([1, 1]);
                written.push([2, 2]);
            }),
            loom::thread::spawn(move || {
                let (before, records) = read.latest();
                for (number, record) in (before + 1..).zip(records) {
                    assert_eq!(record, [number; 2]);
                }
            }),
        ]);
    });
}

//! W1: submitting one job and waiting for it.

mod common;

use ringpool_benches::hot;

fn main() {
    common::run(&[hot::HOT]);
}

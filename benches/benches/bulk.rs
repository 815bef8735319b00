//! W2: a million tiny jobs, with handles, without, and through one map.

mod common;

use ringpool_benches::{bulk, detached, handles};

fn main() {
    common::run(&[
        handles::HANDLES,
        detached::DETACHED,
        bulk::MAP,
        bulk::MAP_INTO,
    ]);
}

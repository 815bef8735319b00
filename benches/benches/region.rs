//! W4: parallel regions that hold almost nothing.

mod common;

use ringpool_benches::region;

fn main() {
    common::run(&[region::EMPTY, region::TINY]);
}

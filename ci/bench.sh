#!/usr/bin/env bash
# The benchmarks run, each case once, and the report beside other pools, with little work: that they work, not how fast
# they are.
. "$(dirname "$0")/lib.sh"

# Criterion's own quick mode.
run cargo bench --locked -p ringpool-benches --bench parts -- --test

manifest=benches/peers/Cargo.toml
run cargo fmt --check --manifest-path "$manifest"
run cargo clippy --quiet --locked --release --all-targets --manifest-path "$manifest" -- -D warnings
# Every contender does the work, and all come to the same checksum.
run cargo test --quiet --locked --release --manifest-path "$manifest"
run cargo run --quiet --locked --release --manifest-path "$manifest" -- --quick

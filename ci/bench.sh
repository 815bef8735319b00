#!/usr/bin/env bash
# The benchmarks run, each case once, and the report beside other pools, with little work: that they work, not how fast
# they are.
. "$(dirname "$0")/lib.sh"

# Criterion's own quick mode.
run cargo bench --locked -p ringpool-benches --bench parts -- --test

# Peers in other languages are built by the report itself, which skips by name what is missing: here nothing may be.
apt_install gcc g++ libc6-dev clang libomp-dev libtbb-dev libboost-dev
command -v python3 >/dev/null || apt_install python3

manifest=benches/peers/Cargo.toml
run cargo fmt --check --manifest-path "$manifest"
run cargo clippy --quiet --locked --release --all-targets --manifest-path "$manifest" -- -D warnings
# Every contender does the work, and all come to the same checksum.
run cargo test --quiet --locked --release --manifest-path "$manifest"
report=$(cargo run --quiet --locked --release --manifest-path "$manifest" -- --quick)
echo "$report"
! grep 'Skipped, missing here' <<<"$report" || fail "a peer is missing"
executed=$((executed + 1))

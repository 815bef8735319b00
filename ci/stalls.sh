#!/usr/bin/env bash
# Threads interrupted and threads frozen, in release: at every single instruction, and for ten million operations,
# or as many as the argument says. The debug build that `cargo test` runs takes samples of the instructions.
. "$(dirname "$0")/lib.sh"

export STALLS_OPERATIONS=${1:-10000000}
mkdir -p "$target_dir"
log=$target_dir/stalls.log
run cargo test --locked --release -p ringpool-tests --test stalls -- --nocapture --test-threads=1 | tee "$log"
executed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")

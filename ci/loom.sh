#!/usr/bin/env bash
# The core's loom models: every interleaving of their races up to a stated number of preemptions.
. "$(dirname "$0")/lib.sh"

export RUSTFLAGS="--cfg ringpool_loom" CARGO_TARGET_DIR=$target_dir/loom
mkdir -p "$target_dir"
log=$target_dir/loom.log
run cargo test --release -p ringpool-core --features alloc --lib models | tee "$log"
executed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")

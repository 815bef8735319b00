#!/usr/bin/env bash
# The README's test command: unit tests, conformance tests and every example in the documentation.
# Arguments are passed on: `ci/test.sh --release`.
. "$(dirname "$0")/lib.sh"

mkdir -p "$target_dir"
log=$target_dir/test.log
run cargo test --workspace "$@" | tee "$log"
# `run` counted in the pipe's own shell. What counts here is tests, anyway.
executed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")

# Tests that a machine does not allow pass, and their output is hidden; on one thread the line that says why begins with
# the test's name.
log=$target_dir/confined.log
cargo test --workspace --test confined "$@" -- --nocapture --test-threads=1 >"$log" || fail "$(cat "$log")"
echo "Tests in confined processes that this machine does not allow:"
grep 'not run: ' "$log" || echo none

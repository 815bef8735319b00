#!/usr/bin/env bash
# The README's test command: unit tests, conformance tests and every example in the documentation.
# Arguments are passed on: `ci/test.sh --release`.
. "$(dirname "$0")/lib.sh"

mkdir -p "$target_dir"
log=$target_dir/test.log
run cargo test --workspace "$@" | tee "$log"
# `run` counted in the pipe's own shell. What counts here is tests, anyway.
executed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")

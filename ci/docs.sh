#!/usr/bin/env bash
# The documentation builds without a warning: no broken link, nothing public without a word.
# Its examples run with `cargo test`.
. "$(dirname "$0")/lib.sh"

export RUSTDOCFLAGS="-D warnings"
run cargo doc --locked --workspace --no-deps --all-features

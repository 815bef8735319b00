#!/usr/bin/env bash
# Each libFuzzer target for some seconds: `ci/fuzz.sh 600`. With AddressSanitizer, so that a use of freed
# memory shows. What it finds is left in fuzz/artifacts/.
. "$(dirname "$0")/lib.sh"

seconds=${1:-60}
manifest=fuzz/Cargo.toml

# A sanitizer asks for a nightly toolchain; where it cannot be had, the present one is told to be one.
if rustup run nightly rustc --version >/dev/null 2>&1 ||
    rustup toolchain install nightly --profile minimal --no-self-update; then
    toolchain=+nightly
else
    toolchain=+$(rustup show active-toolchain | cut -d ' ' -f 1)
    export RUSTC_BOOTSTRAP=1
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz

# Programs leak on purpose.
export ASAN_OPTIONS=detect_leaks=0 CARGO_TARGET_DIR
CARGO_TARGET_DIR=$(realpath -m "$target_dir")/fuzz
targets=$(cargo "$toolchain" metadata --locked --no-deps --format-version 1 --manifest-path "$manifest" |
    grep -o '{"kind":\["bin"\][^}]*}' | sed 's/.*"name":"\([^"]*\)".*/\1/')
[[ -n $targets ]] || fail "there is no target in $manifest"
for target in $targets; do
    # Inputs are as long as they may be from the start: a short one makes a program that does nothing.
    run cargo "$toolchain" fuzz run "$target" -- -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 \
        -max_len=2048 -len_control=0
done

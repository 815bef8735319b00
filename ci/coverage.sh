#!/usr/bin/env bash
# How many lines of each published crate the tests of the workspace run: one number for each crate, for people to
# watch. A crate of which nothing runs is a failure; otherwise no number is demanded.
. "$(dirname "$0")/lib.sh"

cargo llvm-cov --version >/dev/null 2>&1 || cargo install --locked cargo-llvm-cov
# The profiles are read by LLVM's tools: rustup's, or Debian's where rustup cannot be reached.
if ! rustup component add llvm-tools; then
    apt_install llvm-22
    export LLVM_COV=/usr/bin/llvm-cov-22 LLVM_PROFDATA=/usr/bin/llvm-profdata-22
fi

# Absolute: a test that calls cargo does so in the folder of its package.
CARGO_TARGET_DIR=$(realpath -m "$target_dir")/coverage
export CARGO_TARGET_DIR
mkdir -p "$CARGO_TARGET_DIR"
table=$CARGO_TARGET_DIR/table.txt
# Benchmarks test nothing, and the mutants build the core anew. Documentation's examples are not counted on stable.
run cargo llvm-cov --locked --workspace --exclude ringpool-benches --exclude ringpool-mutants \
    --tests --no-fail-fast --summary-only >"$table"

# The table's columns: file; regions, missed, cover; functions, missed, executed; lines, missed, cover; branches.
for package in $(published); do
    manifest=$(manifest_of "$package")
    folder=$(basename "$(dirname "$manifest")")
    awk -v package="$package" -v folder="$folder/src/" '
        index($1, folder) == 1 && $1 !~ /(tests|models)(\/|\.rs)/ { lines += $8; missed += $9 }
        END {
            if (lines == 0 || lines == missed) exit 1
            printf "%-20s %5.1f %% of %d lines\n", package, 100 * (lines - missed) / lines, lines
        }' "$table" || fail "nothing of $package was run"
    executed=$((executed + 1))
done

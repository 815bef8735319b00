#!/usr/bin/env bash
# Ranks × workers: the program of examples-mpi, on two ranks of Open MPI, each with a pinned pool on the CPUs that
# `mpirun` bound it to. It compares its result with that of a sequential run.
. "$(dirname "$0")/lib.sh"

# bindgen, which makes the binding, needs libclang.
apt_install openmpi-bin libopenmpi-dev libclang-dev
manifest=examples-mpi/Cargo.toml
export CARGO_TARGET_DIR
CARGO_TARGET_DIR=$(realpath -m "$target_dir")/mpi
run cargo fmt --check --manifest-path "$manifest"
run cargo clippy --quiet --locked --release --manifest-path "$manifest" -- -D warnings
run cargo build --quiet --locked --release --manifest-path "$manifest"
program=$CARGO_TARGET_DIR/release/ringpool-examples-mpi

# Two ranks, also where there is one CPU, or where the user is root.
ranks=(mpirun -n 2 --oversubscribe --allow-run-as-root)
run "${ranks[@]}" --bind-to none "$program" | tee "$CARGO_TARGET_DIR/everywhere"
executed=$((executed + 1))
grep -q ': 0 ranks are wrong' "$CARGO_TARGET_DIR/everywhere" || fail "a wrong result"
if (($(nproc) < 2)); then
    echo "not run: ranks bound to cores, for which there is one CPU only"
    exit 0
fi
run "${ranks[@]}" --bind-to core "$program" | tee "$CARGO_TARGET_DIR/bound"
executed=$((executed + 1))
grep -q ': 0 ranks are wrong' "$CARGO_TARGET_DIR/bound" || fail "a wrong result"
cpus=$(sed -n 's/^rank [01] of 2: CPUs \(.*\), 1 places.*/\1/p' "$CARGO_TARGET_DIR/bound" | sort -u | wc -l)
((cpus == 2)) || fail "the ranks do not have a core each"

#!/usr/bin/env bash
# Every set of features builds: each published crate alone, so that no other member adds features to it.
# Features only add, so whatever builds here builds together.
. "$(dirname "$0")/lib.sh"

packages=$(published)
for package in $packages; do
    run cargo check --locked -p "$package"
    sets=$(feature_sets "$package")
    for set in $sets; do
        use_features "$set"
        run cargo check --locked -p "$package" "${features[@]}"
    done
done

# The switch to loom's primitives compiles. In a target folder of its own, for it changes every crate.
run env RUSTFLAGS="--cfg ringpool_loom" CARGO_TARGET_DIR="$target_dir/loom" \
    cargo check --locked -p ringpool-core --features alloc

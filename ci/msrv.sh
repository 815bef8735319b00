#!/usr/bin/env bash
# The published crates build on the oldest toolchain that Cargo.toml promises, with every set of their features.
. "$(dirname "$0")/lib.sh"

version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
[[ -n $version ]] || fail "Cargo.toml names no rust-version"
# The toolchain in use may be that one already; otherwise rustup has it or fetches it.
toolchain=
if [[ $(rustc --version) != "rustc $version."* ]]; then
    toolchain=+$version
    rustup run "$version" rustc --version >/dev/null 2>&1 ||
        rustup toolchain install "$version" --profile minimal --no-self-update
fi
run cargo $toolchain --version

# Artefacts of two toolchains in one folder would be built anew at each change.
export CARGO_TARGET_DIR=$target_dir/msrv
for package in $(published); do
    run cargo $toolchain check --locked -p "$package"
    sets=$(feature_sets "$package")
    for set in $sets; do
        use_features "$set"
        run cargo $toolchain check --locked -p "$package" "${features[@]}"
    done
done

#!/usr/bin/env bash
# Formatting, and clippy without a warning: the workspace as a whole, and each published crate with every
# set of its features (in the workspace, cargo unites the features of all members).
. "$(dirname "$0")/lib.sh"

for tool in rustfmt clippy; do
    cargo "${tool/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$tool"
done

run cargo fmt --all --check
run cargo clippy --locked --workspace --all-targets -- -D warnings
run cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
packages=$(published)
for package in $packages; do
    sets=$(feature_sets "$package")
    for set in $sets; do
        use_features "$set"
        # Examples and tests may need the default features, so only the library here.
        run cargo clippy --locked -p "$package" --lib "${features[@]}" -- -D warnings
    done
done

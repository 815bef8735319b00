#!/usr/bin/env bash
# The published crates type-check without a warning for Windows, macOS, Android, FreeBSD and Linux on aarch64, with
# their default features, all of them and none. And where nothing can be pinned, the affinity crate does what
# it says: its tests run here without the feature `libc`, which leaves it what other systems have.
. "$(dirname "$0")/lib.sh"

targets=(
    x86_64-pc-windows-msvc
    aarch64-apple-darwin
    aarch64-linux-android
    x86_64-unknown-freebsd
    aarch64-unknown-linux-gnu
    aarch64-unknown-linux-musl
)

mkdir -p "$target_dir"
log=$target_dir/unsupported.log
run cargo test --locked -p ringpool-affinity --no-default-features 2>&1 | tee "$log"
executed=$(awk '/^ +(Running|Doc-tests) / { here = /tests\/unsupported\.rs/ }
    here && /^test result: ok\./ { passed = $4 } END { print passed + 0 }' "$log")
((executed > 0)) || fail "no test of a system without pinning has run"

# With an error for each warning, and apart from what is built without.
export RUSTFLAGS="-D warnings" CARGO_TARGET_DIR=$target_dir/platforms CARGO_PROFILE_DEV_DEBUG=0
install_targets "${targets[@]}"
# A library that has to be built keeps one CPU busy for nearly a minute: those of all targets side by side.
[[ $way == rustup ]] || run bare_cargo std check --locked "${targets[@]/#/--target=}" -p ringpool-core
packages=$(published)
for target in "${targets[@]}"; do
    for package in $packages; do
        run bare_cargo std check --locked --target "$target" -p "$package"
        run bare_cargo std check --locked --target "$target" -p "$package" --all-features
        run bare_cargo std check --locked --target "$target" -p "$package" --no-default-features
    done
    echo "$script: $target: type-checked against a library from $way"
done

#!/usr/bin/env bash
# The test-suites on a machine of 32 bits: positions, counts and seats share words half as wide there.
#
# `ci/i686.sh --test stress` runs of the suites what cargo is told to.
. "$(dirname "$0")/lib.sh"

target=i686-unknown-linux-gnu
apt_install gcc-multilib libc6-dev-i386
command=(cargo test --locked --target "$target")
# rustup has the library ready-made for the toolchain in use; where it cannot be reached, Debian's toolchain builds
# it from its sources.
if ! rustup target add "$target"; then
    install_debian_toolchain
    export RUSTC_BOOTSTRAP=1
    command=(cargo +debian-web test --locked -Zbuild-std --target "$target")
fi

# Apart from what other scripts build. Optimised a little, so that the stress tests take minutes.
export CARGO_TARGET_DIR=$target_dir/i686 CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_DEV_OPT_LEVEL=1
mkdir -p "$CARGO_TARGET_DIR"
log=$CARGO_TARGET_DIR/test.log
suites=("$@")
# The words of the compiler are those of a machine of 64 bits.
[[ $# != 0 ]] || suites=(--tests -- --skip mistakes_are_told_in_words_that_help)
run "${command[@]}" -p ringpool-core -p ringpool-std -p ringpool-affinity -p ringpool-tests \
    --features ringpool-core/alloc --no-fail-fast "${suites[@]}" 2>&1 | tee "$log"
executed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")

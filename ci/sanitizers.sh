#!/usr/bin/env bash
# The test-suites under AddressSanitizer with LeakSanitizer, and under ThreadSanitizer, on a standard library
# that is instrumented as well: ThreadSanitizer reports falsely without.
#
# `ci/sanitizers.sh address --test stress` runs one sanitizer, and of the suites what cargo is told to.
. "$(dirname "$0")/lib.sh"

sanitizers=(address thread)
[[ $# == 0 ]] || sanitizers=("$1")
suites=("${@:2}")

host=$(rustc -vV | sed -n 's/^host: //p')
# The library's sources come with rustup's nightly; where rustup cannot be reached, from Debian. Its toolchain
# lacks the sanitizers' runtimes, which are C++ and the same as those of rustup's stable.
if rustup toolchain install nightly --profile minimal --component rust-src; then
    toolchain=nightly
else
    install_debian_toolchain
    toolchain=debian-web
    for name in asan tsan; do
        there=/usr/lib/rustlib/$host/lib/librustc-stable_rt.$name.a
        [[ -e $there ]] || as_root cp "$(rustc --print sysroot)/lib/rustlib/$host/lib/librustc-stable_rt.$name.a" "$there"
    done
fi
echo "$script: the toolchain is $toolchain"

# Optimised a little, so that the stress tests take minutes; with debug assertions.
export RUSTC_BOOTSTRAP=1 CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_DEV_OPT_LEVEL=1
# Tests ask for more memory than there is, and expect to be told.
export ASAN_OPTIONS=allocator_may_return_null=1 TSAN_OPTIONS=allocator_may_return_null=1
mkdir -p "$target_dir"
# Of a payload whose destructor panics with another payload, the core forgets that one. And rustc forgets what a closure
# returns if its captures panic after that (rust-lang/rust#47949), as those of the random programs do.
printf 'leak:%s\n' Matryoshka 'calls::submit::{closure' >"$target_dir/leaks-that-are-meant"
LSAN_OPTIONS=suppressions=$(realpath "$target_dir/leaks-that-are-meant")
export LSAN_OPTIONS
# The words of compilers are not ours to check here: theirs is a nightly.
[[ ${#suites[@]} != 0 ]] || suites=(--tests -- --skip mistakes_are_told_in_words_that_help)
passed=0
for sanitizer in "${sanitizers[@]}"; do
    flags="-Zsanitizer=$sanitizer"
    case $sanitizer in
        # What stands in for stand-alone fences, which ThreadSanitizer does not understand.
        thread) flags+=" --cfg ringpool_tsan" ;;
        # Memory that is kept for another job is not seen to be used after its end.
        address) flags+=" --cfg ringpool_every_block_fresh" ;;
        *) fail "no sanitizer '$sanitizer'" ;;
    esac
    start=$SECONDS
    log=$target_dir/$sanitizer.log
    run env RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target_dir/$sanitizer" \
        cargo "+$toolchain" test --locked -Zbuild-std --target "$host" \
        -p ringpool-core -p ringpool-std -p ringpool-tests --no-fail-fast "${suites[@]}" 2>&1 | tee "$log"
    now=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")
    ((now > 0)) || fail "no test ran under the $sanitizer sanitizer"
    passed=$((passed + now))
    echo "$script: $sanitizer: $now tests passed in $((SECONDS - start)) s"
done
executed=$passed

# Helpers that every script of ci/ sources. Not run by itself.
#
# Sourcing it moves to the root of the repository, closes stdin and arms a trap: a script that ends well
# without having executed anything fails.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
export CI="${CI:-true}" CARGO_TERM_PROGRESS_WHEN=never
# The scripts say what they need; what a caller has set would change what they check.
unset RUSTFLAGS RUSTDOCFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET

script=$(basename "$0")
target_dir=${CARGO_TARGET_DIR:-target}
executed=0
trap 'finish $?' EXIT

finish() {
    local status=$1
    if ((status != 0)); then
        echo "$script: FAILED" >&2
    elif ((executed == 0)); then
        echo "$script: FAILED: nothing was executed" >&2
        exit 1
    elif ((executed > 0)); then
        echo "$script: ok, $executed checks"
    fi
}

fail() {
    echo "$script: $*" >&2
    exit 1
}

# Ends a script whose subject is not in this checkout.
skip() {
    echo "$script: SKIPPED: $*"
    executed=-1
    exit 0
}

# Prints a command, runs it, and counts it as a check.
run() {
    printf '+ %s\n' "$*"
    "$@"
    executed=$((executed + 1))
}

# Runs a whole script as a step of .ci/run or ci/full, and notes how long it took.
steps=""
step() {
    local start=$SECONDS line
    printf '\n=== %s\n' "$*"
    "$@" || fail "the step '$*' failed after $((SECONDS - start)) s"
    line=$(printf '%5d s  %s' "$((SECONDS - start))" "$*")
    printf '=== %s\n' "$line"
    steps+="$line"$'\n'
    executed=$((executed + 1))
}

print_steps() {
    printf '\n%s%5d s  in all\n' "$steps" "$SECONDS"
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# Installs Debian packages, unless all of them are there.
apt_install() {
    ! dpkg -s "$@" >/dev/null 2>&1 || return 0
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Debian's toolchain and its sources of the standard library, which rustup then knows as `debian-web`: for
# builds of that library where rustup cannot be reached. It needs `RUSTC_BOOTSTRAP=1` for `-Zbuild-std`.
install_debian_toolchain() {
    apt_install rustc-web cargo-web rust-web-src rust-web-llvm libstd-rust-web-dev lld-22
    rustup toolchain link debian-web /usr
}

# Gets the library `core` for machines without an operating system. Two ways, of which `way` tells the one taken:
# rustup has it ready-made for the toolchain in use; where rustup cannot be reached, Debian's toolchain builds it
# from its sources (about a minute more).
install_targets() {
    if rustup target add "$@"; then
        way=rustup
    else
        way=debian
        install_debian_toolchain
    fi
    echo "$script: libraries for the targets come from $way"
}

# bare_cargo LIBRARIES COMMAND ARGUMENTS...: cargo for such a machine, with these libraries (`core` or `core,alloc`).
bare_cargo() {
    local libraries=$1 command=$2
    shift 2
    if [[ $way == debian ]]; then
        RUSTC_BOOTSTRAP=1 cargo +debian-web "$command" -Zbuild-std="$libraries" "$@"
    else
        cargo "$command" "$@"
    fi
}

# The manifests of the workspace's members, one a line.
manifests() {
    cargo metadata --locked --no-deps --format-version 1 | grep -o '"manifest_path":"[^"]*"' | cut -d '"' -f 4
}

# The name of the package that a manifest describes.
package_of() {
    sed -n 's/^name = "\(.*\)"$/\1/p' "$1" | head -n 1
}

# The members that go to the registry, one a line.
published() {
    local all manifest
    all=$(manifests)
    for manifest in $all; do
        grep -q '^publish = false' "$manifest" || package_of "$manifest"
    done
}

# Prints the manifest of a member; prints nothing if there is no such member.
manifest_of() {
    local all manifest
    all=$(manifests)
    for manifest in $all; do
        [[ $(package_of "$manifest") != "$1" ]] || echo "$manifest"
    done
}

# The feature sets of a package: every subset of its features but `default`, one a line, as a list with
# commas. The empty set is written `-`.
feature_sets() {
    local manifest features count bits i set
    manifest=$(manifest_of "$1")
    [[ -n $manifest ]] || fail "no package $1 in this workspace"
    mapfile -t features < <(awk '/^\[/ { here = ($0 == "[features]") } here && /^[a-z0-9_-]+ *=/ { print $1 }' \
        "$manifest" | grep -vx default)
    count=${#features[@]}
    for ((bits = 0; bits < 1 << count; bits++)); do
        set=""
        for ((i = 0; i < count; i++)); do
            ((bits >> i & 1)) && set+=",${features[i]}"
        done
        set=${set#,}
        echo "${set:--}"
    done
}

# Turns a line of `feature_sets` into arguments of cargo, in the array `features`.
use_features() {
    features=(--no-default-features)
    [[ $1 == - ]] || features+=(--features "$1")
}

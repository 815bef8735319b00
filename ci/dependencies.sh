#!/usr/bin/env bash
# What users build holds nothing but ringpool's own crates, and the allowed ones behind their features.
# Looks at normal and build dependencies, with every set of features, on several targets.
# shellcheck disable=SC2046 # `allowed` prints one argument for each name
. "$(dirname "$0")/lib.sh"

targets=(
    x86_64-unknown-linux-gnu
    aarch64-apple-darwin
    x86_64-pc-windows-msvc
    thumbv7em-none-eabihf
    wasm32-unknown-unknown
)

# The crates that a set of features may bring.
allowed() {
    local set=$1 feature
    echo ringpool-core ringpool-std ringpool-affinity ringpool
    for feature in ${set//,/ }; do
        case $feature in
            libc | affinity | affinity-backend) echo libc ;;
            spin) echo spin ;;
            heapless) echo heapless hash32 byteorder stable_deref_trait ;;
        esac
    done
}

# Reads a tree, one crate a line, and prints the names that are not among the arguments.
foreign() {
    local name rest
    while read -r name rest; do
        [[ " $* " == *" $name "* ]] || echo "$name"
    done | sort -u
}

# The check must be able to fail.
sample=$'ringpool-core v0.1.0\nserde v1.0.0\nspin v0.10.0'
[[ $(foreign $(allowed spin) <<<"$sample") == serde ]] || fail "does not see a foreign crate"
[[ $(foreign $(allowed -) <<<"$sample") == $'serde\nspin' ]] || fail "does not see a missing feature"

packages=$(published)
for package in $packages; do
    sets=$(feature_sets "$package")
    for set in $sets; do
        use_features "$set"
        for target in "${targets[@]}"; do
            tree=$(cargo tree --locked -p "$package" "${features[@]}" --target "$target" \
                --edges normal,build --prefix none --format '{p}')
            grep -q "^$package v" <<<"$tree" || fail "the tree of $package lacks the crate itself: $tree"
            found=$(foreign $(allowed "$set") <<<"$tree")
            [[ -z $found ]] || fail "$package with features '$set' on $target brings: ${found//$'\n'/ }"
            executed=$((executed + 1))
        done
        echo "$package, features '$set': nothing foreign on ${#targets[@]} targets"
    done
done

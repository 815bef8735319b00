#!/usr/bin/env bash
# Every example of the crate `ringpool` runs to its end, in release, with the features it asks for.
. "$(dirname "$0")/lib.sh"

[[ -n $(manifest_of ringpool) ]] || fail "no package ringpool in this workspace"
# One target a line; an example's source lies under ringpool/examples/.
examples=$(cargo metadata --locked --no-deps --format-version 1 |
    grep -o '{"kind":\["example"\][^}]*"src_path":"[^"]*/ringpool/examples/[^}]*}' || true)
[[ -n $examples ]] || fail "the crate ringpool has no examples"

# Descriptor 3, so that an example that reads its input finds none, rather than this list.
while read -r example <&3; do
    name=$(sed 's/.*"name":"\([^"]*\)".*/\1/' <<<"$example")
    needed=$(sed -n 's/.*"required-features":\[\([^]]*\)\].*/\1/p' <<<"$example" | tr -d '"')
    run cargo run --locked --release -p ringpool --example "$name" ${needed:+--features "$needed"} 3<&-
done 3<<<"$examples"

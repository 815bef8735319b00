#!/usr/bin/env bash
# Every benchmark runs, each case once: that they work, not how fast they are.
. "$(dirname "$0")/lib.sh"

package=ringpool-benches
[[ -n $(manifest_of "$package") ]] || skip "no package $package in this workspace"
manifest=$(manifest_of "$package")
benches=$(cargo metadata --locked --no-deps --format-version 1 |
    grep -o "{\"kind\":\[\"bench\"\][^}]*\"src_path\":\"$(dirname "$manifest")/[^}]*}" |
    sed 's/.*"name":"\([^"]*\)".*/\1/' || true)
[[ -n $benches ]] || fail "the package $package has no benchmarks"

for bench in $benches; do
    # Criterion's own quick mode.
    run cargo bench --locked -p "$package" --bench "$bench" -- --test
done

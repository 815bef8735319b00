#!/usr/bin/env bash
# The public interface of the published crates keeps what the last release promised: cargo-semver-checks against
# its tag. Before the first release there is nothing to compare with.
. "$(dirname "$0")/lib.sh"

tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)
[[ -n $tag ]] || skip "no tag v* is an ancestor of this commit: there was no release yet"
cargo semver-checks --version >/dev/null 2>&1 || cargo install --locked cargo-semver-checks

packages=$(published)
[[ -n $packages ]] || fail "no package is published"
for package in $packages; do
    run cargo semver-checks --baseline-rev "$tag" --package "$package" --all-features
done

# It does not see what a crate takes over from another one, and that is what `ringpool` is made of.
exported() {
    tr '\n' ' ' | grep -oE 'pub use [^;]*;' | grep -oE '[A-Za-z_][A-Za-z0-9_]*' | sort
}
facade=ringpool/src/lib.rs
lost=$(comm -23 <(git show "$tag:$facade" | exported) <(exported <"$facade"))
[[ -z $lost ]] || fail "names are gone from $facade that $tag exports: ${lost//$'\n'/ }"
executed=$((executed + 1))

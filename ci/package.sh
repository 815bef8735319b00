#!/usr/bin/env bash
# The published crates can be published: packed together, unpacked and built from what was packed, with
# both licences and a readme inside.
. "$(dirname "$0")/lib.sh"

packages=$(published)
arguments=()
for package in $packages; do
    arguments+=(-p "$package")
done
((${#arguments[@]} > 0)) || fail "no package is published"

# In one call, for cargo then takes the siblings from this workspace rather than from the registry.
# `--allow-dirty`: this checks what would be published, not whether it is committed.
#
# In a folder of its own: cargo unpacks siblings into its home under a name made of that folder and the
# version, and takes what lies there. So a second run in the same place would build what the first packed. (What
# one run leaves in that home, less than a megabyte, cargo's own cleaning removes some day.)
mkdir -p "$target_dir"
target_dir=$(mktemp -d "$target_dir/package.XXXXXX")
trap 'status=$?; rm -rf "$target_dir"; finish $status' EXIT
export CARGO_TARGET_DIR=$target_dir
run cargo package --locked --allow-dirty "${arguments[@]}"

for package in $packages; do
    archive=$(echo "$target_dir/package/$package"-[0-9]*.crate)
    files=$(tar -tzf "$archive")
    for file in LICENSE-MIT LICENSE-APACHE README.md; do
        grep -q "/$file\$" <<<"$files" || fail "$archive lacks $file"
    done
    executed=$((executed + 1))
done

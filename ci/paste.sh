#!/usr/bin/env bash
# What a newcomer does: every example of the READMEs and of the book, as it can be read there, pasted into an empty
# crate that depends on ringpool with the feature of its chapter on pinning, and on its parts, compiles and runs.
# (Documentation tests see hidden lines too; this does not.)
. "$(dirname "$0")/lib.sh"

root=$PWD
mkdir -p "$target_dir"
crate=$(mktemp -d "$(realpath "$target_dir")/paste.XXXXXX")
trap 'status=$?; rm -rf "$crate"; finish $status' EXIT
mkdir "$crate/src" "$crate/examples"
cat >"$crate/Cargo.toml" <<END
[package]
name = "paste"
edition = "2024"

[dependencies]
ringpool = { path = "$root/ringpool", features = ["affinity-backend"] }
ringpool-affinity = { path = "$root/backend-affinity" }
ringpool-core = { path = "$root/core" }
ringpool-std = { path = "$root/backend-std" }

[workspace]
END
# Of the book, which is read on docs.rs, the lines that rustdoc hides are left out, and whatever has no main is put
# into one. A README is read as it is: its programs are whole.
for page in README.md core/README.md backend-*/README.md ringpool/src/book/*.md; do
    book=0
    [[ $page == */book/* ]] && book=1
    stem=${page%.md}
    awk -v stem="$crate/examples/${stem//\//_}_" -v book=$book '
        function write() {
            count++
            file = stem count ".rs"
            if (book && text !~ /fn main\(/)
                text = "fn main() -> Result<(), Box<dyn std::error::Error>> {\n" text "Ok(())\n}\n"
            printf "#![allow(unused)]\n%s", text >file
            close(file)
        }
        inside && /^```/ { inside = 0; write(); next }
        inside && !(book && /^#( |$)/) { text = text $0 "\n" }
        /^```rust$/ { inside = 1; text = "" }
    ' "$page"
done
cp "$crate/examples/README_1.rs" "$crate/src/main.rs"
export CARGO_TARGET_DIR=$target_dir/paste
run cargo build --manifest-path "$crate/Cargo.toml" --bins --examples --keep-going
for example in "$crate"/examples/*.rs; do
    name=$(basename "$example" .rs)
    run env RUST_BACKTRACE=0 timeout 60 "$CARGO_TARGET_DIR/debug/examples/$name" >/dev/null
done

#!/usr/bin/env bash
# The crates that promise it build for machines without an operating system: with no library but `core`,
# then with `alloc`. A program with a pool in a static builds for them, and its tests run here, without `alloc`.
#
# The first build sees a sysroot in which `alloc` and `std` do not exist: on a toolchain that has them,
# code that asks for `alloc` by mistake would compile.
. "$(dirname "$0")/lib.sh"

targets=(thumbv7em-none-eabihf riscv32imac-unknown-none-elf)
export CARGO_TARGET_DIR=$target_dir/no-std

install_targets "${targets[@]}"

# build LIBRARIES TARGET ARGUMENTS..., where LIBRARIES is `core` or `core,alloc`.
build() {
    local libraries=$1 target=$2 sysroot file
    shift 2
    if [[ $way == rustup && $libraries == core ]]; then
        sysroot=$(realpath -m "$CARGO_TARGET_DIR")/sysroot-core
        # A toolchain of yesterday may have left its own.
        rm -rf -- "$sysroot/lib/rustlib/$target"
        mkdir -p "$sysroot/lib/rustlib/$target/lib"
        for file in "$(rustc --print sysroot)/lib/rustlib/$target"/lib/lib{core,compiler_builtins}-*.r{lib,meta}; do
            [[ ! -e $file ]] || ln -sf "$file" "$sysroot/lib/rustlib/$target/lib/"
        done
        run env RUSTFLAGS="--sysroot $sysroot" cargo build --locked --target "$target" "$@"
    else
        run bare_cargo "$libraries" build --locked --target "$target" "$@"
    fi
}

for target in "${targets[@]}"; do
    for package in ringpool-core ringpool; do
        [[ -n $(manifest_of "$package") ]] || continue
        build core "$target" -p "$package" --no-default-features
        build core,alloc "$target" -p "$package" --no-default-features --features alloc
    done
    build core "$target" --release --manifest-path tests/firmware/Cargo.toml
done
run cargo fmt --manifest-path tests/firmware/Cargo.toml --check
run cargo clippy --locked --manifest-path tests/firmware/Cargo.toml --all-targets -- -D warnings
run cargo test --locked --manifest-path tests/firmware/Cargo.toml

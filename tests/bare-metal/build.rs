//! Chooses the layout of the machine's memory.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=link");
    let script = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("riscv32" | "riscv64") => "riscv.ld",
        Ok("aarch64") => "aarch64.ld",
        Ok("arm") => "cortex_m.ld",
        // The source says that there is no such board.
        _ => return,
    };
    let package = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg=-T{package}/link/{script}");
}

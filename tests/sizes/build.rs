//! Chooses the layout of the machine's memory, which is that of tests/bare-metal.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../bare-metal/link");
    let script = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("riscv32") => "riscv.ld",
        Ok("arm") => "cortex_m.ld",
        // The source says that there is no such board.
        _ => return,
    };
    let package = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg=-T{package}/../bare-metal/link/{script}");
}

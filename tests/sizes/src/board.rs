//! The start and the end of a program: it paints the stack before, and looks afterwards how far the paint is gone.

use core::arch::{asm, global_asm};

const PAINT: u32 = 0x5eed_5eed;

unsafe extern "C" {
    static mut __bss_end: u32;
}

#[cfg(target_arch = "arm")]
global_asm!(
    ".pushsection .vectors, \"a\"",
    ".word __stack_end",
    ".word reset",
    ".popsection",
    ".pushsection .text.reset, \"ax\"",
    ".global reset",
    ".type reset, %function",
    ".thumb_func",
    "reset:",
    "ldr r0, =0xe000ed88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xf00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "ldr r0, =__data_start",
    "ldr r1, =__data_end",
    "ldr r2, =__data_load",
    "1:",
    "cmp r0, r1",
    "bhs 2f",
    "ldr r3, [r2], #4",
    "str r3, [r0], #4",
    "b 1b",
    "2:",
    "ldr r0, =__bss_start",
    "ldr r1, =__bss_end",
    "movs r2, #0",
    "3:",
    "cmp r0, r1",
    "bhs 4f",
    "str r2, [r0], #4",
    "b 3b",
    "4:",
    "ldr r2, ={paint}",
    "mov r1, sp",
    "5:",
    "cmp r0, r1",
    "bhs 6f",
    "str r2, [r0], #4",
    "b 5b",
    "6:",
    "mov r0, sp",
    "b {start}",
    ".popsection",
    paint = const PAINT,
    start = sym start,
);

#[cfg(target_arch = "riscv32")]
global_asm!(
    ".pushsection .text.boot, \"ax\"",
    ".global _start",
    "_start:",
    "la sp, __stacks_end",
    "la t0, __bss_start",
    "la t1, __bss_end",
    "1:",
    "bgeu t0, t1, 2f",
    "sw zero, 0(t0)",
    "addi t0, t0, 4",
    "j 1b",
    "2:",
    "li t1, {paint}",
    "3:",
    "bgeu t0, sp, 4f",
    "sw t1, 0(t0)",
    "addi t0, t0, 4",
    "j 3b",
    "4:",
    "mv a0, sp",
    "tail {start}",
    ".popsection",
    paint = const PAINT,
    start = sym start,
);

/// Runs the program, prints how many bytes of the stack below `top` were used, and ends with its status.
extern "C" fn start(top: *const u32) -> ! {
    let ok = crate::program();
    let mut used = top.addr();
    let mut word = &raw const __bss_end;
    // SAFETY: the memory up to the stack is the program's, and painted.
    while unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    used -= word.addr();
    let mut text = *b"0000000\n\0";
    for digit in text[..7].iter_mut().rev() {
        *digit += (used % 10) as u8;
        used /= 10;
    }
    semihosting(4, text.as_ptr().cast());
    exit(u32::from(!ok))
}

pub fn exit(status: u32) -> ! {
    let reason_and_status = [0x20026_u32, status];
    semihosting(0x20, reason_and_status.as_ptr().cast());
    loop {
        core::hint::spin_loop();
    }
}

/// Asks the debugger, which is QEMU.
fn semihosting(call: u32, argument: *const ()) {
    #[cfg(target_arch = "arm")]
    // SAFETY: `start` and `exit` pass what their calls read.
    unsafe {
        asm!("bkpt #0xab", inout("r0") call => _, in("r1") argument);
    }
    #[cfg(target_arch = "riscv32")]
    // SAFETY: as above. The three instructions say together that this is a call, and must not be compressed.
    unsafe {
        asm!(
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") call => _,
            in("a1") argument,
        );
    }
}

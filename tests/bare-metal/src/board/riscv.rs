//! QEMU's `virt` with four RISC-V harts in machine mode.

use core::arch::{asm, global_asm};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

pub const NAME: &str = if cfg!(target_arch = "riscv64") {
    "riscv64 virt"
} else {
    "riscv32 virt"
};
pub const CORES: usize = 4;

const UART: *mut u8 = 0x1000_0000 as *mut u8;
const TEST_DEVICE: *mut u32 = 0x10_0000 as *mut u32;
/// One word for each hart: a software interrupt.
const MSIP: *mut u32 = 0x0200_0000 as *mut u32;
/// One 64-bit number for each hart, in two words: when its timer interrupts.
const MTIMECMP: *mut u32 = 0x0200_4000 as *mut u32;
/// Ticks of 100 ns since the start, in two words.
const MTIME: *mut u32 = 0x0200_bff8 as *mut u32;
const TICKS_PER_MILLISECOND: u64 = 10_000;

const MIE: usize = 1 << 3;
const SOFTWARE: usize = 1 << 3;
const TIMER: usize = 1 << 7;

/// Whether the harts but the first may go on. In `.data`, for the first hart clears `.bss` meanwhile.
#[unsafe(link_section = ".data.released")]
static RELEASED: AtomicBool = AtomicBool::new(false);

// One word of the stack to or from a register.
#[cfg(target_arch = "riscv64")]
global_asm!(
    ".macro put r, i",
    r"sd \r, 8*\i(sp)",
    ".endm",
    ".macro take r, i",
    r"ld \r, 8*\i(sp)",
    ".endm",
);
#[cfg(target_arch = "riscv32")]
global_asm!(
    ".macro put r, i",
    r"sw \r, 4*\i(sp)",
    ".endm",
    ".macro take r, i",
    r"lw \r, 4*\i(sp)",
    ".endm",
);

// A handler may use floating point, so what a call may change there is kept as well.
#[cfg(target_feature = "d")]
global_asm!(
    ".macro floats op",
    ".irp n, 0,1,2,3,4,5,6,7",
    r"\op ft\n, 8*(16+\n)(sp)",
    r"\op fa\n, 8*(24+\n)(sp)",
    ".endr",
    ".irp n, 8,9,10,11",
    r"\op ft\n, 8*(24+\n)(sp)",
    ".endr",
    ".endm",
);
#[cfg(not(target_feature = "d"))]
global_asm!(".macro floats op", ".endm");

global_asm!(
    ".pushsection .text.boot, \"ax\"",
    ".global _start",
    "_start:",
    "csrr a0, mhartid",
    // A stack of 64 KiB for each hart.
    "la sp, __stacks_end",
    "slli t0, a0, 16",
    "sub sp, sp, t0",
    // Floating point is off after reset.
    "li t0, 0x2000",
    "csrs mstatus, t0",
    "la t0, 3f",
    "csrw mtvec, t0",
    "bnez a0, 2f",
    "la t0, __bss_start",
    "la t1, __bss_end",
    "1:",
    "bgeu t0, t1, 2f",
    "sw zero, 0(t0)",
    "addi t0, t0, 4",
    "j 1b",
    "2:",
    "tail {start}",
    // An interrupt keeps what a call may change on the stack of whom it came to.
    ".macro registers op",
    r"\op ra, 0",
    r"\op t0, 1",
    r"\op t1, 2",
    r"\op t2, 3",
    r"\op t3, 4",
    r"\op t4, 5",
    r"\op t5, 6",
    r"\op t6, 7",
    r"\op a0, 8",
    r"\op a1, 9",
    r"\op a2, 10",
    r"\op a3, 11",
    r"\op a4, 12",
    r"\op a5, 13",
    r"\op a6, 14",
    r"\op a7, 15",
    ".endm",
    ".balign 4",
    "3:",
    "addi sp, sp, -288",
    "registers put",
    "floats fsd",
    "csrr a0, mcause",
    "call {interrupt}",
    "floats fld",
    "registers take",
    "addi sp, sp, 288",
    "mret",
    ".popsection",
    start = sym start,
    interrupt = sym interrupt,
);

/// Called once on each hart, on its own stack.
extern "C" fn start(hart: usize) -> ! {
    if hart == 0 {
        // SAFETY: the handler is set, and keeps what it interrupts.
        unsafe { asm!("csrs mstatus, {}", in(reg) MIE) };
        crate::main()
    }
    while !RELEASED.load(Ordering::Acquire) {
        core::hint::spin_loop();
    }
    crate::other_core(hart)
}

/// Called in interrupts of the first hart.
extern "C" fn interrupt(cause: usize) {
    const INTERRUPT: usize = 1 << (usize::BITS - 1);
    match cause {
        // Another hart has woken this one, which is awake now.
        _ if cause == INTERRUPT | 3 => clear_wake(0),
        _ if cause == INTERRUPT | 7 => {
            set_timer(0);
            crate::on_tick();
        }
        _ => panic!("trap with cause {cause:#x}"),
    }
}

/// Lets the other harts go on.
pub fn start_others() {
    // Release: pairs with the Acquire in `start`.
    RELEASED.store(true, Ordering::Release);
}

/// Interrupts this hart every millisecond from now on.
pub fn start_ticks() {
    set_timer(0);
    listen();
}

/// Lets software and timer interrupts through to this hart: they end `wfi`, and come to the handler where `MIE` is set.
fn listen() {
    // SAFETY: the first hart has its handler, and the others have `MIE` clear.
    unsafe { asm!("csrs mie, {}", in(reg) SOFTWARE | TIMER) };
}

/// Lets the timer of `hart` interrupt in a millisecond, and not before.
fn set_timer(hart: usize) {
    let at = ticks() + TICKS_PER_MILLISECOND;
    let registers = MTIMECMP.wrapping_add(2 * hart);
    // The upper word first, and as far away as can be, lest the timer fires between the two.
    for (place, word) in [(1, u32::MAX), (0, at as u32), (1, (at >> 32) as u32)] {
        // SAFETY: these are the device's registers, and only their own hart writes them.
        unsafe { ptr::write_volatile(registers.wrapping_add(place), word) };
    }
}

fn clear_wake(hart: usize) {
    // SAFETY: this is the device's register.
    unsafe { ptr::write_volatile(MSIP.wrapping_add(hart), 0) };
}

fn ticks() -> u64 {
    let word = |place| {
        // SAFETY: these are the device's registers.
        u64::from(unsafe { ptr::read_volatile(MTIME.wrapping_add(place)) })
    };
    loop {
        let (upper, lower) = (word(1), word(0));
        if word(1) == upper {
            return upper << 32 | lower;
        }
    }
}

pub fn index() -> usize {
    let hart: usize;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, mhartid", out(reg) hart, options(nomem, nostack)) };
    hart
}

/// Sleeps until another hart wakes this one, at most for a millisecond. A wake that comes before `wfi` stays
/// pending and ends it. On the first hart it may come to the handler instead, and the next tick ends the sleep.
pub fn relax() {
    let hart = index();
    if hart != 0 {
        set_timer(hart);
        listen();
    }
    // SAFETY: waits.
    unsafe { asm!("wfi") };
    clear_wake(hart);
}

pub fn wake() {
    // SAFETY: orders what was written before the wake in memory before the device's interrupts.
    unsafe { asm!("fence rw, o") };
    for hart in 0..CORES {
        // SAFETY: this is the device's register.
        unsafe { ptr::write_volatile(MSIP.wrapping_add(hart), 1) };
    }
}

pub fn nanoseconds() -> u64 {
    ticks() * 100
}

pub fn print(text: &str) {
    for byte in text.bytes() {
        // SAFETY: this is the device's register, and QEMU's is always ready.
        unsafe { ptr::write_volatile(UART, byte) };
    }
}

pub fn exit(status: u8) -> ! {
    let word = if status == 0 {
        0x5555
    } else {
        u32::from(status) << 16 | 0x3333
    };
    // SAFETY: this is the device's register.
    unsafe { ptr::write_volatile(TEST_DEVICE, word) };
    loop {
        core::hint::spin_loop();
    }
}

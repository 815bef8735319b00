//! One Cortex-M core under QEMU: the M4F of an MPS2 board, the M3 of an LM3S6965, or an M0 in its place.

use core::arch::{asm, global_asm};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

pub const NAME: &str = if cfg!(target_abi = "eabihf") {
    "Cortex-M4F mps2-an386"
} else if cfg!(target_has_atomic = "32") {
    "Cortex-M3 lm3s6965evb"
} else {
    "Cortex-M0 lm3s6965evb"
};
pub const CORES: usize = 1;

const CYCLES_PER_MILLISECOND: u32 = if cfg!(target_abi = "eabihf") {
    25_000
} else {
    12_500
};

/// Milliseconds since the ticks began.
static MILLISECONDS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn __stack_end();
    fn reset() -> !;
}

/// What the core reads at address 0: its stack, and its handlers.
#[repr(C)]
struct Vectors {
    stack: unsafe extern "C" fn(),
    reset: unsafe extern "C" fn() -> !,
    exceptions: [extern "C" fn(); 13],
    tick: extern "C" fn(),
}

#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: Vectors = Vectors {
    stack: __stack_end,
    reset,
    exceptions: [exception; 13],
    tick,
};

#[cfg(target_abi = "eabihf")]
global_asm!(
    ".macro turn_float_on",
    "ldr r0, =0xe000ed88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xf00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    ".endm",
);
#[cfg(not(target_abi = "eabihf"))]
global_asm!(".macro turn_float_on", ".endm");

global_asm!(
    ".pushsection .text.reset, \"ax\"",
    ".global reset",
    ".type reset, %function",
    ".thumb_func",
    "reset:",
    "turn_float_on",
    "ldr r0, =__data_start",
    "ldr r1, =__data_end",
    "ldr r2, =__data_load",
    "1:",
    "cmp r0, r1",
    "bhs 2f",
    "ldmia r2!, {{r3}}",
    "stmia r0!, {{r3}}",
    "b 1b",
    "2:",
    "ldr r0, =__bss_start",
    "ldr r1, =__bss_end",
    "movs r2, #0",
    "3:",
    "cmp r0, r1",
    "bhs 4f",
    "stmia r0!, {{r2}}",
    "b 3b",
    "4:",
    "bl {start}",
    ".popsection",
    start = sym start,
);

extern "C" fn start() -> ! {
    crate::main()
}

extern "C" fn tick() {
    // One core, and the only writer.
    MILLISECONDS.store(MILLISECONDS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    crate::on_tick();
}

extern "C" fn exception() {
    panic!("a fault, or an interrupt that nobody asked for");
}

/// Turns interrupts off, for cores without compare-exchange; tells whether they were on.
#[cfg(not(target_has_atomic = "32"))]
// SAFETY: this is what the core asks for, and nobody else has this name.
#[unsafe(no_mangle)]
fn ringpool_enter() -> usize {
    let masked: usize;
    // SAFETY: reads the mask, and sets it.
    unsafe { asm!("mrs {}, primask", "cpsid i", out(reg) masked) };
    masked ^ 1
}

/// Turns them on if they were.
#[cfg(not(target_has_atomic = "32"))]
// SAFETY: as above.
#[unsafe(no_mangle)]
fn ringpool_leave(before: usize) {
    if before != 0 {
        // SAFETY: they were on when the section began.
        unsafe { asm!("cpsie i") };
    }
}

/// Adds to a number that handlers share.
#[cfg(not(target_has_atomic = "32"))]
pub fn add(number: &AtomicU32, more: u32) {
    let before = ringpool_enter();
    number.store(number.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    ringpool_leave(before);
}

/// There are none.
pub fn start_others() {}

/// Interrupts the core every millisecond from now on.
pub fn start_ticks() {
    const RELOAD: usize = 0xe000_e014;
    const CURRENT: usize = 0xe000_e018;
    const CONTROL: usize = 0xe000_e010;
    for (register, value) in [
        (RELOAD, CYCLES_PER_MILLISECOND - 1),
        (CURRENT, 0),
        (CONTROL, 7),
    ] {
        let register = ptr::with_exposed_provenance_mut::<u32>(register);
        // SAFETY: these are the timer's registers.
        unsafe { ptr::write_volatile(register, value) };
    }
}

pub fn index() -> usize {
    0
}

/// Waits for an event. Every interrupt is one, and one that came after the last look is remembered and ends the wait at
/// once: so nothing that a handler does between look and wait is overlooked until the next tick, as with `wfi`.
pub fn relax() {
    // SAFETY: waits.
    unsafe { asm!("wfe") };
}

pub fn wake() {
    // SAFETY: an event, after what was written before.
    unsafe { asm!("dsb", "sev") };
}

pub fn nanoseconds() -> u64 {
    u64::from(MILLISECONDS.load(Ordering::Relaxed)) * 1_000_000
}

pub fn print(text: &str) {
    for byte in text.bytes() {
        semihosting(3, ptr::from_ref(&byte).cast());
    }
}

pub fn exit(status: u8) -> ! {
    let reason_and_status = [0x20026_u32, u32::from(status)];
    semihosting(0x20, reason_and_status.as_ptr().cast());
    loop {
        core::hint::spin_loop();
    }
}

/// Asks the debugger, which is QEMU.
fn semihosting(call: u32, argument: *const ()) {
    // SAFETY: `print` and `exit` pass what their calls read.
    unsafe { asm!("bkpt #0xab", inout("r0") call => _, in("r1") argument) };
}

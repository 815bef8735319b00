//! QEMU's `virt` with four Cortex-A53 cores, which PSCI starts.

use core::arch::{asm, global_asm};
use core::ptr;

pub const NAME: &str = "aarch64 virt";
pub const CORES: usize = 4;

const UART: *mut u32 = 0x0900_0000 as *mut u32;
/// The interrupt controller, a GICv2: what is common to all cores, and what each core has.
const DISTRIBUTOR: usize = 0x0800_0000;
const CPU_INTERFACE: usize = 0x0801_0000;
/// The interrupt of a core's own timer.
const TIMER: u32 = 30;

global_asm!(
    ".pushsection .text.boot, \"ax\"",
    ".global _start",
    "_start:",
    "mov x0, #0",
    // Where PSCI starts the other cores, with their index.
    "begin_core:",
    "mov x19, x0",
    // Floating point is off after reset.
    "mov x1, #(3 << 20)",
    "msr cpacr_el1, x1",
    "adrp x1, vectors",
    "add x1, x1, :lo12:vectors",
    "msr vbar_el1, x1",
    // The timer makes an event whenever bit 15 of its counter rises, about every millisecond.
    "mov x1, #0xf4",
    "msr cntkctl_el1, x1",
    // Compare-exchange needs memory that is cached and shared by the cores, and only a page table says so:
    // the first GiB is devices (attribute 0), the second memory (attribute 1).
    "mov x1, #0xff00",
    "msr mair_el1, x1",
    "ldr x1, =0x803520",
    "msr tcr_el1, x1",
    "adrp x1, page_table",
    "add x1, x1, :lo12:page_table",
    "msr ttbr0_el1, x1",
    "isb",
    "tlbi vmalle1",
    "dsb nsh",
    "isb",
    "mrs x1, sctlr_el1",
    "mov x2, #0x1005",
    "orr x1, x1, x2",
    "msr sctlr_el1, x1",
    "isb",
    // A stack of 64 KiB for each core.
    "adrp x1, __stacks_end",
    "add x1, x1, :lo12:__stacks_end",
    "sub x1, x1, x19, lsl #16",
    "mov sp, x1",
    "cbnz x19, 2f",
    "adrp x1, __bss_start",
    "add x1, x1, :lo12:__bss_start",
    "adrp x2, __bss_end",
    "add x2, x2, :lo12:__bss_end",
    "1:",
    "cmp x1, x2",
    "b.hs 2f",
    "stp xzr, xzr, [x1], #16",
    "b 1b",
    "2:",
    "mov x0, x19",
    "b {start}",
    // Translation of 4 GiB by blocks of 1 GiB: 32 bits of address, tables in cached memory.
    ".balign 32",
    "page_table:",
    ".quad 0x0060000000000401",
    ".quad 0x0000000040000705",
    ".quad 0, 0",
    // An interrupt keeps what a call may change on the stack of whom it came to.
    ".macro pairs op",
    r"\op x0, x1, [sp, #0]",
    r"\op x2, x3, [sp, #16]",
    r"\op x4, x5, [sp, #32]",
    r"\op x6, x7, [sp, #48]",
    r"\op x8, x9, [sp, #64]",
    r"\op x10, x11, [sp, #80]",
    r"\op x12, x13, [sp, #96]",
    r"\op x14, x15, [sp, #112]",
    r"\op x16, x17, [sp, #128]",
    r"\op x18, x30, [sp, #144]",
    r"\op q0, q1, [sp, #160]",
    r"\op q2, q3, [sp, #192]",
    r"\op q4, q5, [sp, #224]",
    r"\op q6, q7, [sp, #256]",
    r"\op q16, q17, [sp, #288]",
    r"\op q18, q19, [sp, #320]",
    r"\op q20, q21, [sp, #352]",
    r"\op q22, q23, [sp, #384]",
    r"\op q24, q25, [sp, #416]",
    r"\op q26, q27, [sp, #448]",
    r"\op q28, q29, [sp, #480]",
    r"\op q30, q31, [sp, #512]",
    ".endm",
    "3:",
    "sub sp, sp, #544",
    "pairs stp",
    "bl {interrupt}",
    "pairs ldp",
    "add sp, sp, #544",
    "eret",
    "4:",
    "mrs x0, esr_el1",
    "mrs x1, elr_el1",
    "b {exception}",
    // Sixteen vectors of 128 bytes; the sixth is the one for interrupts in this program.
    ".balign 2048",
    "vectors:",
    ".rept 5",
    "b 4b",
    ".balign 128",
    ".endr",
    "b 3b",
    ".balign 128",
    ".rept 10",
    "b 4b",
    ".balign 128",
    ".endr",
    ".popsection",
    start = sym start,
    interrupt = sym interrupt,
    exception = sym exception,
);

/// Called once on each core, on its own stack.
extern "C" fn start(core: usize) -> ! {
    if core == 0 {
        crate::main()
    }
    crate::other_core(core)
}

/// Called in interrupts of the first core.
extern "C" fn interrupt() {
    const ACKNOWLEDGE: usize = CPU_INTERFACE + 0xc;
    const END: usize = CPU_INTERFACE + 0x10;
    let id = ptr::with_exposed_provenance::<u32>(ACKNOWLEDGE);
    // SAFETY: this is the controller's register.
    let id = unsafe { ptr::read_volatile(id) };
    if id & 0x3ff == TIMER {
        set_timer();
        crate::on_tick();
    }
    set(END, id);
}

extern "C" fn exception(syndrome: usize, place: usize) -> ! {
    panic!("exception at {place:#x} with syndrome {syndrome:#x}")
}

/// Starts the other cores.
pub fn start_others() {
    unsafe extern "C" {
        fn begin_core();
    }
    const CPU_ON: usize = 0xc400_0003;
    for core in 1..CORES {
        let answer: usize;
        // SAFETY: the entry is code that expects a core's index, and each core has its stack.
        unsafe {
            asm!(
                "hvc #0",
                inout("x0") CPU_ON => answer,
                in("x1") core,
                in("x2") begin_core as *const () as usize,
                in("x3") core,
                clobber_abi("C"),
            );
        }
        assert_eq!(answer, 0, "PSCI does not start core {core}");
    }
}

/// Interrupts this core every millisecond from now on.
pub fn start_ticks() {
    /// Which interrupts of a core's own are let through, one bit each.
    const ENABLE: usize = DISTRIBUTOR + 0x100;
    const PRIORITY_MASK: usize = CPU_INTERFACE + 4;
    set(DISTRIBUTOR, 1);
    set(ENABLE, 1 << TIMER);
    set(PRIORITY_MASK, 0xff);
    set(CPU_INTERFACE, 1);
    set_timer();
    // SAFETY: turns the timer on, and then interrupts; the handler keeps what it interrupts.
    unsafe { asm!("msr cntp_ctl_el0, {:x}", "isb", "msr daifclr, #2", in(reg) 1_u64) };
}

fn set(register: usize, value: u32) {
    let register = ptr::with_exposed_provenance_mut(register);
    // SAFETY: only called with registers of the controller.
    unsafe { ptr::write_volatile(register, value) };
}

/// Lets the timer of this core interrupt in a millisecond.
fn set_timer() {
    // SAFETY: writes a register.
    unsafe { asm!("msr cntp_tval_el0, {}", "isb", in(reg) frequency() / 1000) };
}

fn frequency() -> u64 {
    let frequency;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency) };
    frequency
}

pub fn index() -> usize {
    let affinity: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, mpidr_el1", out(reg) affinity, options(nomem, nostack)) };
    affinity & 0xff
}

/// Waits for an event. One that came after the last look is remembered and ends the wait at once. The timer makes one
/// about every millisecond, so no deadline is missed. (QEMU does not wait at all.)
pub fn relax() {
    // SAFETY: waits.
    unsafe { asm!("wfe") };
}

pub fn wake() {
    // SAFETY: an event for all cores, after what was written before.
    unsafe { asm!("dsb ish", "sev") };
}

pub fn nanoseconds() -> u64 {
    let ticks: u64;
    // SAFETY: reads a register.
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks) };
    (u128::from(ticks) * 1_000_000_000 / u128::from(frequency())) as u64
}

pub fn print(text: &str) {
    for byte in text.bytes() {
        // SAFETY: this is the device's register, and QEMU's is always ready.
        unsafe { ptr::write_volatile(UART, u32::from(byte)) };
    }
}

pub fn exit(status: u8) -> ! {
    let reason_and_status = [0x20026_u64, u64::from(status)];
    // SAFETY: asks the debugger, which is QEMU, to end the program.
    unsafe {
        asm!("hlt #0xf000", in("x0") 0x20_u64, in("x1") reason_and_status.as_ptr());
    }
    loop {
        core::hint::spin_loop();
    }
}

//! The smallest programs that use a thing and nothing else, for one bare core. Without a feature there is
//! only the start: `ci/sizes.sh` subtracts it.
#![no_std]
#![no_main]

mod board;
#[cfg(any(feature = "heapless_queue", feature = "embassy_task"))]
mod peers;
#[cfg(feature = "pool")]
mod pool;

use core::panic::PanicInfo;

unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8;
}

/// What the compiler calls to copy is in every program here, as it is in most others anyway.
#[used]
static COPYING: [unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8; 2] = [memcpy, memmove];

/// Tells whether all is well.
#[inline(never)]
fn program() -> bool {
    #[cfg(feature = "ring")]
    {
        use ringpool_core::ring::Ring;

        static RING: Ring<u32, 8> = Ring::new();
        RING.push(core::hint::black_box(42)).is_ok() && RING.pop().is_ok_and(|value| value == 42)
    }
    #[cfg(feature = "pool")]
    return pool::program();
    #[cfg(feature = "heapless_queue")]
    return peers::heapless();
    #[cfg(feature = "embassy_task")]
    return peers::embassy();
    #[cfg(not(any(
        feature = "ring",
        feature = "pool",
        feature = "heapless_queue",
        feature = "embassy_task"
    )))]
    true
}

#[panic_handler]
fn on_panic(_: &PanicInfo<'_>) -> ! {
    board::exit(2)
}

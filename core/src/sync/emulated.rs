//! Words for targets without compare-exchange, such as Cortex-M0: everything that writes does so between two functions
//! of the program, which keep interrupts and other cores away meanwhile.

use core::sync::atomic;
pub(crate) use core::sync::atomic::Ordering;

#[cfg(not(ringpool_critical_section))]
compile_error!(
    "this target has no compare-exchange, which ringpool needs. Either build for one that has \
     (`thumbv7m-none-eabi` and later, `riscv32imac-unknown-none-elf`), or pass `--cfg ringpool_critical_section` in \
     RUSTFLAGS and define `#[unsafe(no_mangle)] fn ringpool_enter() -> usize`, which turns interrupts off and tells \
     whether they were on, and `#[unsafe(no_mangle)] fn ringpool_leave(before: usize)`, which turns them on again if \
     they were"
);

#[cfg(ringpool_critical_section)]
unsafe extern "Rust" {
    fn ringpool_enter() -> usize;
    fn ringpool_leave(before: usize);
}

/// Runs `f` while nobody else does.
#[cfg(ringpool_critical_section)]
#[inline]
fn alone<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: the program promises, by the cfg, that this keeps everybody else away.
    let before = unsafe { ringpool_enter() };
    let result = f();
    // SAFETY: this is the end of the section that began above.
    unsafe { ringpool_leave(before) };
    result
}

/// The build has failed already.
#[cfg(not(ringpool_critical_section))]
fn alone<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// What all words have. A load needs no section: it sees a word before one or after.
macro_rules! word {
    ($native:ty, $value:ty) => {
        pub(crate) const fn new(value: $value) -> Self {
            Self(<$native>::new(value))
        }

        #[inline]
        pub(crate) fn load(&self, order: Ordering) -> $value {
            self.0.load(order)
        }

        #[inline]
        pub(crate) fn store(&self, value: $value, order: Ordering) {
            alone(|| self.0.store(value, order));
        }

        #[inline]
        pub(crate) fn swap(&self, value: $value, _: Ordering) -> $value {
            self.change(|_| value)
        }

        #[inline]
        pub(crate) fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            _: Ordering,
            _: Ordering,
        ) -> Result<$value, $value> {
            let now = self.change(|now| if now == current { new } else { now });
            if now == current { Ok(now) } else { Err(now) }
        }

        #[inline]
        pub(crate) fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange(current, new, success, failure)
        }

        /// As Acquire and Release as any caller asks for.
        #[inline]
        fn change(&self, f: impl FnOnce($value) -> $value) -> $value {
            alone(|| {
                let now = self.0.load(Ordering::Acquire);
                self.0.store(f(now), Ordering::Release);
                now
            })
        }
    };
}

#[derive(Debug, Default)]
pub(crate) struct AtomicUsize(atomic::AtomicUsize);

impl AtomicUsize {
    word!(atomic::AtomicUsize, usize);

    #[inline]
    pub(crate) fn fetch_add(&self, value: usize, _: Ordering) -> usize {
        self.change(|now| now.wrapping_add(value))
    }

    #[inline]
    pub(crate) fn fetch_sub(&self, value: usize, _: Ordering) -> usize {
        self.change(|now| now.wrapping_sub(value))
    }

    #[inline]
    pub(crate) fn fetch_or(&self, value: usize, _: Ordering) -> usize {
        self.change(|now| now | value)
    }

    #[inline]
    pub(crate) fn fetch_and(&self, value: usize, _: Ordering) -> usize {
        self.change(|now| now & value)
    }

    pub(crate) fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        mut f: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        let mut now = self.load(failure);
        while let Some(new) = f(now) {
            match self.compare_exchange(now, new, success, failure) {
                Ok(before) => return Ok(before),
                Err(other) => now = other,
            }
        }
        Err(now)
    }
}

pub(crate) struct AtomicPtr<T>(atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    word!(atomic::AtomicPtr<T>, *mut T);
}

impl<T> core::fmt::Debug for AtomicPtr<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Default for AtomicPtr<T> {
    fn default() -> Self {
        Self::new(core::ptr::null_mut())
    }
}

//! ringpool on std threads.
//!
//! The core of ringpool knows neither threads nor clocks. This crate brings both, with nothing but the
//! standard library, and is at the same time the model for a platform of your own. It has three parts:
//!
//! - [`Std`] is the platform, a type without values. It owns the table in which blocked threads sit,
//!   the clock (nanoseconds since its first use), one pointer per thread, and the capture of panics.
//! - [`Token`] is what a thread parks on: a binary semaphore which a `Mutex` and a `Condvar` serve only
//!   while somebody really sleeps.
//! - [`Threads`] is the spawner: named std threads with a stack size of your choice.
//!
//! Most programs name none of them: the crate `ringpool` has `Pool` as an alias on this platform.
//!
//! ```
//! use ringpool_core::{CatchPanic, Platform, Spawner};
//! use ringpool_std::{Std, Threads};
//!
//! assert_eq!(Std::catch(|| 6 * 7).unwrap(), 42);
//! assert!(Std::now() <= Std::now());
//! assert!(Threads::new().default_workers() >= 1);
//! ```

// The models bring a platform made of loom's primitives, which cannot lie in a `static`; in their build
// this crate is empty.
#![cfg(not(ringpool_loom))]

mod platform;
mod threads;
mod token;

pub use platform::Std;
pub use threads::Threads;
pub use token::Token;

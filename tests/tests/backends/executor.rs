//! A backend for an async executor without threads, such as embassy's: the worker is one of its tasks.

use ringpool::StaticPool;
use ringpool::platform::{Hart, Spin};

use crate::mocks::executor::block;

/// The one core that the executor has.
pub enum Core {}

// SAFETY: there is one.
unsafe impl Hart for Core {
    fn index() -> usize {
        0
    }

    /// Only a wait that blocks comes here. Tasks await handles instead.
    fn relax() {
        block();
    }
}

/// The platform.
pub type Async = Spin<Core>;

/// The task that works for `pool` until it is closed and empty.
pub async fn worker<const SLOTS: usize, const BYTES: usize>(
    pool: &'static StaticPool<1, SLOTS, BYTES, Async>,
) {
    let mut seat = pool.seat(0).expect("one task works for a pool");
    seat.run_async().await;
}

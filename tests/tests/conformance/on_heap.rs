//! What pools of both kinds promise, on the heap: the files of `both` with this way to make a pool.

/// Makes a pool of so many workers, which ends with the scope.
macro_rules! pool {
    ($name:ident: $workers:literal) => {
        let pool = ringpool_tests::pool($workers);
        let $name = &pool;
    };
}

#[path = "both/apply.rs"]
mod apply;
#[path = "both/batches.rs"]
mod batches;
#[path = "both/callbacks.rs"]
mod callbacks;
#[path = "both/cancel.rs"]
mod cancel;
#[path = "both/get.rs"]
mod get;
#[path = "both/order.rs"]
mod order;

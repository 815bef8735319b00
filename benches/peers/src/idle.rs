//! A pool of each kind, for telling what it burns while it has nothing to do.

use ringpool::{Pool, WaitPolicy};

use crate::pools::pool_with_caller;
use crate::{Contender, Session, contender, hot, region, tiny};

/// All kinds, ringpool's first.
pub const KINDS: &[Contender] = &[
    contender("ringpool, adaptive", hot::apply),
    contender("ringpool, passive", |w| waiting(w, WaitPolicy::Passive)),
    contender("ringpool, active", |w| waiting(w, WaitPolicy::Active)),
    contender("ringpool, caller participates", |workers| {
        region::for_each_static(pool_with_caller(workers))
    }),
    contender("rayon", hot::rayon_install),
    contender("crossbeam by hand", hot::hand_reused),
    contender("threadpool", hot::threadpool),
    contender("rusty_pool", hot::rusty),
    contender("tokio", hot::tokio_spawn),
    contender("async-executor, threads by hand", hot::executor),
    contender("blocking", hot::blocking),
    contender("futures ThreadPool", hot::futures_spawn),
    contender("orx-parallel", region::orx_tiny_loop),
    contender("paralight", region::paralight_tiny_loop),
    contender("chili", region::chili_tiny_loop),
    contender("forte", region::forte_tiny_loop),
];

fn waiting(workers: usize, policy: WaitPolicy) -> Session {
    let builder = Pool::builder().workers(workers).wait_policy(policy);
    let pool = builder.build().expect("threads can be started");
    hot::each(move |n| pool.apply(move || tiny(n)).expect("the pool is open"))
}

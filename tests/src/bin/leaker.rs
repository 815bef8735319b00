//! Leaks a pool and returns from `main`: the process must end, with status 0. The argument says in
//! which state the pool is leaked.

use ringpool::Pool;
use ringpool_tests::{Gate, hold_at};

fn main() {
    let state = std::env::args().nth(1).unwrap_or_default();
    let pool = Pool::builder()
        .workers(2)
        .build()
        .expect("a plain pool can be built");
    let gate = Gate::new();
    match state.as_str() {
        "idle" => assert_eq!(pool.apply(|| 6 * 7).expect("the job runs"), 42),
        "busy" => hold_at(&pool, &gate, 2),
        "queued" => {
            hold_at(&pool, &gate, 2);
            for i in 0..100 {
                pool.apply_async(move || i).expect("the pool takes jobs");
            }
        }
        "closed" => {
            hold_at(&pool, &gate, 1);
            pool.close();
        }
        other => panic!("unknown state {other:?}"),
    }
    std::mem::forget(pool);
    println!("{state}");
}

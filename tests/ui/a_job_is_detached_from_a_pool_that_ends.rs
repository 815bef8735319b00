use ringpool::{Std, StaticPool};

fn main() {
    let pool = StaticPool::<1, 8, 64, Std>::new();
    let _ = pool.apply_async(|| 1);
}

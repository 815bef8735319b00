use ringpool::{Std, StaticPool};

static POOL: StaticPool<1, 6, 64, Std> = StaticPool::new();

fn main() {
    POOL.close();
}

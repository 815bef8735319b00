use ringpool::{StaticPool, Std};

static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();

fn main() {
    let handle = POOL.apply_async(|| [7_u8; 128]).unwrap();
    assert_eq!(handle.get().unwrap()[0], 7);
}

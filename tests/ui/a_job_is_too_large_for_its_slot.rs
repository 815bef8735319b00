use ringpool::{StaticPool, Std};

static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();

fn main() {
    let large = [7_u8; 128];
    let handle = POOL.apply_async(move || large[0]).unwrap();
    assert_eq!(handle.get().unwrap(), 7);
}

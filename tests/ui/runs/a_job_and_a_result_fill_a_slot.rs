use ringpool::{StaticPool, Std};

static POOL: StaticPool<1, 2, 64, Std> = StaticPool::new();

fn main() {
    let mut seat = POOL.seat(0).unwrap();
    let large = [7_u8; 64];
    let by_closure = POOL.apply_async(move || large[0]).unwrap();
    let by_result = POOL.apply_async(|| [7_u8; 64]).unwrap();
    while seat.run_one() {}
    assert_eq!(by_closure.get().unwrap(), 7);
    assert_eq!(by_result.get().unwrap(), [7; 64]);
}

use std::collections::HashSet;

fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let mut squares = HashSet::new();
    let _ = pool.map_into(0..10_u32, &mut squares, |n| n * n);
}

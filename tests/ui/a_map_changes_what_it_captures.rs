use std::cell::Cell;

fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let count = Cell::new(0);
    let _ = pool.for_each(0..10, |_| count.set(count.get() + 1));
}

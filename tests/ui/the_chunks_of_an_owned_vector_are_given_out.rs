fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let _ = pool.for_each_chunk(vec![1, 2, 3], |_chunk| ());
}

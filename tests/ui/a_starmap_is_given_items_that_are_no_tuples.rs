fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let _ = pool.starmap([1, 2, 3], |a: i32| a + 1);
}

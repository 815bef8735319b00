fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let _ = pool
        .with_worker()
        .starmap([1, 2, 3], |_: &mut ringpool::Worker<'_>, a: i32| a + 1);
}

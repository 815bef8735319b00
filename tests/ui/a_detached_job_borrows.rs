fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let text = String::from("on the stack");
    let handle = pool.apply_async(|| text.len()).unwrap();
    assert_eq!(handle.get().unwrap(), 12);
}

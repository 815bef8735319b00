fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let mut escaped = None;
    let _ = pool.scope(|scope| {
        let text = String::from("inside");
        escaped = Some(scope.apply_async(|| text.len()));
    });
}

fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let _ = pool.with_worker().apply(|worker| {
        std::thread::scope(|scope| {
            scope.spawn(|| worker.is_cancelled());
        });
    });
}

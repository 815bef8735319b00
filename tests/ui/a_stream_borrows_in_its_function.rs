fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let factor = 3;
    for product in pool.imap(0..10, |n| n * &factor) {
        println!("{product:?}");
    }
}

fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let words = "a b c".split(' ');
    let _ = pool.map_async(words, |word: &str| word.len());
}

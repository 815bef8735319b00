use std::rc::Rc;

fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let shared = Rc::new(1);
    let _ = pool.apply_async(move || *shared);
}

use std::collections::HashMap;

fn main() {
    let pool = ringpool::Pool::new().unwrap();
    let ages = HashMap::from([("ada", 36)]);
    let _ = pool.map(ages.iter(), |(_, age)| age + 1);
}

//! Tuples as arguments.

use ringpool::{pull, zip};
use ringpool_tests::{pool, watchdog};

// S32
#[test]
fn tuples_of_one_to_twelve_are_unpacked() {
    let _watch = watchdog();
    let pool = pool(2);
    macro_rules! check {
        ($($name:ident)*) => {{
            let tuple = ($({ stringify!($name); 1_u32 },)*);
            let sum = |$($name: u32),*| -> u32 { 0 $(+ $name)* };
            let expected = [0 $(+ { stringify!($name); 1_u32 })*];
            assert_eq!(pool.starmap([tuple], sum).unwrap(), expected);
            assert_eq!(pool.starmap_async([tuple], sum).unwrap().get().unwrap(), expected);
            assert_eq!(pool.istarmap([tuple], sum).map(Result::unwrap).collect::<Vec<_>>(), expected);
            assert_eq!(pool.istarmap_unordered([tuple], sum).map(Result::unwrap).collect::<Vec<_>>(), expected);
        }};
    }
    check!(a);
    check!(a b);
    check!(a b c);
    check!(a b c d);
    check!(a b c d e);
    check!(a b c d e f);
    check!(a b c d e f g);
    check!(a b c d e f g h);
    check!(a b c d e f g h i);
    check!(a b c d e f g h i j);
    check!(a b c d e f g h i j k);
    check!(a b c d e f g h i j k l);
}

// S32
#[test]
fn starmap_infers_its_closure_and_keeps_the_order() {
    let _watch = watchdog();
    let pool = pool(2);
    let powers = pool.starmap([(2_u64, 3), (4, 5), (1, 9)], |base, exponent| {
        base.pow(exponent)
    });
    assert_eq!(powers.unwrap(), [8, 1024, 1]);
    let words = [("a", 1), ("b", 2)];
    assert_eq!(
        pool.starmap(zip(["x", "y"], [2, 3]), |s: &str, n| s.repeat(n))
            .unwrap(),
        ["xx", "yyy"]
    );
    assert_eq!(
        pool.starmap(pull(words), |s: &str, n| s.repeat(n)).unwrap(),
        ["a", "bb"]
    );
    assert_eq!(
        pool.with()
            .chunk_size(1)
            .starmap_async(vec![(1, 2); 10], |a, b| a + b)
            .unwrap()
            .get()
            .unwrap(),
        [3; 10]
    );
}

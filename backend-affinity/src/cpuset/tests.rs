use std::collections::BTreeSet;

use super::*;

fn set(text: &str) -> CpuSet {
    text.parse().expect("the test writes good lists")
}

/// Every set of eight CPUs, twice over: the operations agree with those of a tree.
#[test]
fn the_algebra_is_that_of_sets() {
    let sets = Vec::from_iter((0..256_usize).map(|bits| {
        let cpus = (0..8).filter(move |cpu| bits >> cpu & 1 == 1);
        (CpuSet::from_iter(cpus.clone()), BTreeSet::from_iter(cpus))
    }));
    for (a, model_a) in &sets {
        assert!(a.iter().eq(model_a.iter().copied()));
        assert_eq!(a.len(), model_a.len());
        assert_eq!(a.first(), model_a.first().copied());
        assert_eq!(a.last(), model_a.last().copied());
        assert!((0..9).all(|cpu| a.contains(cpu) == model_a.contains(&cpu)));
        for (b, model_b) in &sets {
            assert!(a.union(b).iter().eq(model_a | model_b), "{a} with {b}");
            assert!(a.intersection(b).iter().eq(model_a & model_b), "{a} in {b}");
            assert!(a.difference(b).iter().eq(model_a - model_b), "{a} but {b}");
            assert_eq!(a.is_subset(b), model_a.is_subset(model_b));
            assert_eq!(a == b, model_a == model_b);
        }
    }
}

#[test]
fn any_order_of_insertion_gives_the_same_value() {
    let cpus = [5, 3, 9, 4, 0, 7, 8, 3];
    let forward = CpuSet::from_iter(cpus);
    let backward = CpuSet::from_iter(cpus.into_iter().rev());
    assert_eq!(forward, backward);
    assert_eq!(forward.to_string(), "0,3-5,7-9");
}

// A4
#[test]
fn the_largest_number_is_a_cpu_like_any_other() {
    let mut cpus = CpuSet::from(usize::MAX - 1..=usize::MAX);
    assert_eq!(cpus.len(), 2);
    cpus.remove(usize::MAX);
    assert!(cpus.contains(usize::MAX - 1) && !cpus.contains(usize::MAX));
    let all = CpuSet::from(0..=usize::MAX);
    assert_eq!(all.len(), usize::MAX, "saturates");
    assert!(all.difference(&all).is_empty());
    assert_eq!(all.intersection(&cpus), cpus);
    assert_eq!(all.union(&cpus), all);
}

// A4
#[test]
fn sets_go_beyond_1024_cpus() {
    let cpus = set("0-1023,1024,4095");
    assert_eq!(cpus.len(), 1026);
    assert_eq!(cpus.to_string(), "0-1024,4095");
}

#[test]
fn kernel_lists_are_read_and_written() {
    for text in ["0", "0-3", "0-3,8-11", "1,3,5,7", "0-4095"] {
        assert_eq!(set(text).to_string(), text);
        assert_eq!(
            set(&format!("{text}\n")),
            set(text),
            "files end with a newline"
        );
    }
    assert!(set("").is_empty() && set("\n").is_empty());
    assert_eq!(
        set("3,0-1, 2").to_string(),
        "0-3",
        "order and space do not matter"
    );
}

#[test]
fn a_bad_list_names_the_position() {
    for (text, position, problem) in [
        ("x", 0, "expected a number"),
        ("0-", 2, "expected a number"),
        ("0,", 2, "expected a number"),
        ("0,,1", 2, "expected a number"),
        ("-1", 0, "expected a number"),
        ("0 1", 2, "expected `,`, `-` or the end"),
        ("0-1-2", 3, "expected `,`, `-` or the end"),
        ("0,5-3", 2, "the range ends before it begins"),
        ("0,ä", 2, "expected a number"),
        ("1,99999999999999999999999", 2, "the number is too large"),
    ] {
        let error = text.parse::<CpuSet>().expect_err(text);
        assert_eq!(error.position(), position, "{error}");
        assert!(error.to_string().ends_with(problem), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

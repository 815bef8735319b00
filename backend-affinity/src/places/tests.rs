use super::*;

fn listed(text: &str) -> Vec<String> {
    match text.parse() {
        Ok(Places::List(places)) => places.iter().map(CpuSet::to_string).collect(),
        other => panic!("{text}: {other:?}"),
    }
}

// A7
#[test]
fn names_and_counts_are_read() {
    for (text, places) in [
        ("threads", Places::Threads),
        ("cores", Places::Cores),
        ("ll_caches", Places::LlCaches),
        ("numa_domains", Places::NumaDomains),
        ("sockets", Places::Sockets),
        (" SOCKETS ", Places::Sockets),
        ("cores(4)", Places::Cores.first(4)),
        ("Threads ( 12 )", Places::Threads.first(12)),
    ] {
        assert_eq!(text.parse(), Ok(places), "{text}");
    }
}

/// The first four are the examples of the OpenMP specification, which say the same thing in different ways.
#[test]
fn lists_intervals_and_strides_are_read() {
    let four = ["0-3", "4-7", "8-11", "12-15"];
    assert_eq!(
        listed("{0,1,2,3},{4,5,6,7},{8,9,10,11},{12,13,14,15}"),
        four
    );
    assert_eq!(listed("{0:4},{4:4},{8:4},{12:4}"), four);
    assert_eq!(listed("{0:4}:4:4"), four);
    assert_eq!(listed(" { 0 : 4 } : 4 : 4 "), four);
    assert_eq!(
        listed("{0}:3"),
        ["0", "1", "2"],
        "the stride is 1 unless it is said"
    );
    assert_eq!(listed("{0,1}:2"), ["0-1", "1-2"]);
    assert_eq!(listed("{0:4:2}"), ["0,2,4,6"]);
    assert_eq!(listed("{6:4:-2}"), ["0,2,4,6"]);
    assert_eq!(
        listed("{12}:4:-4"),
        ["12", "8", "4", "0"],
        "a list keeps its order"
    );
    assert_eq!(listed("{3}:2:0"), ["3", "3"]);
    assert_eq!(listed("5,3:2:+4"), ["5", "3", "7"], "a number is a place");
    assert_eq!(listed("{4000:2}:2:1000"), ["4000-4001", "5000-5001"]);
}

// A7
#[test]
fn exclusions_take_from_what_stands_before_them() {
    assert_eq!(listed("{0:8,!3}"), ["0-2,4-7"]);
    assert_eq!(listed("{0}:4,!{2}"), ["0", "1", "3"]);
    assert_eq!(listed("{0}:4,!2"), ["0", "1", "3"]);
    assert_eq!(listed("{!0,0,1}"), ["0-1"]);
    assert_eq!(listed("!{0},{0}"), ["0"]);
    assert_eq!(listed("{0:2},{1},!{1}"), ["0-1"], "only equal places go");
}

// A7
#[test]
fn a_bad_text_names_the_position() {
    for (text, position, problem) in [
        ("", 0, "expected `{`, `!` or a number"),
        ("  ", 2, "expected `{`, `!` or a number"),
        (
            "core",
            0,
            "expected `threads`, `cores`, `ll_caches`, `numa_domains`, `sockets` or a list of places",
        ),
        ("cores(", 6, "expected a number"),
        ("cores(0)", 6, "expected at least 1"),
        ("cores(-1)", 6, "expected a number"),
        ("cores(2", 7, "expected `)`"),
        ("cores,{0}", 5, "expected `(` or the end"),
        ("cores(2)x", 8, "expected `(` or the end"),
        ("{", 1, "expected a number"),
        ("{}", 1, "expected a number"),
        ("{0", 2, "expected `,` or `}`"),
        ("{0;1}", 2, "expected `,` or `}`"),
        ("{0-3}", 2, "expected `,` or `}`"),
        ("{0,}", 3, "expected a number"),
        ("{0:}", 3, "expected a number"),
        ("{0:0}", 3, "expected at least 1"),
        ("{0:2:}", 5, "expected a number"),
        ("{0},", 4, "expected `{`, `!` or a number"),
        ("{0}{1}", 3, "expected `,`, `:` or the end"),
        ("{0}:2:1:1", 7, "no `:` can stand here"),
        ("{0},!{1}:2", 8, "no `:` can stand here"),
        ("{0},!!{1}", 5, "`!` stands twice"),
        ("{0,!0}", 0, "the place has no CPU"),
        ("{0},!{0}", 8, "no place is left"),
        (
            "{0:2:-1}",
            1,
            "the interval leaves the range of CPU numbers",
        ),
        (
            "{0},{1}:3:-1",
            4,
            "the interval leaves the range of CPU numbers",
        ),
        ("{0:99999999}", 3, "the interval is too long"),
        ("{0},{0}:65536", 4, "the list has too many places"),
        ("{0:60000}:60000", 0, "the list has too many places"),
        ("{0}:2:9223372036854775808", 6, "the number is too large"),
        ("99999999999999999999999", 0, "the number is too large"),
        ("{ä}", 1, "expected a number"),
    ] {
        let error = text.parse::<Places>().expect_err(text);
        assert_eq!(error.position(), position, "{error}");
        assert!(error.to_string().ends_with(problem), "{error}");
    }
}

#[test]
fn no_text_panics() {
    // Every text of up to five of these signs, good or bad, is answered.
    let signs = ['{', '}', '0', '7', ':', ',', '!', '-', ' '];
    let mut texts = vec![String::new()];
    for _ in 0..5 {
        texts = Vec::from_iter(
            texts
                .iter()
                .flat_map(|text| signs.map(|sign| format!("{text}{sign}"))),
        );
        for text in &texts {
            if let Err(error) = text.parse::<Places>() {
                assert!(error.position() <= text.len(), "{error}");
            }
        }
    }
}

use super::*;
use crate::shapes::{self, Tree};

fn set(text: &str) -> CpuSet {
    text.parse().expect("the test writes good lists")
}

fn wish(places: &str) -> Settings {
    Settings {
        places: places.parse().expect("the test writes good places"),
        ..Settings::default()
    }
}

fn survey(tree: &Tree, mask: &str) -> Survey {
    Survey {
        machine: Topology::read(tree.root()),
        mask: Ok(set(mask)),
        quota: None,
        quota_notes: Vec::new(),
    }
}

fn plan(tree: &Tree, mask: &str, settings: &Settings) -> Plan {
    Plan::make(settings, survey(tree, mask)).expect("the wish can be fulfilled")
}

fn refusal(tree: &Tree, mask: &str, settings: &Settings) -> PinError {
    Plan::make(settings, survey(tree, mask)).expect_err("the wish cannot be fulfilled")
}

/// The CPUs of each worker.
fn seats(plan: &Plan, workers: usize) -> Vec<String> {
    Vec::from_iter((0..workers).map(|index| plan.cpus_of(index, workers).to_string()))
}

fn bound(bind: Bind, places: &str) -> Settings {
    Settings {
        bind,
        ..wish(places)
    }
}

// A6, A8
#[test]
fn the_default_is_one_worker_for_each_core_with_all_its_threads() {
    let plan = plan(&shapes::two_sockets(2), "0-7", &Settings::default());
    assert_eq!(plan.workers(), 4);
    assert_eq!(seats(&plan, 4), ["0,4", "1,5", "2,6", "3,7"]);
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

// A6, A7, A9
#[test]
fn named_places_are_what_the_machine_has_of_them() {
    let tree = shapes::epyc();
    for (places, count, last) in [
        ("threads", 128, "127"),
        ("cores", 64, "63,127"),
        ("ll_caches", 16, "60-63,124-127"),
        ("numa_domains", 8, "56-63,120-127"),
        ("sockets", 1, "0-127"),
    ] {
        let plan = plan(&tree, "0-127", &wish(places));
        assert_eq!(plan.workers(), count, "{places}");
        assert_eq!(
            plan.places.last().map(CpuSet::to_string).as_deref(),
            Some(last)
        );
    }
}

// A2, A4
#[test]
fn worker_i_goes_to_the_ith_allowed_cpu_and_not_to_cpu_i() {
    let plan = plan(&shapes::hidden(), "1,3", &Settings::default());
    assert_eq!(seats(&plan, 2), ["1", "3"]);
    let threads = super::Plan::make(&wish("threads"), survey(&shapes::large(), "1024-1030,2047"));
    let threads = threads.expect("the CPUs are there");
    assert_eq!(threads.workers(), 8);
    assert_eq!(seats(&threads, 8)[1], "1025");
    assert_eq!(seats(&threads, 8)[7], "2047");
}

// A8
#[test]
fn siblings_outside_the_mask_do_not_count() {
    // CPUs 0 and 4 are one core, of which only 4 may be used.
    let plan = plan(&shapes::two_sockets(2), "1,4-6", &Settings::default());
    assert_eq!(seats(&plan, 3), ["4", "1,5", "6"]);
    let sockets = Plan::make(&wish("sockets"), survey(&shapes::two_sockets(2), "1,4-6"));
    let sockets = sockets.expect("both sockets have a CPU");
    assert_eq!(seats(&sockets, 2), ["1,4-5", "6"]);
}

// A7
#[test]
fn spread_sets_workers_apart_and_close_together() {
    let tree = shapes::two_sockets(4);
    let close = plan(&tree, "0-15", &wish("cores"));
    assert_eq!(seats(&close, 4), ["0,8", "1,9", "2,10", "3,11"]);
    let spread = plan(&tree, "0-15", &bound(Bind::Spread, "cores"));
    assert_eq!(seats(&spread, 4), ["0,8", "2,10", "4,12", "6,14"]);
    assert_eq!(seats(&spread, 3), ["0,8", "2,10", "5,13"]);
    assert_eq!(
        seats(&spread, 8),
        seats(&close, 8),
        "one each leaves no choice"
    );
    let threads = plan(&tree, "0-15", &bound(Bind::Spread, "threads"));
    assert_eq!(
        seats(&threads, 4),
        ["0", "2", "4", "6"],
        "on cores of their own"
    );
}

// A2
#[test]
fn numbers_that_alternate_between_sockets_do_not_mislead() {
    let tree = shapes::interleaved_sockets();
    let close = plan(&tree, "0-7", &wish("cores"));
    assert_eq!(seats(&close, 4), ["0", "2", "4", "6"], "on one socket");
    let spread = plan(&tree, "0-7", &bound(Bind::Spread, "cores"));
    assert_eq!(seats(&spread, 2), ["0", "1"], "one on each");
}

// A7
#[test]
fn more_workers_than_places_share_them_evenly() {
    let tree = shapes::two_sockets(2);
    for bind in [Bind::Close, Bind::Spread] {
        let plan = plan(&tree, "0-7", &bound(bind, "cores"));
        for workers in 4..50 {
            let places = Vec::from_iter(
                (0..workers).map(|index| plan.place_of(index, workers).expect("it is bound")),
            );
            assert!(places.is_sorted(), "neighbours sit together: {places:?}");
            for place in 0..4 {
                let count = places.iter().filter(|other| **other == place).count();
                assert!(
                    count == workers / 4 || count == workers.div_ceil(4),
                    "{workers} workers: {places:?}"
                );
            }
        }
    }
}

// A6, A7
#[test]
fn primary_takes_one_place_and_none_takes_all() {
    let tree = shapes::two_sockets(2);
    let primary = plan(&tree, "2-3,6-7", &bound(Bind::Primary, "cores"));
    assert_eq!(seats(&primary, 3), ["2,6", "2,6", "2,6"]);
    let none = plan(&tree, "2-3,6-7", &bound(Bind::None, "cores"));
    assert_eq!(seats(&none, 2), ["2-3,6-7", "2-3,6-7"]);
    assert_eq!(none.place_of(0, 2), None);
}

#[test]
fn huge_counts_of_workers_do_not_overflow() {
    let plan = plan(&shapes::epyc(), "0-127", &bound(Bind::Spread, "threads"));
    let last = plan.place_of(usize::MAX - 1, usize::MAX);
    assert_eq!(last, Some(127));
    assert_eq!(plan.place_of(usize::MAX, 0), Some(127), "no index panics");
}

// A10
#[test]
fn core_kinds_select() {
    for (tree, large, small) in [
        (shapes::hybrid(), "0-7", "8-15"),
        (shapes::big_little(), "4-7", "0-3"),
    ] {
        let kind = |core_kind| Settings {
            core_kind,
            ..Settings::default()
        };
        let mask = Topology::read(tree.root()).online().to_string();
        let chosen = |core_kind| plan(&tree, &mask, &kind(core_kind)).cpus().to_string();
        assert_eq!(chosen(CoreKind::Large), large);
        assert_eq!(chosen(CoreKind::Small), small);
        assert_eq!(chosen(CoreKind::Any), mask);
    }
}

// A10
#[test]
fn large_cores_come_first() {
    let plan = plan(&shapes::big_little(), "0-7", &Settings::default());
    assert_eq!(seats(&plan, 4), ["4", "5", "6", "7"]);
    assert_eq!(seats(&plan, 8)[4], "0");
}

// A10
#[test]
fn without_small_cores_all_are_large() {
    let tree = shapes::two_sockets(2);
    let kind = |core_kind| Settings {
        core_kind,
        ..Settings::default()
    };
    assert_eq!(plan(&tree, "0-7", &kind(CoreKind::Large)).workers(), 4);
    let error = refusal(&tree, "0-7", &kind(CoreKind::Small));
    assert!(matches!(error, PinError::NoCore { .. }), "{error}");
}

// A10, A12
#[test]
fn a_kind_of_core_that_is_not_there_is_named() {
    let tree = shapes::hybrid();
    let mut settings = Settings {
        core_kind: CoreKind::Small,
        ..wish("threads(3)")
    };
    let error = refusal(&tree, "0-3", &settings);
    assert_eq!(
        error.to_string(),
        "none of the CPUs 0-3 is of a small core; ask for `CoreKind::Any`, or allow others"
    );
    settings.policy = Policy::BestEffort;
    let others = plan(&tree, "0-3", &settings);
    assert_eq!(seats(&others, 3), ["0", "1", "2"], "the places stay a wish");
    assert_eq!(others.notes, [error.to_string()]);
    settings.core_kind = CoreKind::Large;
    settings.policy = Policy::Strict;
    let error = refusal(&tree, "8-9", &settings);
    assert_eq!(
        error.to_string(),
        "none of the CPUs 8-9 is of a large core; ask for `CoreKind::Any`, or allow others"
    );
}

// A11, A16
#[test]
fn what_cannot_be_read_of_the_quota_is_noted() {
    let tree = shapes::two_sockets(2);
    let unread = || Survey {
        quota_notes: vec!["it hides".into()],
        ..survey(&tree, "0-7")
    };
    let settings = Settings::default();
    let plan = Plan::make(&settings, unread()).expect("it is no wish");
    assert_eq!(plan.notes, ["it hides"]);
    let report = crate::Report::of_refusal(&settings, unread(), &PinError::Unsupported);
    assert_eq!(report.notes()[0], "it hides");
}

// A11
#[test]
fn quota_limits_how_many_and_never_where() {
    let tree = shapes::two_sockets(4);
    let limited = |micros, settings: &Settings| {
        let survey = Survey {
            quota: Some(Quota::new(micros, 100_000)),
            ..survey(&tree, "0-15")
        };
        Plan::make(settings, survey).expect("the wish can be fulfilled")
    };
    let plan = limited(350_000, &Settings::default());
    assert_eq!(plan.workers(), 3);
    assert_eq!(plan.places.len(), 8);
    assert_eq!(plan.cpus(), set("0-15"));
    assert_eq!(
        plan.notes,
        ["the cgroup's quota of 3.50 CPUs pays for 3 of 8 places"]
    );
    assert_eq!(limited(1_000, &Settings::default()).workers(), 1);
    let ample = limited(6_400_000, &Settings::default());
    assert_eq!(ample.workers(), 8);
    assert!(ample.notes.is_empty(), "{:?}", ample.notes);
}

// A13
#[test]
fn cpus_at_once_are_those_of_all_places_that_are_used() {
    let tree = shapes::two_sockets(4);
    let at_once = |settings: &Settings| plan(&tree, "0-15", settings).parallelism();
    assert_eq!(at_once(&wish("sockets")), 16);
    assert_eq!(at_once(&wish("cores(2)")), 4);
    assert_eq!(at_once(&bound(Bind::Primary, "sockets")), 8);
    let limited = Survey {
        quota: Some(Quota::new(550_000, 100_000)),
        ..survey(&tree, "0-15")
    };
    let limited = Plan::make(&wish("sockets"), limited).expect("the wish can be fulfilled");
    assert_eq!((limited.workers(), limited.parallelism()), (2, 5));
}

// A12
#[test]
fn listed_places_must_be_allowed() {
    let tree = shapes::two_sockets(2);
    let PinError::NotAllowed { requested, allowed } = refusal(&tree, "0-2", &wish("{0:2}:4:2"))
    else {
        panic!("it is another error");
    };
    assert_eq!(
        (requested.to_string(), allowed.to_string()),
        ("0-7".into(), "0-2".into())
    );
    let mut settings = wish("{0:2}:4:2");
    settings.policy = Policy::BestEffort;
    let plan = plan(&tree, "0-2", &settings);
    assert_eq!(seats(&plan, 2), ["0-1", "2"]);
    assert_eq!(
        plan.notes,
        [
            "of the CPUs 0-7 that were asked for, 3-7 cannot be had: there are 0-2; ask for some of these"
        ]
    );
}

// A5
#[test]
fn explicit_cpus_may_lie_outside_the_mask() {
    let tree = shapes::two_sockets(2);
    let settings = Settings {
        cpus: Some(set("2-3")),
        ..Settings::default()
    };
    assert_eq!(seats(&plan(&tree, "0-1", &settings), 2), ["2", "3"]);
}

// A3, A12
#[test]
fn explicit_cpus_must_be_online() {
    let tree = shapes::partly_offline();
    let mut settings = Settings {
        cpus: Some(set("0,3-4,9000")),
        ..Settings::default()
    };
    let error = refusal(&tree, "0", &settings);
    assert_eq!(
        error.to_string(),
        "of the CPUs 0,3-4,9000 that were asked for, 3,9000 cannot be had: there are 0-2,4,6; ask for some of these"
    );
    settings.policy = Policy::BestEffort;
    let plan = plan(&tree, "0", &settings);
    assert_eq!(seats(&plan, 1), ["0,4"]);
    assert_eq!(plan.notes, [error.to_string()]);
}

// A12
#[test]
fn nothing_left_is_an_error_or_the_default() {
    let tree = shapes::two_sockets(2);
    for (places, cpus) in [
        ("cores", Some("")),
        ("cores", Some("4000000000")),
        ("{6}", None),
    ] {
        let mut settings = Settings {
            cpus: cpus.map(set),
            ..wish(places)
        };
        let error = refusal(&tree, "0-1", &settings);
        assert!(
            matches!(
                error,
                PinError::NoPlace { .. } | PinError::NotAllowed { .. }
            ),
            "{error}"
        );
        settings.policy = Policy::BestEffort;
        let plan = plan(&tree, "0-1", &settings);
        assert_eq!(seats(&plan, 2), ["0", "1"], "what the thread may use");
        assert_eq!(plan.allowed, set("0-1"));
        assert!(!plan.notes.is_empty());
    }
    let none = Settings {
        places: Places::Cores.first(0),
        ..Settings::default()
    };
    let error = refusal(&tree, "0-1", &none);
    assert!(matches!(error, PinError::NoPlace { .. }), "{error}");
}

// A12
#[test]
fn a_place_without_a_cpu_is_an_error_or_left_out() {
    let tree = shapes::two_sockets(2);
    let list = Places::List(vec![set("0"), set(""), set("1")]);
    for places in [list.clone(), list.first(3)] {
        let mut settings = Settings {
            places,
            ..Settings::default()
        };
        let error = refusal(&tree, "0-7", &settings);
        assert_eq!(
            error.to_string(),
            "place 1 of the list has no CPU; leave it out"
        );
        settings.policy = Policy::BestEffort;
        let plan = plan(&tree, "0-7", &settings);
        assert_eq!(seats(&plan, 2), ["0", "1"]);
        assert!(plan.notes.contains(&error.to_string()), "{:?}", plan.notes);
    }
}

// A16
#[test]
fn places_that_overlap_are_noted() {
    let tree = shapes::two_sockets(2);
    let notes = |places| plan(&tree, "0-7", &wish(places)).notes;
    let note = |cpus| format!("CPU {cpus}: in more than one place");
    assert_eq!(notes("{3}:2:0"), [note("3")]);
    assert_eq!(notes("{0:2}:3,7,7"), [note("1-2,7")]);
    assert!(notes("{0:2}:4:2").is_empty());
}

// A7
#[test]
fn a_count_takes_the_first_allowed_ones() {
    let tree = shapes::two_sockets(4);
    let plan = plan(&tree, "2-7", &wish("cores(3)"));
    assert_eq!(seats(&plan, 3), ["2", "3", "4"]);
    assert!(plan.notes.is_empty());
}

// A7, A12
#[test]
fn fewer_places_than_were_asked_for_are_an_error_or_taken() {
    let tree = shapes::two_sockets(4);
    let all = plan(&tree, "2-7", &wish("cores(6)"));
    assert_eq!(all.workers(), 6, "neither more nor fewer");
    let mut settings = wish("cores(30)");
    let error = refusal(&tree, "2-7", &settings);
    let text = "of the 30 places that were asked for, there are 6; ask for fewer";
    assert_eq!(error.to_string(), text);
    settings.policy = Policy::BestEffort;
    let fewer = plan(&tree, "2-7", &settings);
    assert_eq!(fewer.workers(), 6);
    assert_eq!(fewer.notes, [error.to_string()]);
}

// A12, A14
#[test]
fn a_machine_that_cannot_pin_is_refused_or_noted() {
    let tree = shapes::hidden();
    let unsupported = || Survey {
        mask: Err(PinError::Unsupported),
        ..survey(&tree, "")
    };
    let error = Plan::make(&Settings::default(), unsupported()).expect_err("it is strict");
    assert!(matches!(error, PinError::Unsupported));
    for policy in [Policy::BestEffort, Policy::Off] {
        let settings = Settings {
            policy,
            ..Settings::default()
        };
        let plan = Plan::make(&settings, unsupported()).expect("it goes on");
        assert_eq!(plan.workers(), 4);
        assert!(plan.notes.contains(&error.to_string()), "{:?}", plan.notes);
    }
}

// A9
#[test]
fn missing_files_are_no_error_but_noted() {
    let plan = plan(&shapes::hidden(), "0-3", &Settings::default());
    assert_eq!(plan.workers(), 4);
    assert_eq!(plan.notes.len(), 4);
}

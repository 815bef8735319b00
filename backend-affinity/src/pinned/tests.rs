use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn built(pinned: &Pinned, workers: usize) -> Result<Pool<Std>, BuildError> {
    Builder::with_spawner(pinned.clone())
        .workers(workers)
        .build()
}

fn cause(refused: Result<Pool<Std>, BuildError>) -> (usize, PinError) {
    match refused.expect_err("the pool cannot be built") {
        BuildError::Spawn { worker, source } => (
            worker,
            *source.downcast().expect("it is this crate's error"),
        ),
        other => panic!("{other}"),
    }
}

/// One that asks a system of the test's own.
fn on(survey: fn() -> Survey) -> Pinned {
    Pinned::with(Settings::default(), Threads::new(), survey)
}

fn without_pinning() -> Survey {
    Survey {
        mask: Err(PinError::Unsupported),
        ..survey()
    }
}

#[test]
fn spawners_can_be_shared_and_sent() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Pinned>();
    check::<Report>();
    check::<PinError>();
    check::<Drift>();
}

#[cfg(all(feature = "libc", any(target_os = "linux", target_os = "android")))]
mod on_linux {
    use super::*;
    use crate::error::Drifted;

    /// The system claims that CPU 9,000 exists and may be used.
    fn with_a_cpu_that_is_not_there() -> Survey {
        let mut survey = survey();
        let mask = survey.mask.expect("this system has masks");
        let claimed = mask.union(&CpuSet::from(9000..=9000));
        survey.machine = Topology::with_used(Path::new("/no/such/machine"), &claimed);
        survey.mask = Ok(claimed);
        survey.quota = None;
        survey
    }

    fn mask() -> CpuSet {
        sys::mask_of(sys::HERE).expect("it can be read")
    }

    // A2
    #[test]
    fn each_worker_runs_on_its_place_and_nowhere_else() {
        let pinned = Pinned::new().places(Places::Threads);
        let cpus = mask();
        let pool = built(&pinned, cpus.len()).expect("these CPUs may be used");
        let masks = pool.broadcast(|_| mask()).expect("the pool is open");
        let report = pinned.report();
        assert_eq!(masks, report.places());
        let all = masks.iter().fold(CpuSet::new(), |all, one| all.union(one));
        assert_eq!(all, cpus);
        assert_eq!(pinned.verify(), Ok(cpus.len()));
        assert_eq!(mask(), cpus, "the building thread stays as it is");
    }

    // A15, A16
    #[test]
    fn a_mask_that_changes_while_running_is_found_and_noted() {
        let pinned = Pinned::new().places(Places::Threads);
        let cpus = mask();
        let (Some(first), true) = (cpus.first(), cpus.len() > 1) else {
            println!("not run: this thread may use one CPU only");
            return;
        };
        let pool = built(&pinned, 1).expect("these CPUs may be used");
        assert_eq!(pinned.verify(), Ok(1));
        let before = pinned.report();
        let other = cpus.difference(&CpuSet::from(first..=first));
        pool.apply(|| sys::pin(&other).expect("they may be used"))
            .expect("the pool is open");
        let drift = pinned.verify().expect_err("worker 0 is elsewhere");
        assert_eq!(
            drift.workers(),
            [Drifted {
                index: 0,
                wanted: CpuSet::from(first..=first),
                actual: Some(other.clone())
            }]
        );
        let note = format!("worker 0 should be on CPUs {first} and may run on {other}");
        let to_do = "; undo what moved them, or build the pool anew";
        assert_eq!(drift.to_string(), format!("{note}{to_do}"));

        let report = pinned.report();
        assert_eq!(report.workers()[0].effective, Some(other.clone()));
        let noted = [before.notes(), std::slice::from_ref(&note)].concat();
        assert_eq!(report.notes(), noted, "nothing else has changed");

        let back = CpuSet::from(first..=first);
        pool.apply(move || sys::pin(&back).expect("it may be used"))
            .expect("the pool is open");
        assert_eq!(pinned.report().notes(), before.notes());
    }

    // A3
    #[test]
    fn what_the_kernel_refuses_is_an_error_with_its_number() {
        let pinned = on(with_a_cpu_that_is_not_there);
        let cpus = mask();
        let (worker, error) = cause(built(&pinned, cpus.len() + 1));
        assert_eq!(
            worker,
            cpus.len(),
            "the last place is the one that is not there"
        );
        let PinError::Refused {
            requested,
            allowed,
            effective,
            errno,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(requested.to_string(), "9000");
        assert_eq!(allowed, cpus.union(&requested));
        assert_eq!(effective, cpus);
        assert_eq!(errno, Some(libc::EINVAL));
        let notes = pinned.report().notes().join("\n");
        let note = format!("worker {worker} was not started: the system put");
        assert!(notes.contains(&note), "{notes}");
    }

    // A3
    #[test]
    fn what_the_kernel_takes_in_part_is_an_error() {
        // One place of all CPUs, of which one is not there: the kernel takes the others without a word.
        let pinned = on(with_a_cpu_that_is_not_there).bind(Bind::None);
        let (worker, error) = cause(built(&pinned, 1));
        assert_eq!(worker, 0);
        let PinError::Refused {
            requested,
            effective,
            errno: None,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(effective, mask());
        assert_eq!(requested, mask().union(&CpuSet::from(9000..=9000)));
    }

    // A12, A16
    #[test]
    fn best_effort_goes_on_and_tells() {
        let pinned = on(with_a_cpu_that_is_not_there).policy(Policy::BestEffort);
        let cpus = mask().len();
        let pool = built(&pinned, cpus + 1).expect("it goes on");
        assert_eq!(pool.map(0..9, |x| x).expect("it works").len(), 9);
        let report = pinned.report();
        let problem = report.workers()[cpus].problem.as_ref();
        let problem = problem.expect("the last worker has no CPU");
        assert!(problem.contains("instead of 9000"), "{problem}");
        let note = format!("worker {cpus}: {problem}");
        assert!(report.notes().contains(&note), "{:?}", report.notes());
        let drift = pinned.verify().expect_err("the last worker is elsewhere");
        assert_eq!(drift.workers().len(), 1);
        assert_eq!(drift.workers()[0].index, cpus);
    }

    // S5, A15
    #[test]
    fn workers_are_pinned_before_their_initializer() {
        let pinned = Pinned::new().places(Places::Threads);
        let workers = mask().len();
        let pool = Builder::<Std>::with_spawner(pinned.clone())
            .workers(workers)
            .initializer(|_| mask())
            .build()
            .expect("these CPUs may be used");
        let masks = pool
            .broadcast(|worker| worker.state.clone())
            .expect("the pool is open");
        assert_eq!(masks, pinned.report().places());
    }

    // S7, A15
    #[test]
    fn replacements_go_where_their_predecessors_were() {
        let pinned = Pinned::new().places(Places::Threads);
        let workers = mask().len();
        let pool = Builder::<Std>::with_spawner(pinned.clone())
            .workers(workers)
            .max_jobs_per_worker(1)
            .build()
            .expect("these CPUs may be used");
        let places = pinned.report().places().to_vec();
        for _ in 0..20 {
            let masks = pool.broadcast(|_| mask()).expect("the pool is open");
            assert_eq!(masks, places);
        }
        let report = pinned.report();
        assert_eq!(report.workers().len(), workers);
        assert!(report.workers().iter().all(|worker| worker.generation > 0));
        assert_eq!(pinned.verify(), Ok(workers));
    }

    fn nowhere() -> CpuSet {
        CpuSet::from(9000..=9000)
    }

    /// The only CPU is one that is not there.
    fn on_a_cpu_that_is_not_there() -> Survey {
        Survey {
            machine: Topology::with_used(Path::new("/no/such/machine"), &nowhere()),
            mask: Ok(nowhere()),
            quota: None,
            quota_notes: Vec::new(),
        }
    }

    // A12, A18
    #[test]
    fn a_caller_that_cannot_be_pinned_is_found_when_the_pool_is_built() {
        let before = mask();
        let pinned = on(on_a_cpu_that_is_not_there);
        let team = |pinned: &Pinned| {
            Builder::<Std>::with_spawner(pinned.clone())
                .caller_participates()
                .build()
        };
        let (worker, error) = cause(team(&pinned));
        assert_eq!(worker, 0);
        assert!(matches!(error, PinError::Refused { .. }), "{error}");
        assert_eq!(mask(), before);

        let pinned = pinned.policy(Policy::BestEffort);
        let pool = team(&pinned).expect("it goes on");
        let notes = pinned.report().notes().join("\n");
        assert!(notes.contains("worker 0: the system put"), "{notes}");
        pinned
            .stay(|| pool.for_each(0..9, drop))
            .expect("it goes on")
            .expect("the pool is open");
        let notes = pinned.report().notes().join("\n");
        assert!(notes.contains("took part was not pinned"), "{notes}");
        assert_eq!(mask(), before);
    }

    // A12, A18
    #[test]
    fn a_caller_that_cannot_be_pinned_later_is_a_note_or_an_error_of_stay() {
        let before = mask();
        let pinned = Pinned::new();
        let _pool = Builder::<Std>::with_spawner(pinned.clone())
            .caller_participates()
            .build()
            .expect("a CPU may be used");
        let first = pinned.latest().expect("there is a pool");
        let mut plan = first.plan.clone();
        plan.places = vec![nowhere()];
        let team = Arc::new(Team::new(plan));
        let at = *first.zero.get().expect("callers take part");
        team.zero.set(at).expect("it is new");
        *lock(&pinned.latest) = Some(team.clone());

        let stayed = pinned.stay(|| panic!("this must not run"));
        assert!(matches!(stayed, Err::<(), _>(PinError::Refused { .. })));
        assert_eq!(mask(), before);
        let mut guest = pinned.guest().expect("callers take part");
        guest.enter();
        let problem = team.workers()[&0].problem.clone();
        assert!(problem.is_some(), "the report tells while it lasts");
        guest.leave();
        let notes = pinned.report().notes().join("\n");
        assert!(notes.contains("took part was not pinned"), "{notes}");
        assert_eq!(mask(), before);
    }

    /// A spawner that moves its team to a CPU that is not there once the first workers have come: the CPU was
    /// switched off, or taken from this process.
    struct LosesItsCpu {
        pinned: Pinned,
        lost: bool,
    }

    impl Spawner for LosesItsCpu {
        type Handle = JoinHandle<()>;
        type Error = PinError;
        fn default_workers(&self) -> usize {
            self.pinned.default_workers()
        }
        fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<JoinHandle<()>, PinError> {
            if at.generation > 0 && !self.lost {
                self.lost = true;
                let mut plan = Plan::make(&self.pinned.settings, survey()).expect("there is a CPU");
                plan.places = vec![nowhere()];
                let team = Arc::new(Team::new(plan));
                *lock(&self.pinned.latest) = Some(team.clone());
                self.pinned.team = Some(team);
            }
            self.pinned.spawn(start, at)
        }
        fn reclaim(&mut self, handle: JoinHandle<()>) {
            self.pinned.reclaim(handle);
        }
    }

    // S7, A12, A15
    #[test]
    fn a_replacement_that_is_refused_is_a_note() {
        let pinned = Pinned::new();
        let spawner = LosesItsCpu {
            pinned: pinned.clone(),
            lost: false,
        };
        let pool = Builder::<Std>::with_spawner(spawner)
            .workers(1)
            .max_jobs_per_worker(1)
            .build()
            .expect("a CPU may be used");
        // The worker has asked for its replacement when it takes its second job.
        for _ in 0..2 {
            pool.apply(|| ()).expect("the worker stays");
        }
        let notes = pinned.report().notes().join("\n");
        let note = "worker 0 was not replaced: the system put a thread on CPUs";
        assert!(notes.contains(note), "{notes}");
    }

    // A1
    #[test]
    fn a_pool_that_is_built_on_a_pinned_worker_stays_on_its_place() {
        let pool = built(&Pinned::new().places(Places::Threads), 1).expect("a CPU may be used");
        let (place, inner) = pool
            .apply(|| {
                let inner = built(&Pinned::new(), 2).expect("a CPU may be used");
                let masks = inner.broadcast(|_| mask()).expect("the pool is open");
                (mask(), masks)
            })
            .expect("the pool is open");
        assert_eq!(place.len(), 1);
        assert_eq!(inner, [place.clone(), place]);
    }

    // A1, A5
    #[test]
    fn a_pinned_worker_can_be_given_cpus_that_it_may_not_use_itself() {
        let cpus = mask();
        let pool = built(&Pinned::new().places(Places::Threads), 1).expect("a CPU may be used");
        let masks = pool
            .apply(|| {
                let wide = Pinned::new().cpus(cpus.clone()).bind(Bind::None);
                let inner = built(&wide, 1).expect("the mask is no limit");
                inner.broadcast(|_| mask()).expect("the pool is open")
            })
            .expect("the pool is open");
        assert_eq!(masks, [cpus]);
    }

    // A12
    #[test]
    fn off_pins_nothing() {
        let pinned = Pinned::new().places(Places::Threads).policy(Policy::Off);
        let pool = built(&pinned, 2).expect("nothing can fail");
        assert_eq!(
            pool.broadcast(|_| mask()).expect("the pool is open"),
            [mask(), mask()]
        );
        assert_eq!(pinned.verify(), Ok(0));
        let report = pinned.report();
        assert_eq!(report.workers().len(), 2);
        assert!(
            report
                .workers()
                .iter()
                .all(|worker| worker.wanted.is_none())
        );
    }
}

// S1, A11
#[test]
fn the_default_size_is_that_of_the_plan() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = Builder::<Std>::with_spawner(pinned.clone())
        .build()
        .expect("it goes on");
    let plan = Plan::make(&pinned.settings, survey()).expect("there is a CPU");
    assert_eq!(pool.worker_count(), plan.workers());
}

// A13
#[test]
fn a_builder_learns_how_many_cpus_the_workers_share() {
    let pinned = Pinned::new()
        .places(Places::Sockets)
        .policy(Policy::BestEffort);
    let cpus = pinned.parallelism();
    let workers = pinned.default_workers();
    let plan = Plan::make(&pinned.settings, survey()).expect("there is a CPU");
    assert_eq!((workers, cpus), (plan.workers(), plan.parallelism()));
}

// S4, A14
#[test]
fn a_system_without_pinning_refuses_a_strict_pool() {
    let (worker, error) = cause(built(&on(without_pinning), 2));
    assert_eq!(worker, 0);
    assert!(matches!(error, PinError::Unsupported), "{error}");
}

// A16
#[test]
fn a_pool_that_is_refused_is_explained() {
    let report = on(without_pinning).report();
    assert!(report.places().is_empty() && report.workers().is_empty());
    let notes = report.notes().join("\n");
    assert!(
        notes.contains("no pool can be built so: threads cannot be pinned on this system"),
        "{notes}"
    );
}

#[test]
fn a_name_that_no_thread_can_have_is_an_error() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let builder = Builder::<Std>::with_spawner(pinned).name("a\0b");
    let (_, error) = cause(builder.build());
    let PinError::Thread(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn workers_that_have_left_are_not_asked_any_more() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = built(&pinned, 2).expect("it goes on");
    assert_eq!(pinned.report().workers().len(), 2);
    drop(pool);
    assert!(pinned.report().workers().is_empty());
    assert_eq!(pinned.verify(), Ok(0));
}

#[test]
fn the_report_is_of_the_pool_that_was_built_last() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let first = built(&pinned, 1).expect("it goes on");
    let second = built(&pinned, 2).expect("it goes on");
    assert_eq!(pinned.report().workers().len(), 2);
    let other = pinned.clone().bind(Bind::Spread);
    assert!(other.report().workers().is_empty(), "it is another wish");
    drop(first);
    assert_eq!(pinned.report().workers().len(), 2);
    assert!(
        pinned.default_workers() >= 1 && pinned.report().workers().len() == 2,
        "asking changes nothing"
    );
    drop(second);
}

/// A spawner whose team stays what it is.
struct Kept(Pinned);

impl Spawner for Kept {
    type Handle = JoinHandle<()>;
    type Error = PinError;
    fn default_workers(&self) -> usize {
        1
    }
    fn spawn(&mut self, start: WorkerStart, at: Placement) -> Result<JoinHandle<()>, PinError> {
        self.0.spawn(start, at)
    }
    fn reclaim(&mut self, handle: JoinHandle<()>) {
        self.0.reclaim(handle);
    }
}

#[test]
fn threads_that_end_before_their_time_are_an_error() {
    // A pool whose plan panics on the worker's thread: there is no such place.
    let mut pinned = Pinned::new().policy(Policy::BestEffort);
    let mut plan = Plan::make(&pinned.settings, survey()).expect("there is a CPU");
    plan.places.clear();
    pinned.team = Some(Arc::new(Team::new(plan)));
    let pool = Builder::<Std>::with_spawner(Kept(pinned)).workers(1);
    let (_, error) = cause(pool.build());
    assert!(matches!(error, PinError::Thread(_)), "{error}");
}

#[test]
fn verifying_while_workers_come_and_go_finds_no_stranger() {
    let pinned = Pinned::new().policy(Policy::BestEffort);
    let pool = Builder::<Std>::with_spawner(pinned.clone())
        .workers(2)
        .max_jobs_per_worker(1)
        .build()
        .expect("it goes on");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Relaxed: it only ends the loop.
            while !done.load(Ordering::Relaxed) {
                if let Err(drift) = pinned.verify() {
                    assert!(!sys_pins(), "{drift}");
                }
                let notes = pinned.report().notes().join("\n");
                assert!(!notes.contains("should be on"), "{notes}");
            }
        });
        for _ in 0..50 {
            pool.apply(|| ()).expect("the pool is open");
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Whether threads can be pinned here.
fn sys_pins() -> bool {
    sys::mask_of(sys::HERE).is_ok()
}

//! How a workload becomes a criterion group.

use std::env;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use ringpool_benches::{Workload, workers};

/// Runs the workloads as criterion's own `main` would.
pub(crate) fn run(workloads: &[Workload]) {
    let mut criterion = Criterion::default().configure_from_args();
    for workload in workloads {
        measure(&mut criterion, workload);
    }
    criterion.final_summary();
}

/// Measures every contender of a workload, each with a pool of its own that ends before the next.
///
/// One iteration is a batch of units: single ones where a unit stands alone, the whole million
/// where the backlog is the point. `--test` runs a tenth of that.
fn measure(criterion: &mut Criterion, workload: &Workload) {
    let smoke = env::args().any(|argument| argument == "--test");
    let whole = workload.units >= 1_000_000;
    let units = match (whole, smoke) {
        (true, false) => workload.units,
        (true, true) => workload.units / 10,
        (false, _) => 1,
    };
    let workers = workers();
    let mut group = criterion.benchmark_group(workload.id);
    group.throughput(Throughput::Elements(units as u64));
    if whole {
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500));
    } else {
        group
            .sample_size(30)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2));
    }
    for contender in workload.contenders {
        let mut session = (contender.open)(workers);
        let _ = session(units);
        group.bench_function(contender.name, |bencher| {
            bencher.iter_custom(|iterations| {
                let iterations = usize::try_from(iterations).unwrap_or(usize::MAX);
                let begin = Instant::now();
                // Units that stand alone run in one call, so that the call itself costs nothing.
                let (calls, each) = if whole {
                    (iterations, units)
                } else {
                    (1, iterations)
                };
                let mut sum = 0;
                for _ in 0..calls {
                    sum = session(each);
                }
                let took = begin.elapsed();
                assert_eq!(
                    sum,
                    (workload.checksum)(each, workers),
                    "{}: a wrong result",
                    contender.name
                );
                took
            });
        });
    }
    group.finish();
}

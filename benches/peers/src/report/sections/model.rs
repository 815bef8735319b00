//! What a job and a region would cost with more cores than there are: the locked steps and the shared lines on their paths,
//! times what these take on this machine.

use std::num::NonZeroUsize;
use std::thread;

use ringpool_peers::WORKLOADS;
use ringpool_peers::limits::{ALLOCATION, CONTENDED, EXCHANGE, LINE};

use super::Sink;
use crate::child::float;
use crate::figures::{Figures, Row};
use crate::measure::{Task, by_turns};
use crate::settings::Settings;
use crate::table::Sample;

pub(crate) const ID: &str = "Model";

/// What one step takes here, in nanoseconds.
struct Costs {
    /// A locked instruction on a line that this core has.
    locked: f64,
    /// A line that another core has, until this one has it.
    transfer: f64,
    /// A locked instruction that two threads do on one line, from success to success.
    contended: f64,
    /// A block for the job.
    block: f64,
}

/// Steps of `apply_async` whose handle is dropped, counted in the code of the ring, the idle protocol and the job's word.
mod steps {
    /// Locked instructions of who submits: take a free place (1), fill an entry and move the tail (2), fence (1).
    pub(super) const SUBMIT: f64 = 4.0;
    /// Locked instructions of the worker: move the head (1), empty the cell (1), return the place (2), claim and end the
    /// job (2).
    pub(super) const RUN: f64 = 6.0;
    /// Lines that a job takes along: its block.
    pub(super) const BLOCK: f64 = 2.0;
    /// Lines that all workers write for each job: the head of what is ready, the tail and an entry of what is free. So it
    /// is for those who submit: the head of what is free, the tail and an entry of what is ready.
    pub(super) const SHARED: f64 = 3.0;
    /// Lines that every worker of a region writes: the count of those who began, and of those who ended.
    pub(super) const REGION: f64 = 2.0;
}

impl Costs {
    fn from(limits: &Figures) -> Option<Self> {
        let median = |which: usize| limits.rows.get(which)?.value.median();
        Some(Self {
            locked: median(EXCHANGE)?,
            transfer: median(LINE)? / 2.0,
            contended: median(CONTENDED)?,
            block: median(ALLOCATION)?,
        })
    }

    /// The time of one of `n` threads for its side of a job: of the lines that all of them write, the others had all but
    /// one in `n` last.
    fn side(&self, locked: f64, n: f64) -> f64 {
        let lines = steps::BLOCK + steps::SHARED * (n - 1.0) / n;
        locked * self.locked + lines * self.transfer
    }

    /// What `n` threads at one line take from success to success: at best as two do, and at worst each success comes after
    /// a failed try of every other thread.
    fn line(&self, n: f64, at_worst: bool) -> f64 {
        match n {
            n if n < 2.0 => 0.0,
            n if at_worst => (n - 1.0) * self.transfer,
            _ => self.contended,
        }
    }

    /// A job with so many submitters and workers on so many cores: the slowest of the submitters, the workers, the lines
    /// they share, and the cores if they are fewer than threads.
    fn job(&self, submitters: f64, workers: f64, cores: f64, at_worst: bool) -> f64 {
        let submit = self.block + self.side(steps::SUBMIT, submitters);
        let run = self.side(steps::RUN, workers);
        let parts = [
            submit / submitters,
            run / workers,
            (submit + run) / cores,
            self.line(submitters.max(workers), at_worst),
        ];
        parts.into_iter().fold(0.0, f64::max)
    }

    /// A region: there and back, and between them every other worker has each shared line once.
    fn region(&self, workers: f64) -> f64 {
        2.0 * self.transfer + steps::REGION * (workers - 1.0) * self.transfer
    }
}

/// What is measured as well, where there are cores for it: a workload and one of its contenders.
type Check = (&'static str, &'static str);

const JOB: Check = ("W2 detached", "ringpool apply_async, handle dropped");
const REGION: Check = ("W4 region", "ringpool for_each static, caller participates");

pub(crate) fn run(settings: &Settings, limits: &Figures, sink: Sink<'_>) {
    let Some(costs) = Costs::from(limits).filter(|_| settings.wants(ID)) else {
        return;
    };
    let mut figures = Figures::new(ID, "what more cores would show", "ns, predicted");
    figures.more = vec!["measured here".into(), "measured ÷ predicted".into()];
    figures.rows = checked(settings, &costs);
    for cores in [16.0, 64.0, 128.0] {
        let workers = cores - 1.0;
        let (best, worst) = (
            costs.job(1.0, workers, cores, false),
            costs.job(1.0, workers, cores, true),
        );
        let each = [
            (
                format!("{cores} cores: a job of one submitter, at best"),
                best,
            ),
            (
                format!("{cores} cores: a job of one submitter, at worst"),
                worst,
            ),
            (
                format!("{cores} cores: a job when all submit, at best"),
                costs.job(cores, cores, cores, false),
            ),
            (
                format!("{cores} cores: a job when all submit, at worst"),
                costs.job(cores, cores, cores, true),
            ),
            (
                format!(
                    "{cores} cores: length of a job that one submitter keeps all busy with, at worst"
                ),
                workers * worst,
            ),
            (
                format!("{cores} cores: an empty region"),
                costs.region(cores),
            ),
        ];
        let rows = each.into_iter().map(|(name, value)| Row {
            name,
            value: [value].into_iter().collect(),
            more: vec![Sample::absent(); 2],
            ..Row::default()
        });
        figures.rows.extend(rows);
    }
    figures.note = note(&costs);
    sink(figures);
}

/// The predictions for what this machine can show, beside what it shows.
fn checked(settings: &Settings, costs: &Costs) -> Vec<Row> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let counts = || (0..).map(|power| 1 << power).take_while(|n| *n <= cores);
    let jobs = counts().map(|workers| {
        let name = format!("here: a job of one submitter, workers: {workers}");
        let predicted = costs.job(1.0, float(workers), float(cores), false);
        (name, predicted, task(settings, JOB, workers))
    });
    let regions = counts().skip(1).map(|workers| {
        let name = format!("here: an empty region, workers: {workers}");
        let predicted = costs.region(float(workers));
        (name, predicted, task(settings, REGION, workers))
    });
    let (mut predictions, mut entries) = (Vec::new(), Vec::new());
    for (name, predicted, task) in jobs.chain(regions) {
        predictions.push(predicted);
        entries.push((name, task));
    }
    let mut rows = by_turns(ID, settings.rounds, entries);
    for (row, predicted) in rows.iter_mut().zip(predictions) {
        let measured = row.value.median();
        row.value = [predicted].into_iter().collect();
        row.ratio = Sample::default();
        row.more = [measured, measured.map(|measured| measured / predicted)]
            .map(|value| value.into_iter().collect())
            .into();
    }
    rows
}

/// Times the contender with so many workers.
fn task(settings: &Settings, (workload, contender): Check, workers: usize) -> Task {
    let index = WORKLOADS.iter().position(|one| one.id == workload);
    let index = index.expect("it is one of them");
    let contenders = WORKLOADS[index].contenders;
    let place = contenders.iter().position(|one| one.name == contender);
    let place = place.expect("it takes part");
    let units = settings.scaled(WORKLOADS[index].units);
    Task::new("with", &[index, place, workers, units])
}

fn note(costs: &Costs) -> String {
    let Costs {
        locked,
        transfer,
        contended,
        block,
    } = costs;
    format!(
        "Built on this run's limits: a locked instruction {locked:.1} ns, a line from core to core {transfer:.0} ns, a contended \
         exchange {contended:.1} ns, a block in a backlog {block:.1} ns. Assumed: (1) jobs are empty and wait in a backlog, and nobody sleeps: no wake is counted; \
         (2) who submits does {} locked steps a job, who runs it {}; (3) a job's block is {} lines, which its worker gets from \
         the submitter and gives back; (4) workers share {} lines among themselves, so do submitters, and neither side waits for \
         the other's; (5) at best a shared line goes from success to success as with two threads, at worst each success comes \
         after a failed try of every other thread, for the backoff between them is not counted; (6) in a region every worker \
         has {} lines once, one after the other; (7) any two cores are as far from each other as here: across dies or sockets a \
         line takes two to four times as long, and with it everything above but the locked steps.",
        steps::SUBMIT,
        steps::RUN,
        steps::BLOCK,
        steps::SHARED,
        steps::REGION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs {
        locked: 10.0,
        transfer: 75.0,
        contended: 25.0,
        block: 60.0,
    };

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    #[test]
    fn one_of_each_shares_nothing_but_the_job() {
        // 60 for the block, 4 or 6 steps of 10, two lines of 75.
        near(COSTS.job(1.0, 1.0, 2.0, false), 250.0);
        near(COSTS.job(1.0, 1.0, 1.0, false), 250.0 + 210.0);
    }

    #[test]
    fn a_shared_line_is_the_bound_once_there_are_cores_enough() {
        near(COSTS.job(128.0, 128.0, 256.0, false), 25.0);
        near(COSTS.job(128.0, 128.0, 256.0, true), 127.0 * 75.0);
    }

    #[test]
    fn a_region_costs_two_lines_a_worker_beyond_there_and_back() {
        near(COSTS.region(1.0), 150.0);
        near(COSTS.region(16.0), 150.0 + 30.0 * 75.0);
    }

    #[test]
    fn what_is_checked_takes_part() {
        let settings = Settings::parse(&[]).expect("nothing is asked for");
        for check in [JOB, REGION] {
            let _ = task(&settings, check, 1);
        }
    }
}

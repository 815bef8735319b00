//! What the README shows: for each workload ringpool, the best of the others, and rayon, which most readers know.

use crate::figures::{Figures, Row};
use crate::plot::{self, Group};
use crate::table::{Table, number};

/// The workloads in it, with what they are in a few words.
const SHOWN: [(&str, &str); 16] = [
    ("W1 hot", "submit a tiny job and wait"),
    ("W1 cold", "the same after 100 µs of sleep"),
    ("W2 handles", "10⁶ tiny jobs, handles kept"),
    ("W2 detached", "10⁶ tiny jobs, no handles"),
    ("W2 bulk", "10⁶ tiny items, one map"),
    ("W3 fresh", "10⁷ numbers, fresh vector"),
    ("W3 into", "10⁷ numbers, existing vector"),
    ("W3 sum", "sum of 10⁷ squares"),
    ("W4 region", "an empty parallel region"),
    ("W5 triangle", "items of growing cost"),
    ("W6 unordered", "lazy stream, tiny items"),
    ("W6 ordered", "the same in order"),
    ("W6 50 µs", "lazy stream, long items"),
    ("W7 Jacobi", "200 sweeps over a plate"),
    ("W7 Mandelbrot", "rows of uneven cost"),
    ("W8", "make a pool, one job, join"),
];

/// What shows a floor, not a way to run jobs in parallel.
const FLOORS: [&str; 4] = ["sequential", "C by ", "one chunk alone", "bare threads"];

/// The one that most readers know.
const RAYON: &str = "rayon";

/// One line of the summary.
pub(crate) struct Line {
    id: &'static str,
    what: &'static str,
    unit: String,
    own: f64,
    /// The best of the others, and the best that rayon does, if it takes part: name, value, and its ratio to ours.
    best: (String, f64, f64),
    rayon: Option<(String, f64, f64)>,
}

/// Compares the best of both sides, like with like: where a job is waited for or kept, those that may run it on the caller
/// do not count, of streams those do not that yield no results, and of empty regions those in which not every worker runs.
pub(crate) fn lines(all: &[Figures]) -> Vec<Line> {
    let line = |&(id, what): &(&'static str, &'static str)| {
        let figures = all.iter().find(|figures| figures.id == id)?;
        let jobs = ["job", "pool"]
            .iter()
            .any(|unit| figures.unit.ends_with(unit));
        let differs = |name: &str| name.ends_with("+ reduce") || jobs && name.contains("caller");
        let counts = |row: &Row| !differs(&row.name) && takes_part(all, id, row);
        let fastest = |wanted: &dyn Fn(&str) -> bool| {
            let rows = figures.rows.iter();
            let rows = rows.filter(|row| counts(row) && wanted(&row.name));
            let rated = rows.filter_map(|row| {
                let (value, ratio) = (row.value.median()?, row.ratio.median()?);
                Some((short(&row.name), value, ratio))
            });
            rated.min_by(|(_, _, a), (_, _, b)| a.total_cmp(b))
        };
        let (_, own, base) = fastest(&|name| name.starts_with("ringpool"))?;
        let to_ours = |(name, value, ratio): (String, f64, f64)| (name, value, ratio / base);
        let is_floor = |name: &str| FLOORS.iter().any(|floor| name.starts_with(floor));
        Some(Line {
            id,
            what,
            unit: figures.unit.clone(),
            own,
            best: to_ours(fastest(&|name| {
                !name.starts_with("ringpool") && !is_floor(name)
            })?),
            rayon: fastest(&|name| name.starts_with(RAYON)).map(to_ours),
        })
    };
    SHOWN.iter().filter_map(line).collect()
}

/// Whether all workloads of the summary were measured.
pub(crate) fn is_complete(lines: &[Line]) -> bool {
    lines.len() == SHOWN.len()
}

/// Whether every worker runs in nearly every region, where that was measured.
fn takes_part(all: &[Figures], id: &str, row: &Row) -> bool {
    let shares = all.iter().find(|figures| figures.id == "W4 shares");
    let Some(shares) = shares.filter(|_| id == "W4 region") else {
        return true;
    };
    let share = shares.rows.iter().find(|share| share.name == row.name);
    share.is_none_or(|share| share.value.median().is_some_and(|share| share > 99.0))
}

/// The peer itself, without how it was used; of a long name as many words as there is room for.
fn short(name: &str) -> String {
    const ROOM: usize = 20;

    if name.starts_with(RAYON) {
        return RAYON.into();
    }
    let end = name.find([':', ',', '+', '(']).unwrap_or(name.len());
    let mut words = name[..end].split_whitespace();
    let mut short = words.next().unwrap_or_default().to_owned();
    for word in words {
        if short.len() + 1 + word.len() > ROOM {
            break;
        }
        short.extend([" ", word]);
    }
    short
}

/// The picture.
pub(crate) fn picture(lines: &[Line]) -> String {
    let group = |line: &Line| {
        let mut peers = vec![(line.best.0.clone(), line.best.2)];
        if let Some((name, _, ratio)) = &line.rayon
            && *name != line.best.0
        {
            peers.push((name.clone(), *ratio));
        }
        Group {
            title: format!("{}: {}", line.id, line.what),
            own: time(line.own),
            peers,
        }
    };
    let groups: Vec<Group> = lines.iter().map(group).collect();
    plot::groups(
        "Time by that of ringpool: the best of the others, and rayon",
        &groups,
    )
}

/// The small table.
pub(crate) fn table(lines: &[Line]) -> String {
    let head = ["", "ringpool", "best of the others", "rayon"];
    let mut table = Table::new(head.map(String::from).to_vec());
    for line in lines {
        let (name, value, ratio) = &line.best;
        // Markdown would take underscores for emphasis.
        let name: Vec<_> = name
            .split(' ')
            .map(|word| {
                if word.contains('_') {
                    format!("`{word}`")
                } else {
                    word.into()
                }
            })
            .collect();
        let name = name.join(" ");
        let rayon = line.rayon.as_ref();
        table.row(vec![
            format!("{}: {}", line.id, line.what),
            format!("{} {}", time(line.own), line.unit.trim_start_matches("ns ")),
            format!("{name} {} ({ratio:.2} ×)", time(*value)),
            rayon.map_or("–".into(), |(_, value, ratio)| {
                format!("{} ({ratio:.2} ×)", time(*value))
            }),
        ]);
    }
    table.to_string()
}

/// Nanoseconds in a unit that reads well.
fn time(nanos: f64) -> String {
    match nanos {
        nanos if nanos >= 1e6 => format!("{} ms", number(Some(nanos / 1e6))),
        nanos if nanos >= 1e3 => format!("{} µs", number(Some(nanos / 1e3))),
        nanos => format!("{} ns", number(Some(nanos))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_goes_by_its_own_name() {
        assert_eq!(
            short("crossbeam by hand, a channel a job"),
            "crossbeam by hand"
        );
        assert_eq!(short("libgomp active: parallel for"), "libgomp active");
        assert_eq!(short("orx-parallel iter_into_par"), "orx-parallel");
        assert_eq!(short("rayon spawn + channel"), "rayon");
    }

    #[test]
    fn like_is_compared_with_like() {
        let row = |name: &str, value: f64| Row {
            name: name.into(),
            value: [value].into_iter().collect(),
            ratio: [value / 10.0].into_iter().collect(),
            ..Row::default()
        };
        let mut hot = Figures::new("W1 hot", "", "ns a job");
        hot.rows = vec![
            row("ringpool apply", 10.0),
            row("ringpool apply, caller participates", 1.0),
            row("oneTBB: task_group, the caller may run it", 1.0),
            row("sequential", 0.5),
            row("rayon install", 30.0),
            row("threadpool + channel", 20.0),
        ];
        let mut region = Figures::new("W4 region", "", "ns a region");
        region.rows = vec![
            row("ringpool broadcast", 10.0),
            row("rayon par_iter", 1.0),
            row("rayon broadcast", 40.0),
        ];
        let mut shares = Figures::new("W4 shares", "", "%");
        shares.rows = vec![row("rayon par_iter", 0.0)];
        let lines = lines(&[hot, region, shares]);
        let best = |line: &Line| (line.own, line.best.0.clone(), line.best.1);
        let found: Vec<_> = lines.iter().map(best).collect();
        let expected = [
            (10.0, "threadpool".to_owned(), 20.0),
            (10.0, "rayon".to_owned(), 40.0),
        ];
        assert_eq!(found, expected);
    }
}

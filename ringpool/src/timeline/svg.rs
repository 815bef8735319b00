//! A picture of a timeline.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt::{self, Write};

use super::{Span, SpanKind, Timeline, Title, beginning};

/// A timeline as an SVG picture; see [`svg`].
#[derive(Debug)]
pub struct Svg<'a>(&'a Timeline);

/// The timeline as an SVG picture: one lane for each worker, jobs and chunks coloured by call, sleep as a thin line,
/// and nothing where the worker looked for work. What is run inside a wait lies within what waits. Pointing at a
/// span tells its items and times.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = ringpool::Pool::builder().workers(1).timeline(100).build()?;
/// pool.with().name("hello").apply(|| ())?;
/// let picture = ringpool::timeline::svg(&pool.timeline()).to_string();
/// assert!(picture.starts_with("<svg") && picture.contains("hello"));
/// # Ok(()) }
/// ```
pub fn svg(timeline: &Timeline) -> Svg<'_> {
    Svg(timeline)
}

/// Lengths are in hundredths of the picture's unit, a pixel, so that whole numbers are fine enough.
const PIXEL: u64 = 100;
const WIDTH: u64 = 1000 * PIXEL;
/// Where the lanes begin and end; labels stand left and right of them.
const LEFT: u64 = 76 * PIXEL;
const RIGHT: u64 = 950 * PIXEL;
const TOP: u64 = 16 * PIXEL;
const LANE: u64 = 26 * PIXEL;
const LANE_STEP: u64 = 34 * PIXEL;
/// How far below a lane's top its labels stand.
const BASELINE: u64 = 17 * PIXEL;
/// How far what lies inside of another span stands back from its edge.
const INSET: u64 = 4 * PIXEL;
/// What is narrower is drawn so wide, or together with its neighbour.
const NARROW: u64 = PIXEL;
/// So few that a name as long as `Short` lets it be, and a time, have room.
const LEGEND_COLUMNS: u64 = 3;

/// Legible on white and on black. The last one is for all calls that got none of their own.
const COLOURS: [&str; 10] = [
    "#4c8dd6", "#f0883e", "#3fa66a", "#c678dd", "#d9534f", "#17a2a2", "#b8860b", "#e377a2",
    "#7b68ee", "#808b96",
];

const STYLE: &str = "\
<style>
.paper{fill:#fff}.ink{fill:#24292f}.lane{fill:#eff1f4}.rule{stroke:#d5d9de}.asleep{stroke:#8b949e}.bar{stroke:#fff}
text{font:12px system-ui,sans-serif}
@media (prefers-color-scheme:dark){
.paper{fill:#14171c}.ink{fill:#d8dee6}.lane{fill:#20252c}.rule{stroke:#3a414b}.bar{stroke:#14171c}}
</style>
";

/// What tells groups apart: the name, or the call where there is none.
type Key = (Option<&'static str>, usize);

fn key(span: &Span) -> Key {
    match span.name {
        None => (None, span.call),
        name => (name, 0),
    }
}

/// All that was run under one name, or by one call without a name.
struct Group<'a> {
    sample: &'a Span,
    spans: usize,
    nanos: u64,
}

/// The groups of a timeline, those with the most time first, and the place of each among them.
struct Groups<'a> {
    list: Vec<Group<'a>>,
    places: BTreeMap<Key, usize>,
}

fn groups(timeline: &Timeline) -> Groups<'_> {
    let mut groups: BTreeMap<Key, Group<'_>> = BTreeMap::new();
    let spans = timeline.workers.iter().flat_map(|lane| &lane.spans);
    for span in spans.filter(|span| span.kind != SpanKind::Asleep) {
        let group = groups.entry(key(span)).or_insert(Group {
            sample: span,
            spans: 0,
            nanos: 0,
        });
        group.spans += 1;
        group.nanos += nanos(span);
    }
    let mut list: Vec<_> = groups.into_values().collect();
    list.sort_by_key(|group| Reverse(group.nanos));
    let places = list.iter().enumerate();
    let places = places.map(|(at, group)| (key(group.sample), at)).collect();
    Groups { list, places }
}

fn nanos(span: &Span) -> u64 {
    span.end.as_nanos().saturating_sub(span.start.as_nanos())
}

fn colour(group: usize) -> &'static str {
    COLOURS[group.min(COLOURS.len() - 1)]
}

/// Where moments lie in the picture.
struct Scale {
    from: u64,
    nanos: u64,
}

impl Scale {
    fn of(timeline: &Timeline) -> Self {
        let from = beginning(timeline);
        let spans = timeline.workers.iter().flat_map(|lane| &lane.spans);
        let last = spans.map(|span| span.end.as_nanos()).max();
        let nanos = last.unwrap_or(from).saturating_sub(from).max(1);
        Self { from, nanos }
    }

    fn after(&self, nanos: u64) -> u64 {
        let share = u128::from(nanos) * u128::from(RIGHT - LEFT) / u128::from(self.nanos);
        LEFT + u64::try_from(share).unwrap_or(RIGHT - LEFT)
    }

    fn at(&self, nanos: u64) -> u64 {
        self.after(nanos.saturating_sub(self.from))
    }
}

/// A span in the picture, or some that lie too close to be told apart.
struct Bar<'a> {
    span: &'a Span,
    group: usize,
    depth: u64,
    spans: usize,
    left: u64,
    right: u64,
}

/// The bars of a worker, what lies within others after them, and for how long it was busy.
fn bars<'a>(spans: &'a [Span], groups: &Groups<'_>, scale: &Scale) -> (Vec<Bar<'a>>, u64) {
    let awake = spans.iter().filter(|span| span.kind != SpanKind::Asleep);
    let mut spans: Vec<&Span> = awake.collect();
    spans.sort_by_key(|span| (span.start, Reverse(span.end)));
    let mut bars: Vec<Bar<'a>> = Vec::new();
    let mut busy = 0;
    // The spans that the present one lies in, and the last bar at each depth.
    let mut around: Vec<&Span> = Vec::new();
    let mut last: Vec<usize> = Vec::new();
    for span in spans {
        while around.pop_if(|outer| outer.end <= span.start).is_some() {}
        let depth = around.len();
        around.push(span);
        busy += if depth == 0 { nanos(span) } else { 0 };
        last.truncate(depth + 1);
        let (left, right) = (
            scale.at(span.start.as_nanos()),
            scale.at(span.end.as_nanos()),
        );
        let right = right.max(left + NARROW);
        let group = groups.places.get(&key(span)).copied().unwrap_or(0);
        if let Some(bar) = last.get(depth).map(|at| &mut bars[*at])
            && left < bar.right
            && right - left <= NARROW
        {
            // Too narrow to be seen beside its neighbour.
            bar.spans += 1;
            if group == bar.group {
                bar.right = bar.right.max(right);
            }
            continue;
        }
        last.truncate(depth);
        last.push(bars.len());
        let depth = depth as u64;
        bars.push(Bar {
            span,
            group,
            depth,
            spans: 1,
            left,
            right,
        });
    }
    (bars, busy)
}

impl fmt::Display for Svg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeline = self.0;
        let (groups, scale) = (groups(timeline), Scale::of(timeline));
        let lanes_end = TOP + timeline.workers.len() as u64 * LANE_STEP;
        let legend = lanes_end + 44 * PIXEL;
        let shown = groups.list.len().min(COLOURS.len()) as u64;
        let height = legend + shown.div_ceil(LEGEND_COLUMNS) * 20 * PIXEL;
        let (wide, high) = (Pixels(WIDTH), Pixels(height));
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" \
             height=\"{high}\">"
        )?;
        f.write_str(STYLE)?;
        let paper = Place(0, 0, WIDTH, height);
        writeln!(f, "<rect class=\"paper\"{paper}/>")?;
        axis(f, &scale, lanes_end)?;
        for (worker, lane) in timeline.workers.iter().enumerate() {
            let top = TOP + worker as u64 * LANE_STEP;
            let (bars, busy) = bars(&lane.spans, &groups, &scale);
            lane_frame(f, worker, lane.dropped, top)?;
            for span in &lane.spans {
                asleep(f, span, &scale, top)?;
            }
            for bar in &bars {
                draw(f, bar, &scale, top)?;
            }
            let (left, base) = (Pixels(RIGHT + 6 * PIXEL), Pixels(top + BASELINE));
            let share = u128::from(busy) * 100 / u128::from(scale.nanos);
            writeln!(
                f,
                "<text class=\"ink\" x=\"{left}\" y=\"{base}\">{share} %</text>"
            )?;
        }
        for number in 0..groups.list.len().min(COLOURS.len()) {
            legend_entry(f, number, &groups.list, legend)?;
        }
        f.write_str("</svg>\n")
    }
}

/// The lane's ground and name.
fn lane_frame(f: &mut fmt::Formatter<'_>, worker: usize, dropped: usize, top: u64) -> fmt::Result {
    let place = Place(LEFT, top, RIGHT - LEFT, LANE);
    writeln!(f, "<rect class=\"lane\"{place}/>")?;
    let base = Pixels(top + BASELINE);
    write!(
        f,
        "<text class=\"ink\" x=\"8\" y=\"{base}\">worker {worker}"
    )?;
    if dropped > 0 {
        write!(f, "<title>{dropped} earlier spans are not shown</title> +")?;
    }
    f.write_str("</text>\n")
}

fn asleep(f: &mut fmt::Formatter<'_>, span: &Span, scale: &Scale, top: u64) -> fmt::Result {
    let (left, right) = (
        scale.at(span.start.as_nanos()),
        scale.at(span.end.as_nanos()),
    );
    // A span may seem to end before it begins, where the clocks of two cores differ.
    if span.kind != SpanKind::Asleep || right.saturating_sub(left) < NARROW {
        return Ok(());
    }
    let (x1, x2, y) = (Pixels(left), Pixels(right), Pixels(top + LANE / 2));
    let time = Time(nanos(span));
    writeln!(
        f,
        "<line class=\"asleep\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{y}\" y2=\"{y}\"><title>asleep for {time}</title></line>"
    )
}

fn draw(f: &mut fmt::Formatter<'_>, bar: &Bar<'_>, scale: &Scale, top: u64) -> fmt::Result {
    let inset = (bar.depth * INSET).min(LANE / 2 - 2 * PIXEL);
    let place = Place(
        bar.left,
        top + inset,
        bar.right - bar.left,
        LANE - 2 * inset,
    );
    let fill = colour(bar.group);
    // A rim in the colour of the paper parts neighbours, where there is room for one.
    let class = if bar.right - bar.left > 4 * PIXEL {
        " class=\"bar\""
    } else {
        ""
    };
    write!(f, "<rect{class}{place} fill=\"{fill}\"><title>")?;
    let span = bar.span;
    write!(Escaped(f), "{}", Title(span))?;
    if bar.spans > 1 {
        write!(f, " and {} more", bar.spans - 1)?;
    } else {
        if span.kind == SpanKind::Chunk {
            write!(
                f,
                ", items {} to {}",
                span.items.start,
                span.items.end.saturating_sub(1)
            )?;
        }
        let (took, at) = (Time(nanos(span)), Time(span.start.as_nanos() - scale.from));
        write!(f, ": {took} from {at} on")?;
    }
    f.write_str("</title></rect>\n")
}

/// Lines and times below the lanes.
fn axis(f: &mut fmt::Formatter<'_>, scale: &Scale, lanes_end: u64) -> fmt::Result {
    let step = step(scale.nanos);
    let (y1, y2) = (Pixels(TOP - 4 * PIXEL), Pixels(lanes_end));
    let y = Pixels(lanes_end + 14 * PIXEL);
    for at in (0..=scale.nanos / step).map(|tick| tick * step) {
        let x = Pixels(scale.after(at));
        writeln!(
            f,
            "<line class=\"rule\" x1=\"{x}\" x2=\"{x}\" y1=\"{y1}\" y2=\"{y2}\"/>"
        )?;
        let time = Time(at);
        writeln!(
            f,
            "<text class=\"ink\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{time}</text>"
        )?;
    }
    Ok(())
}

/// A round distance that parts so much time into at most ten.
fn step(nanos: u64) -> u64 {
    let mut unit = 1;
    loop {
        for step in [unit, 2 * unit, 5 * unit] {
            if nanos / step < 10 {
                return step;
            }
        }
        unit *= 10;
    }
}

fn legend_entry(
    f: &mut fmt::Formatter<'_>,
    number: usize,
    groups: &[Group<'_>],
    top: u64,
) -> fmt::Result {
    let group = &groups[number];
    let (column, row) = (
        number as u64 % LEGEND_COLUMNS,
        number as u64 / LEGEND_COLUMNS,
    );
    let x = LEFT + column * (RIGHT - LEFT) / LEGEND_COLUMNS;
    let y = top + row * 20 * PIXEL;
    let fill = colour(number);
    let place = Place(x, y - 10 * PIXEL, 12 * PIXEL, 12 * PIXEL);
    writeln!(f, "<rect{place} fill=\"{fill}\"/>")?;
    let (left, base) = (Pixels(x + 18 * PIXEL), Pixels(y));
    write!(f, "<text class=\"ink\" x=\"{left}\" y=\"{base}\">")?;
    let is_rest = number + 1 == COLOURS.len() && groups.len() > COLOURS.len();
    if is_rest {
        write!(f, "{} others", groups.len() - number)?;
    } else {
        write!(Escaped(f), "{}", Short(Title(group.sample).to_string()))?;
        write!(f, " · {}", Time(group.nanos))?;
    }
    write!(f, "<title>")?;
    let rest = if is_rest {
        &groups[number..]
    } else {
        core::slice::from_ref(group)
    };
    let spans: usize = rest.iter().map(|group| group.spans).sum();
    let time = Time(rest.iter().map(|group| group.nanos).sum());
    writeln!(f, "{spans} spans, {time} in all</title></text>")
}

/// A name as far as its column has room.
struct Short(String);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: usize = 24;
        match self.0.char_indices().nth(LETTERS) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(&self.0),
        }
    }
}

/// Where a rectangle lies, as attributes: left, top, width, height.
struct Place(u64, u64, u64, u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(left, top, width, height) = self;
        let (left, top) = (Pixels(left), Pixels(top));
        let (width, height) = (Pixels(width), Pixels(height));
        write!(
            f,
            " x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\""
        )
    }
}

/// Hundredths of a pixel, printed in pixels.
struct Pixels(u64);

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / PIXEL, self.0 % PIXEL) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, rest) => write!(f, "{whole}.{rest:02}"),
        }
    }
}

/// Nanoseconds, printed in the unit that leaves three digits or fewer before the point.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            1_000_000_000.. => (1_000_000_000, "s"),
            1_000_000.. => (1_000_000, "ms"),
            1000.. => (1000, "µs"),
            _ => (1, "ns"),
        };
        let (whole, hundredths) = (self.0 / unit, self.0 % unit * 100 / unit);
        match hundredths {
            0 => write!(f, "{whole} {name}"),
            _ => write!(f, "{whole}.{hundredths:02} {name}"),
        }
    }
}

/// Writes text as the inside of an element of XML.
struct Escaped<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '<' => self.0.write_str("&lt;")?,
                '&' => self.0.write_str("&amp;")?,
                // XML has no way to write these.
                '\0'..=' ' => self.0.write_char(' ')?,
                _ => self.0.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "std-backend"))]
mod tests {
    use super::*;
    use crate::Pool;

    /// A timeline of a pool of one worker that has run `f`.
    fn timeline_of(f: impl FnOnce(&Pool)) -> Timeline {
        let pool = Pool::builder().workers(1).timeline(1000).build().unwrap();
        f(&pool);
        pool.timeline()
    }

    #[test]
    fn what_runs_inside_a_wait_is_drawn_within_it() {
        let timeline = timeline_of(|pool| {
            pool.apply(|| pool.map(0..2, |n| n).unwrap()).unwrap();
        });
        let (groups, scale) = (groups(&timeline), Scale::of(&timeline));
        let (bars, busy) = bars(&timeline.workers[0].spans, &groups, &scale);
        let depths: Vec<_> = bars.iter().map(|bar| bar.depth).collect();
        assert!(depths.starts_with(&[0, 1]), "{depths:?}");
        let spans = &timeline.workers[0].spans;
        let outer = spans.iter().find(|span| span.kind == SpanKind::Job);
        assert_eq!(busy, nanos(outer.unwrap()));
    }

    #[test]
    fn spans_too_narrow_to_be_told_apart_share_a_bar() {
        let timeline = timeline_of(|pool| {
            pool.with().chunk_size(1).for_each(0..900, |_| ()).unwrap();
        });
        let (groups, mut scale) = (groups(&timeline), Scale::of(&timeline));
        // As if they were part of an hour.
        scale.nanos = 3_600_000_000_000;
        let spans = &timeline.workers[0].spans;
        let (bars, _) = bars(spans, &groups, &scale);
        assert_eq!(bars.len(), 1);
        let chunks = spans.iter().filter(|span| span.kind == SpanKind::Chunk);
        assert_eq!(bars[0].spans, chunks.count());
    }

    #[test]
    fn names_group_calls_and_are_escaped() {
        let timeline = timeline_of(|pool| {
            for _ in 0..2 {
                pool.with().name("a<b>&c").apply(|| ()).unwrap();
                pool.apply(|| ()).unwrap();
            }
        });
        assert_eq!(
            groups(&timeline).list.len(),
            3,
            "one name, and two calls without"
        );
        let text = svg(&timeline).to_string();
        assert!(text.contains("a&lt;b>&amp;c") && !text.contains("a<b>"));
    }

    #[test]
    fn an_empty_timeline_is_a_picture_too() {
        let pool = Pool::builder().workers(1).build().unwrap();
        let text = svg(&pool.timeline()).to_string();
        assert!(text.contains("worker 0") && text.ends_with("</svg>\n"));
    }

    #[test]
    fn ticks_are_round_and_ten_at_most() {
        for (nanos, wanted) in [
            (1, 1),
            (9, 1),
            (10, 2),
            (19, 2),
            (20, 5),
            (1_234_567, 200_000),
        ] {
            assert_eq!(step(nanos), wanted, "{nanos}");
        }
    }

    #[test]
    fn times_have_three_digits_before_the_point() {
        let told = [999, 1000, 1_500_000, 2_050_000_000].map(|nanos| Time(nanos).to_string());
        assert_eq!(told, ["999 ns", "1 µs", "1.50 ms", "2.05 s"]);
    }
}

//! Pictures of figures, as SVG that reads well on light and on dark pages.
//!
//! Ratios stand on a logarithmic axis whose origin is the base itself: a bar to the right is so many times slower than
//! ringpool, one to the left so many times faster.

use std::fmt::Write;

use crate::figures::{Figures, Row};
use crate::table::number;

/// Text and lines are grey enough for a white page and for a black one; what differs is set apart for dark pages.
const STYLE: &str = "\
text { font: 12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 }
.quiet { fill: #656d76 }
.grid { stroke: #d1d9e0 }
.origin { stroke: #656d76 }
.whisker { stroke: #1f2328 }
.peer { fill: #8c959f }
.ours { fill: #0969da }
.base { stroke: #0969da; stroke-width: 2 }
text.ours { font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
.grid { stroke: #3d444d }
.origin { stroke: #9198a1 }
.whisker { stroke: #e6edf3 }
.peer { fill: #6e7681 }
.ours { fill: #4493f8 }
.base { stroke: #4493f8 }
}
";

const WIDTH: f64 = 940.0;
/// Where names end, and where bars may be.
const NAMES: f64 = 330.0;
const LEFT: f64 = 345.0;
const RIGHT: f64 = 735.0;
/// Where values end, beside their ratios.
const VALUES: f64 = 840.0;
const ROW: f64 = 22.0;
const BAR: f64 = 12.0;
const HEAD: f64 = 52.0;

/// A place on the logarithmic axis for each ratio.
struct Axis {
    least: f64,
    greatest: f64,
}

impl Axis {
    /// Wide enough for all ratios and at least from a half to two.
    fn over(ratios: impl Iterator<Item = f64>) -> Self {
        let (least, greatest) = ratios.fold((0.5_f64, 2.0_f64), |(least, greatest), ratio| {
            (least.min(ratio), greatest.max(ratio))
        });
        Self { least, greatest }
    }

    fn at(&self, ratio: f64) -> f64 {
        let part = (ratio / self.least).ln() / (self.greatest / self.least).ln();
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// The round ratios on the axis and their names: powers of ten, and 2 and 5 times those where there is room.
    fn ticks(&self) -> Vec<(f64, String)> {
        let steps: &[i32] = if self.greatest / self.least > 1e3 {
            &[1]
        } else {
            &[1, 2, 5]
        };
        let tick = |power: i32, step: i32| {
            let value = f64::from(step) * 10.0_f64.powi(power);
            let name = match usize::try_from(-power) {
                Ok(digits) => format!("{value:.digits$}×"),
                Err(_) => format!("{value}×"),
            };
            (value, name)
        };
        (-6..=9)
            .flat_map(|power| steps.iter().map(move |step| tick(power, *step)))
            .filter(|(value, _)| (self.least..=self.greatest).contains(value))
            .collect()
    }
}

/// A picture that grows from above.
struct Canvas {
    body: String,
    height: f64,
}

impl Canvas {
    fn new(height: f64) -> Self {
        Self {
            body: String::new(),
            height,
        }
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes everything");
    }

    fn text(&mut self, x: f64, y: f64, class: &str, anchor: &str, text: &str) {
        let text = escaped(text);
        self.element(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.element(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    /// A bar from the origin, never too thin to be seen.
    fn bar(&mut self, class: &str, axis: &Axis, y: f64, ratio: f64) {
        let (origin, end) = (axis.at(1.0), axis.at(ratio));
        let x = origin.min(end).min(origin - 1.5);
        let width = origin.max(end).max(origin + 1.5) - x;
        let y = y - BAR / 2.0;
        self.element(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{BAR}" rx="2" class="{class}"/>"#
        ));
    }

    fn whisker(&mut self, axis: &Axis, y: f64, (least, greatest): (f64, f64)) {
        let (least, greatest) = (axis.at(least), axis.at(greatest));
        self.line("whisker", (least, y), (greatest, y));
        for x in [least, greatest] {
            self.line("whisker", (x, y - 3.0), (x, y + 3.0));
        }
    }

    /// The lines of the axis, behind everything that is drawn later.
    fn grid(&mut self, axis: &Axis, bottom: f64) {
        for (tick, name) in axis.ticks() {
            let x = axis.at(tick);
            let is_origin = (tick - 1.0).abs() < 1e-9;
            let class = if is_origin { "origin" } else { "grid" };
            self.line(class, (x, HEAD - 8.0), (x, bottom));
            self.text(x, bottom + 14.0, "quiet", "middle", &name);
        }
    }

    /// The file's text.
    fn svg(self, title: &str) -> String {
        let Self { body, height } = self;
        let title = escaped(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n{body}</svg>\n"
        )
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// A ratio, also one far below 1.
fn times(ratio: f64) -> String {
    if ratio < 0.095 {
        format!("{ratio:.3}×")
    } else {
        format!("{}×", number(Some(ratio)))
    }
}

fn is_ours(row: &Row) -> bool {
    row.name.starts_with("ringpool")
}

/// The ratios of a section as bars, of contenders the fastest on top. `None`: nothing is compared there.
pub(crate) fn bars(figures: &Figures) -> Option<String> {
    let mut rows: Vec<(&Row, f64, (f64, f64))> = figures
        .rows
        .iter()
        .filter_map(|row| Some((row, row.ratio.median()?, row.ratio.range()?)))
        .collect();
    if rows.len() < 2 {
        return None;
    }
    // Where ringpool stands alone, rows are amounts of work in their order.
    let alone = !rows.iter().any(|(row, ..)| is_ours(row));
    if !alone {
        rows.sort_by(|(_, a, _), (_, b, _)| a.total_cmp(b));
    }
    let axis = Axis::over(
        rows.iter()
            .flat_map(|(_, median, (least, greatest))| [*median, *least, *greatest]),
    );
    let bottom = rows.iter().fold(HEAD, |bottom, _| bottom + ROW);
    let mut canvas = Canvas::new(bottom + 24.0);
    let title = format!("{}: {}", figures.id, figures.what);
    canvas.text(12.0, 20.0, "title", "start", &title);
    canvas.text(VALUES, HEAD - 14.0, "quiet", "end", &figures.unit);
    let base = format!("× {}", figures.base);
    canvas.text(WIDTH - 12.0, HEAD - 14.0, "quiet", "end", &base);
    canvas.grid(&axis, bottom);
    let mut y = HEAD - ROW / 2.0;
    for (row, ratio, range) in rows {
        y += ROW;
        let class = if alone || is_ours(row) {
            "ours"
        } else {
            "peer"
        };
        let text = if is_ours(row) { "ours" } else { "" };
        canvas.text(NAMES, y + 4.0, text, "end", &row.name);
        canvas.bar(class, &axis, y, ratio);
        if range.0 < range.1 {
            canvas.whisker(&axis, y, range);
        }
        canvas.text(VALUES, y + 4.0, text, "end", &number(row.value.median()));
        canvas.text(WIDTH - 12.0, y + 4.0, text, "end", &times(ratio));
    }
    Some(canvas.svg(&title))
}

/// What one workload of the summary shows.
pub(crate) struct Group {
    pub(crate) title: String,
    /// ringpool's own value.
    pub(crate) own: String,
    /// Peers and how many times as long they take.
    pub(crate) peers: Vec<(String, f64)>,
}

/// Peers against ringpool, workload by workload.
pub(crate) fn groups(title: &str, groups: &[Group]) -> String {
    let ratios = groups.iter().flat_map(|group| &group.peers);
    let axis = Axis::over(ratios.map(|(_, ratio)| *ratio));
    let bottom = groups
        .iter()
        .fold(HEAD, |bottom, group| bottom + group_height(group));
    let mut canvas = Canvas::new(bottom + 24.0);
    canvas.text(12.0, 20.0, "title", "start", title);
    let origin = axis.at(1.0);
    canvas.text(origin, HEAD - 14.0, "ours", "middle", "ringpool");
    canvas.text(
        origin - 40.0,
        HEAD - 14.0,
        "quiet",
        "end",
        "← others take less",
    );
    canvas.text(
        origin + 40.0,
        HEAD - 14.0,
        "quiet",
        "start",
        "others take more →",
    );
    canvas.grid(&axis, bottom);
    canvas.line("base", (origin, HEAD - 8.0), (origin, bottom));
    let mut top = HEAD;
    for group in groups {
        canvas.text(12.0, top + ROW / 2.0 + 4.0, "", "start", &group.title);
        canvas.text(NAMES, top + ROW / 2.0 + 4.0, "ours", "end", &group.own);
        for (place, (name, ratio)) in (0_u8..).zip(&group.peers) {
            let y = top + ROW * (f64::from(place) + 0.5);
            canvas.bar("peer", &axis, y, *ratio);
            let said = format!("{} {name}", times(*ratio));
            canvas.text(RIGHT + 12.0, y + 4.0, "", "start", &said);
        }
        top += group_height(group);
    }
    canvas.svg(title)
}

fn group_height(group: &Group) -> f64 {
    group.peers.iter().fold(6.0, |height, _| height + ROW)
}

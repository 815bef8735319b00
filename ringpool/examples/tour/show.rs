//! What the tour prints and how: sections, calls with their results, tables.

use std::fmt::Display;
use std::io::{self, IsTerminal, Stdout, Write};
use std::path::Path;
use std::time::Duration;

use console::{Style, Term, measure_text_width};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The printed tour. `console` drops the colours where standard output is no terminal.
pub(crate) struct Show {
    out: Stdout,
    on_terminal: bool,
    width: usize,
    section: usize,
    calls: usize,
}

impl Show {
    pub(crate) fn new() -> Self {
        let out = io::stdout();
        // A bar on standard error would only disturb what a pipe reads beside it.
        let on_terminal = out.is_terminal() && io::stderr().is_terminal();
        let columns = if out.is_terminal() {
            usize::from(Term::stdout().size().1)
        } else {
            96
        };
        Self {
            out,
            on_terminal,
            width: columns.clamp(60, 96),
            section: 0,
            calls: 0,
        }
    }

    pub(crate) fn banner(&mut self, dir: &Path, workers: usize) -> io::Result<()> {
        let name = Style::new().bold().apply_to("ringpool");
        let version = env!("CARGO_PKG_VERSION");
        writeln!(self.out, "\n{name} {version}, a tour of every verb")?;
        let rest = format!("{}, directory {}", count(workers, "worker"), dir.display());
        writeln!(self.out, "{}", faint().apply_to(rest))
    }

    pub(crate) fn section(&mut self, title: &str) -> io::Result<()> {
        self.section += 1;
        let number = self.section;
        let taken = measure_text_width(title) + 6;
        let rule = "─".repeat(self.width.saturating_sub(taken));
        writeln!(
            self.out,
            "\n{} {} {}",
            Style::new().cyan().apply_to(format!("{number:>2}")),
            Style::new().bold().apply_to(title),
            faint().apply_to(rule),
        )
    }

    /// One checked call: what was asked on the left, what came out on the right.
    pub(crate) fn call(&mut self, call: &str, result: impl Display) -> io::Result<()> {
        const LEFT: usize = 44;
        self.calls += 1;
        let tick = Style::new().green().apply_to("✓");
        let gap = " ".repeat(LEFT.saturating_sub(measure_text_width(call)));
        let mut lines = wrapped(&result.to_string(), self.width - LEFT - 4).into_iter();
        writeln!(
            self.out,
            " {tick} {call}{gap} {}",
            lines.next().unwrap_or_default()
        )?;
        for line in lines {
            writeln!(self.out, "   {:LEFT$} {line}", "")?;
        }
        Ok(())
    }

    pub(crate) fn note(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "   {}", faint().apply_to(text))
    }

    /// A line that the reader should not miss.
    pub(crate) fn warning(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, " {} {text}", Style::new().yellow().apply_to("!"))
    }

    /// Prints as it is, without a mark in front.
    pub(crate) fn plain(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "   {text}")
    }

    /// A table: the first column to the left, the others to the right.
    pub(crate) fn table<const N: usize>(
        &mut self,
        head: [&str; N],
        rows: &[[String; N]],
    ) -> io::Result<()> {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = rows.iter().map(|row| measure_text_width(&row[column]));
            cells
                .chain([measure_text_width(head[column])])
                .max()
                .unwrap_or(0)
        });
        let mut line = |cells: [&str; N], style: Style| {
            let mut text = String::new();
            for (column, cell) in cells.into_iter().enumerate() {
                let gap = " ".repeat(widths[column] - measure_text_width(cell));
                let (before, after) = if column == 0 {
                    ("", &*gap)
                } else {
                    (&*gap, "")
                };
                text.push_str(before);
                text.push_str(cell);
                text.push_str(after);
                text.push_str("   ");
            }
            writeln!(self.out, "   {}", style.apply_to(text.trim_end()))
        };
        line(head, faint())?;
        for row in rows {
            line(row.each_ref().map(String::as_str), Style::new())?;
        }
        Ok(())
    }

    /// A progress bar, hidden unless both streams are a terminal.
    pub(crate) fn bar(&self, total: usize) -> ProgressBar {
        if !self.on_terminal {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        match ProgressStyle::with_template("   {bar:40.cyan/dim} {human_pos}/{human_len} files") {
            Ok(style) => bar.with_style(style.progress_chars("━━─")),
            Err(_) => bar,
        }
    }

    /// How many calls were shown, each of them checked.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }
}

fn faint() -> Style {
    Style::new().dim()
}

/// The words of `text` in lines of at most `width` cells, unless one word alone is wider. Runs of
/// spaces within a line stay, since columns may be aligned by them.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let filled = lines.last().map_or(0, |line| measure_text_width(line));
        if filled > 0 && filled + measure_text_width(word.trim_end()) > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// `1 worker`, `2 workers`, `1,200 files`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(n))
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration in the unit that leaves three digits or fewer before the point.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        1.0.. => format!("{seconds:.2} s"),
        1e-3.. => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.1} µs", seconds * 1e6),
    }
}

/// A share of one as a bar of ten cells.
pub(crate) fn meter(share: f64) -> String {
    // The clamp makes the cast exact and the value small.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let full = (share.clamp(0.0, 1.0) * 10.0).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(10 - full))
}

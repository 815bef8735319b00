//! Samples and the tables they end in: Markdown that reads well as plain text.

use std::fmt;

/// The values of one contender.
#[derive(Clone, Default)]
pub(crate) struct Sample {
    sorted: Vec<f64>,
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sample = Self::default();
        values.into_iter().for_each(|value| sample.add(value));
        sample
    }
}

impl Sample {
    pub(crate) fn add(&mut self, value: f64) {
        let place = self.sorted.partition_point(|other| *other < value);
        self.sorted.insert(place, value);
    }

    /// The middle value; of an even number of them the lower one.
    pub(crate) fn median(&self) -> Option<f64> {
        self.sorted
            .get(self.sorted.len().checked_sub(1)? / 2)
            .copied()
    }

    /// The least and the greatest value.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        Some((*self.sorted.first()?, *self.sorted.last()?))
    }

    pub(crate) fn spread(&self) -> String {
        let spread = |(min, max)| format!("{}–{}", number(Some(min)), number(Some(max)));
        self.range().map_or("failed".into(), spread)
    }

    /// Stands for what cannot be measured here.
    pub(crate) fn absent() -> Self {
        [f64::NAN].into_iter().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }
}

/// Three digits that count, `failed` where there is no value, a dash where none was to be had.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "failed".into(),
        Some(value) if value.is_nan() => "–".into(),
        Some(0.0) => "0".into(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

pub(crate) fn ratio(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| format!("{value:.2}"))
}

/// A Markdown table: the first column to the left, the others to the right.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len());
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| {
                self.rows
                    .iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for (line, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(f, "| {cell:<width$} |")?;
                } else {
                    write!(f, " {cell:>width$} |")?;
                }
            }
            writeln!(f)?;
            if line == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(*width);
                    if column == 0 {
                        write!(f, "| {dashes} |")?;
                    } else {
                        write!(f, " {}: |", &dashes[1..])?;
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

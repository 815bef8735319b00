//! What the sections measure, as data: tables and plots are drawn from it.

use std::fmt;

use crate::table::{Sample, Table, number, ratio};

/// The figures of one section.
#[derive(Clone)]
pub(crate) struct Figures {
    /// Its short name, such as `W1 hot`.
    pub(crate) id: String,
    /// What was measured.
    pub(crate) what: String,
    /// The unit of each row's value: `ns a job`.
    pub(crate) unit: String,
    /// What ratios are to: the first row, as a rule.
    pub(crate) base: &'static str,
    /// What each of `Row::more` is.
    pub(crate) more: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// What has to be said below the table.
    pub(crate) note: String,
}

/// One contender, or one amount of work.
#[derive(Clone, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// One value for each round.
    pub(crate) value: Sample,
    /// The value by the base's value of the same round; empty where nothing is compared.
    pub(crate) ratio: Sample,
    /// Further values of the same runs.
    pub(crate) more: Vec<Sample>,
}

impl Figures {
    /// With rows that are compared to the first.
    pub(crate) fn new(id: &str, what: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            what: what.into(),
            unit: unit.into(),
            base: "ringpool",
            more: Vec::new(),
            rows: Vec::new(),
            note: String::new(),
        }
    }
}

impl Row {
    /// Whether a measurement failed.
    pub(crate) fn is_incomplete(&self) -> bool {
        [&self.value]
            .into_iter()
            .chain(&self.more)
            .any(|sample| sample.len() == 0)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spread = self.rows.iter().any(|row| row.value.len() > 1);
        let compared = self.rows.iter().any(|row| row.ratio.len() > 0);
        let mut head = vec![String::new(), self.unit.clone()];
        head.extend(spread.then(|| "min–max".into()));
        head.extend(compared.then(|| format!("× {}", self.base)));
        head.extend(self.more.iter().cloned());
        let mut table = Table::new(head);
        for row in &self.rows {
            let mut cells = vec![row.name.clone(), number(row.value.median())];
            cells.extend(spread.then(|| row.value.spread()));
            cells.extend(compared.then(|| ratio(row.ratio.median())));
            cells.extend(row.more.iter().map(|sample| number(sample.median())));
            cells.resize(
                self.more.len() + 2 + usize::from(spread) + usize::from(compared),
                "failed".into(),
            );
            table.row(cells);
        }
        write!(f, "\n## {}: {}\n\n{table}", self.id, self.what)?;
        if !self.note.is_empty() {
            write!(f, "\n{}\n", self.note)?;
        }
        Ok(())
    }
}

//! The command line.

use std::env;
use std::io;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Runs ringpool and its peers side by side and prints the tables.

Usage: report [--rounds N] [--only TEXT] [--quick] [--write]

  --rounds N    values for each contender (default 5)
  --only TEXT   only sections whose name contains TEXT, such as `W1` or `backlog`
  --quick       a hundredth of the work and one round: to see that it runs, not to quote
  --write       write benches/REPORT.md, its pictures and the table of the README too
";

/// What the command line asks for.
pub(crate) struct Settings {
    pub(crate) rounds: usize,
    only: String,
    /// What amounts of work are divided by.
    scale: usize,
    pub(crate) write: bool,
}

impl Settings {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut settings = Self {
            rounds: 5,
            only: String::new(),
            scale: 1,
            write: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--rounds" => {
                    let given = rest
                        .next()
                        .and_then(|rounds| rounds.parse().ok())
                        .filter(|rounds| *rounds > 0);
                    settings.rounds = given.ok_or("--rounds needs a number above 0")?;
                }
                "--only" => settings
                    .only
                    .clone_from(rest.next().ok_or("--only needs a text")?),
                "--quick" => (settings.rounds, settings.scale) = (1, 100),
                "--write" => settings.write = true,
                other => return Err(format!("no such option: `{other}`")),
            }
        }
        Ok(settings)
    }

    pub(crate) fn wants(&self, section: &str) -> bool {
        section.to_lowercase().contains(&self.only.to_lowercase())
    }

    /// How much of that much work to do.
    pub(crate) fn scaled(&self, units: usize) -> usize {
        (units / self.scale).max(1)
    }
}

/// A file of `benches`, where everything goes that the report writes.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

/// Where the programs of other languages are built: beside this one.
pub(crate) fn scratch() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("foreign"))
}

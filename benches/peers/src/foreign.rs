//! Peers in other languages: whole programs, built from `foreign/` where the tools for it are there.
//!
//! Each program tells by itself which workloads it takes part in; `foreign/common.h` describes the dialogue.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A contender in another language.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// The short name of the workload.
    pub workload: String,
    /// What the tables call it.
    pub name: String,
    called: String,
    fewer: usize,
    program: Program,
}

/// How a program is started.
#[derive(Clone, Debug)]
struct Program {
    words: Vec<OsString>,
    /// The wait policy of OpenMP, if it is not left to the runtime.
    wait: Option<&'static str>,
}

/// What [`find`] has found.
#[derive(Debug, Default)]
pub struct Found {
    /// All contenders, in the order of the tables.
    pub contenders: Vec<Foreign>,
    /// The versions of those that are there.
    pub versions: Vec<String>,
    /// Who is missing, and why.
    pub missing: Vec<String>,
}

impl Found {
    /// Those that take part in that workload.
    pub fn of<'a>(&'a self, workload: &'a str) -> impl Iterator<Item = &'a Foreign> {
        let all = self.contenders.iter();
        all.filter(move |foreign| foreign.workload == workload)
    }

    /// Who is there and who is missing, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "- Peers in other languages: {}",
            self.versions.join("; ")
        )];
        lines.extend(
            self.missing
                .iter()
                .map(|reason| format!("- Skipped, missing here: {reason}")),
        );
        lines
    }
}

/// A source file and who turns it into a program.
struct Source {
    peer: &'static str,
    tool: &'static str,
    file: &'static str,
    flags: &'static [&'static str],
    /// What the name of the contender and the wait policy are, for each way to run it.
    ways: &'static [(&'static str, Option<&'static str>)],
}

const SOURCES: [Source; 7] = [
    Source {
        peer: "C, gcc",
        tool: "gcc",
        file: "sequential.c",
        flags: &[],
        ways: &[("C by gcc", None)],
    },
    Source {
        peer: "C, clang",
        tool: "clang",
        file: "sequential.c",
        flags: &[],
        ways: &[("C by clang", None)],
    },
    Source {
        peer: "OpenMP, libgomp",
        tool: "gcc",
        file: "openmp.c",
        flags: &["-fopenmp"],
        ways: &[
            ("libgomp", None),
            ("libgomp active", Some("active")),
            ("libgomp passive", Some("passive")),
        ],
    },
    Source {
        peer: "OpenMP, libomp",
        tool: "clang",
        file: "openmp.c",
        flags: &["-fopenmp"],
        ways: &[("libomp", None)],
    },
    Source {
        peer: "oneTBB",
        tool: "g++",
        file: "tbb.cpp",
        flags: &["-std=c++17", "-pthread", "-ltbb"],
        ways: &[("oneTBB", None)],
    },
    Source {
        peer: "Boost.Lockfree",
        tool: "g++",
        file: "boost.cpp",
        flags: &["-std=c++17", "-pthread"],
        ways: &[("boost::lockfree", None)],
    },
    Source {
        peer: "Python",
        tool: "python3",
        file: "pool.py",
        flags: &[],
        ways: &[("Python", None)],
    },
];

impl Foreign {
    /// How many units it is given where the Rust contenders get `units`.
    pub fn units(&self, units: usize) -> usize {
        (units / self.fewer).max(1)
    }

    /// The program with a question: `time` and workers, units, repeats, or `single` and workers, units, pause.
    pub fn ask(&self, question: &str, numbers: [usize; 3]) -> Command {
        let mut command = self.program.command();
        command.args([question, &self.workload, &self.called]);
        command.args(numbers.map(|number| number.to_string()));
        command
    }
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        // As many threads as asked for, and what the caller's shell says of OpenMP counts for nothing.
        command
            .env("OMP_DYNAMIC", "false")
            .env_remove("OMP_THREAD_LIMIT");
        match self.wait {
            Some(wait) => command.env("OMP_WAIT_POLICY", wait),
            None => command.env_remove("OMP_WAIT_POLICY"),
        };
        command
    }
}

/// Builds what can be built, into the directory `into`.
pub fn find(into: &Path) -> Found {
    let mut found = Found::default();
    for source in &SOURCES {
        if let Err(reason) = source.build(into, &mut found) {
            found.missing.push(format!("{}: {reason}", source.peer));
        }
    }
    found
}

impl Source {
    /// Builds the program, asks it what it offers, and adds that to what is found.
    fn build(&self, into: &Path, found: &mut Found) -> Result<(), String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("foreign")
            .join(self.file);
        let words = if self.tool == "python3" {
            vec![self.tool.into(), file.into()]
        } else {
            vec![self.compile(into, &file)?.into()]
        };
        let mut program = Program { words, wait: None };
        let offer = self.answer(&mut program.command())?;
        let mut lines = offer.lines();
        let version = lines.next().unwrap_or("unknown version");
        for (way, wait) in self.ways {
            program.wait = *wait;
            for line in lines.clone() {
                let contender = Foreign::from_line(line, way, &program);
                found
                    .contenders
                    .push(contender.ok_or_else(|| format!("unknown offer `{line}`"))?);
            }
        }
        found.versions.push(version.to_owned());
        Ok(())
    }

    fn compile(&self, into: &Path, file: &Path) -> Result<PathBuf, String> {
        fs::create_dir_all(into).map_err(|error| format!("{}: {error}", into.display()))?;
        let program = into.join(format!("{}-{}{EXE_SUFFIX}", self.file, self.tool));
        let mut command = Command::new(self.tool);
        // No fused operations, which the Rust contenders have not either: the checksums have to agree.
        command.args(["-O3", "-ffp-contract=off", "-o"]);
        command.arg(&program).arg(file).args(self.flags);
        self.answer(&mut command)?;
        Ok(program)
    }

    fn answer(&self, command: &mut Command) -> Result<String, String> {
        let Output {
            status,
            stdout,
            stderr,
        } = command
            .output()
            .map_err(|error| format!("{}: {error}", self.tool))?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&stderr);
        let mut lines = said.lines();
        let error = lines
            .clone()
            .find(|line| line.contains("error"))
            .or_else(|| lines.next_back());
        let error = error.map_or("no reason given", |line| {
            line.rsplit(": ").next().unwrap_or(line)
        });
        Err(format!("{} with {}: {error}", self.tool, self.file))
    }
}

impl Foreign {
    fn from_line(line: &str, way: &str, program: &Program) -> Option<Self> {
        let mut parts = line.split('|');
        let (workload, called, fewer) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            workload: workload.to_owned(),
            name: format!("{way}: {called}"),
            called: called.to_owned(),
            fewer: fewer.parse().ok().filter(|fewer| *fewer > 0)?,
            program: program.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WORKLOADS;

    /// What has no Rust workload of that name: told beside another table, or by a table of its own.
    const ELSEWHERE: [&str; 4] = [
        "W4 shares",
        "Rings, one thread",
        "Rings, 1 + 1",
        "Rings, 2 + 2",
    ];

    #[test]
    fn every_foreign_contender_does_the_work() {
        let found = find(&std::env::temp_dir().join("ringpool-foreign"));
        eprintln!("missing: {:?}", found.missing);
        assert!(!found.contenders.is_empty() || !found.missing.is_empty());
        for foreign in &found.contenders {
            let workload = WORKLOADS
                .iter()
                .find(|workload| workload.id == foreign.workload);
            let Some(workload) = workload else {
                let elsewhere = ELSEWHERE.contains(&&*foreign.workload);
                assert!(elsewhere, "{} takes part in nothing", foreign.name);
                continue;
            };
            // Enough for two values in the samples that W3 is known by, and few where a unit may take a wake.
            let many = workload.units > 100_000;
            let units = foreign.units(if many { 30_000 } else { 100 });
            let output = foreign
                .ask("time", [2, units, 1])
                .output()
                .expect("it was built");
            let text = String::from_utf8_lossy(&output.stdout);
            let sum = text.split_whitespace().nth(1);
            let expected = (workload.checksum)(units, 2).to_string();
            assert_eq!(
                sum,
                Some(&*expected),
                "{}: {}",
                foreign.workload,
                foreign.name
            );
        }
    }

    #[test]
    fn what_cannot_be_built_says_why() {
        let mut found = Found::default();
        let source = Source {
            peer: "nobody",
            tool: "no-such-tool",
            ..SOURCES[0]
        };
        let reason = source
            .build(&std::env::temp_dir(), &mut found)
            .expect_err("there is no such tool");
        assert!(reason.contains("no-such-tool"), "{reason}");
        assert!(found.contenders.is_empty() && found.versions.is_empty());
    }
}

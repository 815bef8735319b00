//! The models: built once, listed, and run with or without a mutant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait_timeout::ChildExt;

use crate::copy;

/// Test binaries that hold models. The matrix of `loom-tests` is left out: its pools are too large to be run for each
/// mutant. A package that this checkout lacks is left out as well.
const SUITES: &[Suite] = &[Suite {
    package: "ringpool-core",
    arguments: &["--features", "alloc", "--lib"],
    filter: "models",
}];

/// The tests of one package whose names contain the filter.
struct Suite {
    package: &'static str,
    arguments: &'static [&'static str],
    filter: &'static str,
}

/// One model: a test in a test binary.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    binary: PathBuf,
    test: String,
}

/// How a run of a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    Failed,
    /// It was stopped at its time limit.
    Unfinished,
}

/// Every model, and a number that changes with any of the test binaries.
pub(crate) struct Models {
    pub(crate) all: Vec<Model>,
    pub(crate) fingerprint: u64,
}

impl Models {
    /// Builds the test binaries below `target`, from the workspace with some texts of its own, and lists their models.
    ///
    /// # Errors
    ///
    /// What kept cargo or a test binary from answering.
    pub(crate) fn build(
        root: &Path,
        texts: &BTreeMap<String, String>,
        target: &Path,
    ) -> Result<Self, String> {
        let members = members(root)?;
        let copy = target.join("workspace");
        copy::lay(root, &copy, texts)?;
        let mut all = Vec::new();
        let mut hasher = DefaultHasher::new();
        for suite in SUITES {
            if !members.contains(suite.package) {
                continue;
            }
            for binary in build(&copy, target, suite)? {
                let bytes = fs::read(&binary).map_err(|e| format!("{}: {e}", binary.display()))?;
                hasher.write(&bytes);
                all.extend(list(suite, &binary)?);
            }
        }
        if all.is_empty() {
            return Err("there are no models".to_owned());
        }
        let names: BTreeSet<&str> = all
            .iter()
            .map(|model: &Model| model.name.as_str())
            .collect();
        if names.len() != all.len() {
            return Err("two models have one name".to_owned());
        }
        Ok(Self {
            all,
            fingerprint: hasher.finish(),
        })
    }
}

impl Model {
    /// Runs the model with one variable set, and tells how that ended and how long it took.
    ///
    /// # Errors
    ///
    /// A run that ended in a way that says nothing about the model.
    pub(crate) fn run(
        &self,
        variable: (&str, &str),
        limit: Duration,
    ) -> Result<(Ending, Duration), String> {
        let failed = |e| format!("{}: {e}", self.name);
        let start = Instant::now();
        let mut child = Command::new(&self.binary)
            .args(["--exact", &self.test, "--test-threads", "1"])
            .env_remove("RINGPOOL_MUTANT")
            .env_remove("RINGPOOL_SITES")
            .env(variable.0, variable.1)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let Some(status) = child.wait_timeout(limit).map_err(failed)? else {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Ok((Ending::Unfinished, start.elapsed()));
        };
        let ending = match status.code() {
            Some(0) => Ending::Passed,
            Some(2) => {
                return Err(format!("{}: not understood: {}", self.name, variable.1));
            }
            _ => Ending::Failed,
        };
        Ok((ending, start.elapsed()))
    }

    /// Runs the model as it is and tells which places it reaches, and how long it took; `None` if it does not end
    /// within the limit.
    ///
    /// # Errors
    ///
    /// That it fails.
    pub(crate) fn trace(
        &self,
        scratch: &Path,
        limit: Duration,
    ) -> Result<Option<(BTreeSet<String>, Duration)>, String> {
        let file = scratch.join(self.name.replace(':', "-"));
        let failed = |e: std::io::Error| format!("{}: {e}", file.display());
        // What an earlier run left would count as reached.
        fs::write(&file, "").map_err(failed)?;
        let path = file.to_str().ok_or("a path that is not text")?;
        match self.run(("RINGPOOL_SITES", path), limit)? {
            (Ending::Passed, took) => {
                let text = fs::read_to_string(&file).map_err(failed)?;
                Ok(Some((text.lines().map(str::to_owned).collect(), took)))
            }
            (Ending::Unfinished, _) => Ok(None),
            (Ending::Failed, _) => Err(format!("{} fails without a mutant", self.name)),
        }
    }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> Result<String, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|e| e.to_string())
    } else {
        Err(format!("{command:?}: {}", output.status))
    }
}

/// The names of the workspace's packages.
fn members(root: &Path) -> Result<BTreeSet<String>, String> {
    let mut command = cargo(root);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value =
        serde_json::from_str(&output(command)?).map_err(|e| e.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect())
}

/// Builds the test binaries of a suite and tells where they are.
fn build(root: &Path, target: &Path, suite: &Suite) -> Result<Vec<PathBuf>, String> {
    let mut command = cargo(root);
    command
        .args([
            "test",
            "--release",
            "--no-run",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(["-p", suite.package])
        .args(suite.arguments)
        .env("CARGO_TARGET_DIR", target)
        // What a fault leaves unused is nobody's concern.
        .env("RUSTFLAGS", "--cfg ringpool_loom -Awarnings");
    let messages = output(command)?;
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    Ok(messages
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect())
}

/// The models in a test binary.
fn list(suite: &Suite, binary: &Path) -> Result<Vec<Model>, String> {
    let mut command = Command::new(binary);
    command.args(["--list", "--format", "terse", suite.filter]);
    let tests = output(command)?;
    let tests = tests.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(tests
        .map(|test| Model {
            name: test.to_owned(),
            binary: binary.to_owned(),
            test: test.to_owned(),
        })
        .collect())
}

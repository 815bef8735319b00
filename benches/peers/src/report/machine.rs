//! Where and with what a table was made: without that its numbers mean nothing.

use std::fs;
use std::process::Command;
use std::thread;

/// The lines above the tables.
pub(crate) fn lines(rounds: usize, workers: usize) -> Vec<String> {
    let cpus = thread::available_parallelism().map_or_else(|_| "?".into(), |n| n.to_string());
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown model", |(_, model)| model);
    let virtual_machine = if info.contains(" hypervisor") {
        ", in a virtual machine"
    } else {
        ""
    };
    let flags = option_env!("RUSTFLAGS")
        .filter(|flags| !flags.is_empty())
        .unwrap_or("none");
    vec![
        format!(
            "- Machine: {cpus} CPUs, {model}{virtual_machine}, {}",
            said("uname", &["-sr"])
        ),
        format!(
            "- Compiler: {}, profile release, RUSTFLAGS: {flags}",
            said("rustc", &["-V"])
        ),
        format!(
            "- Commit: {}{}",
            said("git", &["rev-parse", "--short=12", "HEAD"]),
            changed()
        ),
        format!("- Date: {}", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        format!("- Load average before the start: {}", load()),
        format!(
            "- {workers} workers each, {rounds} rounds, contenders by turns, every value from a process of its own"
        ),
    ]
}

/// The load average, to tell whether the machine was busy with something else.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn changed() -> &'static str {
    let quiet = Command::new("git")
        .args(["diff", "--quiet", "HEAD"])
        .output();
    if quiet.is_ok_and(|output| output.status.success()) {
        ""
    } else {
        ", with uncommitted changes"
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|| format!("unknown ({program} did not answer)"))
}

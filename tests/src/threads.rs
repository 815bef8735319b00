//! What Linux tells of this process: its threads and its memory.

/// How many threads this process has; `None` where it cannot be told.
pub fn threads_of_process() -> Option<usize> {
    status("Threads:")
}

/// How much memory of this process is resident, in KiB; `None` where it cannot be told.
pub fn resident_kib() -> Option<usize> {
    status("VmRSS:")
}

fn status(field: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How many threads of this process have a name that starts with `prefix`; `None` where it cannot be
/// told. The system keeps the first 15 bytes of a name only.
pub fn threads_named(prefix: &str) -> Option<usize> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let names = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    Some(names.filter(|name| name.starts_with(prefix)).count())
}

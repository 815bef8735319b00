//! How much CPU time the cgroup of this process may use.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

/// A share of CPU time: so many microseconds in each period.
///
/// A container limited to two CPUs on a machine with 64 may run on all 64, for a thirty-second of the time. More
/// workers than the quota pays for only take each other's time, so a pool starts fewer by default. Where they may
/// run is another matter, which the affinity mask decides.
///
/// ```
/// use ringpool_affinity::Quota;
///
/// let quota = Quota::new(250_000, 100_000);
/// assert_eq!(quota.whole_cpus(), 2);
/// assert_eq!(quota.to_string(), "2.50 CPUs");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    micros: u64,
    period: u64,
}

impl Quota {
    /// `micros` microseconds in each `period` of microseconds, which counts as 1 if it is 0.
    ///
    /// ```
    /// assert_eq!(ringpool_affinity::Quota::new(50_000, 100_000).whole_cpus(), 1);
    /// ```
    pub fn new(micros: u64, period: u64) -> Self {
        Self {
            micros,
            period: period.max(1),
        }
    }

    /// The quota of this process: the smallest of its cgroup and of those above it; `None` if there is none.
    ///
    /// ```
    /// if let Some(quota) = ringpool_affinity::Quota::of_this_process() {
    ///     println!("limited to {quota}");
    /// }
    /// ```
    pub fn of_this_process() -> Option<Self> {
        Self::read(Path::new("/"))
    }

    /// The quota by the files under `root`: `root/proc/self/cgroup`, `root/proc/self/mountinfo` and what these
    /// name, for both versions of cgroups.
    ///
    /// ```
    /// use std::path::Path;
    /// assert_eq!(ringpool_affinity::Quota::read(Path::new("/no/such/machine")), None);
    /// ```
    pub fn read(root: &Path) -> Option<Self> {
        Self::with_notes(root).0
    }

    /// The same, with a note on each file that is there and cannot be understood: it may hold a limit. A file that is
    /// missing is no limit.
    pub(crate) fn with_notes(root: &Path) -> (Option<Self>, Vec<String>) {
        let mut files = Files {
            root,
            notes: Vec::new(),
        };
        let groups = files.lines(Path::new("/proc/self/cgroup"), Group::parse);
        let mounts = files.lines(Path::new("/proc/self/mountinfo"), Mount::parse);
        let folders = groups.iter().flat_map(|group| group.folders(&mounts));
        let quotas = folders.filter_map(|(version, folder)| version.quota(&folder, &mut files));
        let least = quotas.min_by(Self::compare);
        (least, files.notes)
    }

    /// How many workers it pays for: rounded down, at least one, as std counts.
    ///
    /// ```
    /// assert_eq!(ringpool_affinity::Quota::new(399_999, 100_000).whole_cpus(), 3);
    /// ```
    pub fn whole_cpus(self) -> usize {
        usize::try_from(self.micros / self.period)
            .unwrap_or(usize::MAX)
            .max(1)
    }

    fn compare(a: &Self, b: &Self) -> std::cmp::Ordering {
        let cross = |x: &Self, y: &Self| u128::from(x.micros) * u128::from(y.period);
        cross(a, b).cmp(&cross(b, a))
    }
}

impl std::fmt::Display for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hundredths = u128::from(self.micros) * 100 / u128::from(self.period);
        write!(f, "{}.{:02} CPUs", hundredths / 100, hundredths % 100)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    fn quota(self, folder: &Path, files: &mut Files<'_>) -> Option<Quota> {
        match self {
            Self::One => {
                let number = |text: &str| text.parse().ok();
                let period = files.value(&folder.join("cpu.cfs_period_us"), number);
                // -1 where there is no limit.
                let limit = |text: &str| match text {
                    "-1" => Some(None),
                    micros => micros.parse().ok().map(Some),
                };
                let micros = files.value(&folder.join("cpu.cfs_quota_us"), limit);
                Some(Quota::new(micros??, period?))
            }
            Self::Two => {
                // `max 100000` where there is no limit.
                let limit = |text: &str| match text.split_once(' ')? {
                    ("max", _) => Some(None),
                    (micros, period) => {
                        Some(Some(Quota::new(micros.parse().ok()?, period.parse().ok()?)))
                    }
                };
                files.value(&folder.join("cpu.max"), limit)?
            }
        }
    }
}

/// The kernel's files, and what could not be read of them.
struct Files<'a> {
    root: &'a Path,
    notes: Vec<String>,
}

impl Files<'_> {
    /// What stands in a file, which is named as on the machine itself.
    fn text(&mut self, path: &Path) -> Option<String> {
        match fs::read_to_string(self.root.join(path.strip_prefix("/").unwrap_or(path))) {
            Ok(text) => Some(text),
            // The second is what targets without files say.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::Unsupported
                ) =>
            {
                None
            }
            Err(error) => {
                self.note(path, &error.to_string());
                None
            }
        }
    }

    /// What `parse` makes of a file of one line.
    fn value<T>(&mut self, path: &Path, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(path)?;
        self.parsed(path, text.trim(), parse)
    }

    /// What `parse` makes of each line of a file.
    fn lines<T>(&mut self, path: &Path, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let text = self.text(path).unwrap_or_default();
        let lines = text.lines();
        lines
            .filter_map(|line| self.parsed(path, line, &parse))
            .collect()
    }

    fn parsed<T>(
        &mut self,
        path: &Path,
        text: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(text);
        if parsed.is_none() {
            self.note(path, &format!("it says {text:?}"));
        }
        parsed
    }

    fn note(&mut self, path: &Path, why: &str) {
        let path = path.display();
        self.notes.push(format!(
            "{path}: what it says of the CPU quota cannot be read and does not count: {why}"
        ));
    }
}

/// A line of `/proc/self/cgroup`: the group that this process is in, by version.
struct Group {
    /// `None` for controllers without a quota.
    version: Option<Version>,
    path: String,
}

impl Group {
    /// `0::/path` for version two, `4:cpu,cpuacct:/path` for version one. Other controllers have no quota.
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = if controllers.split(',').any(|controller| controller == "cpu") {
            Some(Version::One)
        } else if number == "0" && controllers.is_empty() {
            Some(Version::Two)
        } else {
            None
        };
        Some(Self {
            version,
            path: path.to_owned(),
        })
    }

    /// The folders of this group and of those above it, in every place where its hierarchy is mounted.
    fn folders(&self, mounts: &[Mount]) -> Vec<(Version, PathBuf)> {
        let Some(version) = self.version else {
            return Vec::new();
        };
        let mounts = mounts.iter().filter(|mount| mount.version == Some(version));
        let below = |mount: &Mount| Path::new(&self.path).strip_prefix(&mount.root).ok();
        // What is mounted is often a part of the hierarchy. Where the group is in one part, the others are of other
        // groups. A group outside of all parts cannot be seen; the limits of a part hold for it all the same in a
        // container, whose own group is mounted there.
        let found = mounts.clone().any(|mount| below(mount).is_some());
        let folders = mounts.filter_map(|mount| {
            let below = below(mount).or((!found).then_some(Path::new("")))?;
            let seen = below
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
            let lowest = mount.point.join(if seen { below } else { Path::new("") });
            let ancestors = Vec::from_iter(lowest.ancestors().map(Path::to_owned));
            let within = |folder: &PathBuf| folder.starts_with(&mount.point);
            Some(ancestors.into_iter().take_while(within))
        });
        let folders = folders.flatten();
        folders.map(|folder| (version, folder)).collect()
    }
}

/// A line of `/proc/self/mountinfo`.
struct Mount {
    /// `None` for what is no hierarchy with CPU limits.
    version: Option<Version>,
    /// Which part of the hierarchy is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
}

impl Mount {
    /// `36 35 98:0 /root /point rw,noatime shared:1 - cgroup cgroup rw,cpu,cpuacct`, with any number of fields
    /// before the hyphen.
    fn parse(line: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut kind = kind.split(' ');
        let (name, _source, options) =
            (kind.next()?, kind.next()?, kind.next().unwrap_or_default());
        let version = match name {
            "cgroup2" => Some(Version::Two),
            "cgroup" if options.split(',').any(|option| option == "cpu") => Some(Version::One),
            _ => None,
        };
        Some(Self {
            version,
            root: unescaped(root).into(),
            point: unescaped(point).into(),
        })
    }
}

/// The kernel writes space, tab, newline and backslash in a path as a backslash and three octal digits.
fn unescaped(path: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(path.to_owned(), |path, (code, sign)| {
        path.replace(code, sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Tree;

    const BOTH: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

    fn tree(mounts: &str, groups: &str) -> Tree {
        let tree = Tree::new();
        tree.put("proc/self/mountinfo", mounts);
        tree.put("proc/self/cgroup", groups);
        tree
    }

    fn read(tree: &Tree) -> Option<String> {
        Quota::read(tree.root()).map(|quota| quota.to_string())
    }

    const UNIFIED: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";

    // A11
    #[test]
    fn the_smallest_limit_on_the_way_up_counts() {
        let tree = tree(UNIFIED, "0::/user.slice/job.scope");
        assert_eq!(read(&tree), None);
        tree.put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000");
        assert_eq!(read(&tree), None, "`max` is no limit");
        tree.put("sys/fs/cgroup/user.slice/cpu.max", "350000 100000");
        assert_eq!(read(&tree).as_deref(), Some("3.50 CPUs"));
        tree.put(
            "sys/fs/cgroup/user.slice/job.scope/cpu.max",
            "1000000 200000",
        );
        assert_eq!(
            read(&tree).as_deref(),
            Some("3.50 CPUs"),
            "periods may differ"
        );
        tree.put("sys/fs/cgroup/cpu.max", "50000 100000");
        assert_eq!(read(&tree).as_deref(), Some("0.50 CPUs"));
        tree.put("sys/fs/cgroup/other.slice/cpu.max", "1 100000");
        assert_eq!(
            read(&tree).as_deref(),
            Some("0.50 CPUs"),
            "others do not count"
        );
    }

    // A11
    #[test]
    fn version_one_has_two_files_and_minus_one() {
        let tree = tree(BOTH, "12:cpuset:/\n4:cpu,cpuacct:/docker/abc\n0::/");
        let folder = "sys/fs/cgroup/cpu,cpuacct/docker/abc";
        tree.put(&format!("{folder}/cpu.cfs_period_us"), 100_000);
        assert_eq!(read(&tree), None, "half of it is not enough");
        tree.put(&format!("{folder}/cpu.cfs_quota_us"), -1);
        assert_eq!(read(&tree), None);
        tree.put(&format!("{folder}/cpu.cfs_quota_us"), 150_000);
        assert_eq!(read(&tree).as_deref(), Some("1.50 CPUs"));
    }

    // A11
    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        // The group is named from outside, the mount shows it as its root.
        let mount = "40 30 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu";
        let one = tree(mount, "4:cpu:/docker/abc");
        one.put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", 200_000);
        one.put("sys/fs/cgroup/cpu/cpu.cfs_period_us", 100_000);
        assert_eq!(read(&one).as_deref(), Some("2.00 CPUs"));
        // With a namespace the group can lie outside of what is seen.
        let two = tree(UNIFIED, "0::/../../elsewhere");
        two.put("sys/fs/cgroup/cpu.max", "300000 100000");
        assert_eq!(read(&two).as_deref(), Some("3.00 CPUs"));
    }

    // A11
    #[test]
    fn a_part_of_the_hierarchy_that_is_mounted_elsewhere_is_of_others() {
        let mounts =
            format!("{UNIFIED}\n50 30 0:26 /pods/other /mnt/other rw - cgroup2 cgroup2 rw");
        let tree = tree(&mounts, "0::/user.slice");
        tree.put("mnt/other/cpu.max", "50000 100000");
        assert_eq!(read(&tree), None);
        tree.put("proc/self/cgroup", "0::/pods/other");
        assert_eq!(read(&tree).as_deref(), Some("0.50 CPUs"));
    }

    #[test]
    fn spaces_in_paths_are_unescaped() {
        let tree = tree(
            r"30 23 0:26 / /mnt/c\040groups rw - cgroup2 none rw",
            "0::/a b",
        );
        tree.put("mnt/c groups/a b/cpu.max", "400000 100000");
        assert_eq!(read(&tree).as_deref(), Some("4.00 CPUs"));
    }

    fn notes(tree: &Tree) -> Vec<String> {
        Quota::with_notes(tree.root()).1
    }

    // A11, A16
    #[test]
    fn a_quota_that_cannot_be_read_is_noted() {
        let tree = tree(
            &format!("{BOTH}\nnonsense"),
            "4:cpu,cpuacct:/job\n0::/job\n0:",
        );
        // A folder in the file's place: even root cannot read it.
        tree.put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us/folder", "");
        tree.put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "many");
        tree.put("sys/fs/cgroup/unified/job/cpu.max", "most 100000");
        tree.put("sys/fs/cgroup/unified/cpu.max", "300000 100000");
        let notes = notes(&tree);
        for (note, (file, why)) in notes.iter().zip([
            ("/proc/self/cgroup", "it says \"0:\""),
            ("/proc/self/mountinfo", "it says \"nonsense\""),
            (
                "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us",
                "s a directory",
            ),
            (
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us",
                "it says \"many\"",
            ),
            (
                "/sys/fs/cgroup/unified/job/cpu.max",
                "it says \"most 100000\"",
            ),
        ]) {
            assert!(
                note.starts_with(&format!("{file}: ")) && note.contains(why),
                "{note}"
            );
        }
        assert_eq!(notes.len(), 5, "{notes:?}");
        assert_eq!(
            read(&tree).as_deref(),
            Some("3.00 CPUs"),
            "what can be read counts"
        );
    }

    // A11, A16
    #[test]
    fn where_there_is_no_quota_there_is_no_note() {
        assert!(notes(&Tree::new()).is_empty(), "no cgroups");
        let tree = tree(BOTH, "12:cpuset:/\n4:cpu,cpuacct:/job\n0::/job");
        assert!(notes(&tree).is_empty(), "groups without files");
        tree.put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", 100_000);
        tree.put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", -1);
        tree.put("sys/fs/cgroup/unified/job/cpu.max", "max 100000");
        assert!(notes(&tree).is_empty(), "files without a limit");
    }

    #[test]
    fn files_that_lie_do_no_harm() {
        for (mounts, groups) in [
            ("", ""),
            ("nonsense", "nonsense"),
            ("1 2 3", "0::"),
            (" - cgroup2", "0::/"),
            (UNIFIED, "0:/"),
        ] {
            assert_eq!(read(&tree(mounts, groups)), None);
        }
        let tree = tree(UNIFIED, "0::/");
        for text in ["", "100000", "many 100000", "100000 many", "-5 100000"] {
            tree.put("sys/fs/cgroup/cpu.max", text);
            assert_eq!(read(&tree), None, "{text}");
        }
        tree.put("sys/fs/cgroup/cpu.max", "100000 0");
        let quota = Quota::read(tree.root()).expect("a limit");
        assert!(quota.whole_cpus() >= 1);
        assert_eq!(
            Quota::new(u64::MAX, 1).whole_cpus(),
            usize::try_from(u64::MAX).unwrap_or(usize::MAX)
        );
        assert_eq!(Quota::new(0, 1).whole_cpus(), 1);
    }
}

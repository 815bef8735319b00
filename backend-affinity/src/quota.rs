//! How much CPU time the cgroup of this process may use.

use std::fs;
use std::path::{Component, Path, PathBuf};

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
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
        let mounts = Vec::from_iter(mounts.lines().filter_map(Mount::parse));
        let quotas = groups.lines().flat_map(|line| {
            let group = Group::parse(line);
            let folders = group
                .map(|group| group.folders(&mounts))
                .unwrap_or_default();
            folders.into_iter().filter_map(|(version, folder)| {
                let folder = root.join(folder.strip_prefix("/").unwrap_or(&folder));
                version.quota(&folder)
            })
        });
        quotas.min_by(Self::compare)
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
    fn quota(self, folder: &Path) -> Option<Quota> {
        let number = |file: &str| {
            fs::read_to_string(folder.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        match self {
            // -1 where there is no limit, which is not a number without a sign.
            Self::One => Some(Quota::new(
                number("cpu.cfs_quota_us")?,
                number("cpu.cfs_period_us")?,
            )),
            // `max 100000` where there is no limit.
            Self::Two => {
                let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
                let (micros, period) = text.trim().split_once(' ')?;
                Some(Quota::new(micros.parse().ok()?, period.parse().ok()?))
            }
        }
    }
}

/// A line of `/proc/self/cgroup`: the group that this process is in, by version.
struct Group<'a> {
    version: Version,
    path: &'a str,
}

impl<'a> Group<'a> {
    /// `0::/path` for version two, `4:cpu,cpuacct:/path` for version one. Other controllers have no quota.
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = if controllers.split(',').any(|controller| controller == "cpu") {
            Version::One
        } else if number == "0" && controllers.is_empty() {
            Version::Two
        } else {
            return None;
        };
        Some(Self { version, path })
    }

    /// The folders of this group and of those above it, in every place where its hierarchy is mounted.
    fn folders(&self, mounts: &[Mount]) -> Vec<(Version, PathBuf)> {
        let mounts = mounts.iter().filter(|mount| mount.version == self.version);
        let below = |mount: &Mount| Path::new(self.path).strip_prefix(&mount.root).ok();
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
        folders.map(|folder| (self.version, folder)).collect()
    }
}

/// A line of `/proc/self/mountinfo` that mounts a hierarchy with CPU limits.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    version: Version,
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
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|option| option == "cpu") => Version::One,
            _ => return None,
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

//! Where arrays lie: near the worker that touches their pages first, and on huge pages where there are some.

use std::io;

use ringpool_core::{JobError, Pool, Schedule};
use ringpool_std::Std;

use crate::sys;

/// Makes an array of `len` values, each by `f` from its index, on the worker that works on it under
/// [`Schedule::Static`].
///
/// A page of memory comes to lie in the NUMA domain of the CPU that touches it first. So a loop over the array with
/// the same schedule finds every page near, as long as workers stay on their places. The memory is put on huge pages
/// where the system has them ([`advise_huge_pages`]), which also makes the first touch itself cheaper.
///
/// Fresh memory only: what the allocator has kept from an array that was freed lies where it was touched before.
///
/// ```
/// use ringpool_affinity::{Pinned, Policy, first_touch};
/// use ringpool_core::{Builder, Schedule};
/// use ringpool_std::Std;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pinned = Pinned::new().policy(Policy::BestEffort);
/// let pool = Builder::<Std>::with_spawner(pinned).build()?;
/// let mut cells = first_touch(&pool, 100_000, |index| index as f64)?;
/// let near = pool.with().schedule(Schedule::Static);
/// near.for_each(&mut cells, |cell| *cell *= 2.0)?;
/// assert_eq!(cells[99_999], 199_998.0);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`Pool::map`]; `InvalidOption` where there is no memory for so many values.
pub fn first_touch<T, W, F>(pool: &Pool<Std, W>, len: usize, f: F) -> Result<Vec<T>, JobError>
where
    T: Send,
    W: 'static,
    F: Fn(usize) -> T + Sync,
{
    let mut values = Vec::new();
    // Where there is no such memory, `map_into` says so.
    if values.try_reserve_exact(len).is_ok() {
        // The values are the same on pages of any size.
        let _ = advise_huge_pages(values.spare_capacity_mut());
    }
    let each = pool.with().schedule(Schedule::Static);
    each.map_into(0..len, &mut values, f)?;
    Ok(values)
}

/// Asks the system to put memory on huge pages, and tells how many bytes that is about: the whole pages of the
/// usual size in it. It is of use before the memory is touched, and where it spans several megabytes.
///
/// The first touch of 80 MB took 35 ms of CPU time on usual pages and 7 ms on huge ones. Where the host of a virtual machine takes
/// back what is free (Linux calls it free page reporting), it took 110 to 180 ms on huge pages that had lain free for seconds.
///
/// ```
/// let mut values: Vec<f64> = Vec::with_capacity(1 << 20);
/// match ringpool_affinity::advise_huge_pages(values.spare_capacity_mut()) {
///     Ok(bytes) => assert!(bytes <= size_of::<f64>() * values.capacity()),
///     Err(error) => println!("on usual pages: {error}"),
/// }
/// values.resize(1 << 20, 0.0);
/// ```
///
/// # Errors
///
/// The system's error, such as `InvalidInput` from a kernel without huge pages; `Unsupported` on systems that know no
/// such advice.
pub fn advise_huge_pages<T>(memory: &mut [T]) -> io::Result<usize> {
    sys::advise_huge_pages(memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pinned, Policy};
    use ringpool_core::Builder;

    fn pool() -> Pool<Std> {
        Builder::with_spawner(Pinned::new().policy(Policy::BestEffort))
            .workers(3)
            .build()
            .expect("it goes on")
    }

    // A19
    #[test]
    fn every_value_is_made_by_the_worker_that_has_it_in_static_loops() {
        use std::thread;
        let pool = pool();
        for len in [0, 1, 2, 1000, 100_003] {
            let made = first_touch(&pool, len, |index| (index, thread::current().id()));
            let made = made.expect("the pool is open");
            assert_eq!(made.len(), len);
            let each = pool.with().schedule(Schedule::Static);
            let same = each.map(&made, |(_, by)| *by == thread::current().id());
            assert!(same.expect("the pool is open").into_iter().all(|same| same));
            assert!(made.iter().enumerate().all(|(at, (index, _))| at == *index));
        }
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let error = first_touch(&pool(), usize::MAX / 8, |index| index as u64);
        assert!(matches!(error, Err(JobError::InvalidOption { .. })));
    }

    #[test]
    fn memory_less_than_a_page_is_left_alone() {
        let mut few = [0_u8; 16];
        if let Ok(bytes) = advise_huge_pages(&mut few) {
            assert_eq!(bytes, 0);
        }
        assert!(!matches!(advise_huge_pages::<u8>(&mut []), Ok(1..)));
        assert!(!matches!(advise_huge_pages(&mut [(); 9]), Ok(1..)));
    }

    /// What the kernel says of the mapping in which an address lies.
    #[cfg(all(feature = "libc", target_os = "linux"))]
    fn flags_of(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split_whitespace().next()?.split_once('-');
            let bounds = range.and_then(|(from, to)| {
                let number = |text| usize::from_str_radix(text, 16).ok();
                Some(number(from)?..number(to)?)
            });
            if let Some(bounds) = bounds {
                inside = bounds.contains(&address);
            } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                return Some(flags.to_owned());
            }
        }
        None
    }

    // A19
    #[cfg(all(feature = "libc", target_os = "linux"))]
    #[test]
    fn the_kernel_has_taken_the_advice() {
        let mut memory: Vec<u8> = Vec::with_capacity(8 << 20);
        let bytes = match advise_huge_pages(memory.spare_capacity_mut()) {
            Ok(bytes) => bytes,
            Err(error) => {
                println!("not run: this kernel has no huge pages: {error}");
                return;
            }
        };
        assert!(bytes > 7 << 20 && bytes <= 8 << 20, "{bytes}");
        let middle = memory.as_ptr().addr() + (4 << 20);
        let flags = flags_of(middle).expect("the kernel knows its mappings");
        assert!(flags.split_whitespace().any(|flag| flag == "hg"), "{flags}");
    }
}

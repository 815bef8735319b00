//! The system calls: reading and setting affinity masks, advice on memory. All `unsafe` of this crate is here.

use std::io;

use crate::CpuSet;

pub(crate) use imp::{advise_huge_pages, mask_of, pin, this_thread};

/// A thread's number in the system, or 0 for the calling thread.
pub(crate) type ThreadId = i32;

/// The calling thread.
pub(crate) const HERE: ThreadId = 0;

#[cfg(all(feature = "libc", any(target_os = "linux", target_os = "android")))]
mod imp {
    use super::{CpuSet, HERE, ThreadId, io};
    use crate::cpuset::LAST_CPU;
    use libc::{c_int, c_ulong, cpu_set_t};

    const BITS: usize = c_ulong::BITS as usize;

    /// The CPUs that a thread of this process may run on now.
    pub(crate) fn mask_of(thread: ThreadId) -> io::Result<CpuSet> {
        growing(|words| {
            // SAFETY:
            // - the pointer is to `size_of_val(words)` bytes that may be written, aligned as the kernel's words;
            // - every bit pattern is a valid `c_ulong`, so what the call leaves there is.
            answer(unsafe {
                libc::sched_getaffinity(
                    thread,
                    size_of_val(words),
                    words.as_mut_ptr().cast::<cpu_set_t>(),
                )
            })
        })
    }

    /// Lets the calling thread run on these CPUs only. Where some of them are not to be had, the kernel takes the
    /// others and says nothing, so read the mask back.
    pub(crate) fn pin(cpus: &CpuSet) -> io::Result<()> {
        let words = words_of(cpus);
        // SAFETY: the pointer is to `size_of_val(&words)` bytes that the call only reads.
        answer(unsafe {
            libc::sched_setaffinity(
                HERE,
                size_of_val(&*words),
                words.as_ptr().cast::<cpu_set_t>(),
            )
        })
    }

    /// The number of the calling thread.
    pub(crate) fn this_thread() -> ThreadId {
        // SAFETY: the call has no precondition.
        unsafe { libc::gettid() }
    }

    /// Asks for huge pages under the whole pages of this memory, and tells how many bytes they have.
    pub(crate) fn advise_huge_pages<T>(memory: &mut [T]) -> io::Result<usize> {
        // SAFETY: the call has no precondition.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).map_err(|_| io::Error::last_os_error())?;
        let before = memory.as_ptr().addr().wrapping_neg() % page;
        let bytes = size_of_val(memory).saturating_sub(before) / page * page;
        if bytes == 0 {
            return Ok(0);
        }
        let first = memory.as_mut_ptr().cast::<u8>().wrapping_add(before);
        // SAFETY: these pages lie in memory that is ours, and the advice changes nothing of what is in them.
        answer(unsafe { libc::madvise(first.cast(), bytes, libc::MADV_HUGEPAGE) })?;
        Ok(bytes)
    }

    fn answer(status: c_int) -> io::Result<()> {
        if status == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Reads a mask into a buffer that grows for as long as the kernel, which may know more CPUs than the 1,024 of
    /// `cpu_set_t`, says that it is too short.
    fn growing(mut read: impl FnMut(&mut [c_ulong]) -> io::Result<()>) -> io::Result<CpuSet> {
        let mut words = vec![0; 1024 / BITS];
        loop {
            match read(&mut words) {
                Ok(()) => return Ok(cpus_of(&words)),
                Err(error)
                    if error.raw_os_error() == Some(libc::EINVAL)
                        && words.len() * BITS <= LAST_CPU =>
                {
                    words = vec![0; words.len() * 2];
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The kernel's mask: CPU 0 is the lowest bit of the first word. Without the numbers that no kernel knows; it
    /// would leave them out in the same way.
    fn words_of(cpus: &CpuSet) -> Vec<c_ulong> {
        let cpus = cpus.intersection(&CpuSet::from(0..=LAST_CPU));
        let mut words = vec![0; cpus.last().map_or(1, |last| last / BITS + 1)];
        for cpu in cpus.iter() {
            words[cpu / BITS] |= 1 << (cpu % BITS);
        }
        words
    }

    fn cpus_of(words: &[c_ulong]) -> CpuSet {
        let cpus = 0..words.len() * BITS;
        cpus.filter(|cpu| words[cpu / BITS] >> (cpu % BITS) & 1 == 1)
            .collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn set(text: &str) -> CpuSet {
            text.parse().expect("the test writes good lists")
        }

        #[test]
        fn masks_have_one_bit_for_each_cpu() {
            for text in ["0", "31-33", "63-65", "0-2047", "5,1023,1024", "65535"] {
                assert_eq!(cpus_of(&words_of(&set(text))), set(text));
            }
            assert_eq!(words_of(&set("0,2")), [5]);
            assert_eq!(words_of(&set("")), [0], "no mask is of no bytes");
        }

        // A4
        #[test]
        fn numbers_that_no_kernel_knows_take_no_memory() {
            let words = words_of(&CpuSet::from(3..=usize::MAX));
            assert_eq!(words.len() * BITS, LAST_CPU + 1);
            assert_eq!(words_of(&CpuSet::from(usize::MAX..=usize::MAX)), [0]);
        }

        // A4
        #[test]
        fn the_buffer_grows_until_the_kernel_is_content() {
            let mut sizes = Vec::new();
            let mask = growing(|words| {
                sizes.push(words.len() * BITS);
                if words.len() * BITS < 8192 {
                    return Err(io::Error::from_raw_os_error(libc::EINVAL));
                }
                words[5000 / BITS] |= 1 << (5000 % BITS);
                Ok(())
            });
            assert_eq!(mask.expect("it grew").to_string(), "5000");
            assert_eq!(sizes, [1024, 2048, 4096, 8192]);
        }

        #[test]
        fn a_kernel_that_is_never_content_is_an_error() {
            let mut calls = 0;
            let mask = growing(|_| {
                calls += 1;
                assert!(calls < 10, "it would grow for ever");
                Err(io::Error::from_raw_os_error(libc::EINVAL))
            });
            let error = mask.expect_err("there is no mask");
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }

        #[test]
        fn a_thread_that_is_gone_is_an_error() {
            let gone = std::thread::spawn(this_thread)
                .join()
                .expect("it does not panic");
            // The number may belong to another thread by now, so that only the kind of an error is known.
            if let Err(error) = mask_of(gone) {
                assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
            }
            let error = mask_of(ThreadId::MAX).expect_err("numbers end far below");
            assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
        }

        // A4
        #[test]
        fn a_mask_without_a_cpu_that_exists_is_refused() {
            let before = mask_of(HERE).expect("it can be read");
            for cpu in [LAST_CPU, LAST_CPU + 1, usize::MAX / 2, usize::MAX] {
                let error = pin(&CpuSet::from(cpu..=cpu)).expect_err("there is no such CPU");
                assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{cpu}");
            }
            assert_eq!(mask_of(HERE).expect("it can be read"), before);
        }
    }
}

#[cfg(not(all(feature = "libc", any(target_os = "linux", target_os = "android"))))]
mod imp {
    use super::{CpuSet, HERE, ThreadId, io};

    pub(crate) fn mask_of(_: ThreadId) -> io::Result<CpuSet> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn pin(_: &CpuSet) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn this_thread() -> ThreadId {
        HERE
    }

    pub(crate) fn advise_huge_pages<T>(_: &mut [T]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        // A14
        #[test]
        fn every_call_says_that_it_is_unsupported() {
            let answers = [
                mask_of(this_thread()).map(drop),
                pin(&CpuSet::from(0..=0)),
                advise_huge_pages(&mut [0; 9]).map(drop),
            ];
            for answer in answers {
                let error = answer.expect_err("nothing of it is there");
                assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            }
        }
    }
}

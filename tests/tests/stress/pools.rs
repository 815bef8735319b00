//! Many pools, one after the other.

use std::process::Command;

use ringpool::Pool;
use ringpool_tests::{resident_kib, threads_of_process};

use crate::rounds::{Alive, rounds};

const ALONE: &str = "STRESS_ALONE";

/// Runs a test of this file in a process of its own, where it is the only one. Tells whether this is that process.
fn is_alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let this = std::env::current_exe().expect("the test's own path");
    let arguments = [name, "--exact", "--test-threads=1", "--nocapture"];
    let output = Command::new(this)
        .args(arguments)
        .env(ALONE, "1")
        // AddressSanitizer keeps what was freed, which must not count as in use.
        .env(
            "ASAN_OPTIONS",
            "quarantine_size_mb=0:thread_local_quarantine_size_kb=0",
        )
        .output()
        .expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

// S48
#[test]
fn two_thousand_pools_leave_nothing_behind() {
    if !is_alone("pools::two_thousand_pools_leave_nothing_behind") {
        return;
    }
    let alive = Alive::default();
    let mut made = 0;
    let mut after_the_first = None;
    rounds("two thousand pools", 2000, |rng| {
        let builder = Pool::builder().workers(1 + rng.below(3));
        let builder = if rng.coin() {
            builder.capacity(16)
        } else {
            builder
        };
        let pool = builder.build().expect("a small pool can be built");
        let mut kept = Vec::new();
        for number in 0..8 {
            let value = alive.make(number);
            let handle = pool.apply_async(move || value).expect("it is open");
            if rng.coin() {
                kept.push(handle);
            }
        }
        let items = (0..20).map(|number| alive.make(number)).collect::<Vec<_>>();
        let batch = pool
            .with()
            .chunk_size(1)
            .map_async(items, |item| item)
            .expect("it is open");
        let mut stream = pool.imap(0..8, |number| number * 2);
        if rng.coin() {
            assert_eq!(stream.next().and_then(Result::ok), Some(0));
        }
        drop(stream);
        if rng.coin() {
            drop(pool);
            for handle in kept {
                drop(handle.get());
            }
        } else {
            drop(kept);
            drop(pool);
        }
        drop(batch);
        assert_eq!(alive.now(), 0, "a value outlives pool and handles");
        made += 1;
        if made == 200 {
            after_the_first = threads_of_process().zip(resident_kib());
        }
    });
    assert_eq!(made, 2000);
    if let Some((threads, kib)) = after_the_first {
        assert_eq!(threads_of_process(), Some(threads), "threads are left");
        let now = resident_kib().expect("it was told before");
        assert!(now < kib + 4096, "memory grows: {kib} KiB, then {now} KiB");
    }
}

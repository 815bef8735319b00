//! What the benchmarks share: the body of their jobs.

/// The body of every tiny job: the finalizer of `SplitMix64`, about a nanosecond, whose value everybody uses. `black_box` would
/// send the argument through memory, at a cost that depends on how the loop around it happens to lie.
#[inline(always)]
pub fn tiny(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

//! Loops that several workloads need: those of paralight, whose traits share their names with rayon's, and those on pools
//! that know only `join`, by halves of halves down to leaves of a size that the caller chooses.

use std::ops::Range;

use paralight::iter::{
    ExactParallelSource, ExactParallelSourceExt as _, IntoExactParallelRefMutSource as _,
    IntoExactParallelSource as _, ParallelIteratorExt as _, ZipableSource as _,
};
use paralight::threads::ThreadPool;

/// Calls `f` with each number.
pub fn paralight_each(pool: &mut ThreadPool, range: Range<usize>, f: impl Fn(usize) + Sync) {
    range.into_par_iter().with_thread_pool(pool).for_each(f);
}

/// The sum of what `f` makes of each item.
pub fn paralight_sum<S: ExactParallelSource>(
    pool: &mut ThreadPool,
    items: S,
    f: impl Fn(S::Item) -> u64 + Sync,
) -> u64 {
    let values = items.with_thread_pool(pool).map(f);
    values.reduce(|| 0, u64::wrapping_add)
}

/// Puts into each place what `f` makes of the item beside it.
pub fn paralight_fill<S: ExactParallelSource>(
    pool: &mut ThreadPool,
    items: S,
    out: &mut [u64],
    f: impl Fn(S::Item) -> u64 + Sync,
) {
    (out.par_iter_mut(), items)
        .zip_eq()
        .with_thread_pool(pool)
        .for_each(|(place, item)| *place = f(item));
}

/// Calls `leaf` with each leaf of a slice, and the place of its first element.
pub fn chili_fill(
    scope: &mut chili::Scope<'_>,
    out: &mut [u64],
    begin: usize,
    size: usize,
    leaf: &(impl Fn(&mut [u64], usize) + Sync),
) {
    if out.len() <= size {
        return leaf(out, begin);
    }
    let (left, right) = out.split_at_mut(out.len() / 2);
    let middle = begin + left.len();
    scope.join(
        |scope| chili_fill(scope, left, begin, size, leaf),
        |scope| chili_fill(scope, right, middle, size, leaf),
    );
}

/// The sum of what `leaf` returns for each leaf of a range.
pub fn chili_sum(
    scope: &mut chili::Scope<'_>,
    range: Range<usize>,
    size: usize,
    leaf: &(impl Fn(Range<usize>) -> u64 + Sync),
) -> u64 {
    if range.len() <= size {
        return leaf(range);
    }
    let middle = range.start + range.len() / 2;
    let (left, right) = scope.join(
        |scope| chili_sum(scope, range.start..middle, size, leaf),
        |scope| chili_sum(scope, middle..range.end, size, leaf),
    );
    left.wrapping_add(right)
}

/// Calls `leaf` with each leaf of a slice, and the place of its first element.
pub fn forte_fill(
    worker: &forte::Worker,
    out: &mut [u64],
    begin: usize,
    size: usize,
    leaf: &(impl Fn(&mut [u64], usize) + Sync),
) {
    if out.len() <= size {
        return leaf(out, begin);
    }
    let (left, right) = out.split_at_mut(out.len() / 2);
    let middle = begin + left.len();
    worker.join(
        |worker| forte_fill(worker, left, begin, size, leaf),
        |worker| forte_fill(worker, right, middle, size, leaf),
    );
}

/// The sum of what `leaf` returns for each leaf of a range.
pub fn forte_sum(
    worker: &forte::Worker,
    range: Range<usize>,
    size: usize,
    leaf: &(impl Fn(Range<usize>) -> u64 + Sync),
) -> u64 {
    if range.len() <= size {
        return leaf(range);
    }
    let middle = range.start + range.len() / 2;
    let (left, right) = worker.join(
        |worker| forte_sum(worker, range.start..middle, size, leaf),
        |worker| forte_sum(worker, middle..range.end, size, leaf),
    );
    left.wrapping_add(right)
}

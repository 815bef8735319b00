//! Lengths at the edge of what can be told, and what the compiler has to infer.

use core::mem::MaybeUninit;

use super::take;
use crate::source::{Chunked, Feed, Indexed, Sink, Source, Unpack, enumerate, tiles, zip};

fn length<S: Source>(source: S) -> Option<usize> {
    source.into_feed().try_len()
}

#[test]
fn ranges_end_at_the_last_value() {
    assert!(take(0..=255_u8, &[0, 100, 255]).into_iter().eq(0..=255));
    assert!(
        take(i8::MIN..=i8::MAX, &[1, 128])
            .into_iter()
            .eq(i8::MIN..=i8::MAX)
    );
    assert!(
        take(i8::MIN..i8::MAX, &[1, 128])
            .into_iter()
            .eq(i8::MIN..i8::MAX)
    );
    let last = u64::MAX - 3..=u64::MAX;
    assert!(take(last.clone(), &[2]).into_iter().eq(last));
    let first = i128::MIN..=i128::MIN + 3;
    assert!(take(first.clone(), &[2]).into_iter().eq(first));
    let last = i128::MAX - 3..=i128::MAX;
    assert!(take(last.clone(), &[1, 3]).into_iter().eq(last));
}

#[test]
fn ranges_longer_than_usize_have_no_length() {
    assert_eq!(length(0..u128::MAX), None);
    assert_eq!(length(i128::MIN..i128::MAX), None);
    assert_eq!(length(0..usize::MAX), Some(usize::MAX));
    assert_eq!(length(0..=usize::MAX), None);
    assert_eq!(length(0..=usize::MAX - 1), Some(usize::MAX));
    assert_eq!(length(isize::MIN..isize::MAX), Some(usize::MAX));
    assert_eq!(length(isize::MIN..=isize::MAX), None);
    let over = usize::MAX as u128 + 1;
    assert_eq!(length(0..over), None);
    assert_eq!(length(1..over), Some(usize::MAX));
    assert_eq!(length(enumerate(0..over)), None);
    assert_eq!(length(zip(0..over, 0..over)), None);
    assert_eq!(length(zip(0..over, 0..3)), Some(3));
    assert_eq!(length(zip(0..3, 0..over)), Some(3));
}

#[test]
fn a_chunk_far_into_a_range_starts_there() {
    let feed = (i128::MIN..i128::MAX).into_feed();
    // SAFETY: the only chunk.
    let chunk = unsafe { feed.chunk(usize::MAX - 1..usize::MAX) };
    let at = i128::MIN + i128::try_from(usize::MAX).unwrap() - 1;
    assert_eq!(chunk, at..at + 1);
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "they are what is tested")]
fn reversed_and_exhausted_ranges_are_empty() {
    assert_eq!(take(5..5_u8, &[]), []);
    assert_eq!(take(7..3_i64, &[]), []);
    assert_eq!(take(7..=3_i64, &[]), []);
    assert_eq!(take(i128::MAX..i128::MIN, &[]), []);
    assert_eq!(take((5..2, 0..4), &[]), []);
    for end in [0, 3, u8::MAX] {
        let mut range = 0..=end;
        assert_eq!(range.by_ref().count(), usize::from(end) + 1);
        assert_eq!(take(range, &[]), []);
    }
}

#[test]
fn grids_longer_than_usize_have_no_length() {
    const HALF: usize = 1 << (usize::BITS / 2);
    assert_eq!(length((0..HALF, 0..HALF)), None);
    assert_eq!(length((0..HALF, 0..HALF - 1)), Some(HALF * (HALF - 1)));
    assert_eq!(length((0..usize::MAX, 0..2, 0..1)), None);
    assert_eq!(length((0..usize::MAX, 0..1, 0..1)), Some(usize::MAX));
    assert_eq!(length((0..usize::MAX, 0..usize::MAX, 0..0)), Some(0));
    let (rows, columns) = (0..HALF, 0..HALF - 1);
    let feed = (rows, columns).into_feed();
    let end = feed.try_len().unwrap();
    // SAFETY: the only chunk.
    assert!(unsafe { feed.chunk(end - 2..end) }.eq([(HALF - 1, HALF - 3), (HALF - 1, HALF - 2)]));
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "they are what is tested")]
fn tiles_of_any_size_stay_within_the_grid() {
    let top = usize::MAX;
    let last = (top - 1..top, top - 3..top);
    let whole = take(tiles(last.clone(), (top, top)), &[]);
    assert!(whole.iter().eq([&last]));
    assert_eq!(
        take(tiles(last, (1, 2)), &[1]),
        [
            (top - 1..top, top - 3..top - 1),
            (top - 1..top, top - 1..top)
        ]
    );
    assert_eq!(
        take(tiles((0..2, 0..1), (0, 0)), &[]).len(),
        2,
        "0 counts as 1"
    );
    assert_eq!(take(tiles((5..2, 0..4), (1, 1)), &[]), []);
    assert_eq!(length(tiles((0..top, 0..4), (1, 3))), None);
    assert_eq!(length(tiles((0..top, 0..4), (1, 4))), Some(top));
}

#[cfg(feature = "alloc")]
#[test]
fn pull_believes_no_length() {
    struct Liar {
        left: usize,
        claim: (usize, Option<usize>),
        not_send: core::marker::PhantomData<std::rc::Rc<()>>,
    }
    impl Iterator for Liar {
        type Item = usize;
        fn next(&mut self) -> Option<usize> {
            self.left = self.left.checked_sub(1)?;
            Some(self.left)
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            self.claim
        }
    }
    for left in [0, 1, 5000] {
        for low in [0, 1, 4096, 5000, usize::MAX] {
            for high in [None, Some(0), Some(1), Some(usize::MAX)] {
                let items = crate::source::pull(Liar {
                    left,
                    claim: (low, high),
                    not_send: core::marker::PhantomData,
                });
                assert!(take(items, &[left / 2]).into_iter().eq((0..left).rev()));
            }
        }
    }
}

/// The blocking verbs, on one thread.
fn map<S: Source, R>(items: S, f: impl Fn(S::Item) -> R) -> Vec<R> {
    take(items, &[]).into_iter().map(f).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "as the verb takes it")]
fn starmap<S: Source<Item: Unpack<F, R>>, F, R>(items: S, f: F) -> Vec<R> {
    take(items, &[])
        .into_iter()
        .map(|item| item.unpack(&f))
        .collect()
}

fn for_each_chunk<S: Chunked>(items: S, f: impl Fn(S::Chunk)) {
    let feed = items.into_feed();
    // SAFETY: the only chunk.
    f(unsafe { feed.chunk(0..feed.try_len().unwrap()) });
}

#[test]
fn closures_are_inferred_from_the_source() {
    fn square(x: u64) -> u64 {
        x * x
    }
    let squares: Vec<u64> = map(0..10, |x| x * x);
    assert_eq!(squares, map(0..10, square));
    assert_eq!(map(0..=2, square), [0, 1, 4]);
    assert_eq!(map(&[1_u8, 2], |x| x + 1), [2, 3]);
    assert_eq!(map(["a", "b"], |word| word.len() + 1), [2, 2]);
    assert_eq!(
        map(enumerate(&["a", "b"]), |(at, word)| word.len() + at),
        [1, 2]
    );
    assert_eq!(
        map((0..2, 0..2), |(row, column)| row * 2 + column),
        [0, 1, 2, 3]
    );
    let mut data = [2, 1, 3];
    for_each_chunk(&mut data, |chunk| chunk[..2].sort_unstable());
    assert_eq!(data, [1, 2, 3]);
    for_each_chunk(data.chunks_mut(2), |slices| {
        slices.for_each(|slice| slice.fill(0));
    });
    assert_eq!(data, [0, 0, 0]);
}

#[test]
fn tuples_are_unpacked_into_arguments() {
    assert_eq!(
        starmap([(2, 5), (3, 2)], |base: u64, power| base.pow(power)),
        [32, 9]
    );
    assert_eq!(starmap(zip(&[1, 2], [3, 4]), |a, b| a * b), [3, 8]);
    assert_eq!(starmap([("a",), ("bc",)], |word| word.len() + 1), [2, 3]);
    assert_eq!(
        starmap([(1, 'a', "b")], |n, c, s| format!("{n}{c}{s}")),
        ["1ab"]
    );
    assert_eq!(
        starmap(
            [(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)],
            |a, b, c, d, e, f, g, h, i, j, k, l| { [a, b, c, d, e, f, g, h, i, j, k, l] }
        ),
        [core::array::from_fn::<_, 12, _>(|at| at + 1)]
    );
}

/// Writes `values` as `map_into` would, and says whether there was room.
fn write<O: Sink<String> + ?Sized>(out: &mut O, values: &[&str]) -> bool {
    let Some(room) = out.room(values.len()) else {
        return false;
    };
    for (at, value) in values.iter().enumerate() {
        // SAFETY: the room has a place for each value.
        let place = unsafe { room.add(at) };
        if O::ASSIGN {
            // SAFETY: the places hold values.
            unsafe { *place = String::from(*value) };
        } else {
            // SAFETY: the place is valid for writing.
            unsafe { place.write(String::from(*value)) };
        }
    }
    // SAFETY: all values were written.
    unsafe { out.commit(values.len()) };
    true
}

#[test]
fn slices_and_arrays_take_results() {
    let mut array = ["x", "y", "z"].map(String::from);
    assert!(write(&mut array, &["a", "b"]));
    assert_eq!(array, ["a", "b", "z"]);
    assert!(write(&mut array[1..], &["c", "d"]));
    assert!(!write(&mut array[1..], &["c", "d", "e"]));
    assert!(!write(&mut array, &["e"; 4]));
    assert_eq!(array, ["a", "c", "d"]);
    let mut places = [const { MaybeUninit::uninit() }; 3];
    assert!(!write(&mut places, &["e"; 4]));
    assert!(write(&mut places[..1], &["a"]));
    // SAFETY: just written.
    assert_eq!(unsafe { places[0].assume_init_read() }, "a");
    assert!(write(&mut places, &["a", "b", "c"]));
    // SAFETY: all three were just written.
    let values = places.map(|place| unsafe { place.assume_init() });
    assert_eq!(values, ["a", "b", "c"]);
}

#[cfg(feature = "alloc")]
#[test]
fn a_vector_is_cleared_and_keeps_its_allocation() {
    let mut vec = Vec::with_capacity(8);
    vec.extend(["x", "y", "z"].map(String::from));
    let before = vec.as_ptr();
    assert!(write(&mut vec, &["a", "b"]));
    assert_eq!(
        (vec.as_slice(), vec.as_ptr()),
        (&["a", "b"].map(String::from)[..], before)
    );
    assert!(write(&mut vec, &["c"; 9]));
    assert_eq!(vec, ["c"; 9]);
    assert_eq!(Sink::<String>::room(&mut vec, usize::MAX), None);
    assert_eq!(vec, ["c"; 9]);
}

#[test]
fn every_promised_type_is_a_source() {
    fn indexed<S: Indexed>() {}
    fn chunked<S: Chunked>() {}
    fn send_and_sync<T: Send + Sync>() {}
    macro_rules! integers {
        ($($T:ty)+) => {$(
            chunked::<core::ops::Range<$T>>();
            chunked::<core::ops::RangeInclusive<$T>>();
        )+};
    }
    integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
    indexed::<[String; 3]>();
    indexed::<crate::source::Zip<[String; 3], crate::source::Enumerate<&mut [u8]>>>();
    chunked::<crate::source::Zip<&[String], crate::source::Enumerate<&mut [u8]>>>();
    send_and_sync::<crate::source::Owned<String>>();
    send_and_sync::<crate::source::Run<core::slice::ChunksMut<'_, u8>>>();
    #[cfg(feature = "alloc")]
    {
        indexed::<Vec<String>>();
        indexed::<Box<[String]>>();
        indexed::<std::vec::IntoIter<String>>();
        chunked::<&Vec<String>>();
        chunked::<&mut Vec<std::cell::Cell<String>>>();
    }
}

//! Every source gives out exactly the items of its plain iterator, in order, however it is cut.

use core::cell::Cell;
use core::ops::Range;

use super::check;
#[cfg(feature = "alloc")]
use crate::source::pull;
use crate::source::{Indexed, enumerate, tiles, zip};

/// The longest source these tests cut in every way.
const LONGEST: usize = 17;

fn numbers(len: usize) -> Vec<u32> {
    (0_u32..).map(|n| n * 7 + 3).take(len).collect()
}

#[test]
fn slices_give_their_items_in_order() {
    for len in 0..=LONGEST {
        let data = numbers(len);
        let (mut a, mut b) = (data.clone(), data.clone());
        check!(&data[..], data.iter());
        check!(data.iter(), data.iter());
        check!(&mut a[..], b.iter_mut());
        check!(a.iter_mut(), b.iter_mut());
    }
}

#[test]
fn arrays_give_their_items_in_order() {
    fn of<const N: usize>() {
        let data: [u32; N] = numbers(N).try_into().unwrap();
        let (mut a, mut b) = (data, data);
        check!(&data, data.iter());
        check!(&mut a, b.iter_mut());
        check!(data.map(|n| n.to_string()), data.iter().map(u32::to_string));
    }
    of::<0>();
    of::<1>();
    of::<2>();
    of::<5>();
    of::<17>();
}

#[cfg(feature = "alloc")]
#[test]
fn vectors_give_their_items_in_order() {
    for len in 0..=LONGEST {
        let data: Vec<String> = numbers(len).iter().map(u32::to_string).collect();
        let (mut a, mut b) = (data.clone(), data.clone());
        check!(&data, data.iter());
        check!(&mut a, b.iter_mut());
        check!(data.clone(), data.iter().cloned());
        check!(data.clone().into_boxed_slice(), data.iter().cloned());
        check!(data.clone().into_iter(), data.iter().cloned());
        check!(pull(data.iter().rev()), data.iter().rev());
    }
}

#[cfg(feature = "alloc")]
#[test]
fn the_rest_of_a_used_iterator_is_given() {
    let data: Vec<String> = numbers(9).iter().map(u32::to_string).collect();
    let used = || {
        let mut items = data.clone().into_iter();
        items.next();
        items.next();
        items.next_back();
        items
    };
    check!(used(), used());
    let used = || {
        let mut items = data.iter();
        items.next();
        items.next_back();
        items
    };
    check!(used(), used());
}

#[test]
fn items_without_a_size_are_counted() {
    check!(&[(); 5], [(); 5].iter());
    check!([(); 5], [(); 5].into_iter());
    #[cfg(feature = "alloc")]
    check!(vec![(); 5], [(); 5].into_iter());
}

#[test]
fn chunk_iterators_give_their_slices_in_order() {
    for len in 0..=LONGEST {
        let data = numbers(len);
        let (mut a, mut b) = (data.clone(), data.clone());
        for size in 1..=LONGEST + 1 {
            check!(data.chunks(size), data.chunks(size));
            check!(data.chunks_exact(size), data.chunks_exact(size));
            check!(data.windows(size), data.windows(size));
            check!(a.chunks_mut(size), b.chunks_mut(size));
            check!(a.chunks_exact_mut(size), b.chunks_exact_mut(size));
        }
    }
}

#[test]
fn the_rest_of_used_mutable_chunks_is_given() {
    fn used(data: &mut [u32]) -> core::slice::ChunksMut<'_, u32> {
        let mut chunks = data.chunks_mut(3);
        chunks.next();
        chunks.next_back();
        chunks
    }
    let (mut a, mut b) = (numbers(17), numbers(17));
    check!(used(&mut a), used(&mut b));
}

#[test]
fn mutable_sources_write_through() {
    for size in 1..=5 {
        let mut data = numbers(LONGEST);
        for slice in super::take(data.chunks_mut(size), &[1, 2]) {
            slice.fill(1);
        }
        assert_eq!(data, [1; LONGEST]);
        for slice in super::take_on_threads(data.chunks_exact_mut(size)) {
            slice.fill(2);
        }
        let whole = LONGEST / size * size;
        assert!(data[..whole].iter().all(|&n| n == 2) && data[whole..].iter().all(|&n| n == 1));
        for item in super::take_on_threads(&mut data[..]) {
            *item = 3;
        }
        assert_eq!(data, [3; LONGEST]);
    }
}

#[test]
fn mutable_items_need_not_be_sync() {
    let mut data: Vec<Cell<u32>> = numbers(LONGEST).into_iter().map(Cell::new).collect();
    for item in super::take_on_threads(&mut data[..]) {
        item.set(item.get() + 1);
    }
    assert!(
        data.iter()
            .map(Cell::get)
            .eq(numbers(LONGEST).iter().map(|n| n + 1))
    );
}

#[test]
fn ranges_give_their_integers_in_order() {
    for len in 0..=17_i8 {
        check!(-3..len - 3, -3..len - 3);
        check!(-3..=len - 3, -3..=len - 3);
        check!(0..len.cast_unsigned(), 0..len.cast_unsigned());
        check!(i128::from(len)..20, i128::from(len)..20);
        check!(usize::MAX - 20..usize::MAX, usize::MAX - 20..usize::MAX);
    }
}

#[test]
fn grids_are_row_major() {
    for rows in 0..=4 {
        for columns in 0..=4 {
            let flat = || {
                (2..2 + rows).flat_map(move |row| (5..5 + columns).map(move |column| (row, column)))
            };
            check!((2..2 + rows, 5..5 + columns), flat());
            for layers in 0..=3 {
                check!(
                    (7..7 + layers, 2..2 + rows, 5..5 + columns),
                    (7..7 + layers)
                        .flat_map(|layer| flat().map(move |(row, column)| (layer, row, column)))
                );
            }
        }
    }
    // The last place of an axis may be the last `usize` before the end.
    let top = usize::MAX;
    check!(
        (top - 2..top, top - 1..top),
        [(top - 2, top - 1), (top - 1, top - 1)].into_iter()
    );
}

#[test]
fn tiles_are_row_major_and_cover_the_grid() {
    let cut = |axis: Range<usize>, along| {
        let end = axis.end;
        axis.step_by(along)
            .map(move |from| from..end.min(from + along))
    };
    for (rows, columns) in [(0, 3), (1, 1), (4, 5), (5, 4)] {
        for (high, wide) in [(1, 1), (2, 3), (3, 2), (9, 2), (2, 9)] {
            let (rows, columns) = (2..2 + rows, 5..5 + columns);
            let flat = || {
                let columns = columns.clone();
                cut(rows.clone(), high).flat_map(move |rows| {
                    cut(columns.clone(), wide).map(move |columns| (rows.clone(), columns))
                })
            };
            check!(tiles((rows.clone(), columns.clone()), (high, wide)), flat());
            for deep in 1..=3 {
                check!(
                    tiles((7..10, rows.clone(), columns.clone()), (deep, high, wide)),
                    cut(7..10, deep).flat_map(|layers| {
                        flat().map(move |(rows, columns)| (layers.clone(), rows, columns))
                    })
                );
            }
        }
    }
}

#[test]
fn adapters_pair_and_number_in_order() {
    for len in 0..=LONGEST {
        let data = numbers(len);
        let (mut a, mut b) = (data.clone(), data.clone());
        check!(enumerate(&data[..]), data.iter().enumerate());
        check!(
            enumerate(enumerate(5..9_u8)),
            (5..9_u8).enumerate().enumerate()
        );
        for other in [0, 1, 5, 17] {
            check!(zip(&mut a[..], 0..other), b.iter_mut().zip(0..other));
            check!(zip(0..other, &data[..]), (0..other).zip(data.iter()));
        }
        check!(
            zip(data.chunks(2), a.chunks_mut(3)),
            data.chunks(2).zip(b.chunks_mut(3))
        );
        check!(
            zip(0..u128::MAX, &data[..]),
            (0..u128::MAX).zip(data.iter())
        );
        #[cfg(feature = "alloc")]
        check!(
            zip(pull(data.iter()), data.clone().into_iter()),
            data.iter().zip(data.clone())
        );
    }
}

#[test]
fn a_refused_feed_turns_back_into_its_source() {
    fn back<S: Indexed>(source: S) -> S {
        S::from_feed(source.into_feed())
    }
    let (data, mut other) = ([1, 2, 3], [1, 2, 3]);
    assert_eq!(back(&data), &data);
    assert_eq!(back(&data[..]), &data[..]);
    assert_eq!(back(data), data);
    assert_eq!(back(data.iter()).as_slice(), data);
    assert_eq!(back(data.chunks(2)).len(), 2);
    assert_eq!(back(0..9_u8), 0..9);
    assert_eq!(back(0..=9_u8), 0..=9);
    assert_eq!(back((0..2, 0..3)), (0..2, 0..3));
    back(&mut other)[0] = 4;
    back(&mut other[..])[1] = 5;
    *back(other.iter_mut()).next_back().unwrap() = 6;
    assert_eq!(other, [4, 5, 6]);
    assert!(back(other.chunks_mut(2)).eq([&mut [4, 5][..], &mut [6]]));
    let pairs = back(zip(enumerate(&data), &mut other));
    assert_eq!(
        super::take(pairs, &[]),
        [((0, &1), &mut 4), ((1, &2), &mut 5), ((2, &3), &mut 6)]
    );
}

#[cfg(feature = "alloc")]
#[test]
fn a_refused_feed_turns_back_into_its_vector() {
    fn back<S: Indexed>(source: S) -> S {
        S::from_feed(source.into_feed())
    }
    let mut data = vec![String::from("a"), String::from("b")];
    assert_eq!(back(data.clone()), data);
    assert_eq!(
        back(data.clone().into_boxed_slice()),
        data.clone().into_boxed_slice()
    );
    assert!(back(data.clone().into_iter()).eq(data.clone()));
    assert_eq!(back(&data), &data);
    back(&mut data).push(String::from("c"));
    assert_eq!(data, ["a", "b", "c"]);
}

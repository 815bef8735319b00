extern crate std;

use std::collections::HashSet;
use std::vec::Vec;

use super::*;

const SIZE: usize = SIZES[0];

fn block() -> NonNull<Spare> {
    fresh(layout_of(SIZE)).cast()
}

fn list(blocks: usize) -> Option<NonNull<Spare>> {
    let magazine = Magazine::new();
    // SAFETY: the magazine is this test's, and so are the blocks.
    let full = (0..blocks).find_map(|_| unsafe { magazine.keep(block()) });
    full.or_else(|| {
        magazine.spares.with_mut(|load| {
            // SAFETY: as above.
            unsafe { (*load).first.take() }
        })
    })
}

#[test]
fn a_job_gets_the_smallest_block_that_holds_it() {
    let class = |size, align| class_of(Layout::from_size_align(size, align).unwrap());
    assert_eq!(class(SIZES[0], 8), Some(0));
    assert_eq!(class(SIZES[0] + 1, 8), Some(1));
    assert_eq!(class(SIZES[2], ALIGN), Some(2));
    assert_eq!(class(SIZES[2] + 1, 8), None);
    assert_eq!(class(8, 2 * ALIGN), None, "blocks are not aligned as much");
}

#[test]
fn a_magazine_gives_back_what_it_was_given() {
    let magazine = Magazine::new();
    let given: HashSet<_> = (1..LOAD).map(|_| block()).collect();
    for block in &given {
        // SAFETY: the magazine is this test's, and so are the blocks.
        assert_eq!(unsafe { magazine.keep(*block) }, None);
    }
    // SAFETY: as above.
    let back: Vec<_> = std::iter::from_fn(|| unsafe { magazine.take() }).collect();
    assert_eq!(back.len(), LOAD - 1);
    assert_eq!(back.iter().copied().collect::<HashSet<_>>(), given);
    for block in back {
        // SAFETY: it is allocated with this layout, and nobody uses it.
        unsafe { dealloc(block.as_ptr().cast(), layout_of(SIZE)) };
    }
}

#[test]
fn a_full_magazine_is_handed_over_and_empty() {
    let magazines = Magazines::new();
    // SAFETY: the magazine is this test's, and so are the blocks.
    let full = (0..LOAD).find_map(|_| unsafe { magazines.of(0).keep(block()) });
    // SAFETY: as above.
    assert_eq!(unsafe { magazines.of(0).take() }, None);
    let mut blocks = 0;
    let mut rest = full;
    while let Some(first) = rest {
        blocks += 1;
        // SAFETY: the list is ours.
        rest = unsafe { split(first) };
    }
    assert_eq!(blocks, LOAD);
    // SAFETY: the list is ours.
    unsafe { free_list(full, SIZE) };
}

#[test]
fn a_depot_gives_out_what_it_has_and_refuses_what_it_has_no_place_for() {
    let depots = Depots::new();
    let depot = &depots.0[0];
    for _ in 0..PLACES {
        assert_eq!(list(2).map(|list| depot.put(list)), Some(Ok(())));
    }
    let refused = list(3).and_then(|list| depot.put(list).err());
    assert!(refused.is_some());
    // SAFETY: it was not put away.
    unsafe { free_list(refused, SIZE) };
    let taken: Vec<_> = std::iter::from_fn(|| depot.take()).collect();
    assert_eq!(taken.len(), 2 * PLACES);
    for (block, rest) in taken {
        assert_eq!(rest, Ok(()));
        // SAFETY: it is allocated with this layout, and nobody uses it.
        unsafe { dealloc(block.as_ptr().cast(), layout_of(SIZE)) };
    }
}

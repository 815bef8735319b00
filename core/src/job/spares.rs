//! Blocks of jobs that were freed, for jobs to come: magazines and a depot (Bonwick and Adams, "Magazines and Vmem",
//! USENIX 2001).
//!
//! A job without a handle is born on the thread that submits it and freed by a worker. Allocators pay for memory that
//! one thread allocates and another frees: with glibc's, three quarters of what such a job costs. So a worker loads
//! the blocks it frees into a [`Magazine`] of its own, without atomics. Full ones go to the pool's [`Depot`], where
//! submitters find them; a worker that submits takes from its magazine first.
//!
//! A magazine is a list whose links lie in the spare blocks. The depot is a few places, each empty or with one
//! magazine, which goes in by a compare-exchange from empty and out by a swap with empty: whoever has it out owns all
//! of it, so there is no ABA. Every operation ends after one look at each place.
//!
//! What the depot has no room for goes back to the allocator, so a pool keeps at most [`PLACES`] and one for each
//! worker of [`LOAD`] blocks a size.

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::ptr::{NonNull, null_mut};

use super::PoolHead;
use crate::engine::Engine;
use crate::frame::Frame;
use crate::platform::Platform;
use crate::sync::{AtomicPtr, CachePadded, Ordering, UnsafeCell, array_of, const_fn};

/// Sizes of blocks that are kept: with an allocator's header of a word they fill chunks of 96, 128 and 160 bytes.
const SIZES: [usize; 3] = [88, 120, 152];
/// Where larger alignment is asked for, blocks are not kept.
const ALIGN: usize = 2 * size_of::<usize>();

/// Where every use of freed memory shall be noticed, each block comes from the allocator and goes back to it. For
/// models of other things each look at a place would be one more step to interleave.
const KEEPS: bool = !cfg!(any(ringpool_loom, miri, ringpool_every_block_fresh));

/// Places for magazines in a depot: a cache line of 64 bytes.
const PLACES: usize = if KEEPS { 8 } else { 0 };
/// Blocks in a full magazine.
const LOAD: usize = 32;

/// A block that is not in use begins with this.
struct Spare {
    next: UnsafeCell<Option<NonNull<Spare>>>,
}

/// Takes the first block off a list that the caller owns; what is left is the rest.
///
/// # Safety
///
/// The list must be the caller's.
unsafe fn split(first: NonNull<Spare>) -> Option<NonNull<Spare>> {
    // SAFETY: the block is the caller's.
    let spare = unsafe { first.as_ref() };
    spare.next.with(|next| {
        // SAFETY: as above.
        unsafe { *next }
    })
}

/// Spare blocks of one size that a worker has for itself.
struct Magazine {
    spares: UnsafeCell<Load>,
}

struct Load {
    first: Option<NonNull<Spare>>,
    count: usize,
}

// SAFETY: blocks are memory that any thread may free; only the worker of its slot uses a magazine. It goes from a worker to its
// replacement by the slot's `predecessor`, and from caller to caller where they take part by `CallerSeat`.
unsafe impl Send for Magazine {}
// SAFETY: as above.
unsafe impl Sync for Magazine {}

impl Magazine {
    const_fn! {
        const fn new() -> Self {
            Self { spares: UnsafeCell::new(Load { first: None, count: 0 }) }
        }
    }

    /// # Safety
    ///
    /// Only the worker whose magazine it is may call it.
    unsafe fn take(&self) -> Option<NonNull<Spare>> {
        self.spares.with_mut(|load| {
            // SAFETY: the caller's promise.
            let load = unsafe { &mut *load };
            let first = load.first?;
            // SAFETY: the list is the worker's.
            load.first = unsafe { split(first) };
            load.count -= 1;
            Some(first)
        })
    }

    /// Keeps a block. Gives back a whole list when the magazine is full, and is empty then.
    ///
    /// # Safety
    ///
    /// Only the worker whose magazine it is may call it, with a block of the magazine's size that is not in use.
    unsafe fn keep(&self, block: NonNull<Spare>) -> Option<NonNull<Spare>> {
        self.spares.with_mut(|load| {
            // SAFETY: the caller's promise.
            let load = unsafe { &mut *load };
            let next = UnsafeCell::new(load.first.take());
            // SAFETY: the block is not in use, and large enough for a word.
            unsafe { block.write(Spare { next }) };
            load.count += 1;
            if load.count < LOAD {
                load.first = Some(block);
                return None;
            }
            load.count = 0;
            Some(block)
        })
    }
}

/// Full magazines of one size, for whoever submits.
struct Depot<const N: usize = PLACES> {
    places: CachePadded<[AtomicPtr<Spare>; N]>,
}

impl<const N: usize> Depot<N> {
    const_fn! {
        const fn new() -> Self {
            Self { places: CachePadded(array_of![AtomicPtr::new(null_mut()); N]) }
        }
    }

    /// Takes one block. `Err`: a list for which there is no place left meanwhile.
    fn take(&self) -> Option<(NonNull<Spare>, Result<(), NonNull<Spare>>)> {
        let taken = self.places.0.iter().find_map(|place| {
            if place.load(Ordering::Relaxed).is_null() {
                return None;
            }
            // Acquire: pairs with the Release in `put`, for the links.
            NonNull::new(place.swap(null_mut(), Ordering::Acquire))
        })?;
        // SAFETY: who swaps a list out of its place owns it.
        let rest = unsafe { split(taken) };
        Some((taken, rest.map_or(Ok(()), |rest| self.put(rest))))
    }

    /// Puts a list that the caller owns into an empty place.
    ///
    /// # Errors
    ///
    /// The list: no place is empty.
    fn put(&self, list: NonNull<Spare>) -> Result<(), NonNull<Spare>> {
        let empty = |place: &AtomicPtr<Spare>| {
            place.load(Ordering::Relaxed).is_null()
                // Release: pairs with the Acquire in `take`.
                && place
                    .compare_exchange(
                        null_mut(),
                        list.as_ptr(),
                        Ordering::Release,
                        Ordering::Relaxed,
                    )
                    .is_ok()
        };
        if self.places.0.iter().any(empty) {
            Ok(())
        } else {
            Err(list)
        }
    }
}

/// A worker's magazines.
pub(crate) struct Magazines([Magazine; SIZES.len()]);

impl Magazines {
    fn of(&self, class: usize) -> &Magazine {
        &self.0[class]
    }

    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(array_of![Magazine::new(); SIZES.len()])
        }
    }
}

impl Drop for Magazines {
    fn drop(&mut self) {
        for (magazine, size) in self.0.iter().zip(SIZES) {
            // SAFETY: `&mut self`.
            let load = magazine
                .spares
                .with_mut(|load| unsafe { (*load).first.take() });
            // SAFETY: the list was the worker's, and its blocks are of this size.
            unsafe { free_list(load, size) };
        }
    }
}

/// A pool's depots.
pub(crate) struct Depots([Depot; SIZES.len()]);

impl Depots {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(array_of![Depot::new(); SIZES.len()])
        }
    }
}

impl Drop for Depots {
    fn drop(&mut self) {
        for (depot, size) in self.0.iter().zip(SIZES) {
            for place in depot.places.iter() {
                // Relaxed: `&mut self` comes after every use of the depot.
                let list = NonNull::new(place.load(Ordering::Relaxed));
                // SAFETY: nobody else has the list; the blocks are of this size.
                unsafe { free_list(list, size) };
            }
        }
    }
}

/// Which size of block a job needs, if it is one of those that are kept.
const fn class_of(layout: Layout) -> Option<usize> {
    let mut class = 0;
    while KEEPS && layout.align() <= ALIGN && class < SIZES.len() {
        if layout.size() <= SIZES[class] {
            return Some(class);
        }
        class += 1;
    }
    None
}

/// The layout of kept blocks of that size.
const fn layout_of(size: usize) -> Layout {
    match Layout::from_size_align(size, ALIGN) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    }
}

fn fresh(layout: Layout) -> NonNull<()> {
    debug_assert!(layout.size() > 0, "a job has a head");
    // SAFETY: the layout is not empty.
    let block = unsafe { alloc(layout) };
    NonNull::new(block.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

/// # Safety
///
/// The list must be the caller's, of blocks of that size.
unsafe fn free_list(mut list: Option<NonNull<Spare>>, size: usize) {
    while let Some(first) = list {
        // SAFETY: the caller's promise.
        list = unsafe { split(first) };
        // SAFETY: `allocate` has allocated it with this layout, and nobody uses it.
        unsafe { dealloc(first.as_ptr().cast(), layout_of(size)) };
    }
}

/// Memory for a job with that layout: a spare block, or a fresh one.
pub(super) fn allocate<P: Platform>(engine: &Engine<P>, layout: Layout) -> NonNull<()> {
    let Some(class) = class_of(layout) else {
        return fresh(layout);
    };
    let own = Frame::<P>::find(engine.head(), |frame| {
        // SAFETY: the frame's worker is this thread.
        frame.and_then(|frame| unsafe { frame.slot().magazines.of(class).take() })
    });
    if let Some(spare) = own {
        return spare.cast();
    }
    match engine.depots.0[class].take() {
        None => fresh(layout_of(SIZES[class])),
        Some((spare, rest)) => {
            // SAFETY: a list that was not put away is ours.
            unsafe { free_list(rest.err(), SIZES[class]) };
            spare.cast()
        }
    }
}

/// Takes back the memory of a job with that layout, on any thread and also after the pool's end.
///
/// # Safety
///
/// The block must come from [`allocate`] with that layout, and not be in use. `pool` may be gone.
pub(super) unsafe fn free<P: Platform>(
    pool: NonNull<PoolHead>,
    block: NonNull<()>,
    layout: Layout,
) {
    let Some(class) = class_of(layout) else {
        // SAFETY: blocks of such layouts are allocated with them.
        return unsafe { dealloc(block.as_ptr().cast(), layout) };
    };
    Frame::<P>::find(pool, |frame| match frame {
        // A pool of this platform that has come to the address of the job's own may as well have its block.
        Some(frame) if frame.is_of_its_platform() => {
            // SAFETY: the frame's worker is this thread, and the block not in use.
            let full = unsafe { frame.slot().magazines.of(class).keep(block.cast()) };
            if let Some(Err(list)) = full.map(|list| frame.engine.depots.0[class].put(list)) {
                // SAFETY: a list that was not put away is ours.
                unsafe { free_list(Some(list), SIZES[class]) };
            }
        }
        // SAFETY: kept blocks are allocated with this layout.
        _ => unsafe { dealloc(block.as_ptr().cast(), layout_of(SIZES[class])) },
    });
}

#[cfg(all(test, ringpool_loom))]
mod models;
#[cfg(all(test, not(any(ringpool_loom, miri, ringpool_every_block_fresh))))]
mod tests;

//! The packing arithmetic of the rings, pure and without atomics.
//!
//! A position counts laps and places; an entry carries the lap in which it was filled:
//!
//! ```text
//! position = { cycle | slot }             slot  = position % len, `order` bits
//! entry    = { cycle | reason | index }   index = `order` bits, stored XOR slot; reason = 2 bits
//! ```
//!
//! The cycle takes the bits that are left. The XOR makes zeroed memory mean two useful things: with
//! head = tail = len it is an empty ring (every entry is one cycle behind), and with head = 0 and
//! tail = len it is a ring that holds the indices 0..len in order.

/// Why nothing more enters a ring. The first closer's reason stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Closed for good.
    Closed = 1,
    /// Full once and therefore closed; the queue goes on in the next ring.
    // Only a chain grows, and it needs an allocator; unpacking knows the reason all the same.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    Grown = 2,
}

/// The bits that a [`Reason`] takes in an entry.
const REASON_BITS: u32 = 2;

/// A place in the endless sequence of places, modulo the wrap of its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position(pub(super) usize);

/// An entry unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The cycle of the position for which the entry was written.
    pub(super) cycle: usize,
    /// Set if the ring was closed at the position one cycle ahead of this entry.
    pub(super) reason: Option<Reason>,
    /// The index in it; without meaning once the head has passed.
    pub(super) index: usize,
}

/// An entry's cycle as seen from a position in the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lap {
    /// The entry was written for this position.
    Same,
    /// The entry is one cycle behind: this position has not been filled yet.
    Behind,
    /// Anything else: the position was out of date when it was read.
    Elsewhere,
}

/// The length of a ring's array and the widths that follow from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The logarithm of the array's length.
    order: u32,
    /// Ones where a cycle has bits.
    cycle_mask: usize,
}

impl Shape {
    /// The longest array that leaves a cycle two bits, of which it needs both: the same, one
    /// behind, and elsewhere must differ.
    pub(super) const MAX_LEN: usize = 1 << (usize::BITS - REASON_BITS - 2);

    /// The shape of an array of `len` entries with the widest cycle.
    pub(super) const fn new(len: usize) -> Self {
        assert!(
            len.is_power_of_two() && len <= Self::MAX_LEN,
            "an array of entries has a power of two as its length"
        );
        let order = len.trailing_zeros();
        Self {
            order,
            cycle_mask: usize::MAX >> (REASON_BITS + order),
        }
    }

    /// The same with a cycle of few bits only, so that a model meets the wrap.
    #[cfg(any(test, ringpool_loom))]
    #[allow(
        dead_code,
        reason = "each build of the models uses the shapes it needs"
    )]
    pub(super) const fn narrow(len: usize, cycle_bits: u32) -> Self {
        let full = Self::new(len);
        let cycle_mask = (1 << cycle_bits) - 1;
        assert!(cycle_bits >= 2 && cycle_mask <= full.cycle_mask);
        Self { cycle_mask, ..full }
    }

    /// The array's length.
    #[inline]
    pub(super) const fn len(self) -> usize {
        1 << self.order
    }

    /// The place in the array that belongs to a position.
    #[inline]
    pub(super) const fn slot(self, position: Position) -> usize {
        position.0 & (self.len() - 1)
    }

    /// The lap that a position is in.
    #[inline]
    pub(super) const fn cycle(self, position: Position) -> usize {
        (position.0 >> self.order) & self.cycle_mask
    }

    /// The position after this one.
    #[inline]
    pub(super) const fn next(self, position: Position) -> Position {
        Position(position.0.wrapping_add(1) & self.position_mask())
    }

    /// How many places lie from `head` up to `tail`, when the two were read at different moments:
    /// never more than the array has, and none if the tail lags behind the head.
    #[inline]
    pub(super) const fn distance(self, head: Position, tail: Position) -> usize {
        let ahead = tail.0.wrapping_sub(head.0) & self.position_mask();
        if ahead > self.position_mask() / 2 {
            0
        } else if ahead > self.len() {
            self.len()
        } else {
            ahead
        }
    }

    /// Where an entry stands as seen from a position in its slot.
    #[inline]
    pub(super) const fn lap(self, entry: Entry, position: Position) -> Lap {
        match self.cycle(position).wrapping_sub(entry.cycle) & self.cycle_mask {
            0 => Lap::Same,
            1 => Lap::Behind,
            _ => Lap::Elsewhere,
        }
    }

    /// The word for an entry in the slot of `position`.
    #[inline]
    pub(super) const fn pack(self, entry: Entry, position: Position) -> usize {
        let reason = match entry.reason {
            None => 0,
            Some(reason) => reason as usize,
        };
        let index = entry.index ^ self.slot(position);
        (entry.cycle << (self.order + REASON_BITS)) | (reason << self.order) | index
    }

    /// The entry in a word that was read in the slot of `position`.
    #[inline]
    pub(super) const fn unpack(self, word: usize, position: Position) -> Entry {
        Entry {
            cycle: word >> (self.order + REASON_BITS),
            reason: match (word >> self.order) & ((1 << REASON_BITS) - 1) {
                0 => None,
                1 => Some(Reason::Closed),
                _ => Some(Reason::Grown),
            },
            index: (word & (self.len() - 1)) ^ self.slot(position),
        }
    }

    /// Ones where a position has bits.
    #[inline]
    const fn position_mask(self) -> usize {
        (self.cycle_mask << self.order) | (self.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASONS: [Option<Reason>; 3] = [None, Some(Reason::Closed), Some(Reason::Grown)];

    fn small_shapes() -> impl Iterator<Item = Shape> {
        (0..4).flat_map(|order| (2..5).map(move |bits| Shape::narrow(1 << order, bits)))
    }

    fn positions(shape: Shape) -> impl Iterator<Item = Position> {
        (0..=shape.position_mask()).map(Position)
    }

    #[test]
    fn every_entry_comes_back_from_its_word_and_no_two_share_one() {
        for shape in small_shapes() {
            for position in positions(shape) {
                let mut words = std::collections::BTreeSet::new();
                for cycle in 0..=shape.cycle_mask {
                    for reason in REASONS {
                        for index in 0..shape.len() {
                            let entry = Entry {
                                cycle,
                                reason,
                                index,
                            };
                            let word = shape.pack(entry, position);
                            assert_eq!(shape.unpack(word, position), entry);
                            assert!(words.insert(word));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn positions_split_into_cycle_and_slot_and_wrap() {
        for shape in small_shapes() {
            for position in positions(shape) {
                assert_eq!(
                    position.0,
                    shape.cycle(position) * shape.len() + shape.slot(position)
                );
                let next = shape.next(position);
                assert_eq!(next.0, (position.0 + 1) % (shape.position_mask() + 1));
                assert_eq!(shape.distance(position, next), 1);
                assert_eq!(shape.distance(next, position), 0, "a lagging tail");
            }
        }
    }

    #[test]
    fn a_position_knows_its_own_lap_and_the_one_behind() {
        for shape in small_shapes() {
            for position in positions(shape) {
                for cycle in 0..=shape.cycle_mask {
                    let entry = Entry {
                        cycle,
                        reason: None,
                        index: 0,
                    };
                    let own = shape.cycle(position);
                    let expected = if cycle == own {
                        Lap::Same
                    } else if (cycle + 1) & shape.cycle_mask == own {
                        Lap::Behind
                    } else {
                        Lap::Elsewhere
                    };
                    assert_eq!(shape.lap(entry, position), expected);
                }
            }
        }
    }

    #[test]
    fn a_zero_word_is_an_empty_place_and_a_full_one() {
        for shape in [Shape::new(1), Shape::new(2), Shape::new(64)] {
            for slot in 0..shape.len() {
                let full = Position(slot);
                assert_eq!(shape.lap(shape.unpack(0, full), full), Lap::Same);
                assert_eq!(shape.unpack(0, full).index, slot);
                let empty = Position(shape.len() + slot);
                assert_eq!(shape.lap(shape.unpack(0, empty), empty), Lap::Behind);
                assert_eq!(shape.unpack(0, empty).reason, None);
            }
        }
    }

    #[test]
    fn the_widest_shapes_use_every_bit_but_the_reason() {
        for len in [1, 2, 1024, Shape::MAX_LEN] {
            assert_eq!(Shape::new(len).position_mask(), usize::MAX >> REASON_BITS);
            let last = Position(usize::MAX >> REASON_BITS);
            let shape = Shape::new(len);
            let entry = Entry {
                cycle: shape.cycle(last),
                reason: Some(Reason::Grown),
                index: len - 1,
            };
            assert_eq!(shape.unpack(shape.pack(entry, last), last), entry);
            assert_eq!(shape.next(last), Position(0));
        }
    }
}

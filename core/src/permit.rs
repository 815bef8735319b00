//! The permit of a token that is one word, apart from `spin.rs` so that loom can model it.

use crate::sync::{AtomicUsize, Ordering, const_fn};

/// At most one permit.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Permit(AtomicUsize);

impl Permit {
    const_fn! {
        /// No permit.
        pub(crate) const fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Takes the permit, if there is one.
    pub(crate) fn take(&self) -> bool {
        // Acquire: pairs with the Release in `give`.
        self.0.swap(0, Ordering::Acquire) == 1
    }

    /// Leaves a permit.
    pub(crate) fn give(&self) {
        // Release: pairs with the Acquire in `take`. An exchange and not a store: who takes one permit that two have
        // left sees what both did before.
        self.0.swap(1, Ordering::Release);
    }
}

#[cfg(all(test, feature = "alloc", ringpool_loom))]
mod models {
    use loom::thread;

    use super::Permit;
    use crate::models::{explore, join, shared};
    use crate::sync::{AtomicUsize, Ordering};

    // S14: the later of two wakes does not hide what the earlier one was for.
    #[test]
    fn who_takes_a_permit_that_two_have_left_sees_what_both_did() {
        explore(3, || {
            let did = || AtomicUsize::new(0);
            let [left, gives, gives_too, takes] = shared((Permit::new(), [did(), did()]));
            let givers = [(gives, 0), (gives_too, 1)].map(|(shared, index)| {
                thread::spawn(move || {
                    shared.1[index].store(1, Ordering::Relaxed);
                    shared.0.give();
                })
            });
            let taker = thread::spawn(move || {
                let taken = takes.0.take();
                (
                    taken,
                    takes.1.each_ref().map(|did| did.load(Ordering::Relaxed)),
                )
            });
            join(givers);
            let [(taken, seen)] = join([taker]);
            let both = taken && !left.0.take();
            assert!(!both || seen == [1, 1]);
        });
    }
}

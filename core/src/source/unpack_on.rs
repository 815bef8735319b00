//! Tuples as the arguments of a function that gets its worker first.

use crate::{Platform, Worker};

/// A tuple of 1 to 12 values that is unpacked into the arguments of `F`, behind the worker.
///
/// As with [`Unpack`](super::Unpack), the bound stands on the tuple, so that a closure's arguments
/// are inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be unpacked into the arguments of this function",
    label = "the function takes `&mut Worker` first, then the 1 to 12 values of the tuple, in order"
)]
pub trait UnpackOn<F, P: Platform, W, R> {
    #[doc(hidden)]
    fn unpack_on(self, f: &F, worker: &mut Worker<'_, P, W>) -> R;
}

macro_rules! unpack_on {
    ($($Argument:ident)+) => {
        impl<$($Argument,)+ R, F, P: Platform, W> UnpackOn<F, P, W, R> for ($($Argument,)+)
        where
            F: for<'a, 'w> Fn(&'a mut Worker<'w, P, W>, $($Argument),+) -> R,
        {
            #[inline]
            #[allow(non_snake_case, reason = "each value is named as its type")]
            fn unpack_on(self, f: &F, worker: &mut Worker<'_, P, W>) -> R {
                let ($($Argument,)+) = self;
                f(worker, $($Argument),+)
            }
        }
    };
}
unpack_on!(A);
unpack_on!(A B);
unpack_on!(A B C);
unpack_on!(A B C D);
unpack_on!(A B C D E);
unpack_on!(A B C D E G);
unpack_on!(A B C D E G H);
unpack_on!(A B C D E G H I);
unpack_on!(A B C D E G H I J);
unpack_on!(A B C D E G H I J K);
unpack_on!(A B C D E G H I J K L);
unpack_on!(A B C D E G H I J K L M);

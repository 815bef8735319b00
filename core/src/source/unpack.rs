//! Tuples as the arguments of a function.

/// A tuple of 1 to 12 values that is unpacked into the arguments of `F`.
///
/// The bound stands on the tuple, never on the function, so that a closure's arguments are inferred:
///
/// ```
/// use ringpool_core::source::{Source, Unpack};
///
/// fn starmap<S: Source<Item: Unpack<F, R>>, F, R>(_: S, _: F) {}
/// starmap([(2, 5), (3, 2)], |base: u64, power| base.pow(power));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be unpacked into the arguments of this function",
    label = "items must be tuples of 1 to 12 values, one for each argument, in order"
)]
pub trait Unpack<F, R> {
    #[doc(hidden)]
    fn unpack(self, f: &F) -> R;
}

macro_rules! unpack {
    ($($Argument:ident)+) => {
        impl<$($Argument,)+ R, F: Fn($($Argument),+) -> R> Unpack<F, R> for ($($Argument,)+) {
            #[inline]
            #[allow(non_snake_case, reason = "each value is named as its type")]
            fn unpack(self, f: &F) -> R {
                let ($($Argument,)+) = self;
                f($($Argument),+)
            }
        }
    };
}
unpack!(A);
unpack!(A B);
unpack!(A B C);
unpack!(A B C D);
unpack!(A B C D E);
unpack!(A B C D E G);
unpack!(A B C D E G H);
unpack!(A B C D E G H I);
unpack!(A B C D E G H I J);
unpack!(A B C D E G H I J K);
unpack!(A B C D E G H I J K L);
unpack!(A B C D E G H I J K L M);

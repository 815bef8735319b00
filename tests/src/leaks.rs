//! What tests leak on purpose stays reachable, so that whatever the leak checker reports is a fault.

use std::mem::ManuallyDrop;
use std::sync::Mutex;

use crate::lock;

/// Addresses of everything that was leaked.
static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Leaks `value` and lends it for ever.
pub fn leak<T>(value: T) -> &'static T
where
    T: 'static,
{
    let value: &'static T = Box::leak(Box::new(value));
    keep(value);
    value
}

/// Never drops `value`, as [`std::mem::forget`].
pub fn forget<T>(value: T) {
    keep(Box::leak(Box::new(ManuallyDrop::new(value))));
}

fn keep<T>(value: &T) {
    lock(&KEPT).push(std::ptr::from_ref(value).addr());
}

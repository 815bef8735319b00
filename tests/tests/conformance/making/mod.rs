//! Making a pool.

mod participation;
mod pinned;
mod replacement;
mod start;
mod state;

use std::error::Error;

/// What a text of ours must look like: one lower-case sentence without a full stop.
fn assert_is_a_sentence(error: &dyn Error) {
    let text = error.to_string();
    assert!(text.starts_with(char::is_lowercase), "{text:?}");
    assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?}");
}

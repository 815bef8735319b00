//! Nesting.

mod everyone;
mod scopes;
mod state;
mod waits;

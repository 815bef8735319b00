//! Submitting.

mod order;
mod outcome;
mod refusal;
mod room;

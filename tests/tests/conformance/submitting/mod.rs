//! Submitting.

mod apply;
mod order;
mod outcome;
mod refusal;
mod room;

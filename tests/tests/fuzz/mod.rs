//! Random programs on real pools, and a reference that says what each of their calls may answer.
//!
//! `program.rs` says what a program is, `generate.rs` draws one, `run.rs` and `calls.rs` execute it, and
//! `reference.rs` judges every answer by SEMANTICS.md. `books.rs` knows each value that a program makes: all of
//! them must be dropped once. With real threads more than one answer may be right, so the reference says what
//! is allowed; where nothing interferes, that is one answer.

mod books;
mod calls;
mod census;
mod generate;
mod handles;
mod listing;
mod program;
mod reference;
mod run;
mod streams;
mod timeline;
mod world;

pub(crate) use books::{Books, Tracked};
pub(crate) use census::answers;
pub(crate) use generate::{Draw, program};
pub(crate) use program::Program;
pub(crate) use run::run;

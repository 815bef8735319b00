//! The core on a platform without threads. Nothing happens at the same time here, so the tests assert whole lists of
//! events: what is dropped, called, published and unparked, and in which order. What threads may do to each
//! other is for the models and the stress tests.

mod batches;
mod broadcasts;
mod callbacks;
mod cancels;
mod counts;
mod cuts;
mod endings;
mod fake;
mod handles;
mod maps;
mod room;
mod scopes;
mod settings;
mod stage;
mod streams;
mod timelines;
mod waits;
mod wakers;
mod wakes;

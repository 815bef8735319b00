//! The book: how to use a pool, chapter by chapter. Every example runs as a test.
//!
//! | chapter | answers |
//! |---|---|
//! | [`start`] | how do I get results in two minutes? |
//! | [`verbs`] | which call does what I want? |
//! | [`results`] | what comes back, and what if it goes wrong? |
//! | [`shutting_down`] | when do jobs and threads end? |
//! | [`worker_state`] | how does each worker keep a connection, a buffer, a random generator? |
//! | [`streams`] | how do I work on more than fits into memory? |
//! | [`nesting`] | may a job use its own pool? |
//! | [`time_limits`] | how do I give up, cancel, or show progress? |
//! | [`without_std`] | how does it run without an operating system and an allocator? |
//! | [`backends`] | how do I bring it to my own system? |
//! | [`performance`] | what does a job cost, and which knob helps? |
//! | [`timeline`] | where did the time go? |
//! | [`pinning`] | how do workers stay on their cores, and loops last microseconds? |
//! | [`safety`] | why should I believe that it neither hangs nor races? |
//! | [`from_python`] | I know `multiprocessing.Pool`. What differs? |
//! | [`from_openmp`] | I know OpenMP. How do I write each pragma? |
//! | [`from_rayon`] | I know rayon. What is the same here? |
//! | [`which_pool`] | is this the right library for me? |

#[doc = include_str!("start.md")]
pub mod start {}

#[doc = include_str!("verbs.md")]
pub mod verbs {}

#[doc = include_str!("results.md")]
pub mod results {}

#[doc = include_str!("shutting_down.md")]
pub mod shutting_down {}

#[doc = include_str!("worker_state.md")]
pub mod worker_state {}

#[doc = include_str!("streams.md")]
pub mod streams {}

#[doc = include_str!("nesting.md")]
pub mod nesting {}

#[doc = include_str!("time_limits.md")]
pub mod time_limits {}

#[doc = include_str!("without_std.md")]
pub mod without_std {}

#[doc = include_str!("backends.md")]
pub mod backends {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("timeline.md")]
pub mod timeline {}

#[doc = include_str!("pinning.md")]
pub mod pinning {}

#[doc = include_str!("safety.md")]
pub mod safety {}

#[doc = include_str!("from_python.md")]
pub mod from_python {}

#[doc = include_str!("from_openmp.md")]
pub mod from_openmp {}

#[doc = include_str!("from_rayon.md")]
pub mod from_rayon {}

#[doc = include_str!("which_pool.md")]
pub mod which_pool {}

//! Handles awaited, on four kinds of executor, and a server whose threads never block:
//! `cargo run --release -p ringpool --example async`.
//!
//! Each line that is printed has been checked before. The server is the part to copy: requests that need a CPU go
//! to a bounded pool and are awaited there, and what the pool cannot take is refused at once.

mod executors;
mod server;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

/// Awaits handles on four kinds of executor, then serves requests without blocking an async thread.
#[derive(Parser)]
struct Arguments {}

fn run() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    executors::run(&mut out)?;
    server::run(&mut out)
}

fn main() -> ExitCode {
    let Arguments {} = Arguments::parse();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads along may leave early, as `head` does.
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "async: {error}");
            ExitCode::FAILURE
        }
    }
}

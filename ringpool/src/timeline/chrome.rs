//! The trace format of Chrome.

use core::fmt::{self, Write};

use super::{Span, SpanKind, Timeline, Title, beginning};

/// A timeline as text in the trace format of Chrome; see [`chrome`].
#[derive(Debug)]
pub struct Chrome<'a>(&'a Timeline);

/// The timeline in the trace event format, which <https://ui.perfetto.dev> and Chrome's `about:tracing` open: one
/// track for each worker, times in microseconds from the first span on.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = ringpool::Pool::builder().workers(1).timeline(100).build()?;
/// pool.with().name("hello").apply(|| ())?;
/// let trace = ringpool::timeline::chrome(&pool.timeline()).to_string();
/// assert!(trace.contains(r#""name":"hello""#));
/// # Ok(()) }
/// ```
pub fn chrome(timeline: &Timeline) -> Chrome<'_> {
    Chrome(timeline)
}

impl fmt::Display for Chrome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = beginning(self.0);
        f.write_str("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        for (worker, lane) in self.0.workers.iter().enumerate() {
            let comma = if worker == 0 { "" } else { "," };
            let dropped = lane.dropped;
            write!(
                f,
                "{comma}\n{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":{worker},\
                 \"args\":{{\"name\":\"worker {worker}\",\"dropped\":{dropped}}}}}"
            )?;
            for span in &lane.spans {
                event(f, worker, span, from)?;
            }
        }
        f.write_str("\n]}\n")
    }
}

fn event(f: &mut fmt::Formatter<'_>, worker: usize, span: &Span, from: u64) -> fmt::Result {
    let category = match span.kind {
        SpanKind::Asleep => "asleep",
        SpanKind::Chunk => "chunk",
        _ => "job",
    };
    let start = span.start.as_nanos() - from;
    f.write_str(",\n{\"name\":\"")?;
    write!(Escaped(f), "{}", Title(span))?;
    write!(
        f,
        "\",\"cat\":\"{category}\",\"ph\":\"X\",\"pid\":1,\"tid\":{worker},\"ts\":{},\"dur\":{}",
        Micros(start),
        // A span may seem to end before it begins, where the clocks of two cores differ.
        Micros(span.end.as_nanos().saturating_sub(span.start.as_nanos())),
    )?;
    if span.call != 0 {
        let items = &span.items;
        write!(
            f,
            ",\"args\":{{\"call\":{},\"first\":{},\"items\":{}}}",
            span.call,
            items.start,
            items.len()
        )?;
    }
    f.write_char('}')
}

/// Nanoseconds, printed as microseconds.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Writes text as the inside of a string of JSON.
struct Escaped<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '"' | '\\' => write!(self.0, "\\{letter}")?,
                '\0'..=' ' if letter != ' ' => write!(self.0, "\\u{:04x}", u32::from(letter))?,
                _ => self.0.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "std-backend"))]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::Pool;

    #[test]
    fn a_trace_holds_an_event_for_each_worker_and_span() {
        let pool = Pool::builder().workers(1).timeline(2).build().unwrap();
        for _ in 0..3 {
            pool.with().name("a \"b\"\n").apply(|| ()).unwrap();
        }
        pool.close();
        pool.join().unwrap();
        let timeline = pool.timeline();
        let text = chrome(&timeline).to_string();
        assert_eq!(text.matches("\"ph\":\"M\"").count(), 1);
        assert_eq!(text.matches("\"ph\":\"X\"").count(), 2, "{text}");
        let dropped = timeline.workers[0].dropped;
        assert!(text.contains(&alloc::format!("\"dropped\":{dropped}")));
        assert!(text.contains(r#""name":"a \"b\"\u000a""#), "{text}");
    }

    #[test]
    fn times_are_microseconds_with_the_nanoseconds_behind_the_point() {
        assert_eq!(Micros(1_002_003).to_string(), "1002.003");
        assert_eq!(Micros(7).to_string(), "0.007");
    }
}

//! How many items a stream may have under way, and how many of them make a job.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::time::Instant;

/// Jobs under way for each worker: enough that no worker waits for the consumer between two of them, and little
/// memory where items are large.
const JOBS: usize = 4;

/// How many times as many items at most, where nobody has set a number. Consumer and workers then hand over in bulk
/// instead of waking each other for each item.
const GROWTH: usize = 128;

/// Nanoseconds of work that shall be under way before the window grows no more: workers do not run dry while a
/// consumer is woken, which takes 17 µs on an idle CPU, or naps.
const WORK: u64 = 4 * NAP;

/// The longest nap in nanoseconds. Timers add some 50 µs to it.
const NAP: u64 = 400_000;

/// Nanoseconds that a timer may be late, if naps are to go on.
const OVERSLEPT: u64 = 200_000;

/// So many results at least come together in a nap, and so many at most: fewer are not worth it, more add little.
const RESULTS_OF_A_NAP: RangeInclusive<u64> = 4..=16;

/// The consumer's time for an item below which a job for each costs more than the item.
const CHEAPER_THAN_A_JOB: u64 = 1_000;

/// Yields between two looks at the clock.
const LOOK_EVERY: usize = 64;

/// How many items a stream may have pulled and not yielded, and how many make a job.
///
/// A window that nobody has set is doubled while the consumer waits for results that come quickly. A consumer that is
/// slower than the workers never waits, so the items of a slow consumer do not pile up. While items are taken too quickly
/// for a job each, they are sent together, in a window as large as that needs; it is small again when they are not.
pub(super) struct Window {
    size: usize,
    most: usize,
    workers: usize,
    /// Nanoseconds between two results, of those before the last wait.
    pace: Option<u64>,
    may_nap: bool,
    chunk: usize,
    least_chunk: usize,
    most_chunk: usize,
    /// When the consumer had to wait last, and how many items it had yielded.
    last_wait: Option<(Instant, usize)>,
    /// The same of the last look at the clock.
    last_look: Option<(Instant, usize)>,
}

fn factor(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

impl Window {
    pub(super) fn new(size: Option<usize>, chunk: Option<usize>, workers: usize) -> Self {
        let least_chunk = chunk.unwrap_or(1);
        let by_default = workers.saturating_mul(JOBS).saturating_mul(least_chunk);
        let initial = size.unwrap_or(by_default);
        let chunk_now = least_chunk.min(initial);
        Self {
            size: initial,
            most: size.unwrap_or(by_default.saturating_mul(GROWTH)),
            workers,
            pace: None,
            may_nap: size.is_none(),
            chunk: chunk_now,
            least_chunk: chunk_now,
            most_chunk: match (size, chunk) {
                (None, None) => GROWTH,
                _ => chunk_now,
            },
            last_wait: None,
            last_look: None,
        }
    }

    /// Whether a chunk more may be under way.
    pub(super) fn has_room(&self, under_way: usize) -> bool {
        self.chunk <= self.size().saturating_sub(under_way)
    }

    /// What the waits made of it, or what the jobs of so many items need.
    fn size(&self) -> usize {
        match self.chunk {
            chunk if chunk > self.least_chunk => self.size.max(chunk * self.jobs()),
            _ => self.size,
        }
    }

    fn jobs(&self) -> usize {
        self.workers.saturating_mul(JOBS)
    }

    /// How many items make the next job. They are sent together only where the input promises so many more: without
    /// a promise the next may be long in coming, and it must not hold up those before it.
    pub(super) fn chunk(&mut self, promised: impl FnOnce() -> usize) -> usize {
        if self.chunk > self.least_chunk && promised() < self.chunk {
            self.most_chunk = self.least_chunk;
            self.chunk = self.least_chunk;
        }
        self.chunk
    }

    /// How long a consumer that has to wait may sleep before it asks to be woken.
    ///
    /// A wake for each item takes a worker's CPU for some 5 µs. Where results come quickly the consumer lets some of them
    /// come together (interrupt moderation, as network cards have it), while workers have four times as much under way.
    pub(super) fn nap(&self, under_way: usize) -> Option<Duration> {
        let pace = self.pace.filter(|_| self.may_nap)?;
        let results = (NAP / pace.max(1))
            .min(factor(under_way) / 4)
            .min(*RESULTS_OF_A_NAP.end());
        let is_worth_it = pace >= CHEAPER_THAN_A_JOB && results >= *RESULTS_OF_A_NAP.start();
        is_worth_it.then(|| Duration::from_nanos(results * pace))
    }

    /// The consumer has slept for so long instead. Where timers are coarse, workers run dry meanwhile: it was the last nap.
    pub(super) fn napped(&mut self, nap: Duration, slept: u64) {
        self.may_nap &= u128::from(slept) <= nap.as_nanos() + u128::from(OVERSLEPT);
    }

    /// The consumer has waited for a result until `now`, when it had yielded so many.
    pub(super) fn waited(&mut self, now: Instant, yielded: usize) {
        let Some((nanos, items)) = since(&mut self.last_wait, now, yielded) else {
            return;
        };
        self.pace = nanos.checked_div(items);
        if nanos.saturating_mul(factor(self.size)) < WORK.saturating_mul(items) {
            self.size = self.size.saturating_mul(2).min(self.most);
        }
    }

    /// Whether it is time for [`look`](Self::look).
    pub(super) fn is_due(&self, yielded: usize) -> bool {
        let before = self.last_look.map_or(0, |(_, yielded)| yielded);
        self.least_chunk < self.most_chunk && yielded - before >= LOOK_EVERY
    }

    /// The consumer has yielded so many items until `now`.
    pub(super) fn look(&mut self, now: Instant, yielded: usize) {
        let Some((nanos, items)) = since(&mut self.last_look, now, yielded) else {
            return;
        };
        let doubled = self.chunk.saturating_mul(2).min(self.most_chunk);
        if nanos >= CHEAPER_THAN_A_JOB.saturating_mul(items) {
            self.chunk = self.least_chunk;
        } else if doubled.saturating_mul(self.jobs()) <= self.most {
            self.chunk = doubled;
        }
    }
}

/// Nanoseconds and yields since the last time, if there was one.
fn since(last: &mut Option<(Instant, usize)>, now: Instant, yielded: usize) -> Option<(u64, u64)> {
    let (then, before) = last.replace((now, yielded))?;
    let nanos = now.as_nanos().saturating_sub(then.as_nanos());
    Some((nanos, factor(yielded - before)))
}

#[cfg(all(test, not(ringpool_loom)))]
mod tests {
    use super::*;

    /// The window after waits, between which so many items came, one in so many nanoseconds.
    fn after(mut window: Window, waits: u64, items: u64, nanos: u64) -> usize {
        for wait in 0..=waits {
            let yielded = usize::try_from(wait * items).unwrap();
            window.waited(Instant::from_nanos(wait * items * nanos), yielded);
        }
        window.size
    }

    // S36
    #[test]
    fn a_window_grows_while_results_come_quickly() {
        assert_eq!(after(Window::new(None, None, 2), 0, 8, 100), 8);
        assert_eq!(after(Window::new(None, None, 2), 1, 8, 100), 16);
        assert_eq!(after(Window::new(None, None, 2), 2, 8, 9_999), 32);
        assert_eq!(after(Window::new(None, None, 2), 9, 8, 9_999), 256);
        assert_eq!(after(Window::new(None, Some(3), 2), 1, 8, 100), 48);
    }

    // S36
    #[test]
    fn a_window_stays_small_where_results_take_their_time() {
        assert_eq!(after(Window::new(None, None, 2), 1000, 8, 200_000), 8);
        assert_eq!(after(Window::new(None, None, 64), 1000, 8, 6_250), 256);
        assert_eq!(after(Window::new(None, None, 2), 1000, 0, 0), 8);
    }

    // S36
    #[test]
    fn a_consumer_naps_where_results_come_quickly_and_workers_have_enough() {
        let nap_in = |mut window: Window, under_way, nanos: u64| {
            window.waited(Instant::from_nanos(0), 0);
            assert_eq!(window.nap(1000), None, "nothing is known of the pace");
            window.waited(Instant::from_nanos(4 * nanos), 4);
            window.nap(under_way).map(|nap| nap.as_micros())
        };
        let nap = |under_way, nanos| nap_in(Window::new(None, None, 2), under_way, nanos);
        assert_eq!(nap(1000, 25_000), Some(400));
        assert_eq!(nap(1000, 10_000), Some(160), "sixteen come together");
        assert_eq!(nap(16, 25_000), Some(100));
        assert_eq!(nap(15, 25_000), None, "workers would run dry");
        assert_eq!(nap(1000, 100_001), None, "fewer than four would come");
        assert_eq!(nap(1000, 999), None, "so quick a result is worth a pause");
        let set = Window::new(Some(1000), None, 2);
        assert_eq!(
            nap_in(set, 1000, 25_000),
            None,
            "results shall come at once"
        );
    }

    // S36
    #[test]
    fn a_consumer_that_overslept_naps_no_more() {
        let mut window = Window::new(None, None, 2);
        window.waited(Instant::from_nanos(0), 0);
        window.waited(Instant::from_nanos(100_000), 4);
        let nap = Duration::from_nanos(100);
        window.napped(nap, 100 + OVERSLEPT);
        assert!(window.nap(16).is_some());
        window.napped(nap, 101 + OVERSLEPT);
        window.napped(nap, 0);
        assert_eq!(window.nap(16), None);
    }

    // S36
    #[test]
    fn a_window_has_a_limit_and_one_that_was_set_stays() {
        assert_eq!(after(Window::new(None, None, 2), 1000, 8, 100), 1024);
        assert_eq!(
            after(Window::new(None, Some(usize::MAX), 2), 1000, 8, 100),
            usize::MAX
        );
        let set = Window::new(Some(5), None, 2);
        assert_eq!(after(set, 1000, 8, 100), 5);
    }

    /// A window as large as it may be, and then the job after looks, between which so many nanoseconds go by for
    /// each item.
    fn chunk_after(mut window: Window, nanos: &[u64]) -> usize {
        window.size = window.most;
        let mut now = 0;
        let mut yielded = 0;
        window.look(Instant::from_nanos(now), yielded);
        for nanos in nanos {
            yielded += LOOK_EVERY;
            assert!(window.most_chunk == window.least_chunk || window.is_due(yielded));
            now += nanos * factor(LOOK_EVERY);
            window.look(Instant::from_nanos(now), yielded);
        }
        window.chunk(|| usize::MAX)
    }

    // S36
    #[test]
    fn items_that_come_quickly_are_sent_together() {
        let by_default = || Window::new(None, None, 2);
        assert_eq!(chunk_after(by_default(), &[]), 1);
        assert_eq!(chunk_after(by_default(), &[999]), 2);
        assert_eq!(chunk_after(by_default(), &[100; 9]), 128);
        assert_eq!(chunk_after(by_default(), &[1_000; 9]), 1);
    }

    // S36
    #[test]
    fn one_slow_look_sends_items_one_by_one_again() {
        let by_default = Window::new(None, None, 2);
        assert_eq!(chunk_after(by_default, &[1, 1, 1, 1, 1, 1_000]), 1);
    }

    // S36
    #[test]
    fn a_window_has_four_jobs_for_each_worker_however_many_items_share_one() {
        let mut window = Window::new(None, None, 2);
        for (look, chunk, size) in [(0, 1, 8), (1, 2, 16), (2, 4, 32), (99, 128, 1024)] {
            while window
                .last_look
                .is_none_or(|(_, yielded)| yielded < look * LOOK_EVERY)
            {
                let looks = window
                    .last_look
                    .map_or(0, |(_, yielded)| yielded / LOOK_EVERY + 1);
                window.look(Instant::from_nanos(factor(looks)), looks * LOOK_EVERY);
            }
            assert_eq!((window.chunk(|| usize::MAX), window.size()), (chunk, size));
        }
        window.look(Instant::from_nanos(1 << 40), 100 * LOOK_EVERY);
        assert_eq!((window.chunk(|| usize::MAX), window.size()), (1, 8));
    }

    // S36
    #[test]
    fn items_that_the_input_does_not_promise_are_sent_one_by_one() {
        let mut window = Window::new(None, None, 2);
        window.size = window.most;
        window.look(Instant::from_nanos(0), 0);
        window.look(Instant::from_nanos(1), 64);
        assert_eq!(window.chunk(|| 2), 2);
        assert_eq!(window.chunk(|| 1), 1);
        assert!(!window.is_due(1 << 20));
        assert_eq!(window.chunk(|| unreachable!("it was asked")), 1);
    }

    // S36
    #[test]
    fn items_are_not_sent_together_where_a_number_was_set() {
        assert_eq!(chunk_after(Window::new(None, Some(1), 2), &[1; 9]), 1);
        assert_eq!(chunk_after(Window::new(Some(512), None, 2), &[1; 9]), 1);
        assert_eq!(chunk_after(Window::new(Some(7), Some(9), 2), &[1; 9]), 7);
        assert!(!Window::new(None, Some(1), 2).is_due(1 << 20));
    }
}

//! Latches, event counts and controls.

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use super::{Checked, Machine, explore, join, let_first_park_return, shared};
use crate::control::Control;
use crate::event_count::EventCount;
use crate::latch::{Latch, forever};
use crate::seats::{self, Look, PAYLOAD};

/// A latch, and what is done under its counts.
struct Work {
    latch: Latch,
    done: [Checked; 2],
    /// The memory that the latch lies in.
    memory: Checked,
}

impl Work {
    fn new(count: usize) -> Self {
        Self {
            latch: Latch::new(count, 0),
            done: [Checked::new(), Checked::new()],
            memory: Checked::new(),
        }
    }

    /// Works under one count and lowers it; who brings it to zero tells.
    fn do_part(&self, part: usize) -> bool {
        self.done[part].write();
        self.memory.read();
        // SAFETY: the caller holds a count, and an `Arc`.
        unsafe { Latch::down_at::<Machine>(&raw const self.latch) == 0 }
    }

    /// Nobody else uses it any more.
    fn free(&self) {
        self.done.iter().for_each(Checked::read);
        self.memory.write();
    }
}

// S14
#[test]
fn who_waits_for_a_latch_sees_what_was_done_under_its_counts() {
    explore(3, || {
        let [first, second, waiter] = shared(Work::new(2));
        let parts = [
            thread::spawn(move || _ = first.do_part(0)),
            thread::spawn(move || _ = second.do_part(1)),
        ];
        let waiter = thread::spawn(move || {
            waiter.latch.wait::<Machine>(forever);
            waiter.free();
        });
        join(parts);
        join([waiter]);
    });
}

// S14
#[test]
fn who_lowers_a_latch_to_zero_sees_what_was_done_under_the_other_counts() {
    explore(3, || {
        let works = shared::<_, 2>(Work::new(2));
        let mut part = 0;
        let threads = works.map(|work| {
            part += 1;
            let part = part - 1;
            thread::spawn(move || {
                if work.do_part(part) {
                    work.free();
                }
            })
        });
        join(threads);
    });
}

// S14
#[test]
fn a_waiter_that_is_woken_for_no_reason_sees_what_was_done() {
    explore(3, || {
        let_first_park_return();
        let [work, waiter] = shared(Work::new(1));
        join([
            thread::spawn(move || _ = work.do_part(0)),
            thread::spawn(move || {
                waiter.latch.wait::<Machine>(forever);
                waiter.free();
            }),
        ]);
    });
}

// S17, S47
#[test]
fn a_waiter_that_gives_up_in_the_last_moment_sees_what_was_done() {
    explore(3, || {
        let_first_park_return();
        let [work, waiter] = shared(Work::new(1));
        join([
            thread::spawn(move || _ = work.do_part(0)),
            thread::spawn(move || {
                let mut looks = 0;
                let ended = waiter.latch.wait::<Machine>(|| {
                    looks += 1;
                    if looks < 4 {
                        Look::Park(None)
                    } else {
                        Look::GiveUp
                    }
                });
                if ended {
                    waiter.free();
                }
            }),
        ]);
    });
}

// S18
#[test]
fn every_waiter_of_a_latch_is_woken() {
    explore(3, || {
        let latches = shared::<_, 3>(Latch::new(1, 0));
        let mut number = 0;
        join(latches.map(|latch| {
            number += 1;
            let lowers = number == 3;
            thread::spawn(move || {
                if lowers {
                    latch.down::<Machine>();
                } else {
                    latch.wait::<Machine>(forever);
                }
            })
        }));
    });
}

#[test]
fn a_count_at_its_limit_is_not_raised() {
    explore(3, || {
        let [latch, first, second] = shared(Latch::new(PAYLOAD - 1, 0));
        let raised = join([first, second].map(|latch| thread::spawn(move || latch.up())));
        assert!(raised[0] ^ raised[1]);
        assert_eq!(latch.count(), PAYLOAD);
    });
}

#[test]
fn a_count_that_has_come_to_zero_is_not_raised() {
    explore(3, || {
        let [lowers, raises] = shared(Latch::new(1, 0));
        let raiser = thread::spawn(move || raises.up_unless_zero());
        let [left] = join([thread::spawn(move || lowers.down::<Machine>())]);
        let [raised] = join([raiser]);
        assert_eq!(raised, left == 1);
    });
}

/// A condition that lies outside of the word that threads wait on.
struct Condition {
    holds: AtomicUsize,
    event: EventCount,
    latch: Latch,
}

impl Condition {
    fn new() -> Self {
        Self {
            holds: AtomicUsize::new(0),
            event: EventCount::new(),
            latch: Latch::new(1, 0),
        }
    }

    fn look(&self) -> Look {
        if self.holds.load(Relaxed) == 1 {
            Look::GiveUp
        } else {
            Look::Park(None)
        }
    }
}

/// One thread brings the condition about and tells, the others wait for it.
fn notice<const N: usize>(tell: fn(&Condition), wait: fn(&Condition)) {
    // Four threads: bound 1 ends in seconds.
    explore(if N < 4 { 3 } else { 1 }, move || {
        let conditions = shared::<_, N>(Condition::new());
        let mut number = 0;
        join(conditions.map(|condition| {
            number += 1;
            let tells = number == 1;
            thread::spawn(move || {
                if tells {
                    condition.holds.store(1, Relaxed);
                    tell(&condition);
                } else {
                    wait(&condition);
                }
            })
        }));
    });
}

fn wait_for_event(condition: &Condition) {
    condition.event.wait::<Machine>(|| condition.look());
}

fn wait_at_latch(condition: &Condition) {
    condition.latch.wait::<Machine>(|| condition.look());
}

// S13, S36
#[test]
fn an_event_is_not_missed() {
    notice::<2>(|it| it.event.notify::<Machine>(), wait_for_event);
}

// S13, S36
#[test]
fn an_event_is_not_missed_by_either_of_two() {
    notice::<3>(|it| it.event.notify::<Machine>(), wait_for_event);
}

// S13
#[test]
fn an_event_is_not_missed_by_the_third() {
    notice::<4>(|it| it.event.notify::<Machine>(), wait_for_event);
}

// S42
#[test]
fn a_nudge_is_not_missed() {
    notice::<2>(|it| it.latch.nudge::<Machine>(), wait_at_latch);
}

// S42
#[test]
fn a_nudge_is_not_missed_by_either_of_two() {
    notice::<3>(|it| it.latch.nudge::<Machine>(), wait_at_latch);
}

// S13
#[test]
fn whoever_is_struck_off_the_list_is_woken_though_another_takes_what_came_free() {
    struct Turns {
        taken: AtomicUsize,
        free: EventCount,
    }

    impl Turns {
        fn take(&self) {
            self.free.wait::<Machine>(|| {
                match self.taken.compare_exchange(0, 1, Relaxed, Relaxed) {
                    Ok(_) => Look::Done,
                    Err(_) => Look::Park(None),
                }
            });
        }

        fn give_back(&self) {
            self.taken.store(0, Relaxed);
            self.free.notify::<Machine>();
        }
    }

    explore(2, || {
        let [owner, first, second, newcomer] = shared(Turns {
            taken: AtomicUsize::new(1),
            free: EventCount::new(),
        });
        let waits = |turns: std::sync::Arc<Turns>| {
            thread::spawn(move || {
                turns.take();
                turns.give_back();
            })
        };
        let owner = thread::spawn(move || owner.give_back());
        join([waits(first), waits(second), waits(newcomer)]);
        join([owner]);
    });
}

// S20
#[test]
fn a_blocked_call_notices_that_its_control_cancels() {
    explore(3, || {
        let control = Control::new();
        let canceller = control.clone();
        join([
            thread::spawn(move || canceller.cancel()),
            thread::spawn(move || {
                control.watch(seats::unpark_everybody::<Machine>, 1);
                Latch::new(1, 0).wait::<Machine>(|| {
                    if control.is_cancelled() {
                        Look::GiveUp
                    } else {
                        Look::Park(None)
                    }
                });
            }),
        ]);
    });
}

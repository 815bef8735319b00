//! Executes a program, and says what was wrong with it.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use ringpool::{BuildError, JoinError, Pool, WaitPolicy};

use super::books::{Books, Kind};
use super::calls;
use super::handles::{After, Kept, duration};
use super::program::{Ending, HandleOp, Op, Program, RestWhen, Settings, Timeout, Wait};
use super::reference::may_be_running;
use super::timeline::End;
use super::world::{Instance, Place, State, World};

/// Executes a program; returns everything that it did and should not have.
pub(crate) fn run(program: &Program, books: &'static Books) -> Vec<String> {
    books.begin();
    let world = World::new(books, program.settings);
    match build(&world) {
        Ok(pool) => live(program, &world, Arc::new(pool)),
        Err(BuildError::Initializer { panic, .. })
            if initializer_panics_at_build(&world.settings) =>
        {
            drop(panic);
        }
        Err(error) => world.fault(format!("it was not built: {error}")),
    }
    books.close()
}

fn initializer_panics_at_build(settings: &Settings) -> bool {
    settings
        .initializer_panics
        .is_some_and(|at| at < settings.worker_count())
}

fn build(world: &Arc<World>) -> Result<Pool<State>, BuildError> {
    let Settings {
        workers,
        capacity,
        max_jobs,
        wait,
        ..
    } = world.settings;
    let mut builder = Pool::builder()
        .workers(workers)
        .name("fuzz")
        .wait_policy(match wait {
            Wait::Adaptive => WaitPolicy::Adaptive,
            Wait::Passive => WaitPolicy::Passive,
            Wait::Active => WaitPolicy::Active,
        });
    if let Some(capacity) = capacity {
        builder = builder.capacity(capacity);
    }
    if let Some(jobs) = max_jobs {
        builder = builder.max_jobs_per_worker(jobs);
    }
    if world.settings.drain_on_drop {
        builder = builder.drain_on_drop();
    }
    let (own, hook) = (Arc::clone(world), world.books.track(Kind::Hook, 0, 0));
    let mut builder = builder.initializer(move |info| {
        if !hook.is(Kind::Hook) {
            own.fault("the capture of the initializer is not its own".into());
        }
        let number = own.initializers.fetch_add(1, SeqCst);
        if own.settings.initializer_panics == Some(number) {
            own.timeline.asks(End::Break);
            resume_unwind(Box::new(own.books.track(Kind::HookPayload, 0, number)));
        }
        own.initialized.fetch_add(1, SeqCst);
        State {
            tracked: own.books.track(Kind::State, 0, info.index()),
            uses: 0,
        }
    });
    if world.settings.exit_hook {
        let (own, hook) = (Arc::clone(world), world.books.track(Kind::Hook, 0, 1));
        builder = builder.exit_hook(move |info, state| {
            if !hook.is(Kind::Hook) || state.tracked.index != info.index() {
                own.fault("the exit hook was given a state that is not its own".into());
            }
            own.exited.fetch_add(1, SeqCst);
        });
    }
    if world.settings.caller_participates {
        builder = builder.caller_participates();
    }
    builder.build()
}

/// One of the threads that use a pool.
struct Client<'a> {
    world: &'a Arc<World>,
    pool: &'a Pool<State>,
    place: Place,
    kept: Vec<Kept>,
}

impl<'a> Client<'a> {
    fn new(world: &'a Arc<World>, pool: &'a Pool<State>, place: Place) -> Self {
        Self {
            world,
            pool,
            place,
            kept: Vec::new(),
        }
    }

    fn do_all(mut self, ops: &[Op]) -> Vec<Kept> {
        for op in ops {
            self.act(op);
        }
        self.kept
    }

    fn act(&mut self, op: &Op) {
        let Self {
            world, pool, place, ..
        } = *self;
        match op {
            Op::Call(call) => self.kept.extend(calls::make(world, pool, call, place)),
            Op::Handle(number, deed) => {
                if self.kept.is_empty() {
                    return;
                }
                let kept = self.kept.remove(number % self.kept.len());
                self.kept.extend(act_on(world, kept, *deed));
            }
            Op::Close => world.close(pool),
            Op::Terminate => world.terminate(pool),
            Op::Join => self.join(Timeout::Long),
            Op::JoinTimeout(timeout) => self.join(*timeout),
            Op::Stats => self.stats(),
        }
    }

    /// S46, S47.
    fn join(&self, timeout: Timeout) {
        let (world, from) = (self.world, self.world.timeline.now());
        if self.place == Place::Main && timeout == Timeout::Long {
            world.open_holds();
        }
        let has_end = || !world.timeline.asked().is_empty();
        match self.pool.join_timeout(duration(timeout)) {
            Ok(true) if has_end() => {}
            Ok(false) if has_end() && timeout != Timeout::Long => {}
            Err(JoinError::StillRunning) if may_be_running(&world.timeline, from) => {}
            other => world.fault(format!("`join_timeout({timeout:?})` answered {other:?}")),
        }
    }

    fn stats(&self) {
        let (settings, stats) = (&self.world.settings, self.pool.stats());
        let most = settings.capacity.unwrap_or(usize::MAX);
        if stats.workers.len() != settings.worker_count() || stats.queued > most {
            self.world
                .fault(format!("impossible statistics: {stats:?}"));
        }
    }
}

/// Does something with a handle of a client.
fn act_on(world: &World, kept: Kept, deed: HandleOp) -> Option<Kept> {
    if kept.instance.place == Place::Main && deed.blocks() {
        world.open_holds();
    }
    match kept.act(deed) {
        After::Kept(kept) => Some(kept),
        After::Taken | After::Dropped | After::Leaked => None,
    }
}

fn live(program: &Program, world: &Arc<World>, pool: Arc<Pool<State>>) {
    world.set_pool(&pool);
    let mut kept = thread::scope(|scope| {
        let (main, side) = (&program.main, &program.side);
        let of_side = (!side.is_empty()).then(|| {
            let pool = &pool;
            scope.spawn(move || Client::new(world, pool, Place::Side).do_all(side))
        });
        let mut kept = Client::new(world, &pool, Place::Main).do_all(main);
        // The side may be waiting for workers that are held.
        world.open_holds();
        let of_side = of_side.map(|side| side.join().expect("a client does not panic"));
        kept.extend(of_side.into_iter().flatten());
        kept
    });
    let mut rest = |when, is_over| {
        if program.rest_when == when {
            for kept in std::mem::take(&mut kept) {
                if is_over {
                    kept.must_be_ready();
                }
                act_on(world, kept, program.rest);
            }
        }
    };
    rest(RestWhen::BeforeEnding, false);
    match program.ending {
        Ending::CloseJoin | Ending::CloseJoinLeak => world.close(&pool),
        Ending::TerminateJoin => world.terminate(&pool),
        Ending::Drop => {}
    }
    let is_joined = program.ending != Ending::Drop;
    if is_joined {
        if let Err(error) = pool.join() {
            world.fault(format!("`join` answered {error:?} after the end"));
        }
        let never_started = pool.stats().never_started;
        if never_started < world.cut.load(SeqCst) {
            world.fault(format!(
                "{never_started} never started; `terminate` has said more"
            ));
        }
    }
    rest(RestWhen::BeforeDrop, is_joined);
    let is_over = drop_pool(program, world, pool);
    rest(RestWhen::AfterDrop, is_over);
    drop(kept);
    if !is_over {
        world.books.settle();
    }
    judge_the_end(world, is_over);
}

/// Tells whether everything of the pool has ended.
fn drop_pool(program: &Program, world: &World, pool: Arc<Pool<State>>) -> bool {
    if world.books.hooks() != 1 + usize::from(program.settings.exit_hook) {
        world.fault("the pool does not own its hooks".into());
    }
    if program.ending == Ending::CloseJoinLeak {
        world.books.leak_hooks();
        ringpool_tests::forget(pool);
        return true;
    }
    let end = if program.settings.drain_on_drop {
        End::Close
    } else {
        End::Terminate
    };
    world.timeline.asks(end);
    // A job that uses the pool just now keeps it, and drops it on its worker.
    let is_last = Arc::into_inner(pool).map(drop).is_some();
    if is_last {
        world.timeline.has_happened(end);
    }
    is_last
}

fn judge_the_end(world: &World, is_over: bool) {
    let (made, ended) = (world.initialized.load(SeqCst), world.exited.load(SeqCst));
    // Elsewhere its last worker may not have come to its hook.
    if is_over && world.settings.exit_hook && made != ended {
        world.fault(format!(
            "{made} states were made, and the exit hook saw {ended}"
        ));
    }
    let accepted = world.take_accepted();
    if is_over {
        for instance in accepted.iter().filter(|instance| !instance.is_judged()) {
            instance.note(instance.facts().judge_unseen());
        }
    }
    // S11: one worker, one thread that submits, so one order.
    if world.settings.worker_count() == 1 {
        let is_of_main = |instance: &&Arc<Instance>| {
            instance.place == Place::Main && instance.call.verb.is_single()
        };
        let begun: Vec<_> = accepted
            .iter()
            .filter(is_of_main)
            .map(|instance| (instance.begun(), instance.call.id))
            .filter(|(begun, _)| *begun != usize::MAX)
            .collect();
        if !begun.is_sorted() {
            world.fault(format!(
                "jobs began in the wrong order: (when, call) {begun:?}"
            ));
        }
    }
}

/*
 * The idle workers, the waiters and the end of a pool, as a model for spin. README.md maps every label to the code.
 *
 * WORKERS workers serve a queue of CAPACITY places. Each of JOBS submitters submits one job, waiting for room, and
 * then waits for its result. A last process closes or terminates the pool at any moment, and joins it.
 *
 * A step here is an atomic step of the code; a push, a pop and a close of the queue are one step each. Memory is
 * sequentially consistent.
 *
 * With -DMEET the first two jobs end only when the other one has started, or never will: so "every job resolves"
 * also says that no job waits in the queue while a worker sleeps.
 */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef JOBS
#define JOBS 2
#endif
/* As many as there are jobs stands for a queue that grows. */
#ifndef CAPACITY
#define CAPACITY JOBS
#endif
/* How many workers may search. None: WaitPolicy::Passive. */
#ifndef SEARCHERS
#define SEARCHERS 1
#endif

#define NONE 7

/* The job words: phase, seat, and the token of that seat. */
mtype = { offered, accepted, started, resolved, refused };
mtype job[JOBS] = offered;
bool job_seat[JOBS], job_token[JOBS];

/* The queue: numbers of jobs, oldest first. */
chan queue = [CAPACITY] of { byte };
bool queue_closed;
#define has_news (len(queue) > 0 || queue_closed)

/* The pool word. */
bool terminated;

/* idle.rs: the count, the bitmap, and the workers' tokens. */
short searching;
byte idle_bits;
bool worker_token[WORKERS];
#define lowest_bit ((idle_bits & 1) -> 0 : ((idle_bits & 2) -> 1 : ((idle_bits & 4) -> 2 : NONE)))

/* The event count `room`: whose seats are registered, and the tokens of those seats. */
byte room_seats;
bool room_token[JOBS];

/* The latch `live`, with one for the pool itself; the joiner's seat and token. */
byte live = WORKERS + 1;
bool live_seat, live_token, joined;

#if CAPACITY < JOBS
/* `EventCount::notify`: one exchange, then the unparks. */
inline room_came_free() {
    d_step { seats = room_seats; room_seats = 0 };
    do
    :: d_step { seats & 1 -> room_token[0] = true; seats = seats & 6 }
    :: d_step { seats & 2 -> room_token[1] = true; seats = seats & 5 }
#if JOBS > 2
    :: d_step { seats & 4 -> room_token[2] = true; seats = seats & 3 }
#endif
    :: seats == 0 -> break
    od
}
#else
inline room_came_free() { skip }
#endif

/* `Idle::wake_worker`, of the worker in `index`. Leaves `NONE` there if it was woken. */
inline wake_worker() {
#ifdef COUNT_LATE
    d_step { took = (idle_bits >> index) & 1; idle_bits = idle_bits & ~(1 << index) };
    if
    :: took -> searching++; worker_token[index] = true; d_step { took = false; index = NONE }
    :: !took
    fi
#else
    searching++;
    d_step { took = (idle_bits >> index) & 1; idle_bits = idle_bits & ~(1 << index) };
    if
    :: took -> worker_token[index] = true; d_step { took = false; index = NONE }
    :: !took -> searching--
    fi
#endif
}

/* `Idle::wake_one`. */
inline wake_one() {
    do
    :: d_step { lowest_bit == NONE -> index = NONE }; break
    :: d_step { lowest_bit != NONE -> index = lowest_bit };
        wake_worker();
        if
        :: index == NONE -> break
        :: index != NONE
        fi
    od
}

/* `Idle::wake_all`: every worker in the word as it was read, and another one for each that was faster. */
inline wake_all() {
    d_step { left = idle_bits };
    do
    :: left != 0 ->
        d_step {
            index = ((left & 1) -> 0 : ((left & 2) -> 1 : 2));
            left = left & ~(1 << index)
        };
        wake_worker();
        if
        :: index == NONE
        :: index != NONE -> wake_one()
        fi
    :: left == 0 -> break
    od
}

/* `JobWord::complete`, and the unpark of the seat in the old word. */
inline resolve(number) {
    d_step {
        assert(job[number] == accepted || job[number] == started);
        job[number] = resolved;
        seat = job_seat[number];
        job_seat[number] = false
    };
    if
    :: seat -> job_token[number] = true; seat = false
    :: !seat
    fi
}

proctype Worker(byte me) {
    bool counted, took, seat;
    byte index = NONE, mine = NONE, seats;

take:
    atomic {
        if
        :: len(queue) > 0 -> queue ? mine; goto found
        :: len(queue) == 0 && queue_closed -> goto leave
        :: len(queue) == 0 && !queue_closed -> goto search
        fi
    };

found:
    room_came_free();
    if
    :: counted ->
stop:   d_step { took = (searching == 1); searching--; counted = false };
        if
        :: took -> took = false;
            if
            :: has_news -> wake_one()
            :: !has_news
            fi
        :: !took
        fi
    :: !counted
    fi;
    if
    :: terminated
    :: !terminated ->
begin:  job[mine] = started;
#ifdef MEET
        (mine > 1 || job[1 - mine] == started || job[1 - mine] == resolved || job[1 - mine] == refused)
#endif
    fi;
    resolve(mine);
    mine = NONE;
    goto take;

search:
    if
    :: counted
    :: !counted                     /* the limit is reached, or WaitPolicy::Passive */
    :: atomic { !counted && searching < SEARCHERS -> searching++; counted = true }
    fi;
    do                              /* pauses and yields: any number of looks */
    :: has_news -> goto take
    :: !has_news
    :: break
    od;
w1: idle_bits = idle_bits | (1 << me);
w2: if
    :: counted -> d_step { searching--; counted = false }
    :: !counted
    fi;
#ifndef LOST_WAKE
w4: if
    :: !has_news -> goto w5
    :: has_news
    fi;
withdraw:
    d_step { took = (idle_bits >> me) & 1; idle_bits = idle_bits & ~(1 << me) };
    if
    :: took -> searching++; took = false
    :: !took                        /* a waker has counted this worker */
    fi;
    counted = true;
    goto take;
#endif
w5: do
    :: (idle_bits >> me) & 1 -> d_step { worker_token[me] -> worker_token[me] = false }
    :: !((idle_bits >> me) & 1) -> break
    od;
    counted = true;
    goto take;

leave:
    if
    :: counted -> d_step { searching--; counted = false }
    :: !counted
    fi;
    d_step { live--; seat = (live == 1 && live_seat); live_seat = (live_seat && !seat) };
    if
    :: seat -> live_token = true
    :: !seat
    fi
}

proctype Submitter(byte mine) {
    bool took;
    byte index = NONE;

offer:
    atomic {
        if
        :: queue_closed -> job[mine] = refused; goto done
        :: !queue_closed && len(queue) < CAPACITY ->
s1:         queue ! mine; job[mine] = accepted
        :: !queue_closed && len(queue) == CAPACITY -> goto room
        fi
    };
s3: if
    :: searching != 0
    :: searching == 0 -> wake_one()
    fi;
#ifdef DETACHED
    goto done;
#else
    goto get;
#endif

room:
#if CAPACITY < JOBS
    /* `seats::wait` on `room`: registered, look once more; still registered, park. */
#ifndef ROOM_UNSEEN
    if
    :: !((room_seats >> mine) & 1) -> room_seats = room_seats | (1 << mine); goto offer
    :: (room_seats >> mine) & 1
    fi;
#else
    room_seats = room_seats | (1 << mine);
#endif
    d_step { room_token[mine] -> room_token[mine] = false };
    goto offer;
#endif

#ifndef DETACHED
get:
    /* `seats::wait` on the job word: the registration is an exchange of that word. */
    do
    :: job[mine] == resolved -> break
    :: atomic { job[mine] != resolved && !job_seat[mine] -> job_seat[mine] = true }
    :: d_step { job[mine] != resolved && job_seat[mine] && job_token[mine] -> job_token[mine] = false }
    od;
#endif
done:
    skip
}

proctype Owner() {
    bool took, seat;
    byte index = NONE, left, mine = NONE, seats;

#ifdef PATIENT
    ((job[0] == resolved || job[0] == refused) && (job[1] == resolved || job[1] == refused));
#endif
    if
    :: skip                         /* close */
    :: terminated = true            /* terminate */
    fi;
shut:
    queue_closed = true;
#ifndef CLOSE_QUIET
    wake_all();
#endif
    room_came_free();
    if
    :: terminated ->
drain:  do
        :: atomic { len(queue) > 0 -> queue ? mine };
            room_came_free();
            resolve(mine);
            mine = NONE
        :: len(queue) == 0 -> break
        od
    :: !terminated
    fi;
join:                               /* `seats::wait` on the latch. */
    do
    :: live == 1 -> break
    :: atomic { live > 1 && !live_seat -> live_seat = true }
    :: d_step { live > 1 && live_seat && live_token -> live_token = false }
    od;
    joined = true
}

init {
    atomic {
        run Worker(0);
#if WORKERS > 1
        run Worker(1);
#endif
#if WORKERS > 2
        run Worker(2);
#endif
        run Submitter(0);
        run Submitter(1);
#if JOBS > 2
        run Submitter(2);
#endif
        run Owner()
    };
    (_nr_pr == 1);
    /* Everybody has left, nobody is counted, and each job that was accepted has resolved. */
    assert(joined && live == 1 && searching == 0 && len(queue) == 0);
    assert((job[0] == resolved || job[0] == refused) && (job[1] == resolved || job[1] == refused))
}

ltl first { [] (job[0] == accepted -> <> (job[0] == resolved)) }
ltl second { [] (job[1] == accepted -> <> (job[1] == resolved)) }
ltl join_returns { <> joined }

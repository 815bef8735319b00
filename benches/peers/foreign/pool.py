"""Python's pools, with the dialogue of common.h. A tiny job takes Python about a microsecond by itself."""

import platform
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool

MASK = (1 << 64) - 1


def tiny(n):
    """The finalizer of SplitMix64."""
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    n = (n ^ (n >> 27)) * 0x94D049BB133111EB & MASK
    return n ^ (n >> 31)


def long(n):
    """Keeps a CPU busy for 50 µs."""
    end = time.perf_counter() + 50e-6
    while time.perf_counter() < end:
        pass
    return tiny(n)


def sample(values):
    """What the values of W2 bulk are known by."""
    return len(values) + sum(values[::1009])


def hot(pool):
    return lambda units: sum(pool.apply(tiny, (n,)) for n in range(units))


def handles(pool):
    def run(units):
        kept = [pool.apply_async(tiny, (n,)) for n in range(units)]
        return sum(one.get() for one in kept)

    return run


def detached(pool):
    """No handle is kept; `deque` takes the values where the pool itself puts them, by a callback."""

    def run(units):
        values = deque()
        for n in range(units):
            pool.apply_async(tiny, (n,), callback=values.append)
        while len(values) < units:
            time.sleep(0.001)
        return sum(values)

    return run


def bulk(pool):
    return lambda units: sample(pool.map(tiny, range(units)))


def unordered(pool):
    return lambda units: sum(pool.imap_unordered(tiny, range(units)))


def unordered_chunks(pool):
    return lambda units: sum(pool.imap_unordered(tiny, range(units), 64))


def ordered(pool):
    return lambda units: sum(pool.imap(tiny, range(units)))


def ordered_chunks(pool):
    return lambda units: sum(pool.imap(tiny, range(units), 64))


def long_items(pool):
    return lambda units: sum(pool.imap_unordered(long, range(units)))


def executor_hot(pool):
    return lambda units: sum(pool.submit(tiny, n).result() for n in range(units))


def executor_handles(pool):
    def run(units):
        kept = [pool.submit(tiny, n) for n in range(units)]
        return sum(one.result() for one in kept)

    return run


def executor_bulk(pool):
    return lambda units: sample(list(pool.map(tiny, range(units))))


def whole(make, workers):
    def run(units):
        total = 0
        for n in range(units):
            pool = make(workers)
            total += pool.apply(tiny, (n,))
            pool.close()
            pool.join()
        return total

    return run


def executor_whole(make, workers):
    def run(units):
        total = 0
        for n in range(units):
            with make(workers) as pool:
                total += pool.submit(tiny, n).result()
        return total

    return run


# Workload, what is called, by what part its units are fewer, the function.
OF_POOLS = [
    ("W1 hot", "apply", 50, hot),
    ("W2 handles", "apply_async", 50, handles),
    ("W2 detached", "apply_async with a callback", 50, detached),
    ("W2 bulk", "map", 5, bulk),
    ("W6 unordered", "imap_unordered", 50, unordered),
    ("W6 unordered", "imap_unordered, chunksize 64", 5, unordered_chunks),
    ("W6 ordered", "imap", 50, ordered),
    ("W6 ordered", "imap, chunksize 64", 5, ordered_chunks),
    ("W6 50 µs", "imap_unordered", 4, long_items),
    ("W8", "apply, close, join", 10, whole),
]
OF_EXECUTORS = [
    ("W1 hot", "submit", 50, executor_hot),
    ("W2 handles", "submit", 50, executor_handles),
    ("W2 bulk", "map", 50, executor_bulk),
    ("W8", "submit, shutdown", 10, executor_whole),
]
CONTENDERS = [
    (workload, f"{pool.__name__}.{name}", fewer, make, pool)
    for pools, table in [((Pool, ThreadPool), OF_POOLS), ((ThreadPoolExecutor,), OF_EXECUTORS)]
    for pool in pools
    for workload, name, fewer, make in table
]


def opened(make, pool, workers):
    """The session of a contender, whose pool ends with this process."""
    if make in (whole, executor_whole):
        return make(pool, workers)
    return make(pool(workers))


def time_repeats(run, units, repeats):
    times = []
    run(max(units // 100, 1))
    for _ in range(repeats):
        begin = time.perf_counter_ns()
        total = run(units)
        times.append((time.perf_counter_ns() - begin) / units)
    print(sorted(times)[repeats // 2], total & MASK)


def time_singles(run, units, pause):
    times = []
    run(1)
    for _ in range(units):
        time.sleep(pause / 1e6)
        begin = time.perf_counter_ns()
        run(1)
        times.append(time.perf_counter_ns() - begin)
    times.sort()
    last = units - 1
    print(times[last // 2], times[last - last // 100], times[last])


def main(arguments):
    if not arguments:
        print(f"Python {platform.python_version()}")
        for workload, name, fewer, _, _ in CONTENDERS:
            print(f"{workload}|{name}|{fewer}")
        return 0
    how, wanted, called, workers, units, last = arguments
    for workload, name, _, make, pool in CONTENDERS:
        if (workload, name) == (wanted, called):
            run = opened(make, pool, int(workers))
            {"time": time_repeats, "single": time_singles}[how](run, int(units), int(last))
            return 0
    print(f"no such contender: {wanted}, {called}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

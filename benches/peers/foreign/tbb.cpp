/* oneTBB. Where the caller is one of the team, `workers` counts it; where a job is enqueued, workers alone run it. */
#include "common.h"
#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include <oneapi/tbb.h>

namespace {

using tbb::blocked_range;

/* As many threads as the contender may have, for as long as it runs. */
struct Team {
    tbb::global_control limit;
    tbb::task_arena arena;

    Team(int workers, int callers)
        : limit(tbb::global_control::max_allowed_parallelism, size_t(workers + 1 - callers)), arena(workers, unsigned(callers)) {}
};

/* The team with the caller in it. */
tbb::task_arena &with_caller(int workers) {
    static Team team(workers, 1);
    return team.arena;
}

/* The team without it: jobs are enqueued. */
tbb::task_arena &without_caller(int workers) {
    static Team team(workers, 0);
    return team.arena;
}

std::future<uint64_t> submit(tbb::task_arena &arena, uint64_t n) {
    auto done = std::make_shared<std::promise<uint64_t>>();
    arena.enqueue([n, done] { done->set_value(tiny(n)); });
    return done->get_future();
}

uint64_t hot_enqueue(size_t units, int workers) {
    auto &arena = without_caller(workers);
    uint64_t sum = 0;
    for (size_t n = 0; n < units; n++)
        sum += submit(arena, n).get();
    return sum;
}

uint64_t hot_group(size_t units, int workers) {
    uint64_t sum = 0;
    with_caller(workers).execute([&] {
        tbb::task_group group;
        for (size_t n = 0; n < units; n++) {
            uint64_t value;
            group.run([n, &value] { value = tiny(n); });
            group.wait();
            sum += value;
        }
    });
    return sum;
}

uint64_t handles(size_t units, int workers) {
    auto &arena = without_caller(workers);
    std::vector<std::future<uint64_t>> all;
    all.reserve(units);
    for (size_t n = 0; n < units; n++)
        all.push_back(submit(arena, n));
    uint64_t sum = 0;
    for (auto &one : all)
        sum += one.get();
    return sum;
}

uint64_t detached(size_t units, int workers) {
    tbb::combinable<uint64_t> sums([] { return uint64_t(0); });
    with_caller(workers).execute([&] {
        tbb::task_group group;
        for (size_t n = 0; n < units; n++)
            group.run([n, &sums] { sums.local() += tiny(n); });
        group.wait();
    });
    return sums.combine([](uint64_t a, uint64_t b) { return a + b; });
}

/* A loop over `count` places, with the default partitioner. */
template <class F> void loop(int workers, size_t count, F each) {
    with_caller(workers).execute([&] {
        tbb::parallel_for(blocked_range<size_t>(0, count), [&](const blocked_range<size_t> &part) {
            for (size_t i = part.begin(); i != part.end(); ++i)
                each(i);
        });
    });
}

template <class F> uint64_t total(int workers, size_t count, F each) {
    return with_caller(workers).execute([&] {
        auto add = [&](const blocked_range<size_t> &part, uint64_t sum) {
            for (size_t i = part.begin(); i != part.end(); ++i)
                sum += each(i);
            return sum;
        };
        return tbb::parallel_reduce(blocked_range<size_t>(0, count), uint64_t(0), add, std::plus<uint64_t>());
    });
}

uint64_t bulk_fresh(size_t units, int workers) {
    std::unique_ptr<uint64_t[]> values(new uint64_t[units]);
    uint64_t *to = values.get();
    loop(workers, units, [=](size_t i) { to[i] = tiny(i); });
    return sample(to, units, 1009);
}

uint64_t bulk_into(size_t units, int workers) {
    static kept output;
    uint64_t *to = keep(&output, units, 0);
    loop(workers, units, [=](size_t i) { to[i] = tiny(i); });
    return sample(to, units, 1009);
}

uint64_t large_fresh(size_t units, int workers) {
    static kept input;
    const uint64_t *from = keep(&input, units, 1);
    std::unique_ptr<uint64_t[]> values(new uint64_t[units]);
    uint64_t *to = values.get();
    loop(workers, units, [=](size_t i) { to[i] = step(from[i]); });
    return sample(to, units, 10007);
}

uint64_t large_into(size_t units, int workers) {
    static kept input, output;
    const uint64_t *from = keep(&input, units, 1);
    uint64_t *to = keep(&output, units, 0);
    loop(workers, units, [=](size_t i) { to[i] = step(from[i]); });
    return sample(to, units, 10007);
}

uint64_t large_sum(size_t units, int workers) {
    static kept input;
    const uint64_t *from = keep(&input, units, 1);
    return total(workers, units, [=](size_t i) { return from[i] * from[i]; });
}

/* A part for each worker, by the static partitioner: that each worker gets one is not promised. */
template <class F> uint64_t regions(size_t units, int workers, int parts, F each) {
    with_caller(workers).execute([&] {
        for (size_t i = 0; i < units; i++)
            tbb::parallel_for(0, parts, each, tbb::static_partitioner());
    });
    return units;
}

uint64_t region(size_t units, int workers) {
    return regions(units, workers, workers, [](int part) { use(uint64_t(part)); });
}

uint64_t oversubscribed(size_t units, int workers) { return region(units, 2 * workers); }

uint64_t chunks(size_t units, int workers) {
    return regions(units, workers, workers, [](int) { busy(10e3); });
}

/* The regions in which every worker ran. */
uint64_t taking_part(size_t units, int workers) {
    uint64_t full = 0;
    with_caller(workers).execute([&] {
        for (size_t i = 0; i < units; i++) {
            std::atomic<uint64_t> seen{0};
            auto mark = [&](int) { seen |= uint64_t(1) << tbb::this_task_arena::current_thread_index(); };
            tbb::parallel_for(0, workers, mark, tbb::static_partitioner());
            full += seen == (uint64_t(1) << workers) - 1;
        }
    });
    return full;
}

constexpr int ITEMS = 16;

uint64_t tiny_loop(size_t units, int workers) {
    return ITEMS * regions(units, workers, ITEMS, [](int n) { use(tiny(uint64_t(n))); });
}

uint64_t triangle(size_t units, int workers) { return total(workers, triangle_items(units), triangle_cost); }

/* A stream through three filters; the last one adds up what comes, in order if need be. */
template <class F> uint64_t stream(size_t units, int workers, tbb::filter_mode last, F item) {
    uint64_t next = 0, sum = 0;
    with_caller(workers).execute([&] {
        auto read = [&](tbb::flow_control &flow) {
            if (next == units)
                flow.stop();
            return next++;
        };
        auto write = [&](uint64_t value) { sum += value; };
        tbb::parallel_pipeline(size_t(workers) * 8,
                               tbb::make_filter<void, uint64_t>(tbb::filter_mode::serial_in_order, read) &
                                   tbb::make_filter<uint64_t, uint64_t>(tbb::filter_mode::parallel, item) &
                                   tbb::make_filter<uint64_t, void>(last, write));
    });
    return sum;
}

uint64_t unordered(size_t units, int workers) {
    return stream(units, workers, tbb::filter_mode::serial_out_of_order, tiny);
}

uint64_t ordered(size_t units, int workers) { return stream(units, workers, tbb::filter_mode::serial_in_order, tiny); }

uint64_t long_items(size_t units, int workers) {
    return stream(units, workers, tbb::filter_mode::serial_out_of_order, [](uint64_t n) {
        busy(50e3);
        return tiny(n);
    });
}

uint64_t jacobi(size_t units, int workers) {
    static plate plate;
    make_plate(&plate, units);
    with_caller(workers).execute([&] {
        tbb::affinity_partitioner rows_stay;
        tbb::parallel_for(size_t(0), plate.side, [&](size_t row) { heat_row(&plate, row); }, rows_stay);
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            tbb::parallel_for(size_t(0), plate.side, [&](size_t row) { relax_row(&plate, row); }, rows_stay);
            swap_plates(&plate);
        }
    });
    return plate_sum(&plate);
}

uint64_t mandelbrot(size_t units, int workers) {
    size_t side = root(units);
    return total(workers, side, [=](size_t row) { return mandelbrot_row(row, side); });
}

/* One job by a worker, then all threads end. */
uint64_t whole(size_t units, int workers) {
    uint64_t sum = 0;
    for (size_t n = 0; n < units; n++) {
        tbb::task_scheduler_handle scheduler{tbb::attach{}};
        {
            Team team(workers, 0);
            sum += submit(team.arena, n).get();
        }
        tbb::finalize(scheduler);
    }
    return sum;
}

} // namespace

int main(int argc, char **argv) {
    static const contender all[] = {
        {"W1 hot", "enqueue + promise", hot_enqueue},
        {"W1 hot", "task_group, the caller may run it", hot_group},
        {"W2 handles", "enqueue + promise", handles},
        {"W2 detached", "task_group, the caller helps", detached},
        {"W2 bulk", "parallel_for", bulk_fresh},
        {"W2 bulk into", "parallel_for", bulk_into},
        {"W3 fresh", "parallel_for", large_fresh},
        {"W3 into", "parallel_for", large_into},
        {"W3 sum", "parallel_reduce", large_sum},
        {"W4 region", "parallel_for, static", region},
        {"W4 shares", "parallel_for, static", taking_part},
        {"W4 10 µs", "parallel_for, static", chunks},
        {"W4 oversubscribed", "parallel_for, static", oversubscribed},
        {"W4 tiny", "parallel_for, static", tiny_loop},
        {"W5 triangle", "parallel_reduce", triangle},
        {"W6 unordered", "parallel_pipeline", unordered},
        {"W6 ordered", "parallel_pipeline", ordered},
        {"W6 50 µs", "parallel_pipeline", long_items},
        {"W7 Jacobi", "parallel_for, affinity", jacobi},
        {"W7 Mandelbrot", "parallel_reduce", mandelbrot},
        {"W8", "enqueue, finalize", whole},
    };
    return answer("oneTBB " TBB_VERSION_STRING ", g++ " __VERSION__, all, sizeof all / sizeof *all, argc, argv);
}

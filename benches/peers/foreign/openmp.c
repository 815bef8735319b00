/* OpenMP, with whatever runtime the compiler brings: the caller is one of the team. Without OpenMP, as `sequential.c`, the same
 * loops on one thread: what the compiler makes of them. */
#include "common.h"
#ifdef _OPENMP
#include <omp.h>
#endif

#ifndef _OPENMP
#define VERSION "C on one thread, " __VERSION__
#elif defined __clang__
#define VERSION "libomp, " __VERSION__
#else
#define VERSION "libgomp, gcc " __VERSION__
#endif

static uint64_t bulk_fresh(size_t units, int workers) {
    uint64_t *values = array(units * sizeof *values);
#pragma omp parallel for schedule(static) num_threads(workers)
    for (size_t i = 0; i < units; i++)
        values[i] = tiny(i);
    uint64_t sum = sample(values, units, 1009);
    free(values);
    return sum;
}

#ifdef _OPENMP
static uint64_t bulk_tasks(size_t units, int workers) {
    uint64_t *values = array(units * sizeof *values);
#pragma omp parallel num_threads(workers)
#pragma omp single
#pragma omp taskloop
    for (size_t i = 0; i < units; i++)
        values[i] = tiny(i);
    uint64_t sum = sample(values, units, 1009);
    free(values);
    return sum;
}

#endif

static uint64_t bulk_into(size_t units, int workers) {
    static struct kept kept;
    uint64_t *values = keep(&kept, units, 0);
#pragma omp parallel for schedule(static) num_threads(workers)
    for (size_t i = 0; i < units; i++)
        values[i] = tiny(i);
    return sample(values, units, 1009);
}

#ifdef _OPENMP
/* One task a job; each thread counts for itself, as the Rust contenders do. */
static uint64_t detached(size_t units, int workers) {
    static _Thread_local uint64_t mine;
    uint64_t sum = 0;
#pragma omp parallel num_threads(workers) reduction(+ : sum)
    {
        mine = 0;
#pragma omp barrier
#pragma omp single
        for (size_t i = 0; i < units; i++) {
#pragma omp task
            mine += tiny(i);
        }
        /* The barrier at the end of `single` has run all tasks. */
        sum += mine;
    }
    return sum;
}

#endif

static uint64_t large_fresh(size_t units, int workers) {
    static struct kept input;
    const uint64_t *from = keep(&input, units, 1);
    uint64_t *values = array(units * sizeof *values);
#pragma omp parallel for schedule(static) num_threads(workers)
    for (size_t i = 0; i < units; i++)
        values[i] = step(from[i]);
    uint64_t sum = sample(values, units, 10007);
    free(values);
    return sum;
}

static uint64_t large_into(size_t units, int workers) {
    static struct kept input, output;
    const uint64_t *from = keep(&input, units, 1);
    uint64_t *values = keep(&output, units, 0);
#pragma omp parallel for schedule(static) num_threads(workers)
    for (size_t i = 0; i < units; i++)
        values[i] = step(from[i]);
    return sample(values, units, 10007);
}

static uint64_t large_sum(size_t units, int workers) {
    static struct kept input;
    const uint64_t *from = keep(&input, units, 1);
    uint64_t sum = 0;
#pragma omp parallel for schedule(static) num_threads(workers) reduction(+ : sum)
    for (size_t i = 0; i < units; i++)
        sum += from[i] * from[i];
    return sum;
}

#ifdef _OPENMP
static uint64_t region(size_t units, int workers) {
    for (size_t i = 0; i < units; i++) {
#pragma omp parallel num_threads(workers)
        use((uint64_t)omp_get_thread_num());
    }
    return units;
}

static uint64_t oversubscribed(size_t units, int workers) { return region(units, 2 * workers); }

static uint64_t chunks(size_t units, int workers) {
    for (size_t i = 0; i < units; i++) {
#pragma omp parallel for schedule(static) num_threads(workers)
        for (int part = 0; part < workers; part++)
            busy(10e3);
    }
    return units;
}

enum { ITEMS = 16 };

static uint64_t tiny_loop(size_t units, int workers) {
    for (size_t i = 0; i < units; i++) {
#pragma omp parallel for schedule(static) num_threads(workers)
        for (int n = 0; n < ITEMS; n++)
            use(tiny(n));
    }
    return units * ITEMS;
}

/* The clause by which a program says itself that a loop is too small. */
static uint64_t tiny_loop_if(size_t units, int workers) {
    for (size_t i = 0; i < units; i++) {
#pragma omp parallel for schedule(static) num_threads(workers) if (ITEMS > 1000)
        for (int n = 0; n < ITEMS; n++)
            use(tiny(n));
    }
    return units * ITEMS;
}

#endif

static uint64_t triangle_guided(size_t units, int workers) {
    size_t items = triangle_items(units);
    uint64_t sum = 0;
#pragma omp parallel for schedule(guided) num_threads(workers) reduction(+ : sum)
    for (size_t i = 0; i < items; i++)
        sum += triangle_cost(i);
    return sum;
}

#ifdef _OPENMP
static uint64_t triangle_dynamic(size_t units, int workers) {
    size_t items = triangle_items(units);
    uint64_t sum = 0;
#pragma omp parallel for schedule(dynamic) num_threads(workers) reduction(+ : sum)
    for (size_t i = 0; i < items; i++)
        sum += triangle_cost(i);
    return sum;
}

#endif

static uint64_t jacobi(size_t units, int workers) {
    static struct plate plate;
    make_plate(&plate, units);
#pragma omp parallel for schedule(static) num_threads(workers)
    for (size_t row = 0; row < plate.side; row++)
        heat_row(&plate, row);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
#pragma omp parallel for schedule(static) num_threads(workers)
        for (size_t row = 0; row < plate.side; row++)
            relax_row(&plate, row);
        swap_plates(&plate);
    }
    return plate_sum(&plate);
}

static uint64_t mandelbrot(size_t units, int workers) {
    size_t side = root(units);
    uint64_t sum = 0;
#pragma omp parallel for schedule(dynamic) num_threads(workers) reduction(+ : sum)
    for (size_t row = 0; row < side; row++)
        sum += mandelbrot_row(row, side);
    return sum;
}

int main(int argc, char **argv) {
    static const struct contender all[] = {
#ifdef _OPENMP
        {"W2 detached", "task, the caller helps", detached},
        {"W2 bulk", "parallel for", bulk_fresh},
        {"W2 bulk", "taskloop", bulk_tasks},
        {"W2 bulk into", "parallel for", bulk_into},
        {"W3 fresh", "parallel for", large_fresh},
        {"W3 into", "parallel for", large_into},
        {"W3 sum", "parallel for", large_sum},
        {"W4 region", "parallel", region},
        {"W4 10 µs", "parallel for", chunks},
        {"W4 oversubscribed", "parallel", oversubscribed},
        {"W4 tiny", "parallel for", tiny_loop},
        {"W4 tiny", "parallel for, if", tiny_loop_if},
        {"W5 triangle", "guided", triangle_guided},
        {"W5 triangle", "dynamic", triangle_dynamic},
        {"W7 Jacobi", "parallel for", jacobi},
        {"W7 Mandelbrot", "dynamic", mandelbrot},
#else
        {"W2 bulk", "sequential", bulk_fresh},
        {"W2 bulk into", "sequential", bulk_into},
        {"W3 fresh", "sequential", large_fresh},
        {"W3 into", "sequential", large_into},
        {"W3 sum", "sequential", large_sum},
        {"W5 triangle", "sequential", triangle_guided},
        {"W7 Jacobi", "sequential", jacobi},
        {"W7 Mandelbrot", "sequential", mandelbrot},
#endif
    };
    return answer(VERSION, all, sizeof all / sizeof *all, argc, argv);
}

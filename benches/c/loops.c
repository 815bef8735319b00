/* What a parallel loop costs: the workloads of benches/src/bin/loops.rs, in OpenMP. Prints one line for each,
 * its name and its value; less is better. */
#include "common.h"
#include <time.h>

static int threads;

/* The value counts as used. No store: threads that all wrote one variable would wait for its cache line. */
static inline void keep(unsigned long x) {
    __asm__ volatile("" : : "r"(x));
}

static unsigned long spin(unsigned long steps) {
    unsigned long x = steps;
    for (unsigned long i = 0; i < steps; i++) {
        x = x * 6364136223846793005ul + 1442695040888963407ul;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

static void say(const char *name, double value) {
    printf("%s: %.4f\n", name, value);
    fflush(stdout);
}

/* Nanoseconds of a region in which every thread takes part. */
static double region(long count, unsigned long steps) {
    double begin = omp_get_wtime();
    for (long i = 0; i < count; i++) {
#pragma omp parallel for schedule(static)
        for (int part = 0; part < threads; part++)
            keep(spin(steps));
    }
    return (omp_get_wtime() - begin) * 1e9 / count;
}

static double alone(long count, unsigned long steps) {
    double begin = omp_get_wtime();
    for (long i = 0; i < count; i++)
        keep(spin(steps));
    return (omp_get_wtime() - begin) * 1e9 / count;
}

static double after_idle(long count) {
    double sum = 0;
    struct timespec rest = {0, 1000000};
    for (long i = 0; i < count; i++) {
        nanosleep(&rest, NULL);
        sum += region(1, 0);
    }
    return sum / count;
}

static double triangle(int together) {
    double begin = omp_get_wtime();
#pragma omp parallel for schedule(guided) if (together)
    for (long i = 0; i < 2000; i++)
        keep(spin(i * 10));
    return omp_get_wtime() - begin;
}

int main(int argc, char **argv) {
    threads = omp_get_max_threads();
    long size = option(argc, argv, "--size", 10000000), count = option(argc, argv, "--regions", 20000);
    region(count / 10, 0);
    say("region, ns", region(count, 0));
    unsigned long ten = 10000 / (alone(100, 10000) / 10000);
    double one = alone(count / 10, ten);
    say("region of 10 µs, overhead in ns", region(count / 10, ten) - one);
    say("region after 1 ms of sleep, ns", after_idle(count / 100));
    double single = triangle(0), all = triangle(1);
    say("triangular loop, share lost in %", 100 * (1 - single / all / threads));

    unsigned long long *from = array(size * sizeof *from), *to = array(size * sizeof *to);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < size; i++)
        from[i] = i, to[i] = 0;
    double begin = omp_get_wtime();
#pragma omp parallel for schedule(static)
    for (long i = 0; i < size; i++)
        to[i] = from[i] * from[i];
    say("map into, ns an item", (omp_get_wtime() - begin) * 1e9 / size);
    unsigned long long sum = 0;
    begin = omp_get_wtime();
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (long i = 0; i < size; i++)
        sum += from[i] * from[i];
    say("sum of squares, ns an item", (omp_get_wtime() - begin) * 1e9 / size);
    keep(sum);
    begin = omp_get_wtime();
    unsigned long long *fresh = array(size * sizeof *fresh);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < size; i++)
        fresh[i] = from[i] * from[i];
    say("map into fresh memory, ns an item", (omp_get_wtime() - begin) * 1e9 / size);
    keep(fresh[size / 2] + to[size / 3]);

    omp_set_num_threads(2 * threads);
    threads = 2 * threads;
    region(10, 0);
    say("region with twice as many threads, ns", region(count / 100, 0));
    return 0;
}

/* What the peers in C and C++ share: the tiny job, the checksums of the Rust contenders, and the dialogue with the
 * report. A program has a table of contenders and answers three questions:
 *
 *   PROGRAM                                                   its version, then one line for each contender:
 *                                                             WORKLOAD|NAME|by what part it gets fewer units
 *   PROGRAM time WORKLOAD NAME WORKERS UNITS REPEATS          nanoseconds a unit (median of the repeats), checksum
 *   PROGRAM single WORKLOAD NAME WORKERS UNITS PAUSE          single units, each after PAUSE microseconds of sleep:
 *                                                             median, 99th of a hundred and longest, in nanoseconds
 */
#ifndef RINGPOOL_COMMON_H
#define RINGPOOL_COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Does that many units of work and returns their checksum. */
typedef uint64_t work(size_t units, int workers);

struct contender {
    const char *workload, *name;
    work *run;
};

/* The finalizer of SplitMix64: the body of every tiny job. */
static inline uint64_t tiny(uint64_t n) {
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9u;
    n = (n ^ (n >> 27)) * 0x94D049BB133111EBu;
    return n ^ (n >> 31);
}

/* What W3 maps. */
static inline uint64_t step(uint64_t x) { return x * 3 + 1; }

/* What the values of W2 bulk (stride 1009) and W3 (stride 10007) are known by. */
static inline uint64_t sample(const uint64_t *values, size_t count, size_t stride) {
    uint64_t sum = count;
    for (size_t i = 0; i < count; i += stride)
        sum += values[i];
    return sum;
}

/* W5: how many items take that many steps in all, or a few fewer; and the work of item i. */
static inline size_t triangle_items(size_t steps) {
    size_t items = 1;
    while (items * (items + 1) / 2 <= steps)
        items++;
    return items;
}
static inline uint64_t triangle_cost(uint64_t i) {
    uint64_t value = i;
    for (uint64_t n = 0; n < i; n++)
        value = tiny(value);
    return value;
}

static inline double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Keeps a CPU busy. */
static inline void busy(double nanos) {
    double end = nanoseconds() + nanos;
    while (nanoseconds() < end)
        ;
}

/* Hides from the compiler that nobody uses the value. */
static inline void use(uint64_t value) { __asm__ volatile("" : : "r"(value) : "memory"); }

static inline void *array(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memory;
}

/* An array that is there already: kept from call to call, made anew when its length changes. */
struct kept {
    uint64_t *values;
    size_t count;
};
static inline uint64_t *keep(struct kept *kept, size_t count, int numbered) {
    if (!kept->values || kept->count != count) {
        free(kept->values);
        kept->values = (uint64_t *)array(count * sizeof(uint64_t));
        kept->count = count;
        for (size_t i = 0; i < count; i++)
            kept->values[i] = numbered ? i : 0;
    }
    return kept->values;
}

/* W7: 200 sweeps of Jacobi's method over a square plate; a unit is a point of a sweep. */
enum { SWEEPS = 200 };
struct plate {
    double *old, *fresh;
    size_t side;
};
static inline size_t root(size_t n) {
    size_t side = 0;
    while ((side + 1) * (side + 1) <= n)
        side++;
    return side;
}
static inline void make_plate(struct plate *plate, size_t units) {
    size_t side = root(units / SWEEPS);
    if (plate->old && plate->side == side)
        return;
    free(plate->old);
    free(plate->fresh);
    plate->side = side;
    plate->old = (double *)array(side * side * sizeof(double));
    plate->fresh = (double *)array(side * side * sizeof(double));
}
/* Hot along one side. */
static inline void heat_row(struct plate *plate, size_t row) {
    size_t side = plate->side;
    for (size_t column = 0; column < side; column++)
        plate->old[row * side + column] = plate->fresh[row * side + column] = row ? 0 : (double)column / (double)side;
}
static inline void relax_row(struct plate *plate, size_t row) {
    size_t side = plate->side;
    if (row == 0 || row + 1 == side)
        return;
    const double *here = plate->old + row * side, *above = here - side, *below = here + side;
    double *fresh = plate->fresh + row * side;
    for (size_t column = 1; column + 1 < side; column++)
        fresh[column] = 0.25 * (above[column] + below[column] + (here[column - 1] + here[column + 1]));
}
static inline void swap_plates(struct plate *plate) {
    double *old = plate->old;
    plate->old = plate->fresh;
    plate->fresh = old;
}
static inline uint64_t plate_sum(const struct plate *plate) {
    size_t points = plate->side * plate->side;
    uint64_t sum = points, bits;
    for (size_t i = 0; i < points; i += 1009) {
        memcpy(&bits, &plate->old[i], sizeof bits);
        sum += bits;
    }
    return sum;
}

/* W7: one row of a square picture of the Mandelbrot set; a unit is a pixel. Returns the iterations of all. */
static inline uint64_t mandelbrot_row(size_t row, size_t side) {
    double scale = 3.0 / (double)side, im = ((double)row - (double)side / 2) * scale;
    uint64_t sum = 0;
    for (size_t column = 0; column < side; column++) {
        double re = -2.2 + (double)column * scale, x = 0, y = 0;
        uint64_t n = 0;
        for (; n < 200; n++) {
            double xx = x * x, yy = y * y;
            if (xx + yy > 4)
                break;
            y = 2 * x * y + im;
            x = xx - yy + re;
        }
        sum += n;
    }
    return sum;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int time_repeats(work *run, int workers, size_t units, size_t repeats) {
    double *times = (double *)array(repeats * sizeof(double));
    uint64_t sum = 0;
    run(units / 100 ? units / 100 : 1, workers);
    for (size_t i = 0; i < repeats; i++) {
        double begin = nanoseconds();
        sum = run(units, workers);
        times[i] = (nanoseconds() - begin) / (double)units;
    }
    qsort(times, repeats, sizeof *times, ascending);
    printf("%.17g %llu\n", times[repeats / 2], (unsigned long long)sum);
    free(times);
    return 0;
}

static int time_singles(work *run, int workers, size_t units, size_t pause) {
    double *times = (double *)array(units * sizeof(double));
    struct timespec rest = {(time_t)(pause / 1000000), (long)(pause % 1000000) * 1000};
    run(1, workers);
    for (size_t i = 0; i < units; i++) {
        if (pause)
            nanosleep(&rest, NULL);
        double begin = nanoseconds();
        run(1, workers);
        times[i] = nanoseconds() - begin;
    }
    qsort(times, units, sizeof *times, ascending);
    size_t last = units - 1;
    printf("%.17g %.17g %.17g\n", times[last / 2], times[last - last / 100], times[last]);
    free(times);
    return 0;
}

static int answer(const char *version, const struct contender *all, size_t count, int argc, char **argv) {
    if (argc == 1) {
        puts(version);
        for (size_t i = 0; i < count; i++)
            printf("%s|%s|1\n", all[i].workload, all[i].name);
        return 0;
    }
    for (size_t i = 0; argc == 7 && i < count; i++) {
        if (strcmp(argv[2], all[i].workload) != 0 || strcmp(argv[3], all[i].name) != 0)
            continue;
        int workers = atoi(argv[4]);
        size_t units = strtoul(argv[5], NULL, 10), last = strtoul(argv[6], NULL, 10);
        if (workers > 0 && last > 0 && strcmp(argv[1], "time") == 0)
            return time_repeats(all[i].run, workers, units, last);
        if (workers > 0 && units > 0 && strcmp(argv[1], "single") == 0)
            return time_singles(all[i].run, workers, units, last);
    }
    fprintf(stderr, "usage: %s [time|single WORKLOAD NAME WORKERS UNITS REPEATS|PAUSE]\n", argv[0]);
    return 2;
}

#endif

/* What the OpenMP programs share: options, timing, and the comparison with a sequential run. They do what the
 * examples of ringpool/examples/hpc do, with the same sizes and the same loops, and print the same line. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An option `--name N`, or its default. */
static long option(int argc, char **argv, const char *name, long otherwise) {
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return atol(argv[i + 1]);
    return otherwise;
}

static void *array(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memory;
}

/* A number between 0 and 1 that looks random and depends on the seed only (SplitMix64). */
static inline double uniform(size_t seed) {
    unsigned long long x = seed * 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return (double)(x >> 40) / (1 << 24);
}

/* The fastest sequential and the fastest parallel run, in seconds. */
struct times {
    double alone, together;
};

/* Each program has one function that does its work, alone or together. */
typedef void body(int together, void *data);

__attribute__((unused)) static struct times compare(const char *name, long rounds, body *work, void *data) {
    struct times best = {1e9, 1e9};
    int threads = omp_get_max_threads();
    for (long round = 0; round < rounds; round++) {
        double begin = omp_get_wtime();
        work(0, data);
        double middle = omp_get_wtime();
        work(1, data);
        double end = omp_get_wtime();
        if (middle - begin < best.alone)
            best.alone = middle - begin;
        if (end - middle < best.together)
            best.together = end - middle;
    }
    printf("%s: alone %.3f ms, together %.3f ms, × %.2f, efficiency %.1f %%\n", name, best.alone * 1e3,
           best.together * 1e3, best.alone / best.together, 100 * best.alone / best.together / threads);
    return best;
}

/* The sequential and the parallel result have to be the same, bit by bit. */
__attribute__((unused)) static int check(const void *expected, const void *found, size_t bytes) {
    if (memcmp(expected, found, bytes) == 0)
        return 0;
    fprintf(stderr, "error: the parallel result differs from the sequential one\n");
    return 1;
}

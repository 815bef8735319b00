/* A histogram with a scratch array for each thread. */
#include "common.h"

struct histogram {
    long size, classes;
    unsigned *values;
    unsigned long *counts[2];
};

static void work(int together, void *data) {
    struct histogram *h = data;
    unsigned long *counts = h->counts[together];
    memset(counts, 0, h->classes * sizeof *counts);
#pragma omp parallel if (together)
    {
        unsigned long *scratch = calloc(h->classes, sizeof *scratch);
        if (!scratch)
            abort();
#pragma omp for schedule(guided) nowait
        for (long i = 0; i < h->size; i++)
            scratch[h->values[i]]++;
#pragma omp critical
        for (long i = 0; i < h->classes; i++)
            counts[i] += scratch[i];
        free(scratch);
    }
}

int main(int argc, char **argv) {
    struct histogram h = {.size = option(argc, argv, "--size", 20000000), .classes = option(argc, argv, "--classes", 1000)};
    h.values = array(h.size * sizeof *h.values);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < h.size; i++) {
        double x = uniform(i);
        unsigned class = x * x * h.classes;
        h.values[i] = class < h.classes ? class : h.classes - 1;
    }
    size_t bytes = h.classes * sizeof(unsigned long);
    h.counts[0] = array(bytes), h.counts[1] = array(bytes);
    compare("histogram", option(argc, argv, "--rounds", 5), work, &h);
    return check(h.counts[0], h.counts[1], bytes);
}

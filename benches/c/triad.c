/* STREAM triad, a[i] = b[i] + s * c[i]. */
#include "common.h"

struct arrays {
    long size;
    double *to[2], *left, *right;
};

static void work(int together, void *data) {
    struct arrays *a = data;
    double *restrict to = a->to[together];
    const double *restrict left = a->left, *restrict right = a->right;
    if (together) {
#pragma omp parallel for schedule(static)
        for (long i = 0; i < a->size; i++)
            to[i] = left[i] + 3.0 * right[i];
    } else {
        for (long i = 0; i < a->size; i++)
            to[i] = left[i] + 3.0 * right[i];
    }
}

int main(int argc, char **argv) {
    struct arrays a = {.size = option(argc, argv, "--size", 20000000)};
    size_t bytes = a.size * sizeof(double);
    a.to[0] = array(bytes), a.to[1] = array(bytes), a.left = array(bytes), a.right = array(bytes);
    memset(a.to[0], 0, bytes);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < a.size; i++)
        a.to[1][i] = 0, a.left[i] = i % 1000, a.right[i] = i % 7;
    struct times best = compare("triad", option(argc, argv, "--rounds", 5), work, &a);
    printf("  alone: %.2f GB/s\n", 3e-9 * bytes / best.alone);
    printf("  in all: %.2f GB/s\n", 3e-9 * bytes / best.together);
    return check(a.to[0], a.to[1], bytes);
}

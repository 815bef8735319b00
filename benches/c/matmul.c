/* The product of two square matrices, in blocks that fit into a cache. */
#include "common.h"

struct matrices {
    long size, block;
    double *a, *b, *product[2];
};

static void multiply(double *restrict rows, long height, const double *restrict a, const double *restrict b, long size,
                     long block) {
    memset(rows, 0, height * size * sizeof(double));
    for (long depth = 0; depth < size; depth += block) {
        long end = depth + block < size ? depth + block : size;
        for (long row = 0; row < height; row++)
            for (long k = depth; k < end; k++) {
                double factor = a[row * size + k];
                for (long column = 0; column < size; column++)
                    rows[row * size + column] += factor * b[k * size + column];
            }
    }
}

static void work(int together, void *data) {
    struct matrices *m = data;
    double *product = m->product[together];
#pragma omp parallel for schedule(dynamic) if (together)
    for (long row = 0; row < m->size; row += m->block) {
        long height = m->size - row < m->block ? m->size - row : m->block;
        multiply(product + row * m->size, height, m->a + row * m->size, m->b, m->size, m->block);
    }
}

int main(int argc, char **argv) {
    struct matrices m = {.size = option(argc, argv, "--size", 768), .block = option(argc, argv, "--block", 48)};
    long places = m.size * m.size;
    size_t bytes = places * sizeof(double);
    m.a = array(bytes), m.b = array(bytes), m.product[0] = array(bytes), m.product[1] = array(bytes);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < places; i++)
        m.a[i] = uniform(i), m.b[i] = uniform(i + places), m.product[1][i] = 0;
    memset(m.product[0], 0, bytes);
    compare("matmul", option(argc, argv, "--rounds", 5), work, &m);
    return check(m.product[0], m.product[1], bytes);
}

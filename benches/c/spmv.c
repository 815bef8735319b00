/* A sparse matrix times a vector, again and again. */
#include "common.h"

struct sparse {
    long size, products;
    size_t *begins, *columns;
    double *values, *vector, *product[2];
};

static double times(const struct sparse *s, long row) {
    double sum = 0;
    for (size_t i = s->begins[row]; i < s->begins[row + 1]; i++)
        sum += s->values[i] * s->vector[s->columns[i]];
    return sum;
}

static void work(int together, void *data) {
    struct sparse *s = data;
    double *product = s->product[together];
    for (long count = 0; count < s->products; count++) {
#pragma omp parallel for schedule(guided) if (together)
        for (long row = 0; row < s->size; row++)
            product[row] = times(s, row);
    }
}

int main(int argc, char **argv) {
    struct sparse s = {.size = option(argc, argv, "--size", 200000), .products = option(argc, argv, "--products", 20)};
    s.begins = array((s.size + 1) * sizeof *s.begins);
    size_t all = 0;
    for (long row = 0; row < s.size; row++) {
        long elements = (4 + row * 37 % 64) * (row % 1000 == 0 ? 10 : 1);
        s.begins[row] = all;
        all += elements < s.size ? elements : s.size;
    }
    s.begins[s.size] = all;
    s.columns = array(all * sizeof *s.columns), s.values = array(all * sizeof *s.values);
    for (long row = 0; row < s.size; row++)
        for (size_t i = s.begins[row]; i < s.begins[row + 1]; i++)
            s.columns[i] = (row + (i - s.begins[row]) * 53) % s.size, s.values[i] = uniform(i);
    size_t bytes = s.size * sizeof(double);
    s.vector = array(bytes), s.product[0] = array(bytes), s.product[1] = array(bytes);
    memset(s.product[0], 0, bytes);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < s.size; i++)
        s.vector[i] = i % 17, s.product[1][i] = 0;
    compare("spmv", option(argc, argv, "--rounds", 5), work, &s);
    return check(s.product[0], s.product[1], bytes);
}

/* The heat equation on a square plate by Jacobi's method. */
#include "common.h"

struct plate {
    long size, sweeps;
    double *old[2], *new[2];
};

static void relax(long index, double *row, const double *old, long size) {
    if (index == 0 || index + 1 == size)
        return;
    const double *above = old + (index - 1) * size, *here = above + size, *below = here + size;
    for (long column = 1; column + 1 < size; column++)
        row[column] = 0.25 * (above[column] + below[column] + (here[column - 1] + here[column + 1]));
}

static void work(int together, void *data) {
    struct plate *p = data;
    for (long sweep = 0; sweep < p->sweeps; sweep++) {
        double *old = p->old[together], *new = p->new[together];
        if (together) {
#pragma omp parallel for schedule(static)
            for (long row = 0; row < p->size; row++)
                relax(row, new + row * p->size, old, p->size);
        } else {
            for (long row = 0; row < p->size; row++)
                relax(row, new + row * p->size, old, p->size);
        }
        p->old[together] = new;
        p->new[together] = old;
    }
}

int main(int argc, char **argv) {
    struct plate p = {.size = option(argc, argv, "--size", 1024), .sweeps = option(argc, argv, "--sweeps", 200)};
    long points = p.size * p.size;
    for (int together = 0; together < 2; together++) {
        double *old = p.old[together] = array(points * sizeof(double));
        double *new = p.new[together] = array(points * sizeof(double));
        /* The threads touch first what they will work on. */
#pragma omp parallel for schedule(static) if (together)
        for (long i = 0; i < points; i++)
            old[i] = new[i] = i < p.size ? (double)i / p.size : 0;
    }
    compare("jacobi", option(argc, argv, "--rounds", 5), work, &p);
    return check(p.old[0], p.old[1], points * sizeof(double));
}

/* Bodies that attract each other, every one every other. */
#include "common.h"
#include <math.h>

typedef double vector[3];

struct bodies {
    long size, steps;
    vector *places[2], *speeds[2], *pulls;
};

static const double step = 1e-3, softening = 1e-3;

static void pull(const vector *at, const vector *places, long size, vector *to) {
    double sum[3] = {0};
    for (long other = 0; other < size; other++) {
        double away[3], square = 0;
        for (int axis = 0; axis < 3; axis++) {
            away[axis] = places[other][axis] - (*at)[axis];
            square += away[axis] * away[axis];
        }
        square += softening;
        double weight = 1 / (square * sqrt(square));
        for (int axis = 0; axis < 3; axis++)
            sum[axis] += weight * away[axis];
    }
    for (int axis = 0; axis < 3; axis++)
        (*to)[axis] = sum[axis] / size;
}

static void start(struct bodies *b, int together) {
    for (long i = 0; i < b->size; i++)
        for (int axis = 0; axis < 3; axis++) {
            b->places[together][i][axis] = uniform(3 * i + axis) - 0.5;
            b->speeds[together][i][axis] = uniform(3 * (i + b->size) + axis) - 0.5;
        }
}

static void work(int together, void *data) {
    struct bodies *b = data;
    start(b, together);
    vector *places = b->places[together], *speeds = b->speeds[together], *pulls = b->pulls;
    for (long count = 0; count < b->steps; count++) {
#pragma omp parallel for schedule(static) if (together)
        for (long i = 0; i < b->size; i++)
            pull(&places[i], (const vector *)places, b->size, &pulls[i]);
        for (long i = 0; i < b->size; i++)
            for (int axis = 0; axis < 3; axis++) {
                speeds[i][axis] += step * pulls[i][axis];
                places[i][axis] += step * speeds[i][axis];
            }
    }
}

int main(int argc, char **argv) {
    struct bodies b = {.size = option(argc, argv, "--size", 3000), .steps = option(argc, argv, "--steps", 10)};
    size_t bytes = b.size * sizeof(vector);
    for (int together = 0; together < 2; together++)
        b.places[together] = array(bytes), b.speeds[together] = array(bytes);
    b.pulls = array(bytes);
    compare("nbody", option(argc, argv, "--rounds", 5), work, &b);
    return check(b.places[0], b.places[1], bytes);
}

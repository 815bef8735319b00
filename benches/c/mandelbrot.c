/* The Mandelbrot set, by rows of uneven cost. */
#include "common.h"
#include <math.h>

typedef unsigned char colours[3];

struct picture {
    long width, height, limit;
    colours *points[2];
};

static int escape(double re, double im, long limit) {
    double x = 0, y = 0;
    for (long n = 0; n < limit; n++) {
        double xx = x * x, yy = y * y;
        if (xx + yy > 4)
            return n;
        y = 2 * x * y + im;
        x = xx - yy + re;
    }
    return limit;
}

/* Cosine colours; the inside is black. */
static void paint(int n, long limit, colours to) {
    double t = sqrt(n) / 4, phases[3] = {3.0, 3.6, 4.2};
    for (int i = 0; i < 3; i++)
        to[i] = n == limit ? 0 : (unsigned char)(127.5 + 127.5 * cos(t + phases[i]));
}

static void work(int together, void *data) {
    struct picture *p = data;
    double scale = 3.0 / p->width;
#pragma omp parallel for schedule(dynamic) if (together)
    for (long row = 0; row < p->height; row++)
        for (long column = 0; column < p->width; column++)
            paint(escape(-2.2 + column * scale, (row - p->height / 2.0) * scale, p->limit), p->limit,
                  p->points[together][row * p->width + column]);
}

int main(int argc, char **argv) {
    struct picture p = {.width = option(argc, argv, "--width", 1200), .limit = option(argc, argv, "--limit", 500)};
    p.height = p.width * 4 / 5 > 0 ? p.width * 4 / 5 : 1;
    size_t bytes = p.width * p.height * sizeof(colours);
    p.points[0] = array(bytes), p.points[1] = array(bytes);
    compare("mandelbrot", option(argc, argv, "--rounds", 5), work, &p);
    return check(p.points[0], p.points[1], bytes);
}

// The work of numbers, compiled for the target: a matrix product whose inner loop gcc turns into the widest vectors
// that the target has.
#include <time.h>

enum { n = 192 };
static double a[n][n], b[n][n], c[n][n];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

// Multiplies for about `seconds`; returns the sum of the product. All values are small whole numbers, so it is exact,
// and the same on every target however the additions are grouped.
double kernel(double seconds, double *gflops) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            a[i][j] = (i + 2 * j) % 7;
            b[i][j] = (3 * i + j) % 5;
        }
    double best = 1e9, start = now(), sum = 0;
    do {
        double begin = now();
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) c[i][j] = 0;
            for (int k = 0; k < n; k++)
                for (int j = 0; j < n; j++) c[i][j] += a[i][k] * b[k][j];
        }
        double took = now() - begin;
        if (took < best) best = took;
    } while (now() - start < seconds);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) sum += c[i][j];
    *gflops = 2e-9 * n * n * n / best;
    return sum;
}

// Swift's static standard library and Foundation refer to hypotf and hypot, whose newest versions came
// with glibc 2.35; these keep `slipway` startable on glibc 2.34 (RHEL 9). The squares of two floats fit
// a double, those of two doubles need not fit one, so they are scaled.

#include <math.h>

float hypotf(float x, float y)
{
    return (float)sqrt((double)x * x + (double)y * y);
}

double hypot(double x, double y)
{
    x = fabs(x), y = fabs(y);
    if (isinf(x) || isinf(y)) // before NaN: C23, F.10.4.4
        return INFINITY;
    double larger = x > y ? x : y, smaller = x > y ? y : x;
    if (isnan(x) || isnan(y) || larger == 0)
        return x + y;
    double ratio = smaller / larger;
    return larger * sqrt(1 + ratio * ratio);
}

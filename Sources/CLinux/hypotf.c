// Swift's static standard library refers to hypotf, whose newest version came with glibc 2.35; this
// one keeps `slipway` startable on glibc 2.34 (RHEL 9). The squares of two floats fit a double.

#include <math.h>

float hypotf(float x, float y)
{
    return (float)sqrt((double)x * x + (double)y * y);
}

// gzip by the system's zlib, which is loaded when it is first needed.

#ifndef CZLIB_H
#define CZLIB_H

#include <stddef.h>

struct sw_inflater;

// How a step ended; what is negative is an error.
enum { SW_INFLATE_MORE = 0, SW_INFLATE_END = 1, SW_INFLATE_DAMAGED = -1, SW_INFLATE_MEMORY = -2 };

// Loads libz.so.1, once. Returns NULL, or why it cannot be loaded (dlerror(3)). Nothing below may
// be called before it returned NULL.
const char *sw_inflater_load(void);

// A reader of one gzip member after the other; NULL without memory.
struct sw_inflater *sw_inflater_make(void);

// Reads from `input` into `output` and says through the counts how much it took and gave.
//
// SW_INFLATE_END: a member is over, its CRC and length are right; the next call expects another's
// header (zlib.h, inflate and inflateReset).
int sw_inflater_run(struct sw_inflater *inflater, const void *input, size_t *input_count,
                    void *output, size_t *output_count);

void sw_inflater_free(struct sw_inflater *inflater);

#endif

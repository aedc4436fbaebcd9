// zstd by the system's libzstd, which is loaded when it is first needed.

#ifndef CZSTD_H
#define CZSTD_H

#include <stddef.h>

struct sw_unzstd;

// How a step ended; what is negative is an error.
enum { SW_UNZSTD_MORE = 0, SW_UNZSTD_END = 1, SW_UNZSTD_DAMAGED = -1, SW_UNZSTD_WINDOW = -2 };

// Loads libzstd.so.1, once. Returns NULL, or why it cannot be loaded (dlerror(3)). Nothing below
// may be called before it returned NULL.
const char *sw_unzstd_load(void);

// A reader of one frame after the other that refuses windows above 2 to the power `window_log`;
// NULL without memory, or where libzstd takes no such windows.
struct sw_unzstd *sw_unzstd_make(int window_log);

// Reads from `input` into `output` and says through the counts how much it took and gave.
//
// SW_UNZSTD_END: a frame, perhaps a skippable one, is over and all of it given out (zstd.h,
// ZSTD_decompressStream).
int sw_unzstd_run(struct sw_unzstd *reader, const void *input, size_t *input_count, void *output,
                  size_t *output_count);

void sw_unzstd_free(struct sw_unzstd *reader);

#endif

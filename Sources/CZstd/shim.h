// zstd: streaming decompression (zstd.h).
#include <zstd.h>

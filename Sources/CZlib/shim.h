// zlib: inflate of gzip members (zlib.h).
#include <zlib.h>

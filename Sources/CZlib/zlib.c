#include "CZlib.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

static struct {
    __typeof__(&inflateInit2_) init;
    __typeof__(&inflate) inflate;
    __typeof__(&inflateReset) reset;
    __typeof__(&inflateEnd) end;
} library;

static int is_loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *handle = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    library.init = (__typeof__(library.init))dlsym(handle, "inflateInit2_");
    library.inflate = (__typeof__(library.inflate))dlsym(handle, "inflate");
    library.reset = (__typeof__(library.reset))dlsym(handle, "inflateReset");
    library.end = (__typeof__(library.end))dlsym(handle, "inflateEnd");
    is_loaded = library.init && library.inflate && library.reset && library.end;
}

int sw_inflater_load(void)
{
    pthread_once(&once, load);
    return is_loaded;
}

struct sw_inflater {
    z_stream stream;
};

struct sw_inflater *sw_inflater_make(void)
{
    if (!sw_inflater_load())
        return NULL;
    struct sw_inflater *inflater = calloc(1, sizeof *inflater);
    // 15 is the largest window; 16 more asks for the gzip format and no other (zlib.h).
    if (inflater &&
        library.init(&inflater->stream, 15 + 16, ZLIB_VERSION, (int)sizeof(z_stream)) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

int sw_inflater_run(struct sw_inflater *inflater, const void *input, size_t *input_count,
                    void *output, size_t *output_count)
{
    z_stream *stream = &inflater->stream;
    uInt given = *input_count > UINT_MAX ? UINT_MAX : (uInt)*input_count;
    uInt room = *output_count > UINT_MAX ? UINT_MAX : (uInt)*output_count;
    stream->next_in = (Bytef *)input;
    stream->avail_in = given;
    stream->next_out = output;
    stream->avail_out = room;
    int result = library.inflate(stream, Z_NO_FLUSH);
    *input_count = given - stream->avail_in;
    *output_count = room - stream->avail_out;
    switch (result) {
    case Z_STREAM_END:
        return library.reset(stream) == Z_OK ? SW_INFLATE_END : SW_INFLATE_DAMAGED;
    case Z_OK:
    case Z_BUF_ERROR:  // No progress was possible: more input or more room is needed.
        return SW_INFLATE_MORE;
    case Z_MEM_ERROR:
        return SW_INFLATE_MEMORY;
    default:
        return SW_INFLATE_DAMAGED;
    }
}

void sw_inflater_free(struct sw_inflater *inflater)
{
    library.end(&inflater->stream);
    free(inflater);
}

#include "CZlib.h"

#include <CLoad.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define FUNCTIONS(X) X(inflateInit2_) X(inflate) X(inflateReset) X(inflateEnd)

static struct {
    FUNCTIONS(SW_POINTER)
} zlib;

static const char *const names[] = {FUNCTIONS(SW_NAME) NULL};

static struct sw_library library = {
    .sonames = {"libz.so.1"}, .table = &zlib, .names = names};

const char *sw_inflater_load(void) { return sw_load(&library); }

struct sw_inflater {
    z_stream stream;
};

struct sw_inflater *sw_inflater_make(void)
{
    struct sw_inflater *inflater = calloc(1, sizeof *inflater);
    // 15 is the largest window; 16 more asks for the gzip format and no other (zlib.h).
    if (inflater && zlib.inflateInit2_(&inflater->stream, 15 + 16, ZLIB_VERSION,
                                       (int)sizeof(z_stream)) != Z_OK) {
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
    int result = zlib.inflate(stream, Z_NO_FLUSH);
    *input_count = given - stream->avail_in;
    *output_count = room - stream->avail_out;
    switch (result) {
    case Z_STREAM_END:
        return zlib.inflateReset(stream) == Z_OK ? SW_INFLATE_END : SW_INFLATE_DAMAGED;
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
    zlib.inflateEnd(&inflater->stream);
    free(inflater);
}

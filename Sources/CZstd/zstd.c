#include "CZstd.h"

#include <CLoad.h>
#include <stddef.h>
#include <zstd.h>
#include <zstd_errors.h>

#define FUNCTIONS(X)                                                                               \
    X(ZSTD_createDCtx)                                                                             \
    X(ZSTD_freeDCtx)                                                                               \
    X(ZSTD_DCtx_setParameter)                                                                      \
    X(ZSTD_decompressStream)                                                                       \
    X(ZSTD_isError)                                                                                \
    X(ZSTD_getErrorCode)

static struct {
    FUNCTIONS(SW_POINTER)
} zstd;

static const char *const names[] = {FUNCTIONS(SW_NAME) NULL};

static struct sw_library library = {
    .sonames = {"libzstd.so.1"}, .table = &zstd, .names = names};

const char *sw_unzstd_load(void) { return sw_load(&library); }

struct sw_unzstd *sw_unzstd_make(int window_log)
{
    ZSTD_DCtx *context = zstd.ZSTD_createDCtx();
    if (context && zstd.ZSTD_isError(zstd.ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax,
                                                                 window_log))) {
        zstd.ZSTD_freeDCtx(context);
        return NULL;
    }
    return (struct sw_unzstd *)context;
}

int sw_unzstd_run(struct sw_unzstd *reader, const void *input, size_t *input_count, void *output,
                  size_t *output_count)
{
    ZSTD_inBuffer in = {input, *input_count, 0};
    ZSTD_outBuffer out = {output, *output_count, 0};
    size_t result = zstd.ZSTD_decompressStream((ZSTD_DCtx *)reader, &out, &in);
    *input_count = in.pos;
    *output_count = out.pos;
    if (!zstd.ZSTD_isError(result))
        return result == 0 ? SW_UNZSTD_END : SW_UNZSTD_MORE;
    return zstd.ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
               ? SW_UNZSTD_WINDOW
               : SW_UNZSTD_DAMAGED;
}

void sw_unzstd_free(struct sw_unzstd *reader) { zstd.ZSTD_freeDCtx((ZSTD_DCtx *)reader); }

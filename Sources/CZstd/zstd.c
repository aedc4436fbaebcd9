#include "CZstd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <zstd.h>
#include <zstd_errors.h>

static struct {
    __typeof__(&ZSTD_createDCtx) create;
    __typeof__(&ZSTD_freeDCtx) free;
    __typeof__(&ZSTD_DCtx_setParameter) set;
    __typeof__(&ZSTD_decompressStream) run;
    __typeof__(&ZSTD_isError) is_error;
    __typeof__(&ZSTD_getErrorCode) error_code;
} library;

static int is_loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *handle = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    library.create = (__typeof__(library.create))dlsym(handle, "ZSTD_createDCtx");
    library.free = (__typeof__(library.free))dlsym(handle, "ZSTD_freeDCtx");
    library.set = (__typeof__(library.set))dlsym(handle, "ZSTD_DCtx_setParameter");
    library.run = (__typeof__(library.run))dlsym(handle, "ZSTD_decompressStream");
    library.is_error = (__typeof__(library.is_error))dlsym(handle, "ZSTD_isError");
    library.error_code = (__typeof__(library.error_code))dlsym(handle, "ZSTD_getErrorCode");
    is_loaded = library.create && library.free && library.set && library.run && library.is_error &&
                library.error_code;
}

int sw_unzstd_load(void)
{
    pthread_once(&once, load);
    return is_loaded;
}

struct sw_unzstd *sw_unzstd_make(int window_log)
{
    if (!sw_unzstd_load())
        return NULL;
    ZSTD_DCtx *context = library.create();
    if (context && library.is_error(library.set(context, ZSTD_d_windowLogMax, window_log))) {
        library.free(context);
        return NULL;
    }
    return (struct sw_unzstd *)context;
}

int sw_unzstd_run(struct sw_unzstd *reader, const void *input, size_t *input_count, void *output,
                  size_t *output_count)
{
    ZSTD_inBuffer in = {input, *input_count, 0};
    ZSTD_outBuffer out = {output, *output_count, 0};
    size_t result = library.run((ZSTD_DCtx *)reader, &out, &in);
    *input_count = in.pos;
    *output_count = out.pos;
    if (!library.is_error(result))
        return result == 0 ? SW_UNZSTD_END : SW_UNZSTD_MORE;
    return library.error_code(result) == ZSTD_error_frameParameter_windowTooLarge
               ? SW_UNZSTD_WINDOW
               : SW_UNZSTD_DAMAGED;
}

void sw_unzstd_free(struct sw_unzstd *reader) { library.free((ZSTD_DCtx *)reader); }

#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

int sw_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int sw_set_attribute(int file, const char *name, const void *value, size_t count)
{
    return fsetxattr(file, name, value, count, 0) < 0 ? -errno : 0;
}

int sw_sync_file_system(int file) { return syncfs(file) < 0 ? -errno : 0; }

#include "CLinux.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int sw_memory_file(const char *name)
{
    // Not memfd_create(3): glibc has it since 2.27, the kernel since 3.17.
    long descriptor = syscall(SYS_memfd_create, name, 0);
    return descriptor < 0 ? -errno : (int)descriptor;
}

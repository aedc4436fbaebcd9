#include "CLinux.h"

#include <errno.h>
#include <stdio.h>

int sw_exchange(int directory, const char *name, int other_directory, const char *other_name)
{
    // rename(2): since Linux 3.15 and glibc 2.28; EINVAL where the file system cannot.
    return renameat2(directory, name, other_directory, other_name, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

// A step's container: the helper has made its namespaces and is in them; here they are held open,
// and each task joins them.
//
// Root opens nothing by a name that a user chose: the process is slurmstepd's own child, the
// descriptors are opened with the user's rights (user_init runs with the effective id), and each task
// joins as the user. The namespaces live as long as the descriptors or a task; nothing else has to.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin.h"

static int user_namespace = -1, mount_namespace = -1;

// Contract: namespaces(7), "The /proc/pid/ns/ directory"; opening them needs the rights of ptrace(2)
// PTRACE_MODE_READ_FSCREDS, which the user has over an own process.
bool slipway_open_namespaces(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)process);
    user_namespace = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)process);
    mount_namespace = open(path, O_RDONLY | O_CLOEXEC);
    return user_namespace >= 0 && mount_namespace >= 0;
}

bool slipway_has_namespaces(void) { return mount_namespace >= 0; }

int slipway_join_namespaces(const char *directory)
{
    if (setns(user_namespace, CLONE_NEWUSER) != 0 || setns(mount_namespace, CLONE_NEWNS) != 0)
        return errno;
    // All rights in the new namespace come with joining it; a task has those of its user only.
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &header, none) != 0)
        return errno;
    return chdir(directory) == 0 ? 0 : errno;
}

// slurmstepd listens on SlurmdSpoolDir/NODE_JOB.STEP (Slurm, src/slurmd/slurmstepd/req.c), and is
// asked itself: slurm.conf may be anywhere, and its words have to be expanded.
void slipway_find_spool(unsigned job, char *path, size_t size)
{
    char mark[32];
    snprintf(mark, sizeof mark, "_%u.", job);
    path[0] = '\0';
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_un address = {0};
        socklen_t length = sizeof address - 1;
        if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
            address.sun_family != AF_UNIX || address.sun_path[0] != '/')
            continue;
        char *name = strrchr(address.sun_path, '/');
        if (!strstr(name, mark) || name == address.sun_path ||
            (size_t)(name - address.sun_path) >= size)
            continue;
        memcpy(path, address.sun_path, (size_t)(name - address.sun_path));
        path[name - address.sun_path] = '\0';
        return;
    }
}

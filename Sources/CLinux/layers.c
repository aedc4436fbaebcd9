#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

// Async-signal-safe functions only (signal-safety(7)).
static void become(const char *path, char *const argv[], char *const envp[],
                   const int descriptors[], int count, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    // Ctrl-C is for the parent, which ends the child in its own way.
    setpgid(0, 0);
    int moved[8];
    for (int i = 0; i < count; i++)
        if ((moved[i] = fcntl(descriptors[i], F_DUPFD, 64)) < 0)
            _exit(127);
    for (int i = 0; i < count; i++)
        if (dup2(moved[i], i) != i)
            _exit(127);
    if (syscall(SYS_close_range, (unsigned)count, ~0U, 0U) != 0)
        for (int fd = count; fd < 1024; fd++)
            close(fd);
    // Of the parent's dispositions, the handlers end with execve(2) and what is ignored does not.
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(path, argv, envp);
    _exit(127);
}

pid_t sw_start(const char *path, char *const argv[], char *const envp[], const int descriptors[],
               int count)
{
    if (count > 8)
        return -EINVAL;
    pid_t parent = getpid();
    // No handler of the parent may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        become(path, argv, envp, descriptors, count, parent);
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return child < 0 ? -failure : child;
}

// The same by hand, for kernels before 5.6, and for sandboxes that forbid openat2(2).
static int walk_beneath(int directory, const char *path, int flags)
{
    struct stat start, status;
    if (fstat(directory, &start) != 0)
        return -errno;
    int here = directory, result = -ENOENT;
    const char *next = path;
    for (;;) {
        size_t length = strcspn(next, "/");
        char name[256];
        if (length == 0 || length >= sizeof name ||
            (length <= 2 && strncmp(next, "..", length) == 0 && strncmp(path, ".", 2) != 0)) {
            result = length >= sizeof name ? -ENAMETOOLONG : -EXDEV;
            break;
        }
        memcpy(name, next, length);
        name[length] = '\0';
        int is_last = next[length] == '\0';
        int found = openat(here, name,
                           (is_last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        result = found < 0 ? -errno : found;
        if (here != directory)
            close(here);
        here = directory;
        if (found < 0)
            break;
        if (fstat(found, &status) != 0 || status.st_dev != start.st_dev) {
            close(found);
            result = -EXDEV;
            break;
        }
        if (is_last)
            break;
        here = found;
        next += length + 1;
    }
    if (here != directory)
        close(here);
    return result;
}

int sw_open_beneath(int directory, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    for (int tries = 0; tries < 16; tries++) {
        long result = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (result >= 0)
            return (int)result;
        if (errno != EAGAIN)
            break;
    }
    if (errno != ENOSYS && errno != EPERM)
        return -errno;
    return walk_beneath(directory, path, flags);
}

int sw_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int sw_set_attribute(int file, const char *name, const void *value, size_t count)
{
    return fsetxattr(file, name, value, count, 0) < 0 ? -errno : 0;
}

int sw_sync_file_system(int file) { return syncfs(file) < 0 ? -errno : 0; }

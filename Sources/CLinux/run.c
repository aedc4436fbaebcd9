#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Async-signal-safe functions only (signal-safety(7)).
static void become(const char *path, char *const argv[], char *const envp[],
                   const int descriptors[], int count, pid_t parent, int64_t file_limit, int seconds)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    setpgid(0, 0);
    // First out of the way of the places where they belong, then there.
    int moved[16];
    for (int i = 0; i < count; i++)
        if ((moved[i] = fcntl(descriptors[i], F_DUPFD, 64)) < 0)
            _exit(127);
    for (int i = 0; i < count; i++)
        if (dup2(moved[i], i) != i)
            _exit(127);
    if (syscall(SYS_close_range, (unsigned)count, ~0U, 0U) != 0)
        for (int fd = count; fd < 1024; fd++)
            close(fd);
    struct rlimit limit = {(rlim_t)file_limit, (rlim_t)file_limit};
    setrlimit(RLIMIT_FSIZE, &limit);
    // What outlives its parent, which is killed alone, must not run for ever.
    struct rlimit processor = {(rlim_t)seconds, (rlim_t)seconds};
    setrlimit(RLIMIT_CPU, &processor);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    execve(path, argv, envp);
    _exit(127);
}

int sw_run(const char *path, char *const argv[], char *const envp[], const int descriptors[],
           int count, int timeout_ms, int64_t file_limit, int heartbeat)
{
    if (count > 16)
        return -EINVAL;
    int64_t deadline = now_ms() + timeout_ms;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0)
        become(path, argv, envp, descriptors, count, parent, file_limit, timeout_ms / 1000 + 5);
    setpgid(child, child);
    // Kernels before 5.3 have no descriptor to wait on, and poll(2) ignores a negative one.
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    int status = 0;
    int64_t left, beat = now_ms();
    while (waitpid(child, &status, WNOHANG) == 0) {
        left = deadline - now_ms();
        if (left <= 0) {
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
            // One inside a request that a mount never answers cannot be killed; it is left to init.
            int64_t end = now_ms() + 200;
            while (waitpid(child, NULL, WNOHANG) == 0 && now_ms() < end)
                poll(NULL, 0, 1);
            if (fd >= 0)
                close(fd);
            return -ETIMEDOUT;
        }
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, fd < 0 ? 1 : left < 1000 ? (int)left : 1000);
        if (heartbeat >= 0 && now_ms() - beat >= 1000) {
            futimens(heartbeat, NULL);
            beat = now_ms();
        }
    }
    // What it left behind holds nothing that anybody needs.
    kill(-child, SIGKILL);
    if (fd >= 0)
        close(fd);
    return status;
}

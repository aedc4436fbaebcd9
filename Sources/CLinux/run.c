#include "CLinux.h"
#include "children.h"

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

int64_t sw_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int sw_child_descriptor(pid_t child) { return (int)syscall(SYS_pidfd_open, child, 0); }

void sw_reap(pid_t child, int timeout_ms)
{
    int fd = sw_child_descriptor(child);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int64_t end = sw_now_ms() + timeout_ms;
    while (waitpid(child, NULL, WNOHANG) == 0 && sw_now_ms() < end)
        poll(&wait, 1, fd >= 0 ? timeout_ms : 1);
    if (fd >= 0)
        close(fd);
}

void sw_become_child(pid_t parent, const int descriptors[], int count)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    // First out of the way of the places where they belong, then there.
    int moved[SW_MOST_DESCRIPTORS];
    for (int i = 0; i < count; i++)
        if ((moved[i] = fcntl(descriptors[i], F_DUPFD, count)) < 0)
            _exit(127);
    for (int i = 0; i < count; i++)
        if (dup2(moved[i], i) != i)
            _exit(127);
    sw_close_from(count);
}

pid_t sw_start(const char *path, char *const argv[], char *const envp[], const int descriptors[],
               int count)
{
    if (count > SW_MOST_DESCRIPTORS)
        return -EINVAL;
    pid_t parent = getpid();
    // No handler of the parent may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) {
        // Ctrl-C is for the parent, which ends the child in its own way.
        setpgid(0, 0);
        sw_become_child(parent, descriptors, count);
        // Of the parent's dispositions, the handlers end with execve(2) and what is ignored does
        // not.
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_DFL);
        sw_execute(path, argv, envp);
        _exit(127);
    }
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return child < 0 ? -failure : child;
}

int sw_run(const char *path, char *const argv[], char *const envp[], const int descriptors[],
           int count, int timeout_ms, int64_t file_limit, int heartbeat)
{
    if (count > SW_MOST_DESCRIPTORS)
        return -EINVAL;
    int64_t deadline = sw_now_ms() + timeout_ms;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        setpgid(0, 0);
        sw_become_child(parent, descriptors, count);
        struct rlimit limit = {(rlim_t)file_limit, (rlim_t)file_limit};
        setrlimit(RLIMIT_FSIZE, &limit);
        // What outlives its parent, which is killed alone, must not run for ever.
        rlim_t seconds = (rlim_t)(timeout_ms / 1000 + 5);
        struct rlimit processor = {seconds, seconds};
        setrlimit(RLIMIT_CPU, &processor);
        sw_execute(path, argv, envp);
        _exit(127);
    }
    setpgid(child, child);
    int fd = sw_child_descriptor(child);
    int status = 0;
    int64_t left, beat = sw_now_ms();
    while (waitpid(child, &status, WNOHANG) == 0) {
        left = deadline - sw_now_ms();
        if (left <= 0) {
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
            sw_reap(child, 200);
            if (fd >= 0)
                close(fd);
            return -ETIMEDOUT;
        }
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, fd < 0 ? 1 : left < 1000 ? (int)left : 1000);
        if (heartbeat >= 0 && sw_now_ms() - beat >= 1000) {
            futimens(heartbeat, NULL);
            beat = sw_now_ms();
        }
    }
    // What it left behind holds nothing that anybody needs.
    kill(-child, SIGKILL);
    if (fd >= 0)
        close(fd);
    return status;
}

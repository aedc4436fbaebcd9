#include "CLinux.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int sw_execute(const char *path, char *const argv[], char *const envp[])
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // Ignored dispositions survive execve(2), handlers do not.
    signal(SIGPIPE, SIG_DFL);
    execve(path, argv, envp);
    return -errno;
}

void sw_set_variable(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

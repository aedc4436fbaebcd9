// On the node: one helper per step, as the user, with a deadline; its answer becomes the tasks'
// environment, or the error that task_init raises.
//
// user_init runs with real user id 0 and the user's effective id. A child that only exec'ed would
// keep the real id, and a shell takes root back from it: so the child drops all three ids first,
// and checks. Between fork and exec it calls async-signal-safe functions only (signal-safety(7)),
// because slurmstepd has threads.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin.h"

// The outcome for this step and node. Tasks inherit it by fork.
static struct slipway_reply reply;
static int failure_code;
static char failure[SLIPWAY_MESSAGE];

// Whether the step is one of --eessi-probe, and the library that its tasks are to preload.
static bool is_probe;
static char probe_library[4096];

static void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(int code, const char *format, ...)
{
    va_list arguments;
    char text[SLIPWAY_MESSAGE];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    slipway_clean(failure, sizeof failure, text);
    failure_code = code;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// MARK: the helper's start

// The job's environment as a file in memory: entries with their NUL. It goes to the helper as
// data and not as its environment, so that LD_PRELOAD and the like change nothing in it.
static int environment_file(char **environment)
{
    int fd = memfd_create("slipway-environment", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (; *environment; environment++) {
        const char *at = *environment;
        for (size_t left = strlen(at) + 1; left > 0;) {
            ssize_t n = write(fd, at, left);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                close(fd);
                return -1;
            }
            at += n;
            left -= (size_t)n;
        }
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// A descriptor above those that the child arranges; closes the old one.
static int lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, 16);
    close(fd);
    return lifted;
}

// Runs in the child. The drop uses the system calls themselves: glibc's functions would signal the
// parent's threads, which do not exist here.
static void become_helper(char *const arguments[], int out, int err, int environment)
{
    static char *const fixed[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (syscall(SYS_setresgid, gid, gid, gid) != 0 || syscall(SYS_setresuid, uid, uid, uid) != 0)
        _exit(126);
    uid_t r, e, s;
    if (getresuid(&r, &e, &s) != 0 || r != uid || e != uid || s != uid)
        _exit(126);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    setsid(); // so that the helper's children can be killed with it

    // slurmstepd is exempt from the kernel's out-of-memory killer; the helper must not be.
    int oom = open("/proc/self/oom_score_adj", O_WRONLY);
    if (oom >= 0 && write(oom, "0", 1) == 1)
        close(oom);

    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);

    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2 ||
        dup2(environment, 3) != 3 || chdir("/") != 0)
        _exit(126);
    if (syscall(SYS_close_range, 4U, ~0U, 0U) != 0)
        for (int fd = 4; fd < 4096; fd++)
            close(fd);
    execve(arguments[0], arguments, fixed);
    _exit(errno == ENOENT ? 127 : 126);
}

// MARK: the helper's end

// Kills the helper with its children and takes its status, without waiting for one that cannot be
// killed; -1 when there is none. A helper that is on its way out gets a moment, for its status.
static int end_helper(pid_t helper, bool is_exiting)
{
    enum { MOMENT_MS = 200, LIMIT_MS = 1000 };
    // A descriptor that becomes readable when the process ends; kernels before 5.3 have none, and
    // poll(2) ignores a negative one.
    int fd = (int)syscall(SYS_pidfd_open, helper, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int64_t start = now_ms();
    siginfo_t ended = {0};
    if (!is_exiting)
        kill(-helper, SIGKILL);
    do {
        poll(&wait, 1, fd >= 0 ? MOMENT_MS : 2);
        // Not reaped yet: until then its group's number cannot go to another process.
        waitid(P_PID, (id_t)helper, &ended, WEXITED | WNOHANG | WNOWAIT);
        if (ended.si_pid != 0 || now_ms() - start >= MOMENT_MS)
            kill(-helper, SIGKILL);
    } while (ended.si_pid == 0 && now_ms() - start < LIMIT_MS);
    if (fd >= 0)
        close(fd);
    int status;
    return waitpid(helper, &status, WNOHANG) == helper ? status : -1;
}

static void explain_end(int status, const char *stderr_text)
{
    char how[80], last[256];
    if (status >= 0 && WIFSIGNALED(status))
        snprintf(how, sizeof how, "died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        snprintf(how, sizeof how, "is not there");
    else if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 126)
        snprintf(how, sizeof how, "cannot be executed");
    else if (status >= 0 && WIFEXITED(status))
        snprintf(how, sizeof how, "ended with code %d and no answer", WEXITSTATUS(status));
    else
        snprintf(how, sizeof how, "gave no answer");
    slipway_clean(last, sizeof last, stderr_text);
    fail(SLIPWAY_EXIT_SOFTWARE,
         "the helper %s %s%s%s; remedy: have the administrator check the slipway installation on "
         "this node",
         slipway_settings.node, how, *last ? ": " : "", last);
}

// Reads the answer until it is complete, wrong or late.
static void read_answer(pid_t helper, int out, int err)
{
    // The helper keeps the deadlines itself; two seconds more are for its start and its message.
    int seconds = slipway_settings.deadline + 2;
    if (slipway_request.modules[0] != '\0')
        seconds += slipway_settings.load_deadline;
    if (slipway_request.image[0] != '\0')
        seconds += slipway_settings.pull_deadline;
    int64_t deadline = now_ms() + 1000LL * seconds;
    char stderr_text[256] = "";
    size_t stderr_length = 0;
    enum slipway_state state = SLIPWAY_INCOMPLETE;
    bool is_late = false;
    while (state == SLIPWAY_INCOMPLETE && out >= 0) {
        int64_t left = deadline - now_ms();
        is_late = left <= 0;
        if (is_late)
            break;
        struct pollfd wait[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
        if (poll(wait, 2, (int)left) < 0 && errno != EINTR)
            break;
        char bytes[16384];
        if (wait[1].revents) {
            ssize_t n = read(err, bytes, sizeof bytes);
            if (n > 0) { // the beginning says most; the rest is read and dropped
                size_t room = sizeof stderr_text - 1 - stderr_length;
                size_t take = (size_t)n < room ? (size_t)n : room;
                memcpy(stderr_text + stderr_length, bytes, take);
                stderr_length += take;
                stderr_text[stderr_length] = '\0';
            } else if (n == 0) {
                close(err);
                err = -1;
            }
        }
        if (wait[0].revents) {
            ssize_t n = read(out, bytes, sizeof bytes);
            if (n > 0)
                state = slipway_reply_add(&reply, bytes, (size_t)n);
            else if (n == 0)
                break;
        }
    }
    close(out);
    if (err >= 0)
        close(err);

    // It waits in its namespaces until it is ended.
    if (state == SLIPWAY_COMPLETE && slipway_reply_last(&reply, 'J') &&
        !slipway_reply_last(&reply, 'E') && !slipway_open_namespaces(helper))
        fail(SLIPWAY_EXIT_SOFTWARE, "the container's namespaces cannot be opened: %s", strerror(errno));
    // At the end of the output the helper is exiting by itself, and its status is worth having.
    int status = end_helper(helper, state == SLIPWAY_INCOMPLETE && !is_late);
    if (state == SLIPWAY_COMPLETE)
        return;
    if (is_late) {
        const char *phase = slipway_reply_last(&reply, 'P');
        fail(SLIPWAY_EXIT_TEMPORARY,
             "the helper did not finish within %d s%s%s; remedy: check the CVMFS mount on this "
             "node (cvmfs_config probe)",
             seconds, phase ? " while " : "", phase ? phase : "");
    } else if (state == SLIPWAY_GARBAGE) {
        fail(SLIPWAY_EXIT_SOFTWARE,
             "the helper %s gave an answer that is none of slipway-node's; remedy: have the "
             "administrator check the slipway installation on this node",
             slipway_settings.node);
    } else {
        explain_end(status, stderr_text);
    }
    slipway_reply_free(&reply);
}

static void run_helper(spank_t spank)
{
    char **job_environment = NULL;
    char deadline[16], load_deadline[16], pull_deadline[16], tasks[16] = "";
    char directory[4096] = "", spool[4096] = "";
    const char *program = "";
    snprintf(deadline, sizeof deadline, "%d", slipway_settings.deadline);
    snprintf(load_deadline, sizeof load_deadline, "%d", slipway_settings.load_deadline);
    uint32_t count_of_tasks = 0, step = 0, job = 0;
    int words = 0;
    char **argv = NULL;
    // Whether the launch fits the program is asked for steps of several tasks. The batch script and
    // the like are steps too, with numbers of their own (slurm.h, SLURM_MAX_NORMAL_STEP_ID).
    if (spank_get_item(spank, S_JOB_TOTAL_TASK_COUNT, &count_of_tasks) == ESPANK_SUCCESS &&
        spank_get_item(spank, S_JOB_STEPID, &step) == ESPANK_SUCCESS &&
        spank_get_item(spank, S_JOB_ARGV, &words, &argv) == ESPANK_SUCCESS && words > is_probe &&
        count_of_tasks > 1 && step < 0xfffffff0) {
        snprintf(tasks, sizeof tasks, "%u", count_of_tasks);
        program = argv[is_probe];
    }
    // slurmstepd is in the job's directory.
    if (!getcwd(directory, sizeof directory))
        directory[0] = '\0';
    if (slipway_request.image[0] != '\0' &&
        spank_get_item(spank, S_JOB_ID, &job) == ESPANK_SUCCESS)
        slipway_find_spool(job, spool, sizeof spool);
    snprintf(pull_deadline, sizeof pull_deadline, "%d", slipway_settings.pull_deadline);
    const char *arguments[64];
    int count = 0;
#define ARGUMENT(name, value)                                                                      \
    if ((value)[0] != '\0')                                                                        \
        arguments[count++] = name, arguments[count++] = value
    arguments[count++] = slipway_settings.node;
    arguments[count++] = "plan";
    ARGUMENT("--deadline", deadline);
    ARGUMENT("--environment-fd", "3");
    ARGUMENT("--config", slipway_settings.config);
    ARGUMENT("--version", slipway_request.version);
    ARGUMENT("--repository", slipway_request.repository);
    ARGUMENT("--arch", slipway_request.arch);
    ARGUMENT("--load", slipway_request.modules);
    ARGUMENT("--load-deadline", load_deadline);
    ARGUMENT("--tasks", tasks);
    ARGUMENT("--program", program);
    ARGUMENT("--directory", directory);
    if (slipway_request.image[0] != '\0') {
        ARGUMENT("--image", slipway_request.image);
        ARGUMENT("--bind", slipway_request.bind);
        ARGUMENT("--env", slipway_request.env);
        ARGUMENT("--workdir", slipway_request.workdir);
        ARGUMENT("--inject", slipway_request.inject);
        ARGUMENT("--profile", slipway_request.profile);
        ARGUMENT("--spool", spool);
        ARGUMENT("--slipway", slipway_settings.slipway);
        ARGUMENT("--pull-deadline", pull_deadline);
    }
#undef ARGUMENT
    if (slipway_request.no_home)
        arguments[count++] = "--no-home";
    if (slipway_request.entrypoint)
        arguments[count++] = "--entrypoint";
    if (slipway_request.writable)
        arguments[count++] = "--writable";
    if (!slipway_wants_stack())
        arguments[count++] = "--no-stack";
    if (slipway_request.strict)
        arguments[count++] = "--strict";
    if (is_probe)
        arguments[count++] = "--probe";
    if (slipway_request.fallback)
        arguments[count++] = "--load-fallback";
    // What modules say is said once, on the step's first node.
    uint32_t node = 1;
    if (spank_get_item(spank, S_JOB_NODEID, &node) == ESPANK_SUCCESS && node == 0)
        arguments[count++] = "--first-node";
    if (slipway_request.verbose)
        arguments[count++] = "--verbose";
    arguments[count] = NULL;

    int out[2] = {-1, -1}, err[2] = {-1, -1}, environment = -1;
    if (spank_get_item(spank, S_JOB_ENV, &job_environment) != ESPANK_SUCCESS ||
        (environment = environment_file(job_environment)) < 0 || pipe2(out, O_CLOEXEC) != 0 ||
        pipe2(err, O_CLOEXEC) != 0) {
        fail(SLIPWAY_EXIT_SOFTWARE, "the helper cannot be started: %s", strerror(errno));
        for (int i = 0; i < 2; i++) {
            if (out[i] >= 0)
                close(out[i]);
            if (err[i] >= 0)
                close(err[i]);
        }
        if (environment >= 0)
            close(environment);
        return;
    }
    out[1] = lift(out[1]);
    err[1] = lift(err[1]);
    environment = lift(environment);
    pid_t helper = fork();
    if (helper == 0)
        become_helper((char *const *)arguments, out[1], err[1], environment);
    int error = errno;
    close(out[1]);
    close(err[1]);
    close(environment);
    if (helper < 0) {
        close(out[0]);
        close(err[0]);
        fail(SLIPWAY_EXIT_SOFTWARE, "the helper cannot be started: %s", strerror(error));
        return;
    }
    read_answer(helper, out[0], err[0]);
}

// MARK: the answer's use

static void apply_answer(spank_t spank)
{
    const char *text;
    size_t at = 0;
    for (char letter; (letter = slipway_reply_next(&reply, &at, &text)) != '\0';) {
        if (letter == 'U') {
            spank_unsetenv(spank, text);
        } else if (letter == 'S') {
            char *equals = strchr(reply.bytes + (text - reply.bytes), '=');
            if (!equals || equals == text) {
                fail(SLIPWAY_EXIT_SOFTWARE, "the helper's answer sets a variable without a name");
                continue;
            }
            *equals = '\0';
            if (spank_setenv(spank, text, equals + 1, 1) != ESPANK_SUCCESS)
                fail(SLIPWAY_EXIT_SOFTWARE, "the variable %s cannot be set", text);
            *equals = '=';
        } else if (letter == 'E') {
            char *message;
            long code = strtol(text, &message, 10);
            fail(code > 0 && code < 126 ? (int)code : SLIPWAY_EXIT_SOFTWARE, "%s",
                 *message == ' ' ? message + 1 : message);
        }
    }
}

// MARK: a step of --eessi-probe

// The tasks preload the library that lies beside this plugin. Put in front of what the user and the
// modules preload.
static void prepare_probe(spank_t spank)
{
    Dl_info plugin;
    char preload[4096] = "";
    const char *slash = NULL;
    if (dladdr(&is_probe, &plugin) != 0 && plugin.dli_fname)
        slash = strrchr(plugin.dli_fname, '/');
    int length = slash ? snprintf(probe_library, sizeof probe_library, "%.*s/slipway-probe.so",
                                  (int)(slash - plugin.dli_fname), plugin.dli_fname)
                       : 0;
    spank_err_t found = spank_getenv(spank, "LD_PRELOAD", preload, sizeof preload);
    char *whole = NULL;
    if (length <= 0 || found == ESPANK_NOSPACE ||
        asprintf(&whole, "%s%s%s", probe_library, preload[0] ? ":" : "", preload) < 0 ||
        spank_setenv(spank, "LD_PRELOAD", whole, 1) != ESPANK_SUCCESS)
        fail(SLIPWAY_EXIT_SOFTWARE, "slipway-probe.so cannot be preloaded");
    free(whole);
}

// Says in a rank's place why there is none, and ends the task.
static void end_probe_rank(const char *word, const char *why)
{
    char line[SLIPWAY_MESSAGE];
    slipway_clean(line, sizeof line, why);
    dprintf(STDOUT_FILENO, SLIPWAY_PROBE_LINE "%s %s\n", word, line);
    _exit(0);
}

// The loader takes no notice of a library that is none, and the program would run as itself.
static bool is_library(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_elf = fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic &&
                  memcmp(magic, "\177ELF", sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return is_elf;
}

// Makes the task a rank of the probe. The program must not run as itself: srun has put a name of no
// file before it, which is taken away last.
static void begin_probe_rank(spank_t spank)
{
    int words = 0;
    char **argv = NULL;
    const char *refusal = slipway_reply_last(&reply, 'N');
    if (failure_code != 0)
        end_probe_rank("refused", failure); // the step will have it too, and say it
    if (refusal)
        end_probe_rank("refused", refusal);
    if (!is_library(probe_library) ||
        spank_get_item(spank, S_JOB_ARGV, &words, &argv) != ESPANK_SUCCESS || words < 2)
        end_probe_rank("broken", probe_library);
    // The loader preloads nothing into a program that gains privileges.
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    memmove(argv, argv + 1, (size_t)words * sizeof *argv);
}

// MARK: an image's entry point

// Since Slurm 23.11; a plugin for an older one finds none when it is loaded.
extern spank_err_t spank_prepend_task_argv(spank_t spank, int argc, const char *argv[])
    __attribute__((weak));

// Adds a word to a text as hexadecimal digits and a comma, since it may hold any character.
static bool add_word(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    if (used + 2 * strlen(word) + 2 > size)
        return false;
    for (; *word; word++, used += 2)
        snprintf(text + used, 3, "%02x", (unsigned char)*word);
    strcpy(text + used, ",");
    return true;
}

// Puts the words of the image's entry point before the command. Older Slurm cannot add words: there
// the helper's program takes the command's place, by a descriptor, since the image does not have it.
static bool prepend_entrypoint(spank_t spank, int program)
{
    static char path[32], text[16384];
    const char *words[128], *word;
    int count = 0, argc = 0;
    char **argv = NULL;
    size_t at = 0;
    for (char letter; (letter = slipway_reply_next(&reply, &at, &word)) != '\0';)
        if (letter == 'A' && count < 128)
            words[count++] = word;
    if (count == 0)
        return true;
    if (spank_prepend_task_argv)
        return spank_prepend_task_argv(spank, count, words) == ESPANK_SUCCESS;
    for (int i = 0; i < count; i++)
        if (!add_word(text, sizeof text, words[i]))
            return false;
    if (program < 0 || spank_get_item(spank, S_JOB_ARGV, &argc, &argv) != ESPANK_SUCCESS ||
        argc < 1 || !add_word(text, sizeof text, argv[0]) ||
        spank_setenv(spank, SLIPWAY_ENTRY_VARIABLE, text, 1) != ESPANK_SUCCESS)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", program);
    argv[0] = path;
    return true;
}

void slipway_prepare_node(spank_t spank)
{
    char word[8];
    if (spank_getenv(spank, SLIPWAY_PROBE_VARIABLE, word, sizeof word) == ESPANK_SUCCESS) {
        is_probe = true;
        spank_unsetenv(spank, SLIPWAY_PROBE_VARIABLE);
    }
    bool is_valid = slipway_complete_request(spank);
    if (!slipway_is_wanted() && is_valid)
        return;
    if (spank_getenv(spank, SLIPWAY_STOP_VARIABLE, word, sizeof word) == ESPANK_SUCCESS) {
        long code = strtol(word, NULL, 10);
        fail(code > 0 && code < 126 ? (int)code : SLIPWAY_EXIT_SOFTWARE, "%s", ""); // srun said why
        return;
    }
    if (!is_valid) {
        fail(SLIPWAY_EXIT_USAGE, "an --eessi option reached this node with a wrong value; remedy: give "
                         "the options to srun or sbatch and not in SLURM_SPANK_ variables");
        return;
    }
    run_helper(spank);
    if (failure_code == 0)
        apply_answer(spank);
    if (is_probe && failure_code == 0)
        prepare_probe(spank);
}

void slipway_begin_task(spank_t spank)
{
    if (failure_code == 0 && reply.length == 0)
        return;
    if (failure_code == 0 && slipway_has_namespaces()) {
        const char *directory = slipway_reply_last(&reply, 'J');
        int program = slipway_reply_last(&reply, 'A') ? open(slipway_settings.node, O_RDONLY) : -1;
        int error = slipway_join_namespaces(directory);
        if (error != 0)
            fail(SLIPWAY_EXIT_SOFTWARE, "the container cannot be joined in %s: %s", directory,
                 strerror(error));
        else if (!prepend_entrypoint(spank, program))
            fail(SLIPWAY_EXIT_SOFTWARE, "the image's entry point cannot be put before the command");
    }
    if (is_probe) {
        begin_probe_rank(spank);
        return;
    }
    uint32_t task = 0;
    char host[64] = "", line[SLIPWAY_MESSAGE];
    // S_TASK_ID is the number on this node: one task of each node speaks.
    bool speaks = spank_get_item(spank, S_TASK_ID, &task) != ESPANK_SUCCESS || task == 0;
    gethostname(host, sizeof host - 1);
    if (failure_code != 0) {
        if (speaks && failure[0] != '\0')
            slurm_spank_log("slipway: %s: %s", host, failure);
        _exit(failure_code);
    }
    const char *text;
    size_t at = 0;
    for (char letter; speaks && (letter = slipway_reply_next(&reply, &at, &text)) != '\0';) {
        if (letter != 'W' && letter != 'I' && letter != 'M')
            continue;
        slipway_clean(line, sizeof line, text);
        if (letter == 'M') {
            slurm_spank_log("%s", line);
            continue;
        }
        slurm_spank_log("slipway: %s: %s%s", host, letter == 'W' ? "warning: " : "", line);
    }
}

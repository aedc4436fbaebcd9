// --eessi-probe, in srun, as the user: two ranks of the program are tried before its step starts.
//
// srun calls in here when its allocation and its step exist and nothing is launched yet. A second
// srun starts a step of two tasks in the same job, on the same nodes, with the same kind of MPI and
// the same options of plugins. On its nodes the plugin preloads rank.c's library, so the program's
// own libraries answer and its main never runs. The guard's marks come later, into an environment
// that the second srun does not see; it makes its own.
//
// Where the program must not start, the step is launched all the same and its tasks end with an
// error before they become the program: a step that exists and is never launched stays, with what
// it holds, until its job ends (measured with 22.05).
//
// A second srun that does not end is killed alone, not its process group: it has a shepherd process
// that then ends its step (SchedMD/slurm, src/srun/libsrun/srun_job.c, _shepherd_spawn).

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin.h"

extern char **environ;

enum { WORDS = 64, ERRORS = 4096 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// MARK: a child of srun

struct child {
    pid_t pid;
    int out, err; // -1 when it has closed them
};

// Runs in the child: async-signal-safe functions only, because srun has threads.
static void become(const char *path, char *const argv[], char *const envp[], pid_t parent, int out,
                   int err)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != parent)
        _exit(126);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2)
        _exit(126);
    if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
        for (int fd = 3; fd < 4096; fd++)
            close(fd);
    execve(path, argv, envp);
    _exit(127);
}

static bool start(struct child *child, const char *path, char *const argv[], char *const envp[])
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    pid_t parent = getpid();
    child->pid = -1;
    if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0)
        child->pid = fork();
    if (child->pid == 0)
        become(path, argv, envp, parent, out[1], err[1]);
    child->out = out[0];
    child->err = err[0];
    if (out[1] >= 0)
        close(out[1]);
    if (err[1] >= 0)
        close(err[1]);
    return child->pid > 0;
}

// Waits for output until a time; gives what there is of each kind. False at the end of both, and
// when the time is over.
static bool listen_to(struct child *child, int64_t until, char *out, size_t *out_length, char *err,
                      size_t *err_length)
{
    struct pollfd wait[] = {{.fd = child->out, .events = POLLIN},
                            {.fd = child->err, .events = POLLIN}};
    int64_t left = until - now_ms();
    size_t room[] = {*out_length, *err_length};
    *out_length = *err_length = 0;
    if ((child->out < 0 && child->err < 0) || left <= 0)
        return false;
    if (poll(wait, 2, (int)left) < 0)
        return errno == EINTR;
    int *ends[] = {&child->out, &child->err};
    char *buffers[] = {out, err};
    size_t *lengths[] = {out_length, err_length};
    for (int i = 0; i < 2; i++) {
        if (!wait[i].revents)
            continue;
        ssize_t n = read(*ends[i], buffers[i], room[i]);
        if (n > 0) {
            *lengths[i] = (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            close(*ends[i]);
            *ends[i] = -1;
        }
    }
    return true;
}

// Takes the status of a child that ends within a time; -1 where it does not.
static int take_status(struct child *child, int64_t until)
{
    int status;
    for (;;) {
        pid_t pid = waitpid(child->pid, &status, WNOHANG);
        if (pid == child->pid)
            return status;
        if (pid < 0 && errno != EINTR)
            return -1;
        if (now_ms() >= until)
            return -1;
        poll(NULL, 0, 5);
    }
}

// Ends the child: srun ends its step first when it is asked, and its shepherd when it is killed.
static int end(struct child *child, bool is_late)
{
    enum { MOMENT_MS = 5000 };
    if (is_late)
        kill(child->pid, SIGTERM);
    int status = take_status(child, now_ms() + MOMENT_MS);
    if (status < 0) {
        kill(child->pid, SIGKILL);
        status = take_status(child, now_ms() + MOMENT_MS);
    }
    if (child->out >= 0)
        close(child->out);
    if (child->err >= 0)
        close(child->err);
    return status < 0 ? SIGKILL : status;
}

// MARK: its command line and environment

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
    char *result = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&result, format, arguments) < 0)
        result = NULL;
    va_end(arguments);
    return result;
}

// The words of srun's own command line that stand before the program and its arguments.
static size_t own_options(const char **words, size_t room, int program_words, char **bytes)
{
    size_t used = 0, size = 1 << 16, count = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    *bytes = malloc(size);
    while (fd >= 0 && *bytes) {
        ssize_t n = read(fd, *bytes + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
        if (used == size) {
            char *larger = realloc(*bytes, size *= 2);
            if (!larger)
                break;
            *bytes = larger;
        }
    }
    if (fd >= 0)
        close(fd);
    for (size_t at = 0; *bytes && at < used; at += strlen(*bytes + at) + 1, count++)
        if (count < room)
            words[count] = *bytes + at;
    size_t options = count > (size_t)program_words ? count - (size_t)program_words : 0;
    return options < room ? options : room;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Slurm puts the options of all plugins that were given into the first kind of variable, and takes
// those of the second kind for given, as in the sruns of a batch script.
#define OPTION "_SLURM_SPANK_OPTION_"
#define INHERITED_OPTION "SLURM_SPANK_" OPTION

// Of srun's environment, all but what would shape the step: the variables that stand for options
// of srun begin with SLURM_ or SRUN_ (srun(1), INPUT ENVIRONMENT VARIABLES).
static char **environment_of_probe(void)
{
    static const char *const kept[] = {
        "SLURM_CONF=",       "SLURM_CLUSTERS=",   "SLURM_WORKING_CLUSTER=", "SLURM_EXPORT_ENV=",
        "SRUN_EXPORT_ENV=",  "SLURM_WORKING_DIR=", "SLURM_NETWORK=",        "SLURM_JWT=",
        "SLURM_SACK_",       "SLURM_SPANK_",
    };
    size_t count = 0, used = 0;
    while (environ[count])
        count++;
    char **result = calloc(2 * count + 2, sizeof *result);
    if (!result)
        return NULL;
    for (char **entry = environ; *entry; entry++) {
        bool is_kept = !has_prefix(*entry, "SLURM_") && !has_prefix(*entry, "SRUN_");
        for (size_t i = 0; !is_kept && i < sizeof kept / sizeof *kept; i++)
            is_kept = has_prefix(*entry, kept[i]);
        if (!is_kept || has_prefix(*entry, INHERITED_OPTION))
            continue;
        if (has_prefix(*entry, OPTION)) {
            if (!has_prefix(*entry, OPTION "slipway_eessi_probe="))
                result[used++] = text("SLURM_SPANK_%s", *entry);
            continue;
        }
        result[used++] = *entry;
    }
    result[used] = SLIPWAY_PROBE_VARIABLE "=1";
    return result;
}

// Whether the tasks have another root directory, where the library to preload is not: by srun's own
// option or by one of another plugin, such as --container-image.
static bool is_contained(const char **words, size_t count)
{
    for (char **entry = environ; *entry; entry++)
        if (has_prefix(*entry, OPTION) && strstr(*entry, "container") &&
            strstr(*entry, "container") < strchrnul(*entry, '='))
            return true;
    return slipway_option_value(words, count, "container", '\0') || getenv("SLURM_CONTAINER");
}

// The step's nodes where it has not all of the job's; NULL where it has, and where nobody says.
static char *nodes_of_step(const char *srun, uint32_t job, uint32_t step, uint32_t nodes)
{
    const char *all = getenv("SLURM_JOB_NUM_NODES"), *slash = strrchr(srun, '/');
    if (!slash || !all || strtoul(all, NULL, 10) == nodes)
        return NULL;
    char *path = text("%.*s/squeue", (int)(slash - srun), srun);
    char *which = text("--steps=%u.%u", job, step);
    char *argv[] = {"squeue", "--noheader", which, "--format=%N", NULL};
    char *answer = calloc(1, ERRORS), drop[ERRORS];
    struct child child;
    size_t used = 0;
    if (path && which && answer && start(&child, path, argv, environ)) {
        int64_t until = now_ms() + 10000;
        for (;;) {
            size_t out = ERRORS - 1 - used, err = sizeof drop;
            if (out == 0 || !listen_to(&child, until, answer + used, &out, drop, &err))
                break;
            used += out;
        }
        end(&child, now_ms() >= until);
        answer[strcspn(answer, "\n")] = '\0';
    }
    free(path);
    free(which);
    if (!answer || answer[0] == '\0') {
        free(answer);
        return NULL;
    }
    return answer;
}

// MARK: the probe

// Lets the lines of a piece of output be taken; keeps the last, unfinished one.
static void take_lines(struct slipway_probe *probe, char *line, size_t size, const char *bytes,
                       size_t length)
{
    size_t used = strlen(line);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            slipway_probe_take(probe, line);
            used = 0;
        } else if (used + 1 < size) {
            line[used++] = bytes[i];
        }
        line[used] = '\0';
    }
}

// The beginning of what the second srun and its tasks said on standard error: it says most, and the
// second rank says the same again.
static void repeat(char *errors)
{
    char line[SLIPWAY_MESSAGE];
    int left = 16;
    for (char *rest = errors, *next; left > 0 && (next = strsep(&rest, "\n"));) {
        slipway_clean(line, sizeof line, next);
        if (line[0] == '\0')
            continue;
        slurm_spank_log("slipway: probe: | %s", line);
        left--;
    }
}

// Has the step end with a code before its program begins.
static void stop_step(int code)
{
    char text[16];
    snprintf(text, sizeof text, "%d", code);
    setenv(SLIPWAY_STOP_VARIABLE, text, 1);
}

static void run_probe(const char *srun, char **argv, char **envp, struct slipway_probed_step step)
{
    struct slipway_probe *probe = calloc(1, sizeof *probe);
    char errors[ERRORS] = "", line[SLIPWAY_MESSAGE] = "", message[SLIPWAY_MESSAGE];
    size_t kept = 0;
    struct child child;
    if (!probe || !start(&child, srun, argv, envp)) {
        slurm_error("slipway: probe: srun cannot be started: %s; remedy: leave --eessi-probe out",
                    strerror(errno));
        free(probe);
        stop_step(SLIPWAY_EXIT_SOFTWARE);
        return;
    }
    // The stack is set up on the nodes first, with deadlines of its own.
    int64_t begun_at = now_ms(), until = begun_at + 1000LL * (step.seconds + 2 +
                                                             slipway_settings.deadline);
    if (slipway_request.modules[0] != '\0')
        until += 1000LL * slipway_settings.load_deadline;
    bool has_begun = false;
    for (;;) {
        char out[4096], err[4096];
        size_t out_length = sizeof out, err_length = sizeof err;
        if (!listen_to(&child, until, out, &out_length, err, &err_length))
            break;
        take_lines(probe, line, sizeof line, out, out_length);
        if (!has_begun && probe->begun > 0) {
            has_begun = true;
            until = now_ms() + 1000LL * step.seconds;
        }
        size_t take = err_length < sizeof errors - 1 - kept ? err_length : sizeof errors - 1 - kept;
        memcpy(errors + kept, err, take);
        errors[kept += take] = '\0';
    }
    step.is_late = child.out >= 0 || child.err >= 0;
    step.status = end(&child, step.is_late);
    int code = slipway_probe_judge(probe, &step, message, sizeof message);
    free(probe);
    if (code == 0) {
        if (slipway_request.verbose)
            slurm_spank_log("slipway: probe: %s (%.1f s)", message,
                            1e-3 * (double)(now_ms() - begun_at));
        return;
    }
    repeat(errors);
    slurm_error("slipway: probe: %s", message);
    stop_step(code);
}

void slipway_probe_step(spank_t spank)
{
    if (!slipway_is_wanted() || !slipway_request.probe || getenv(SLIPWAY_PROBE_VARIABLE))
        return;
    uint32_t tasks = 0, nodes = 0, job = 0, step = 0;
    int program_words = 0;
    char **program = NULL;
    if (spank_get_item(spank, S_JOB_TOTAL_TASK_COUNT, &tasks) != ESPANK_SUCCESS ||
        spank_get_item(spank, S_JOB_NNODES, &nodes) != ESPANK_SUCCESS ||
        spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS ||
        spank_get_item(spank, S_JOB_STEPID, &step) != ESPANK_SUCCESS ||
        spank_get_item(spank, S_JOB_ARGV, &program_words, &program) != ESPANK_SUCCESS ||
        program_words < 1)
        return;

    const char *words[1024];
    char *bytes;
    size_t count = own_options(words, sizeof words / sizeof *words, program_words, &bytes);
    // The components of a heterogeneous step come here in threads, and one says it.
    bool is_heterogeneous = getenv("SLURM_HET_SIZE") != NULL;
    for (size_t i = 0; i < count; i++)
        is_heterogeneous |= strcmp(words[i], ":") == 0;
    const char *reason = is_heterogeneous              ? "the job or its step is heterogeneous"
                         : tasks < SLIPWAY_PROBE_RANKS ? "the step has one task"
                         : is_contained(words, count)  ? "its tasks run in a container"
                                                       : NULL;
    if (reason) {
        static bool is_said;
        if ((tasks >= SLIPWAY_PROBE_RANKS || is_heterogeneous || slipway_request.verbose) &&
            !__atomic_test_and_set(&is_said, __ATOMIC_RELAXED))
            slurm_spank_log("slipway: probe: not probed: %s", reason);
        free(bytes);
        return;
    }

    char srun[4096];
    ssize_t length = readlink("/proc/self/exe", srun, sizeof srun - 1);
    srun[length > 0 ? length : 0] = '\0';
    const char *mpi = getenv("SLURM_MPI_TYPE");
    const char *export = slipway_option_value(words, count, "export", '\0');
    const char *directory = slipway_option_value(words, count, "chdir", 'D');
    char *list = nodes_of_step(srun, job, step, nodes);

    char **argv = calloc(WORDS + (size_t)program_words, sizeof *argv);
    char **envp = environment_of_probe();
    if (!argv || !envp)
        return; // srun itself will say that memory is short
    size_t used = 0;
    argv[used++] = "srun";
    argv[used++] = "--quiet";
    argv[used++] = text("--jobid=%u", job);
    // Beside the step that waits, whatever that holds.
    argv[used++] = "--overlap";
    argv[used++] = "--overcommit";
    argv[used++] = "--mem=0";
    argv[used++] = "--gres=none";
    argv[used++] = text("--ntasks=%d", SLIPWAY_PROBE_RANKS);
    argv[used++] = text("--nodes=%u", nodes < SLIPWAY_PROBE_RANKS ? nodes : SLIPWAY_PROBE_RANKS);
    if (list)
        argv[used++] = text("--nodelist=%s", list);
    argv[used++] = text("--mpi=%s", mpi ? mpi : "none");
    if (export)
        argv[used++] = text("--export=%s", export);
    if (directory)
        argv[used++] = text("--chdir=%s", directory);
    argv[used++] = "--input=none";
    argv[used++] = "--kill-on-bad-exit=1";
    argv[used++] = "--job-name=slipway-probe";
    argv[used++] = SLIPWAY_MARK;
    for (int i = 0; i < program_words; i++)
        argv[used++] = program[i];
    run_probe(srun, argv, envp,
              (struct slipway_probed_step){
                  .program = program[0],
                  .tasks = tasks,
                  .mpi = mpi ? mpi : "none",
                  .seconds = slipway_settings.probe_deadline,
              });
    // The few words above live as long as srun.
    free(list);
    free(argv);
    free(envp);
    free(bytes);
}

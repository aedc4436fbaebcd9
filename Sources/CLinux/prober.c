#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// A question is one byte, the length of the path (2 bytes, native order) and the path with its
// NUL. The answer is a 4-byte number: a kind or a length, or a negative errno; then the names or
// the text. To ASK_MARK it is a struct answer, always whole.
enum { ASK_KIND = 'k', ASK_NAMES = 'n', ASK_MARK = 'm', ASK_REVISION = 'r' };
enum { MAX_PATH = 4096, MAX_NAMES = 1 << 16 };

struct answer {
    int32_t kind;
    struct sw_mark mark;
} __attribute__((packed));

struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

// MARK: the child; async-signal-safe functions only

static int read_all(int fd, void *buffer, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = read(fd, (char *)buffer + done, length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

static int send_all(int fd, const void *buffer, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, (const char *)buffer + done, length - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

static int32_t kind_of(const char *path, struct sw_mark *mark)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        mark->size = S_ISDIR(status.st_mode) ? 0 : status.st_size;
        mark->mtime_ns =
            (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
        return S_ISDIR(status.st_mode) ? SW_DIRECTORY : SW_FILE;
    }
    // A variant symbolic link without a value leads to /dev/null: ENOTDIR is "not there" too.
    return errno == ENOENT || errno == ENOTDIR ? SW_ABSENT : -errno;
}

static int32_t names_in(const char *path, char *names, size_t capacity)
{
    // getdents64 because opendir(3) allocates memory.
    char entries[4096] __attribute__((aligned(8)));
    size_t used = 0;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -errno;
    for (;;) {
        long n = syscall(SYS_getdents64, directory, entries, sizeof entries);
        if (n <= 0) {
            int error = errno;
            close(directory);
            return n == 0 ? (int32_t)used : -error;
        }
        for (long at = 0; at < n;) {
            const struct linux_dirent64 *entry = (const void *)(entries + at);
            size_t length = strlen(entry->d_name) + 1;
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            if (used + length > capacity) {
                close(directory);
                return -ENOBUFS;
            }
            memcpy(names + used, entry->d_name, length);
            used += length;
        }
    }
}

static int32_t revision_of(const char *path, char *text, size_t capacity)
{
    // The CVMFS client answers this name for every path of a mounted repository.
    ssize_t length = getxattr(path, "user.root_hash", text, capacity);
    if (length >= 0)
        return (int32_t)length;
    return errno == ENODATA || errno == ENOTSUP || errno == ENOENT || errno == ERANGE ? 0 : -errno;
}

static void answer_questions(int fd)
{
    static char path[MAX_PATH], names[MAX_NAMES];
    for (;;) {
        struct {
            char what;
            uint16_t length;
        } __attribute__((packed)) question;
        if (read_all(fd, &question, sizeof question) != 0 || question.length == 0 ||
            question.length > sizeof path || read_all(fd, path, question.length) != 0)
            _exit(0);
        path[question.length - 1] = '\0';
        struct sw_mark mark = {0};
        int32_t answer = question.what == ASK_NAMES      ? names_in(path, names, sizeof names)
                         : question.what == ASK_REVISION ? revision_of(path, names, 256)
                                                         : kind_of(path, &mark);
        struct answer whole = {answer, mark};
        size_t size = question.what == ASK_MARK ? sizeof whole : sizeof answer;
        if (send_all(fd, &whole, size) != 0)
            _exit(0);
        bool has_text = question.what == ASK_NAMES || question.what == ASK_REVISION;
        if (has_text && answer > 0 && send_all(fd, names, (size_t)answer) != 0)
            _exit(0);
    }
}

int sw_prober_start(pid_t *child)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        // A child that hangs must hold nothing that somebody waits on: not the pipe of a shell's
        // command substitution, not slurmstepd's.
        int null = open("/dev/null", O_RDWR);
        if (dup2(ends[1], 3) != 3 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(0);
        if (syscall(SYS_close_range, 4U, ~0U, 0U) != 0)
            for (int fd = 4; fd < 1024; fd++)
                close(fd);
        answer_questions(3);
        _exit(0);
    }
    close(ends[1]);
    *child = pid;
    return ends[0];
}

// MARK: the parent

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int receive(int fd, void *buffer, size_t length, int64_t deadline)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = recv(fd, (char *)buffer + done, length - done, MSG_DONTWAIT);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return n == 0 ? -EPIPE : -errno;
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
    return 0;
}

static int put(int prober, char what, const char *path)
{
    size_t length = strlen(path) + 1;
    if (length > MAX_PATH)
        return -ENAMETOOLONG;
    char question[3 + MAX_PATH];
    uint16_t short_length = (uint16_t)length;
    question[0] = what;
    memcpy(question + 1, &short_length, 2);
    memcpy(question + 3, path, length);
    return send_all(prober, question, 3 + length) == 0 ? 0 : -errno;
}

int sw_prober_ask_kind(int prober, const char *path) { return put(prober, ASK_KIND, path); }

int sw_prober_ask_marks(int prober, const char *const paths[], int count)
{
    // One message: each costs both sides a call, and the child a wake-up.
    static char questions[SW_MARKS_BYTES];
    size_t used = 0;
    int asked = 0;
    for (; asked < count && asked < SW_MARKS_COUNT; asked++) {
        size_t length = strlen(paths[asked]) + 1;
        if (length > MAX_PATH)
            return asked > 0 ? asked : -ENAMETOOLONG;
        if (used + 3 + length > sizeof questions)
            break;
        uint16_t short_length = (uint16_t)length;
        questions[used] = ASK_MARK;
        memcpy(questions + used + 1, &short_length, 2);
        memcpy(questions + used + 3, paths[asked], length);
        used += 3 + length;
    }
    // The dead child's error comes with the first answer.
    (void)send_all(prober, questions, used);
    return asked;
}

int sw_prober_answer(int prober, int timeout_ms)
{
    int32_t answer;
    int failed = receive(prober, &answer, sizeof answer, now_ms() + timeout_ms);
    return failed ? failed : answer;
}

int sw_prober_answer_mark(int prober, int timeout_ms, struct sw_mark *mark)
{
    struct answer answer = {0};
    int failed = receive(prober, &answer, sizeof answer, now_ms() + timeout_ms);
    *mark = answer.mark;
    return failed ? failed : answer.kind;
}

static ssize_t ask_text(int prober, char what, const char *path, int timeout_ms, char *buffer,
                        size_t capacity)
{
    int64_t deadline = now_ms() + timeout_ms;
    int32_t answer;
    int failed = put(prober, what, path);
    if (!failed)
        failed = receive(prober, &answer, sizeof answer, deadline);
    if (failed || answer <= 0)
        return failed ? failed : answer;
    if ((size_t)answer > capacity)
        return -ENOBUFS;
    failed = receive(prober, buffer, (size_t)answer, deadline);
    return failed ? failed : answer;
}

ssize_t sw_prober_names(int prober, const char *path, int timeout_ms, char *buffer,
                        size_t capacity)
{
    return ask_text(prober, ASK_NAMES, path, timeout_ms, buffer, capacity);
}

ssize_t sw_prober_revision(int prober, const char *path, int timeout_ms, char *buffer,
                           size_t capacity)
{
    return ask_text(prober, ASK_REVISION, path, timeout_ms, buffer, capacity);
}

void sw_prober_stop(int prober, pid_t child)
{
    close(prober);
    kill(child, SIGKILL);
    // A child inside a FUSE request that its daemon has taken cannot be killed until the daemon
    // answers; it is left to the init process then. All others end at once. Kernels before 5.3
    // have no descriptor to wait on, and poll(2) ignores a negative one.
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int64_t end = now_ms() + 100;
    do
        poll(&wait, 1, fd >= 0 ? 100 : 1);
    while (waitpid(child, NULL, WNOHANG) == 0 && now_ms() < end);
    if (fd >= 0)
        close(fd);
}

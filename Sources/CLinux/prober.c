#include "CLinux.h"
#include "children.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

// A question is one byte, the length of the path (2 bytes, native order) and the path with its
// NUL; before ASK_PIECE's path stands an offset, which its length counts too. The answer is a 4-byte number: a kind or a length, or a negative errno; then the names or
// the text. To ASK_MARK it is a struct answer, always whole. The answer to a list or a beginning is a stream of parts, each with its length
// in front; a length of 0 or a negative errno ends it.
enum {
    ASK_KIND = 'k',
    ASK_NAMES = 'n',
    ASK_MARK = 'm',
    ASK_REVISION = 'r',
    ASK_LIST = 'l',
    ASK_BEGINNING = 'b',
    ASK_PIECE = 'p',
};
enum { MAX_PATH = 4096, MAX_NAMES = SW_PART, MAX_LIST = 16 << 20 };

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

static struct sw_mark mark_of(const struct stat *status)
{
    return (struct sw_mark){
        .size = S_ISDIR(status->st_mode) ? 0 : status->st_size,
        .mtime_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
    };
}

static int32_t kind_of(const char *path, struct sw_mark *mark)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        *mark = mark_of(&status);
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

static int send_part(int fd, const void *bytes, size_t length)
{
    int32_t size = (int32_t)length;
    return send_all(fd, &size, sizeof size) == 0 ? send_all(fd, bytes, length) : -1;
}

static struct sw_look look_of(const struct stat *status)
{
    return (struct sw_look){
        .device = status->st_dev,
        .inode = status->st_ino,
        .mark = mark_of(status),
    };
}

// The kind of an entry, in capitals for a link, whose text is put behind the name.
static size_t describe(int directory, const struct linux_dirent64 *entry, char *text)
{
    unsigned char type = entry->d_type;
    struct stat status;
    if (type == DT_UNKNOWN && fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        type = S_ISLNK(status.st_mode)   ? DT_LNK
               : S_ISDIR(status.st_mode) ? DT_DIR
               : S_ISREG(status.st_mode) ? DT_REG
                                         : DT_UNKNOWN;
    size_t length = 1 + strlen(entry->d_name) + 1;
    memcpy(text + 1, entry->d_name, length - 1);
    if (type != DT_LNK) {
        text[0] = type == DT_DIR ? 'd' : type == DT_REG ? 'f' : 'x';
        return length;
    }
    text[0] = 'X';
    if (fstatat(directory, entry->d_name, &status, 0) == 0)
        text[0] = S_ISDIR(status.st_mode) ? 'D' : S_ISREG(status.st_mode) ? 'F' : 'X';
    ssize_t n = readlinkat(directory, entry->d_name, text + length, MAX_PATH - 1);
    length += n > 0 ? (size_t)n : 0;
    text[length] = '\0';
    return length + 1;
}

// Sends what is in a directory; an errno ends the answer, 0 is its end. -1: nobody reads it.
static int send_list(int fd, const char *path, char *part, int32_t *end)
{
    char entries[4096] __attribute__((aligned(8)));
    size_t used = 0, sent = 0;
    struct stat status;
    *end = 0;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fstat(directory, &status) != 0) {
        *end = -errno;
        if (directory >= 0)
            close(directory);
        return 0;
    }
    struct sw_look look = look_of(&status);
    int failed = send_part(fd, &look, sizeof look);
    while (!failed) {
        long n = syscall(SYS_getdents64, directory, entries, sizeof entries);
        if (n <= 0) {
            *end = n == 0 ? 0 : -errno;
            break;
        }
        for (long at = 0; at < n && !failed;) {
            const struct linux_dirent64 *entry = (const void *)(entries + at);
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            // A kind, a name of at most 255 bytes, and the text of a link.
            if (used + 1 + 256 + MAX_PATH > MAX_NAMES) {
                failed = send_part(fd, part, used);
                sent += used;
                used = 0;
            }
            used += describe(directory, entry, part + used);
        }
        if (sent > MAX_LIST) {
            *end = -ENOBUFS;
            break;
        }
    }
    close(directory);
    if (!failed && used > 0)
        failed = send_part(fd, part, used);
    return failed;
}

static int send_piece(int fd, const char *path, int64_t offset, char *part, int32_t *end)
{
    struct stat status;
    *end = 0;
    // Without waiting: a pipe in the place of a file has no writer.
    int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        *end = file < 0 ? -errno : -EISDIR;
        if (file >= 0)
            close(file);
        return 0;
    }
    size_t used = 0;
    while (used < SW_PART) {
        ssize_t n = pread(file, part + used, SW_PART - used, offset + (off_t)used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            *end = -errno;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(file);
    struct sw_look look = look_of(&status);
    int failed = send_part(fd, &look, sizeof look);
    return failed || used == 0 ? failed : send_part(fd, part, used);
}

static void answer_questions(int fd)
{
    static char text[sizeof(int64_t) + MAX_PATH], names[MAX_NAMES];
    for (;;) {
        struct {
            char what;
            uint16_t length;
        } __attribute__((packed)) question;
        if (read_all(fd, &question, sizeof question) != 0 || question.length == 0 ||
            question.length > sizeof text || read_all(fd, text, question.length) != 0)
            _exit(0);
        text[question.length - 1] = '\0';
        const char *path = text;
        int64_t offset = 0;
        if (question.what == ASK_PIECE) {
            memcpy(&offset, text, sizeof offset);
            path += sizeof offset;
        }
        if (question.what == ASK_LIST || question.what == ASK_BEGINNING ||
            question.what == ASK_PIECE) {
            int32_t end;
            if ((question.what == ASK_LIST
                     ? send_list(fd, path, names, &end)
                     : send_piece(fd, path, offset, names, &end)) != 0 ||
                send_all(fd, &end, sizeof end) != 0)
                _exit(0);
            continue;
        }
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
        // A child that hangs must hold nothing that somebody waits on: not the pipe of a shell's
        // command substitution, not slurmstepd's.
        int null = open("/dev/null", O_RDWR);
        sw_become_child(parent, (int[]){null, null, null, ends[1]}, 4);
        answer_questions(3);
        _exit(0);
    }
    close(ends[1]);
    *child = pid;
    return ends[0];
}

// MARK: the parent

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
        int64_t left = deadline - sw_now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
    return 0;
}

static int put_behind(int prober, char what, const void *before, size_t before_length,
                      const char *path)
{
    size_t length = strlen(path) + 1;
    if (length > MAX_PATH)
        return -ENAMETOOLONG;
    char question[3 + sizeof(int64_t) + MAX_PATH];
    uint16_t short_length = (uint16_t)(before_length + length);
    question[0] = what;
    memcpy(question + 1, &short_length, 2);
    if (before_length > 0)
        memcpy(question + 3, before, before_length);
    memcpy(question + 3 + before_length, path, length);
    return send_all(prober, question, 3 + short_length) == 0 ? 0 : -errno;
}

static int put(int prober, char what, const char *path)
{
    return put_behind(prober, what, NULL, 0, path);
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

int sw_prober_ask_list(int prober, const char *path) { return put(prober, ASK_LIST, path); }

int sw_prober_ask_beginning(int prober, const char *path)
{
    return put(prober, ASK_BEGINNING, path);
}

int sw_prober_ask_piece(int prober, const char *path, int64_t offset)
{
    return put_behind(prober, ASK_PIECE, &offset, sizeof offset, path);
}

int sw_prober_answer(int prober, int timeout_ms)
{
    int32_t answer;
    int failed = receive(prober, &answer, sizeof answer, sw_now_ms() + timeout_ms);
    return failed ? failed : answer;
}

int sw_prober_answer_mark(int prober, int timeout_ms, struct sw_mark *mark)
{
    struct answer answer = {0};
    int failed = receive(prober, &answer, sizeof answer, sw_now_ms() + timeout_ms);
    *mark = answer.mark;
    return failed ? failed : answer.kind;
}

ssize_t sw_prober_answer_part(int prober, int timeout_ms, void *part)
{
    int64_t deadline = sw_now_ms() + timeout_ms;
    int32_t length;
    int failed = receive(prober, &length, sizeof length, deadline);
    if (failed || length <= 0)
        return failed ? failed : length;
    if (length > SW_PART)
        return -EPIPE;
    failed = receive(prober, part, (size_t)length, deadline);
    return failed ? failed : length;
}

static ssize_t ask_text(int prober, char what, const char *path, int timeout_ms, char *buffer,
                        size_t capacity)
{
    int64_t deadline = sw_now_ms() + timeout_ms;
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
    sw_reap(child, 100);
}

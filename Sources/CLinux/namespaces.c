#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const int sw_new_user = CLONE_NEWUSER, sw_new_mount = CLONE_NEWNS;
const unsigned long sw_slave = MS_SLAVE | MS_REC, sw_confined = MS_NOSUID | MS_NODEV;

int sw_fork(void)
{
    pid_t child = fork();
    return child < 0 ? -errno : child;
}

int sw_unshare(int kinds) { return unshare(kinds) == 0 ? 0 : -errno; }

int sw_join(int namespace, int kind) { return setns(namespace, kind) == 0 ? 0 : -errno; }

int sw_mount(const char *source, const char *target, const char *type, unsigned long flags,
             const char *data)
{
    return mount(source, target, type, flags, data) == 0 ? 0 : -errno;
}

int sw_clone_tree(const char *path)
{
    long tree = syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    return tree < 0 ? -errno : (int)tree;
}

int sw_make_tree_read_only(int tree)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                   sizeof attributes) == 0
               ? 0
               : -errno;
}

int sw_attach_tree(int tree, int target)
{
    return syscall(SYS_move_mount, tree, "", target, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0
               ? 0
               : -errno;
}

// Steps of a path that lies in `root`, missing directories made: each step is resolved in the root
// anew, so that a link never leads out, and what is missing is made in a directory that is held open.
int sw_make_in_root(int root, const char *path, int is_directory)
{
    char done[PATH_MAX] = "/";
    size_t length = 1;
    const char *next = path;
    int here = sw_open_in_root(root, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (here >= 0) {
        next += strspn(next, "/");
        size_t size = strcspn(next, "/");
        if (size == 0)
            return here;
        char name[NAME_MAX + 1];
        if (size > NAME_MAX || length + size + 2 > sizeof done) {
            close(here);
            return -ENAMETOOLONG;
        }
        memcpy(name, next, size);
        name[size] = '\0';
        next += size;
        int is_last = next[strspn(next, "/")] == '\0';
        memcpy(done + length, name, size);
        length += size;
        done[length] = '\0';
        int flags = O_PATH | O_CLOEXEC | (is_last && !is_directory ? 0 : O_DIRECTORY);
        int found = sw_open_in_root(root, done, flags);
        if (found == -ENOENT) {
            // A link that leads nowhere is in the way: it says where something else wants to be.
            int error = 0;
            if (is_last && !is_directory) {
                int made = openat(here, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
                error = made < 0 ? errno : 0;
                if (made >= 0)
                    close(made);
            } else if (mkdirat(here, name, 0755) != 0) {
                error = errno;
            }
            found = error ? -error : sw_open_in_root(root, done, flags);
        }
        close(here);
        here = found;
        done[length++] = '/';
        done[length] = '\0';
    }
    return here;
}

int sw_send_descriptor(int socket, int descriptor)
{
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &descriptor, sizeof descriptor);
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == 1 ? 0 : -errno;
}

int sw_receive_descriptor(int socket)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    ssize_t got;
    do
        got = recvmsg(socket, &message, 0);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *first = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!first || first->cmsg_type != SCM_RIGHTS || first->cmsg_len != CMSG_LEN(sizeof(int)))
        return got < 0 ? -errno : -EPIPE;
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(first), sizeof descriptor);
    return descriptor;
}

int sw_drop_capabilities(void)
{
    // The header's third version has two words of each set (capget(2)).
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &header, none) != 0)
        return -errno;
    // A process that gained capabilities may not be looked at; this one has none any more.
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

void sw_leave_signals(void)
{
    static const int sent[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGALRM,
                               SIGXCPU, SIGTSTP, SIGCONT, SIGPIPE};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        signal(sent[i], SIG_IGN);
}

int sw_close_from(int first)
{
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
        return 0;
    for (int fd = first; fd < 4096; fd++)
        close(fd);
    return 0;
}

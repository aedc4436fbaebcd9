#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const int sw_path_only = O_PATH;

// path_resolution(7): how many links the kernel follows.
enum { MOST_LINKS = 40, MOST_DEPTH = 256 };

// The walk for kernels before 5.6, with the directories on the way kept open, so that `..` leads
// back and never out.
int sw_walk_in_root(int root, const char *path, int flags)
{
    char rest[2 * PATH_MAX], link[PATH_MAX];
    int way[MOST_DEPTH], depth = 0, links = 0, result = 0;
    if (strlen(path) == 0 || strlen(path) >= PATH_MAX)
        return path[0] ? -ENAMETOOLONG : -ENOENT;
    strcpy(rest, path);
    char *next = rest;
    for (;;) {
        next += strspn(next, "/");
        size_t length = strcspn(next, "/");
        int here = depth ? way[depth - 1] : root;
        if (length == 0) {
            result = openat(here, ".", flags);
            break;
        }
        int is_last = next[length] == '\0';
        if (length <= 2 && strncmp(next, "..", length) == 0) {
            if (length == 2 && depth)
                close(way[--depth]);
            next += length;
            continue;
        }
        char name[NAME_MAX + 1];
        if (length > NAME_MAX) {
            result = -ENAMETOOLONG;
            break;
        }
        memcpy(name, next, length);
        name[length] = '\0';
        int found = openat(here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat status;
        if (found < 0 || fstat(found, &status) != 0) {
            result = -errno;
            if (found >= 0)
                close(found);
            break;
        }
        if (S_ISLNK(status.st_mode)) {
            ssize_t size = readlinkat(found, "", link, sizeof link);
            close(found);
            if (size < 0 || ++links > MOST_LINKS) {
                result = size < 0 ? -errno : -ELOOP;
                break;
            }
            size_t left = strlen(next + length);
            if ((size_t)size + left >= PATH_MAX) {
                result = -ENAMETOOLONG;
                break;
            }
            memmove(rest + size, next + length, left + 1);
            memcpy(rest, link, (size_t)size);
            next = rest;
            // An absolute link starts at the root again.
            if (size > 0 && link[0] == '/')
                while (depth)
                    close(way[--depth]);
            continue;
        }
        if (S_ISDIR(status.st_mode)) {
            if (depth == MOST_DEPTH) {
                close(found);
                result = -ENAMETOOLONG;
                break;
            }
            way[depth++] = found;
            next += length;
            continue;
        }
        close(found);
        // By its name again: what is opened must be what was seen, and no link.
        result = is_last ? openat(here, name, flags | O_NOFOLLOW) : -ENOTDIR;
        break;
    }
    if (result == -1)
        result = -errno;
    while (depth)
        close(way[--depth]);
    return result;
}

int sw_open_in_root(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    // EAGAIN: something was renamed meanwhile, so that the kernel cannot vouch for `..`.
    for (int tries = 0; tries < 16; tries++) {
        long result = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (result >= 0)
            return (int)result;
        if (errno != EAGAIN)
            break;
    }
    if (errno != ENOSYS && errno != EPERM)
        return -errno;
    return sw_walk_in_root(root, path, flags);
}

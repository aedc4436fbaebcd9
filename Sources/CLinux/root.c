#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
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

// openat2(2); -ENOSYS or -EPERM where the kernel does not have it or a sandbox forbids it.
static int open_resolved(int directory, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)flags, .resolve = resolve};
    // EAGAIN: something was renamed meanwhile, so that the kernel cannot vouch for `..`.
    for (int tries = 0; tries < 16; tries++) {
        long result = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (result >= 0)
            return (int)result;
        if (errno != EAGAIN)
            break;
    }
    return -errno;
}

int sw_open_in_root(int root, const char *path, int flags)
{
    int result = open_resolved(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    return result == -ENOSYS || result == -EPERM ? sw_walk_in_root(root, path, flags) : result;
}

// sw_open_beneath by hand, for kernels before 5.6, and for sandboxes that forbid openat2(2).
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
    int result = open_resolved(
        directory, path, flags,
        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
    return result == -ENOSYS || result == -EPERM ? walk_beneath(directory, path, flags) : result;
}

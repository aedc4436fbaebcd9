// The image of a submission: fetched where it is submitted, and pinned, so that all steps and nodes of
// the job run the same bytes, and nodes need no network.
//
// This is srun, sbatch or salloc: the user's own process, with the user's terminal for the progress.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin.h"

#define PIN "SLURM_SLIPWAY_IMAGE"

// "DIGESTS REFERENCE": a pin counts for the reference that it was made for. The digests are that of the
// manifest, and that of the index that it was chosen from.
static bool is_pinned(void)
{
    const char *pin = getenv(PIN), *space = pin ? strchr(pin, ' ') : NULL;
    return space && strcmp(space + 1, slipway_request.image) == 0;
}

static void end(int code, const char *what)
{
    if (what)
        fprintf(stderr,
                "slipway: --eessi-image: %s; remedy: have the administrator set slipway=PATH in "
                "plugstack.conf\n",
                what);
    exit(code);
}

void slipway_fetch_image(void)
{
    const char *image = slipway_request.image;
    // A file or directory is what it is.
    if (image[0] == '\0' || image[0] == '/' || image[0] == '.' || is_pinned())
        return;
    const char *arguments[12];
    int count = 0, out[2];
    arguments[count++] = slipway_settings.slipway;
    arguments[count++] = "image";
    arguments[count++] = "pull";
    arguments[count++] = "--quiet";
    arguments[count++] = "--for-job";
    if (slipway_settings.config[0] != '\0') {
        arguments[count++] = "--config";
        arguments[count++] = slipway_settings.config;
    }
    arguments[count++] = "--";
    arguments[count++] = image;
    arguments[count] = NULL;
    if (pipe2(out, O_CLOEXEC) != 0)
        end(SLIPWAY_EXIT_SOFTWARE, strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        execv(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    close(out[1]);
    char digest[1024] = "";
    size_t length = 0;
    for (ssize_t n; child > 0 && length + 1 < sizeof digest; length += (size_t)n) {
        n = read(out[0], digest + length, sizeof digest - 1 - length);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n <= 0)
            break;
    }
    close(out[0]);
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child < 0 || !WIFEXITED(status))
        end(SLIPWAY_EXIT_TEMPORARY, child < 0 ? strerror(errno) : NULL);
    if (WEXITSTATUS(status) == 127)
        end(SLIPWAY_EXIT_SOFTWARE, "the program that fetches images cannot be started");
    if (WEXITSTATUS(status) != 0)
        end(WEXITSTATUS(status), NULL); // it has said why
    digest[strcspn(digest, " \n")] = '\0';
    char *pin = NULL;
    if (digest[0] == '\0' || asprintf(&pin, "%s %s", digest, image) < 0 || setenv(PIN, pin, 1) != 0)
        end(SLIPWAY_EXIT_SOFTWARE, "the image's digest is not known");
    free(pin);
}

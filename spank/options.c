// The options of srun, sbatch and salloc. Values are checked where the user types them, and again
// on the node: a user can hand a step any value in a variable that no srun has seen.

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

struct slipway_settings slipway_settings;
struct slipway_request slipway_request;

// Whether a value that reached this node was wrong.
static bool has_bad_value;

// Which options Slurm has given a callback, by their `val`.
enum {
    EESSI, REPOSITORY, ARCH, VERBOSE, LOAD, FALLBACK, STRICT, PROBE,
    IMAGE, BIND, ENV, WORKDIR, INJECT, PROFILE, NO_HOME, ENTRYPOINT, WRITABLE,
    OPTION_COUNT
};
static bool is_given[OPTION_COUNT];

void slipway_read_settings(int count, char **words)
{
    slipway_settings_default(&slipway_settings);
    for (int i = 0; i < count; i++)
        if (!slipway_take_setting(&slipway_settings, words[i]) &&
            spank_context() != S_CTX_REMOTE) // said once, where somebody reads it
            slurm_error("slipway: plugstack.conf: \"%s\" is no setting; remedy: use node=PATH "
                        "config=PATH slipway=PATH deadline=SECONDS load-deadline=SECONDS "
                        "probe-deadline=SECONDS pull-deadline=SECONDS guard=strict|warn|off default=on|off",
                        words[i]);
}

static int refuse(const char *option, const char *value, const char *fault)
{
    has_bad_value = true;
    if (spank_context() == S_CTX_REMOTE)
        return -1; // ignored by Slurm; raised in task_init
    char clean[80];
    slipway_clean(clean, sizeof clean, value ? value : "");
    slurm_error("slipway: --%s: \"%s\" is %s", option, clean, fault);
    return -1;
}

// Contract: spank_opt_cb_f(val, optarg, remote); a negative value makes srun refuse the option.
static int on_eessi(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_version(&slipway_request, value)
               ? 0
               : refuse("eessi", value, "neither a version, such as 2023.06, nor \"off\"");
}

static int on_repository(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_repository(&slipway_request, value)
               ? 0
               : refuse("eessi-repo", value, "no repository, such as software.eessi.io");
}

static int on_arch(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_arch(&slipway_request, value)
               ? 0
               : refuse("eessi-arch", value, "no software subdirectory, such as x86_64/amd/zen2");
}

static int on_verbose(int val, const char *value, int remote)
{
    (void)value, (void)remote;
    is_given[val] = true;
    slipway_request.verbose = slipway_request.detailed = true;
    return 0;
}

static int on_load(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_modules(&slipway_request, value)
               ? 0
               : refuse("eessi-load", value, "no list of modules, such as GROMACS,R/4.4.1");
}

static int on_fallback(int val, const char *value, int remote)
{
    (void)value, (void)remote;
    is_given[val] = true;
    slipway_request.fallback = slipway_request.detailed = true;
    return 0;
}

static int on_strict(int val, const char *value, int remote)
{
    (void)value, (void)remote;
    is_given[val] = true;
    slipway_request.strict = slipway_request.detailed = true;
    return 0;
}

static int on_probe(int val, const char *value, int remote)
{
    (void)value, (void)remote;
    is_given[val] = true;
    slipway_request.probe = slipway_request.detailed = true;
    return 0;
}

static int on_image(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_image(&slipway_request, value)
               ? 0
               : refuse("eessi-image", value, "no image, such as ubuntu:24.04 or /path/to.squashfs");
}

static int on_bind(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_bind(&slipway_request, value)
               ? 0
               : refuse("eessi-bind", value, "no list of SRC[:DST[:ro|rw]], such as /data,/a:/b:ro");
}

static int on_env(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_env(&slipway_request, value)
               ? 0
               : refuse("eessi-env", value, "no list of NAME[=VALUE]");
}

static int on_workdir(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_workdir(&slipway_request, value)
               ? 0
               : refuse("eessi-workdir", value, "no absolute path");
}

static int on_inject(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_inject(&slipway_request, value)
               ? 0
               : refuse("eessi-inject", value, "neither off, auto nor a list such as mpi,cuda");
}

static int on_profile(int val, const char *value, int remote)
{
    (void)remote;
    is_given[val] = true;
    return slipway_take_profile(&slipway_request, value)
               ? 0
               : refuse("eessi-profile", value, "no list of profiles");
}

static int on_flag(int val, const char *value, int remote)
{
    (void)value, (void)remote;
    is_given[val] = true;
    if (val == NO_HOME)
        slipway_request.no_home = true;
    else if (val == ENTRYPOINT)
        slipway_request.entrypoint = true;
    else
        slipway_request.writable = true;
    return 0;
}

// has_arg: 0 none, 1 required, 2 optional (struct spank_option).
static struct spank_option options[OPTION_COUNT] = {
    {"eessi", "VERSION", "give every task the EESSI software stack that fits its node; off: not",
     2, EESSI, on_eessi},
    {"eessi-repo", "NAME", "--eessi, from this repository (default: the site's)", 1, REPOSITORY,
     on_repository},
    {"eessi-arch", "SUBDIR", "--eessi, with this software subdirectory on every node", 1, ARCH,
     on_arch},
    {"eessi-verbose", NULL, "--eessi, and say what each node chose and why", 0, VERBOSE,
     on_verbose},
    {"eessi-load", "MODULES", "--eessi, with these modules loaded, separated by commas", 1, LOAD,
     on_load},
    {"eessi-load-fallback", NULL,
     "where a node's best tree lacks a module, take all software from the next that has it", 0,
     FALLBACK, on_fallback},
    {"eessi-strict", NULL, "end a step whose --mpi does not fit its MPI, rather than warn", 0,
     STRICT, on_strict},
    {"eessi-probe", NULL, "--eessi, and see first whether two ranks of the program find each other",
     0, PROBE, on_probe},
    {"eessi-image", "IMAGE", "run every task in a container of this image; with --eessi, the stack too",
     1, IMAGE, on_image},
    {"eessi-bind", "MOUNTS", "mount these in the container: SRC[:DST[:ro|rw]], separated by commas", 1,
     BIND, on_bind},
    {"eessi-env", "VARIABLES", "set these in the container: NAME[=VALUE], separated by commas", 1, ENV,
     on_env},
    {"eessi-workdir", "DIR", "start there in the container (default: the job's directory)", 1, WORKDIR,
     on_workdir},
    {"eessi-inject", "NAMES", "put these of the node into the container: mpi, cuda; off or auto", 1,
     INJECT, on_inject},
    {"eessi-profile", "NAMES", "give the container these profiles, separated by commas", 1, PROFILE,
     on_profile},
    {"eessi-no-home", NULL, "give the container an empty home", 0, NO_HOME, on_flag},
    {"eessi-entrypoint", NULL, "let the image's entry point run the command", 0, ENTRYPOINT, on_flag},
    {"eessi-writable", NULL, "let the container's files be changed; changes end with the step", 0,
     WRITABLE, on_flag},
};

void slipway_register_options(spank_t spank)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (spank_option_register(spank, &options[i]) != ESPANK_SUCCESS)
            slurm_error("slipway: the option --%s cannot be registered; remedy: remove the other "
                        "plugin that has it",
                        options[i].name);
}

bool slipway_complete_request(spank_t spank)
{
    // sbatch --export=NONE or =LIST loses the options of the batch step (fixed in Slurm 23.11 and
    // 24.05); this variable, made for the inner steps, still holds them.
    static const char prefix[] = "SLURM_SPANK__SLURM_SPANK_OPTION_slipway_";
    for (int i = 0; i < OPTION_COUNT; i++) {
        char name[80], value[SLIPWAY_LIST];
        if (is_given[i])
            continue;
        strcpy(name, prefix);
        strcat(name, options[i].name);
        for (char *c = name; *c; c++)
            if (*c == '-')
                *c = '_';
        spank_err_t found = spank_getenv(spank, name, value, sizeof value);
        if (found == ESPANK_SUCCESS)
            options[i].cb(i, value, 1);
        else if (found == ESPANK_NOSPACE)
            has_bad_value = true;
    }
    return !has_bad_value;
}

bool slipway_wants_stack(void)
{
    return !slipway_request.refused && (slipway_request.wanted || slipway_request.detailed ||
                                        slipway_settings.always);
}

bool slipway_is_wanted(void) { return slipway_wants_stack() || slipway_request.image[0] != '\0'; }

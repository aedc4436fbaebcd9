// The words that users and administrators write, checked. Pure: no effect, no Slurm.

#include "slipway.h"

#include <stdlib.h>
#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// One component of a path: begins with a letter or digit, so neither "." nor "-x" is one.
static bool is_component(const char *word, size_t length)
{
    if (length == 0 || length > 64 || !is_alnum(word[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_alnum(word[i]) && !strchr("._-+", word[i]))
            return false;
    return true;
}

static bool is_relative_path(const char *word)
{
    if (strnlen(word, SLIPWAY_WORD) >= SLIPWAY_WORD)
        return false;
    for (;;) {
        size_t length = strcspn(word, "/");
        if (!is_component(word, length))
            return false;
        if (word[length] == '\0')
            return true;
        word += length + 1;
    }
}

static bool is_nothing(const char *value)
{
    // Slurm turns a bare option into NULL, "" or "(null)", depending on its way.
    return value == NULL || value[0] == '\0' || strcmp(value, "(null)") == 0;
}

static bool take_path(char *to, const char *value)
{
    if (is_nothing(value) || !is_relative_path(value))
        return false;
    strcpy(to, value); // is_relative_path bounds the length
    return true;
}

bool slipway_take_version(struct slipway_request *request, const char *value)
{
    request->refused = value && strcmp(value, "off") == 0;
    if (request->refused || is_nothing(value)) {
        request->wanted = !request->refused;
        request->version[0] = '\0';
        return true;
    }
    if (strchr(value, '/') || !(value[0] >= '0' && value[0] <= '9') ||
        !take_path(request->version, value))
        return false;
    request->wanted = true;
    return true;
}

bool slipway_take_repository(struct slipway_request *request, const char *value)
{
    request->detailed = true;
    return take_path(request->repository, value);
}

bool slipway_take_arch(struct slipway_request *request, const char *value)
{
    request->detailed = true;
    return value && strchr(value, '/') && take_path(request->arch, value);
}

bool slipway_take_modules(struct slipway_request *request, const char *value)
{
    request->detailed = true;
    if (is_nothing(value) || strnlen(value, SLIPWAY_LIST) >= SLIPWAY_LIST)
        return false;
    for (const char *name = value;;) {
        size_t length = strcspn(name, ",");
        // As ModuleTree.names in Swift, which looks at each name again.
        if (length == 0 || length > 256 || !(is_alnum(name[0]) || name[0] == '_') ||
            name[length - 1] == '/')
            return false;
        for (size_t i = 0; i < length; i++)
            if (!is_alnum(name[i]) && !strchr("._+-/@=~", name[i]))
                return false;
        if (name[length] == '\0')
            break;
        name += length + 1;
    }
    strcpy(request->modules, value);
    return true;
}

// A text that goes through environments and argument lists as it is; Swift reads what is in it.
static bool take_text(char *to, size_t size, const char *value)
{
    if (is_nothing(value) || strnlen(value, size) >= size)
        return false;
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    strcpy(to, value);
    return true;
}

bool slipway_take_image(struct slipway_request *request, const char *value)
{
    // Neither an option of the programs that get it, nor two words.
    return value && value[0] != '-' && !strchr(value, ' ') &&
           take_text(request->image, sizeof request->image, value);
}

bool slipway_take_bind(struct slipway_request *request, const char *value)
{
    return value && value[0] == '/' && take_text(request->bind, sizeof request->bind, value);
}

bool slipway_take_env(struct slipway_request *request, const char *value)
{
    return value && value[0] != '=' && take_text(request->env, sizeof request->env, value);
}

bool slipway_take_workdir(struct slipway_request *request, const char *value)
{
    return value && value[0] == '/' && take_text(request->workdir, sizeof request->workdir, value);
}

static bool are_names(const char *value)
{
    for (;;) {
        size_t length = strcspn(value, ",");
        if (!is_component(value, length))
            return false;
        if (value[length] == '\0')
            return true;
        value += length + 1;
    }
}

bool slipway_take_inject(struct slipway_request *request, const char *value)
{
    return !is_nothing(value) && are_names(value) &&
           take_text(request->inject, sizeof request->inject, value);
}

bool slipway_take_profile(struct slipway_request *request, const char *value)
{
    return !is_nothing(value) && are_names(value) &&
           take_text(request->profile, sizeof request->profile, value);
}

void slipway_settings_default(struct slipway_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    strcpy(settings->node, "/usr/libexec/slipway/slipway-node");
    settings->deadline = 10;
    settings->load_deadline = 60;
    settings->probe_deadline = 20;
    strcpy(settings->slipway, "/usr/bin/slipway");
    settings->pull_deadline = 600;
    settings->guard = SLIPWAY_GUARD_STRICT;
}

static bool take_absolute(char *to, size_t size, const char *value)
{
    if (value[0] != '/' || strlen(value) >= size)
        return false;
    strcpy(to, value);
    return true;
}

static bool take_seconds(int *to, const char *value)
{
    char *end;
    long seconds = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || seconds < 1 || seconds > 3600)
        return false;
    *to = (int)seconds;
    return true;
}

bool slipway_take_setting(struct slipway_settings *settings, const char *word)
{
    const char *value = strchr(word, '=');
    if (!value)
        return false;
    size_t name = (size_t)(value - word);
    value++;
#define IS(text) (name == sizeof(text) - 1 && memcmp(word, text, name) == 0)
    if (IS("node"))
        return take_absolute(settings->node, sizeof settings->node, value);
    if (IS("config"))
        return take_absolute(settings->config, sizeof settings->config, value);
    if (IS("deadline"))
        return take_seconds(&settings->deadline, value);
    if (IS("load-deadline"))
        return take_seconds(&settings->load_deadline, value);
    if (IS("slipway"))
        return take_absolute(settings->slipway, sizeof settings->slipway, value);
    if (IS("pull-deadline"))
        return take_seconds(&settings->pull_deadline, value);
    if (IS("probe-deadline"))
        return take_seconds(&settings->probe_deadline, value);
    if (IS("default")) {
        settings->always = strcmp(value, "on") == 0;
        return settings->always || strcmp(value, "off") == 0;
    }
    if (IS("guard")) {
        static const char *const names[] = {"strict", "warn", "off"};
        for (int i = 0; i < 3; i++)
            if (strcmp(value, names[i]) == 0) {
                settings->guard = (enum slipway_guard)i;
                return true;
            }
    }
#undef IS
    return false;
}

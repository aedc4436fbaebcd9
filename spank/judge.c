// What --eessi-probe found, in words. Pure: the ranks' lines in, a message and an exit code out.

#include "slipway.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static bool begins(const char **text, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*text, word, length) != 0 || ((*text)[length] != '\0' && (*text)[length] != ' '))
        return false;
    *text += length + ((*text)[length] == ' ');
    return true;
}

void slipway_probe_take(struct slipway_probe *probe, const char *line)
{
    if (strncmp(line, SLIPWAY_PROBE_LINE, sizeof SLIPWAY_PROBE_LINE - 1) != 0)
        return;
    line += sizeof SLIPWAY_PROBE_LINE - 1;
    if (begins(&line, "refused")) {
        slipway_clean(probe->refusal, sizeof probe->refusal, line);
    } else if (begins(&line, "broken")) {
        slipway_clean(probe->broken, sizeof probe->broken, line);
    } else if (begins(&line, "none")) {
        probe->none++;
    } else if (begins(&line, "begin")) {
        size_t length = strcspn(line, " ");
        snprintf(probe->family, sizeof probe->family, "%.*s", (int)length, line);
        slipway_clean(probe->library, sizeof probe->library,
                      line[length] == ' ' ? line + length + 1 : "");
        probe->begun++;
    } else if (begins(&line, "world")) {
        char *version;
        long size = strtol(line, &version, 10);
        if (probe->in_world == 0 || size < probe->size)
            probe->size = (int)size;
        slipway_clean(probe->version, sizeof probe->version, version + (*version == ' '));
        probe->in_world++;
    } else if (begins(&line, "data")) {
        probe->exchanged++;
    } else if (begins(&line, "wrong")) {
        probe->wrong++;
    } else if (begins(&line, "end")) {
        probe->ended++;
    }
}

// What the MPI library is called: its own words up to a comma, or its family.
static const char *name_of(const struct slipway_probe *probe, char *name, size_t size)
{
    snprintf(name, size, "%s",
             probe->version[0]                          ? probe->version
             : strcmp(probe->family, "OpenMPI") == 0    ? "Open MPI"
             : probe->family[0]                         ? probe->family
                                                        : "its MPI");
    name[strcspn(name, ",")] = '\0';
    return name;
}

// The option that the library most likely wants. Open MPI speaks PMIx only; MPICH speaks PMI unless
// it was built for PMIx (docs: the table of PMI kinds).
static const char *remedy_of(const struct slipway_probe *probe, const char *mpi)
{
    bool is_pmix = strncmp(mpi, "pmix", 4) == 0;
    if (strcmp(probe->family, "OpenMPI") == 0)
        return is_pmix ? NULL : "pmix";
    if (probe->family[0])
        return is_pmix ? "pmi2" : strcmp(mpi, "pmi2") == 0 ? "pmix" : "pmi2";
    return NULL;
}

static void add(char *message, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(char *message, size_t size, const char *format, ...)
{
    size_t length = strlen(message);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message + length, size - length, format, arguments);
    va_end(arguments);
}

int slipway_probe_judge(const struct slipway_probe *probe, const struct slipway_probed_step *step,
                        char *message, size_t size)
{
    enum { ALL = SLIPWAY_PROBE_RANKS };
    char text[2 * SLIPWAY_MESSAGE] = "", name[160], program[256];
    const char *slash = strrchr(step->program, '/');
    slipway_clean(program, sizeof program, slash ? slash + 1 : step->program);
    name_of(probe, name, sizeof name);
#define ADD(...) add(text, sizeof text, __VA_ARGS__)
    int code = SLIPWAY_EXIT_PROTOCOL;
    if (probe->broken[0]) {
        code = SLIPWAY_EXIT_SOFTWARE;
        ADD("%s cannot be used on a node of the step", probe->broken);
    } else if (probe->refusal[0] || probe->none > 0) {
        code = 0;
        ADD("not probed: ");
        if (probe->refusal[0])
            ADD("%s", probe->refusal);
        else
            ADD("%s has no MPI_Init in its libraries", program);
    } else if (probe->in_world == ALL && probe->size == ALL && probe->exchanged == ALL &&
               probe->ended == ALL) {
        code = 0;
        ADD("two ranks of %s found each other by --mpi=%s and exchanged 4 MiB (%s, %s)", program,
            step->mpi, name, probe->library);
    } else if (probe->in_world > 0 && probe->size != ALL) {
        ADD("two ranks of %s are each in a world of %d (%s, %s): ", program, probe->size, name,
            probe->library);
        if (probe->size == 1)
            ADD("the step's %u tasks would run as %u programs of one rank", step->tasks,
                step->tasks);
        else
            ADD("the step's tasks would not be one program");
    } else if (step->is_late && probe->begun == 0) {
        code = SLIPWAY_EXIT_TEMPORARY;
        ADD("two ranks of %s did not start in time", program);
    } else {
        const char *place = probe->begun < ALL        ? "before main"
                            : probe->in_world < ALL   ? "in MPI_Init"
                            : probe->exchanged + probe->wrong < ALL ? "in a message of 4 MiB"
                                                                    : "in MPI_Finalize";
        ADD("two ranks of %s ", program);
        if (probe->wrong > 0) {
            ADD("received other bytes than were sent, in a message of 4 MiB");
        } else if (step->is_late) {
            ADD("did not get on within %d s %s", step->seconds, place);
        } else if (probe->begun == 0 && WIFEXITED(step->status) && WEXITSTATUS(step->status) == 1) {
            code = SLIPWAY_EXIT_TEMPORARY; // srun's own code
            ADD("could not be started");
        } else if (probe->begun > 0) {
            ADD("ended %s", place); // the code is that of the rank which srun killed with the other
        } else {
            ADD("ended with code %d %s",
                WIFSIGNALED(step->status) ? 128 + WTERMSIG(step->status)
                                          : WEXITSTATUS(step->status), place);
        }
        if (probe->begun > 0)
            ADD(" (%s, %s)", name, probe->library);
    }
    if (code != 0) {
        const char *mpi = remedy_of(probe, step->mpi);
        if (code != SLIPWAY_EXIT_SOFTWARE)
            ADD("; --mpi=%s", step->mpi);
        if (code == SLIPWAY_EXIT_SOFTWARE)
            ADD("; remedy: have the administrator install it there, or leave --eessi-probe out");
        else if (code == SLIPWAY_EXIT_TEMPORARY)
            ADD("; remedy: try again, or leave --eessi-probe out");
        else if (mpi)
            ADD("; remedy: srun --mpi=%s (srun --mpi=list shows what there is)", mpi);
        else
            ADD("; remedy: slipway inject check %s", step->program);
    }
#undef ADD
    slipway_clean(message, size, text);
    return code;
}

const char *slipway_option_value(const char *const words[], size_t count, const char *name,
                                 char letter)
{
    const char *value = NULL;
    for (size_t i = 1; i < count; i++) {
        const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
        if (word[0] != '-')
            continue;
        if (word[1] != '-') {
            if (letter && word[1] == letter)
                value = word[2] ? word + 2 : next;
            continue;
        }
        size_t length = strcspn(word + 2, "=");
        if (length >= 3 && strncmp(word + 2, name, length) == 0)
            value = word[2 + length] == '=' ? word + 3 + length : next;
    }
    return value;
}

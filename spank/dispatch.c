// slipway's SPANK plugin: what Slurm calls. One line a hook; the files beside do the work.
//
// Contract (spank(8), slurm/spank.h): hooks that the parent slurmstepd runs always return 0, since
// a failure there can drain the node. There is no prolog and no epilog hook for the same reason.

#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "plugin.h"

SPANK_PLUGIN(slipway, 1)

// Every context: srun, sbatch, salloc, slurmd, slurmstepd.
int slurm_spank_init(spank_t spank, int ac, char **av)
{
    slipway_read_settings(ac, av);
    slipway_register_options(spank);
    return 0;
}

// srun, sbatch, salloc; and sbatch's environment becomes the batch script's. salloc starts its shell here, where no node
// could answer a mark; the sruns of that shell set their own.
int slurm_spank_init_post_opt(spank_t spank, int ac, char **av)
{
    (void)spank, (void)ac, (void)av;
    // Before the allocation: nodes do not wait for a registry.
    if (spank_context() == S_CTX_ALLOCATOR || spank_context() == S_CTX_LOCAL)
        slipway_fetch_image();
    if (spank_context() == S_CTX_ALLOCATOR && strcmp(program_invocation_short_name, "sbatch") == 0)
        slipway_mark_batch();
    return 0;
}

// srun, after its allocation and its --prolog, before the launch.
int slurm_spank_local_user_init(spank_t spank, int ac, char **av)
{
    (void)ac, (void)av;
    slipway_probe_step(spank);
    slipway_mark_step();
    return 0;
}

// slurmstepd, once per step and node, before any task: real user id 0, effective the user's.
int slurm_spank_user_init(spank_t spank, int ac, char **av)
{
    (void)ac, (void)av;
    slipway_unmark(spank);
    slipway_prepare_node(spank);
    return 0;
}

// The forked task, as the user: the only place where an error fails just the job.
int slurm_spank_task_init(spank_t spank, int ac, char **av)
{
    (void)ac, (void)av;
    slipway_begin_task(spank);
    return 0;
}

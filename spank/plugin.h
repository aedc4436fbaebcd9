// What the files share that need Slurm's header.

#ifndef SLIPWAY_PLUGIN_H
#define SLIPWAY_PLUGIN_H

#include <slurm/spank.h>
#include <sys/types.h>

#include "slipway.h"

// options.c
extern struct slipway_settings slipway_settings;
extern struct slipway_request slipway_request;
void slipway_read_settings(int count, char **words);
void slipway_register_options(spank_t spank);
// Completes the request on a node from the variables by which Slurm hands options to inner steps;
// false when a value, which no srun has checked, is wrong.
bool slipway_complete_request(spank_t spank);
// Whether anything is wanted of the node: the stack, or a container.
bool slipway_is_wanted(void);
bool slipway_wants_stack(void);

// local.c
void slipway_mark_step(void);
void slipway_mark_batch(void);
void slipway_unmark(spank_t spank);

// image.c
// Fetches the image of a submission and pins its digest for the job's steps; ends the process where
// that fails.
void slipway_fetch_image(void);

// join.c
// Opens the namespaces of a process of the user; false where it has none that may be opened.
bool slipway_open_namespaces(pid_t process);
bool slipway_has_namespaces(void);
// Takes this task into them, for good; 0 or an errno.
int slipway_join_namespaces(const char *directory);
// The directory where slurmd keeps the files of the step that this process serves; empty where it
// cannot be told.
void slipway_find_spool(unsigned job, char *path, size_t size);

// probe.c
void slipway_probe_step(spank_t spank);

// remote.c
void slipway_prepare_node(spank_t spank);
void slipway_begin_task(spank_t spank);

#endif

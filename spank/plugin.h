// What the files share that need Slurm's header.

#ifndef SLIPWAY_PLUGIN_H
#define SLIPWAY_PLUGIN_H

#include <slurm/spank.h>

#include "slipway.h"

// options.c
extern struct slipway_settings slipway_settings;
extern struct slipway_request slipway_request;
void slipway_read_settings(int count, char **words);
void slipway_register_options(spank_t spank);
// Completes the request on a node from the variables by which Slurm hands options to inner steps;
// false when a value, which no srun has checked, is wrong.
bool slipway_complete_request(spank_t spank);
bool slipway_is_wanted(void);

// local.c
void slipway_mark_step(void);
void slipway_mark_batch(void);
void slipway_unmark(spank_t spank);

// probe.c
void slipway_probe_step(spank_t spank);

// remote.c
void slipway_prepare_node(spank_t spank);
void slipway_begin_task(spank_t spank);

#endif

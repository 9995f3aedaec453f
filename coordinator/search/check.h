/* Whether settings can be trained at all, and where the job says what is wrong. */
#ifndef COORDINATOR_SEARCH_CHECK_H
#define COORDINATOR_SEARCH_CHECK_H

#include "common/error.h"
#include "jobs/job_spec.h"

/* Puts the line of a setting's axis, or the file, before the reason in err. */
int search_locate(const struct job_spec *spec, const char *name, int status,
                  struct error *err);

/* ERR_INPUT: first_layer above layers, embeddings' LayerNorm with first_layer > 0,
 * epochs above horizon, a kept prefix of what cannot be kept. */
int search_check(const struct job_spec *spec, const struct settings *settings,
                 int layers, struct error *err);

#endif

/* The profile of a start as people read it. */
#ifndef CLI_PROFILE_TABLE_H
#define CLI_PROFILE_TABLE_H

#include "coordinator/profile_sum.h"

#include <stdio.h>

/* Phases that took time, in the order in which they are computed; 80 columns. Nothing
 * where no worker has said anything. resumed: an earlier start has done a part of the
 * work. ERR_MEMORY. */
int profile_table_print(FILE *out, const struct profile_total *total, bool resumed,
                        struct error *err);

#endif

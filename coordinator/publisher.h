/* Writes results.h5 from snapshots on a thread of its own, so that nobody waits for it:
 * at most every max(5 s, 20 times what one takes). */
#ifndef COORDINATOR_PUBLISHER_H
#define COORDINATOR_PUBLISHER_H

#include "common/error.h"
#include "storage/results.h"

#include <stdbool.h>

struct publisher;

/* path is borrowed. NULL when out of memory. */
struct publisher *publisher_new(const char *path);
void publisher_free(struct publisher *publisher); /* waits for a write under way */

/* Nothing is being written, and the last one was long enough ago. */
bool publisher_due(const struct publisher *publisher, double now);
bool publisher_busy(const struct publisher *publisher);
/* Takes the snapshot over, also on failure. Not while busy. begun: when the snapshot
 * was begun, which is part of the cost. */
int publisher_start(struct publisher *publisher, struct results *snapshot, double begun,
                    struct error *err);
/* Result of a write that has ended since: 0, or why it failed. Never waits. */
int publisher_poll(struct publisher *publisher, double now, struct error *err);

#endif

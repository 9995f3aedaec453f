/* Writes results.h5 on a thread of its own, from a view of the findings, so that nobody
 * waits for it: at most every max(5 s, 20 times what one takes).
 *
 * What a view holds is published only once the journal's records of it last, and only
 * if the gate says so when the file lies beside its name as a whole. */
#ifndef COORDINATOR_PUBLISHER_H
#define COORDINATOR_PUBLISHER_H

#include "common/error.h"
#include "coordinator/findings.h"
#include "storage/file_replace.h"

#include <stdbool.h>
#include <stdint.h>

struct publisher;

/* path and findings are borrowed. gate: asked on the publisher's thread right before
 * results.h5 is replaced. NULL when out of memory. */
struct publisher *publisher_new(const char *path, struct findings *findings,
                                struct file_gate gate);
/* Waits for a write under way, which is abandoned where it waits itself. */
void publisher_free(struct publisher *publisher);

/* Nothing is being written, and the last one was long enough ago. */
bool publisher_due(const struct publisher *publisher, double now);
bool publisher_busy(const struct publisher *publisher);
/* Begins to write what the findings are now; ticket: of the last record that the
 * journal was given for them. Not while busy. */
int publisher_start(struct publisher *publisher, const struct trial_table *table,
                    uint64_t ticket, double now, struct error *err);
/* What was recorded up to this ticket lasts. */
void publisher_committed(struct publisher *publisher, uint64_t ticket);
/* Nothing more will last: what waits for it is not published. */
void publisher_abandon(struct publisher *publisher);
/* Result of a write that has ended since: 0, or why it failed. Never waits. */
int publisher_poll(struct publisher *publisher, double now, struct error *err);

#endif

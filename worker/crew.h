/* The workers that help with a trial, as its leader sees them.
 *
 * The microshards of a batch, and the rows of a split, are shared out between the
 * leader and its helpers: messages CREW, JOIN, WORK and PART of common/protocol.h. What
 * comes of it is the same bit for bit with any helpers and with none; what one of them
 * fails to do in time, the leader does itself. */
#ifndef WORKER_CREW_H
#define WORKER_CREW_H

#include "worker/course.h"
#include "worker/mail.h"

struct crew;

/* For one lease of a trial, to begin with without a helper. mail is borrowed. NULL:
 * out of memory. */
struct crew *crew_new(struct mail *mail, uint64_t trial, uint32_t lease);
void crew_free(struct crew *crew);

/* Loss and gradient of a batch, as batch_runner_train(). crew may be NULL. */
double crew_train(struct crew *crew, struct course *course,
                  const struct course_step *at, const float *values, float **grad);
/* Logits of all rows; false where the course's runner was stopped. crew may be NULL. */
bool crew_score(struct crew *crew, struct course *course, const float *values,
                struct course_rows rows, float *logits);

#endif

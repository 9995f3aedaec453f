/* The other side of worker/crew.h: does what the leader of a trial asks for. */
#ifndef WORKER_HELPER_H
#define WORKER_HELPER_H

#include "worker/course.h"
#include "worker/mail.h"

struct helper_place {
    uint64_t trial;
    uint32_t lease;
    int leader; /* MPI rank */
};

/* Computes its part of the course's prefix, if one is open, joins, then answers until
 * mail is interrupted or ended, the leader is gone, or it asks for what there is not.
 * ERR_MEMORY. */
int helper_run(const struct helper_place *place, struct course *course,
               struct mail *mail, struct error *err);

#endif

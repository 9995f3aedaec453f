/* A damaged journal begun anew: every whole frame that can still be read goes into a
 * file whose START names none before it, so that the files before it do not count any
 * more. They are left as they are. */
#ifndef STORAGE_JOURNAL_REWRITE_H
#define STORAGE_JOURNAL_REWRITE_H

#include "storage/journal.h"

/* What becomes of a frame: appends the payload to be written to out and returns 1, or
 * returns 0 for one to leave out, or an ERR_ status, which ends it all. */
typedef int journal_judge(void *arg, const struct frame *frame, struct bytes *out,
                          struct error *err);

struct journal_rewritten {
    int64_t kept, left_out;
    int64_t damaged; /* places where bytes are no frame */
};

/* ERR_IO, ERR_MEMORY: nothing has changed. Only for the lock's holder. */
int journal_rewrite(const char *dir, journal_judge *judge, void *arg,
                    struct journal_rewritten *out, struct error *err);

#endif

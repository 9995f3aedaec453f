/* What doctor has to say: a line each with a mark, a topic, the finding and what to do.
 */
#ifndef CLI_DIAGNOSIS_H
#define CLI_DIAGNOSIS_H

#include <stdio.h>

enum diagnosis_mark {
    MARK_OK,
    MARK_NOTE,    /* a run works, but may be slower or otherwise than expected */
    MARK_PROBLEM, /* a run would not work */
    MARK_COUNT
};

struct diagnosis {
    FILE *out;
    int counts[MARK_COUNT];
};

/* One line; a control character is replaced by '?'. */
void diagnosis_say(struct diagnosis *diagnosis, enum diagnosis_mark mark,
                   const char *topic, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* "3.2 GB", "512 MB" */
enum { SIZE_TEXT = 32 };
const char *size_text(char out[SIZE_TEXT], double bytes);

#endif

/* Prints "trial lease step" of each report that counts in a run directory's journal. */
#include "coordinator/records.h"
#include "storage/journal.h"

#include <inttypes.h>
#include <stdio.h>

static int print(void *arg, const struct frame *frame, struct error *err)
{
    struct record_report m;

    (void)arg;
    if (frame->type != RECORD_REPORT)
        return 0;
    int rc = record_report_get(&m, frame->payload, frame->size, err);
    if (!rc)
        printf("%" PRIu64 " %" PRIu32 " %" PRId64 "\n", m.report.trial, m.report.lease,
               m.report.step);
    return rc;
}

int main(int argc, char **argv)
{
    struct journal_end end;
    struct error err;

    if (argc != 2)
        return 2;
    if (journal_read(argv[1], print, NULL, &end, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}

/* Reads a journal twice: once for what counts at its end, once to copy. Records of a
 * trial stay in their order, which is all that a replay asks for. */
#include "coordinator/ledger_take.h"

#include "coordinator/ledger_parts.h"
#include "coordinator/records.h"

#include <stdlib.h>

struct taking {
    struct ledger *to;
    struct ledger *from; /* in the end */
    const int64_t *numbers;
    uint64_t unflushed; /* bytes of segments */
};

static const uint64_t flush_limit = 32 << 20;

/* 0: left out. */
static uint64_t number_of(const struct taking *taking, uint64_t trial)
{
    bool known = trial >= 1 && trial <= (uint64_t)taking->from->list->trial_count;

    return known ? (uint64_t)taking->numbers[trial - 1] : 0;
}

static bool same_place(struct segment_ref a, struct segment_ref b)
{
    return a.segment == b.segment && a.at == b.at && a.size == b.size;
}

/* What lies at ref, put under its trial's new number; nothing where it is not what
 * counts. */
static int move(struct taking *taking, struct segments *from, struct segments *to,
                struct segment_ref *ref, struct segment_ref counts, uint64_t trial,
                struct error *err)
{
    struct bytes *scratch = &taking->to->scratch;

    if (ref->segment == 0 || !same_place(*ref, counts)) {
        *ref = (struct segment_ref){0};
        return 0;
    }
    scratch->size = 0;
    int rc = segments_read(from, *ref, trial, scratch, err);
    if (!rc)
        rc = segments_put(to, number_of(taking, trial), scratch->data, scratch->size,
                          ref, err);
    taking->unflushed += scratch->size;
    return rc;
}

static int take_grant(struct taking *taking, const struct frame *frame,
                      struct error *err)
{
    struct record_grant m;
    int rc = frame->type == RECORD_GRANT
                 ? record_grant_get(&m, frame->payload, frame->size, err)
                 : record_old_grant_get(&m, frame->payload, frame->size, err);

    if (rc || !(m.trial = number_of(taking, m.trial)))
        return rc;
    record_grant_put(journal_begin(taking->to->journal, RECORD_GRANT), &m);
    return ledger_appended(taking->to, err);
}

static int take_report(struct taking *taking, const struct frame *frame,
                       struct error *err)
{
    struct record_report m;
    int rc = record_report_get(&m, frame->payload, frame->size, err);
    uint64_t number = rc ? 0 : number_of(taking, m.report.trial);

    if (rc || !number)
        return rc;
    rc =
        move(taking, taking->from->checkpoints, taking->to->checkpoints, &m.ref,
             taking->from->entries[m.report.trial - 1].checkpoint, m.report.trial, err);
    if (rc)
        return rc;
    m.report.trial = number;
    record_report_put(journal_begin(taking->to->journal, RECORD_REPORT), &m);
    return ledger_appended(taking->to, err);
}

static int take_result(struct taking *taking, const struct frame *frame,
                       struct error *err)
{
    struct record_result m;
    int rc = record_result_get(&m, frame->payload, frame->size, err);
    uint64_t number = rc ? 0 : number_of(taking, m.result.trial);

    if (rc || !number)
        return rc;
    rc = move(taking, taking->from->outputs, taking->to->outputs, &m.ref,
              taking->from->entries[m.result.trial - 1].outputs, m.result.trial, err);
    if (rc)
        return rc;
    m.result.trial = number;
    record_result_put(journal_begin(taking->to->journal, RECORD_RESULT), &m);
    return ledger_appended(taking->to, err);
}

static int take_left(struct taking *taking, const struct frame *frame,
                     struct error *err)
{
    struct record_left m;
    int rc = record_left_get(&m, frame->payload, frame->size, err);

    if (rc || !(m.trial = number_of(taking, m.trial)))
        return rc;
    record_left_put(journal_begin(taking->to->journal, RECORD_LEFT), &m);
    return ledger_appended(taking->to, err);
}

/* Of the records of this source; what ran at the same time is not told apart from what
 * ran one after the other. */
static int take_clock(struct taking *taking, const struct frame *frame,
                      struct error *err)
{
    struct record_clock m;
    int rc = record_clock_get(&m, frame->payload, frame->size, err);

    if (rc)
        return rc;
    record_clock_put(journal_begin(taking->to->journal, RECORD_CLOCK), &m);
    return ledger_appended(taking->to, err);
}

static int take_frame(struct taking *taking, const struct frame *frame,
                      struct error *err)
{
    switch (frame->type) {
    case RECORD_GRANT:
    case RECORD_OLD_GRANT:
        return take_grant(taking, frame, err);
    case RECORD_REPORT:
        return take_report(taking, frame, err);
    case RECORD_RESULT:
        return take_result(taking, frame, err);
    case RECORD_LEFT:
        return take_left(taking, frame, err);
    case RECORD_CLOCK:
        return take_clock(taking, frame, err);
    case RECORD_DROPPED: /* what was dropped is not copied */
    case RECORD_JOB:     /* these are the new journal's own */
    case RECORD_CONFIG:
    case RECORD_TRIALS:
    case RECORD_END:
        return 0;
    default:
        return error_set(err, ERR_INPUT, "a record of type %d cannot be taken along",
                         frame->type);
    }
}

static int take(void *arg, const struct frame *frame, struct error *err)
{
    struct taking *taking = arg;
    int rc = take_frame(taking, frame, err);

    if (rc || taking->unflushed < flush_limit)
        return rc;
    taking->unflushed = 0;
    return ledger_flush(taking->to, err);
}

int ledger_take(struct ledger *ledger, const char *run_dir,
                const struct findings_job *job, const int64_t *numbers,
                struct journal_end *end, struct error *err)
{
    struct taking taking = {.to = ledger, .numbers = numbers};
    struct findings *findings = NULL;
    int rc = findings_new(&findings, job, err);

    if (!rc)
        rc = ledger_read(&taking.from, run_dir, job->list, findings, NULL, end, err);
    findings_free(findings);
    if (!rc)
        rc = journal_read(run_dir, take, &taking, end, err);
    if (!rc)
        rc = ledger_flush(ledger, err);
    ledger_close(taking.from);
    return rc;
}

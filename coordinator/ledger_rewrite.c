#include "coordinator/ledger_rewrite.h"

#include "coordinator/history.h"
#include "coordinator/ledger_parts.h"
#include "coordinator/records.h"

static int copy(const struct frame *frame, struct bytes *out)
{
    bytes_put(out, frame->payload, frame->size);
    return 1;
}

/* What an error means for a record: 0, it is left out; or the error ends it all. */
static int left_out(int rc) { return rc == ERR_INPUT || rc == ERR_PROTOCOL ? 0 : rc; }

/* Not ours to throw away. */
static int of_newer_program(const struct frame *frame, struct error *err)
{
    return error_set(err, ERR_INPUT,
                     "the journal has a record of type %d, written by a newer program: "
                     "let that one recover it",
                     frame->type);
}

static int job_is_lost(struct error *err)
{
    return error_set(
        err, ERR_INPUT,
        "the journal's record of its job is damaged, so nothing can be had "
        "from the rest; run the job in another directory");
}

/* A job, its configurations and its trials are committed before anything else, and
 * acknowledged to nobody. So where nothing lies behind them, their commit has never
 * ended: power was cut when some pages of it were on the disk and others not. */
static int judge_without_job(const struct frame *frame, struct error *err)
{
    bool first_commit = frame->type == RECORD_CONFIG || frame->type == RECORD_TRIALS;
    return first_commit ? 0 : job_is_lost(err);
}

static int judge_jobs(void *arg, const struct frame *frame, struct bytes *out,
                      struct error *err)
{
    struct history *history = arg;
    if (frame->type > RECORD_LAST)
        return of_newer_program(frame, err);
    if (frame->type == RECORD_OLD_CONFIG)
        return history_take(history, frame, err); /* it says why not */
    if (!history->job && frame->type != RECORD_JOB)
        return judge_without_job(frame, err);
    int rc = history_take(history, frame, err);
    return rc ? left_out(rc) : copy(frame, out);
}

int ledger_rewrite_jobs(const char *run_dir, struct journal_rewritten *out,
                        struct error *err)
{
    struct history history = {0};
    int rc = journal_rewrite(run_dir, judge_jobs, &history, out, err);
    history_clear(&history);
    return rc == ERR_INPUT ? error_prefix(err, rc, "%s", run_dir) : rc;
}

/* Twice the same journal: once for what counts at its end, once to judge. */
struct judge {
    struct ledger_replay replay;
    const struct ledger *in_the_end;
};

static bool readable(struct judge *judge, struct segments *segments,
                     struct segment_ref ref, uint64_t trial)
{
    struct bytes *scratch = &judge->replay.ledger->scratch;
    scratch->size = 0;
    return ref.segment != 0 && segments_read(segments, ref, trial, scratch, NULL) == 0;
}

static int judge_report(struct judge *judge, const struct frame *frame,
                        struct bytes *out)
{
    struct record_report m;
    if (record_report_get(&m, frame->payload, frame->size, NULL))
        return 0;
    if (!readable(judge, judge->replay.ledger->checkpoints, m.ref, m.report.trial))
        m.ref = (struct segment_ref){0}; /* most are: a later one replaced them */
    record_report_put(out, &m);
    return 1;
}

static int judge_result(struct judge *judge, const struct frame *frame,
                        struct bytes *out)
{
    struct record_result m;
    if (record_result_get(&m, frame->payload, frame->size, NULL))
        return 0;
    bool there = readable(judge, judge->replay.ledger->outputs, m.ref, m.result.trial);
    if (!there && judge->in_the_end->entries[m.result.trial - 1].outputs.segment != 0)
        return 0;
    if (!there)
        m.ref = (struct segment_ref){0};
    record_result_put(out, &m);
    return 1;
}

static int judge_trials(void *arg, const struct frame *frame, struct bytes *out,
                        struct error *err)
{
    struct judge *judge = arg;
    int rc = ledger_replay_visit(&judge->replay, frame, err);
    if (rc)
        return left_out(rc);
    if (frame->type == RECORD_REPORT)
        return judge_report(judge, frame, out);
    if (frame->type == RECORD_RESULT)
        return judge_result(judge, frame, out);
    return copy(frame, out);
}

static int pass_over(void *arg, const struct frame *frame, struct error *err)
{
    return left_out(ledger_replay_visit(arg, frame, err));
}

/* The whole journal, whatever does not fit left out. */
static int look(struct ledger **out, const char *run_dir,
                const struct findings_job *job, struct error *err)
{
    struct ledger_replay replay = {0};
    struct findings *findings = NULL;
    struct journal_end end;
    int rc = findings_new(&findings, job, err);
    if (!rc)
        rc = ledger_new(out, job->list, err);
    if (!rc)
        rc = ledger_replay_init(&replay, *out, findings, err);
    if (!rc)
        rc = journal_read(run_dir, pass_over, &replay, &end, err);
    ledger_replay_clear(&replay);
    findings_free(findings);
    return rc;
}

int ledger_rewrite_trials(const char *run_dir, const struct findings_job *job,
                          struct journal_rewritten *out, struct error *err)
{
    struct findings *findings = NULL;
    struct ledger *ledger = NULL, *in_the_end = NULL;
    int rc = findings_new(&findings, job, err);
    if (!rc)
        rc = look(&in_the_end, run_dir, job, err);
    if (!rc)
        rc = ledger_new(&ledger, job->list, err);
    if (!rc)
        rc = ledger_open_segments(ledger, run_dir, err);
    struct judge judge = {.in_the_end = in_the_end};
    if (!rc)
        rc = ledger_replay_init(&judge.replay, ledger, findings, err);
    if (!rc)
        rc = journal_rewrite(run_dir, judge_trials, &judge, out, err);
    ledger_replay_clear(&judge.replay);
    ledger_close(ledger);
    ledger_close(in_the_end);
    findings_free(findings);
    return rc;
}

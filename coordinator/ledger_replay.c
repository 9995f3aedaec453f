/* From the journal's frames back to what was known when they were written. */
#include "coordinator/ledger_parts.h"

#include "coordinator/records.h"

#include <stdlib.h>
#include <string.h>

int ledger_replay_init(struct ledger_replay *replay, struct ledger *ledger,
                       struct findings *findings, struct error *err)
{
    size_t trials = (size_t)ledger->list->trial_count;

    *replay = (struct ledger_replay){.ledger = ledger, .findings = findings};
    replay->seen = calloc(trials + 1, sizeof *replay->seen);
    return replay->seen
               ? 0
               : error_set(err, ERR_MEMORY, "out of memory for %zu trials", trials);
}

void ledger_replay_clear(struct ledger_replay *replay)
{
    free(replay->seen);
    replay->seen = NULL;
}

/* The entry of a trial that a record names; NULL: there is no such trial. */
static struct ledger_entry *named(const struct ledger_replay *replay, uint64_t trial)
{
    const struct ledger *ledger = replay->ledger;

    return trial >= 1 && trial <= (uint64_t)ledger->list->trial_count
               ? &ledger->entries[trial - 1]
               : NULL;
}

static int no_such_trial(uint64_t trial, struct error *err)
{
    return error_set(err, ERR_INPUT,
                     "the journal speaks of trial %llu, which nobody "
                     "has added to it",
                     (unsigned long long)trial);
}

/* The one copy of a text that many trials share. */
static const char *keep_text(struct ledger *ledger, const char *text)
{
    struct digest key = digest_of(text, strlen(text));
    int64_t known = digest_map_find(&ledger->names, key);

    if (known)
        return ledger->texts[known - 1];
    char **grown =
        realloc(ledger->texts, (size_t)(ledger->text_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    ledger->texts = grown;
    char *copy = strdup(text);
    if (!copy || digest_map_put(&ledger->names, key, ledger->text_count + 1)) {
        free(copy);
        return NULL;
    }
    ledger->texts[ledger->text_count++] = copy;
    return copy;
}

static int no_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "out of memory for the scheduler");
}

/* When what is read now happened. */
static double now_of(const struct ledger_replay *replay)
{
    return replay->ledger->recorded.unix_s;
}

static int steer_end(const struct ledger_replay *replay, uint64_t trial, bool failed,
                     struct error *err)
{
    return replay->steering && steering_ended(replay->steering, (int64_t)trial, failed)
               ? no_memory(err)
               : 0;
}

static int steer_report(const struct ledger_replay *replay, const struct report *report,
                        struct error *err)
{
    int64_t trial = (int64_t)report->trial;
    if (!replay->steering)
        return 0;
    int verdict =
        steering_reported(replay->steering, trial, report->epoch, report->score);
    if (verdict < 0)
        return no_memory(err);
    findings_judged(replay->findings, trial, steering_bracket(replay->steering, trial),
                    steering_rung(replay->steering, trial));
    if (verdict != VERDICT_CONTINUE)
        findings_left(replay->findings, trial,
                      verdict == VERDICT_PAUSE ? "paused" : "stopped", now_of(replay));
    return 0;
}

static int take_grant(const struct ledger_replay *replay, const struct frame *frame,
                      struct error *err)
{
    struct record_grant m;
    int rc = frame->type == RECORD_GRANT
                 ? record_grant_get(&m, frame->payload, frame->size, err)
                 : record_old_grant_get(&m, frame->payload, frame->size, err);
    if (rc)
        return rc;
    struct ledger_entry *entry = named(replay, m.trial);
    if (!entry)
        return no_such_trial(m.trial, err);
    if (entry->past.state == TRIAL_DONE) /* it got more epochs */
        findings_reopen(replay->findings, (int64_t)m.trial);
    const char *host = keep_text(replay->ledger, m.host);
    const char *numerics = keep_text(replay->ledger, m.numerics);
    if (!host || !numerics)
        return error_set(err, ERR_MEMORY, "out of memory for the journal");
    struct findings_grant grant = {(int)m.worker, host, numerics, now_of(replay)};
    rc = findings_begun(replay->findings, (int64_t)m.trial, &grant, err);
    if (rc)
        return rc;
    if (replay->steering)
        steering_granted(replay->steering, (int64_t)m.trial);
    replay->seen[m.trial - 1].numerics = numerics;
    entry->past.state = TRIAL_QUEUED; /* running, if its coordinator still lived */
    entry->past.lease = m.lease;
    entry->past.granted_epochs = m.epochs;
    entry->past.attempts++;
    return 0;
}

static int lost(uint64_t trial, struct error *err)
{
    return error_set(err, ERR_INPUT,
                     "the journal lacks a record of trial %llu; shiftwork recover goes "
                     "on without what depends on it",
                     (unsigned long long)trial);
}

/* Whether this report follows the one before it. One of an earlier epoch does too: the
 * trial was begun anew. */
static bool follows(const struct ledger_replay *replay,
                    const struct ledger_entry *entry, const struct report *report)
{
    const struct ledger *ledger = replay->ledger;
    int each = ledger_config_of(ledger, (int64_t)report->trial)->report_steps;

    return report->lease == entry->past.lease &&
           report->epoch <= entry->past.epochs + 1 &&
           (each == 0 || report->step <= replay->seen[report->trial - 1].step + each);
}

static void note_segment(uint32_t *last, struct segment_ref ref)
{
    if (ref.segment > *last)
        *last = ref.segment;
}

static int take_report(struct ledger_replay *replay, const struct frame *frame,
                       struct error *err)
{
    struct record_report m;
    int rc = record_report_get(&m, frame->payload, frame->size, err);
    if (rc)
        return rc;
    struct ledger_entry *entry = named(replay, m.report.trial);
    if (!entry)
        return no_such_trial(m.report.trial, err);
    if (!follows(replay, entry, &m.report))
        return lost(m.report.trial, err);
    rc = findings_report(replay->findings, &m.report, err);
    entry->past.epochs = m.report.epoch;
    struct ledger_seen *seen = &replay->seen[m.report.trial - 1];
    seen->step = m.report.step;
    seen->tokens = m.report.tokens;
    entry->past.losses = 0;
    entry->checkpoint = m.ref;
    note_segment(&replay->last_checkpoint, m.ref);
    if (seen->numerics)
        replay->ledger->numerics = seen->numerics;
    return rc ? ERR_INPUT : steer_report(replay, &m.report, err);
}

static int take_result(struct ledger_replay *replay, const struct frame *frame,
                       struct error *err)
{
    struct record_result m;
    struct findings_dropped dropped;
    int rc = record_result_get(&m, frame->payload, frame->size, err);
    if (rc)
        return rc;
    struct ledger_entry *entry = named(replay, m.result.trial);
    if (!entry)
        return no_such_trial(m.result.trial, err);
    if (m.result.lease != entry->past.lease ||
        m.result.tokens != replay->seen[m.result.trial - 1].tokens)
        return lost(m.result.trial, err);
    rc = findings_result(replay->findings, &m.result, &dropped, err);
    entry->past.state = TRIAL_DONE;
    findings_left(replay->findings, (int64_t)m.result.trial, "done", now_of(replay));
    entry->outputs = m.ref;
    note_segment(&replay->last_output, m.ref);
    return rc ? ERR_INPUT : steer_end(replay, m.result.trial, false, err);
}

static int take_dropped(const struct ledger_replay *replay, const struct frame *frame,
                        struct error *err)
{
    struct record_dropped m;
    int rc = record_dropped_get(&m, frame->payload, frame->size, err);
    if (rc)
        return rc;
    struct ledger_entry *entry = named(replay, m.trial);
    if (!entry)
        return no_such_trial(m.trial, err);
    entry->outputs = (struct segment_ref){0};
    return 0;
}

static const char *end_of_lease(const struct record_left *m)
{
    if (m->state == TRIAL_STOPPED)
        return "stopped";
    return m->state == TRIAL_QUEUED && !m->text[0] ? "lost" : "failed";
}

static int take_left(const struct ledger_replay *replay, const struct frame *frame,
                     struct error *err)
{
    struct record_left m;
    int rc = record_left_get(&m, frame->payload, frame->size, err);
    if (rc)
        return rc;
    struct ledger_entry *entry = named(replay, m.trial);
    if (!entry)
        return no_such_trial(m.trial, err);
    entry->past.state = (enum trial_state)m.state;
    entry->past.losses = m.losses;
    findings_left(replay->findings, (int64_t)m.trial, end_of_lease(&m), now_of(replay));
    if (m.state != TRIAL_QUEUED)
        entry->checkpoint = (struct segment_ref){0}; /* a retry begins anew */
    if (m.state == TRIAL_FAILED || m.state == TRIAL_GIVEN_UP)
        rc = steer_end(replay, m.trial, true, err);
    return !rc && m.text[0]
               ? findings_failure(replay->findings, (int64_t)m.trial, m.text, err)
               : rc;
}

/* history_read() has taken them in; a search has to know when they came. */
static int take_trials(const struct ledger_replay *replay, const struct frame *frame,
                       struct error *err)
{
    struct record_trials m;
    int rc = record_trials_get(&m, frame->payload, frame->size, err);

    if (rc || !replay->steering)
        return rc;
    if (m.first < 1 || m.first + m.count - 1 > replay->ledger->list->trial_count)
        return no_such_trial((uint64_t)m.first, err);
    return steering_added(replay->steering, m.first, m.count, err);
}

static int take_fork(struct ledger_replay *replay, const struct frame *frame,
                     struct error *err)
{
    struct record_fork m;
    int rc = record_fork_get(&m, frame->payload, frame->size, err);
    if (rc)
        return rc;
    struct ledger_entry *entry = named(replay, m.trial);
    if (!entry)
        return no_such_trial(m.trial, err);
    entry->past.epochs = m.epoch;
    entry->checkpoint = m.ref;
    note_segment(&replay->last_checkpoint, m.ref);
    replay->seen[m.trial - 1] = replay->seen[m.parent - 1];
    named(replay, m.loser)->checkpoint = (struct segment_ref){0};
    rc = findings_fork(replay->findings, (int64_t)m.trial, (int64_t)m.parent, err);
    if (!rc && replay->steering &&
        steering_forked(replay->steering, (int64_t)m.trial, (int64_t)m.parent,
                        (int64_t)m.loser, m.epoch))
        rc = no_memory(err);
    return rc;
}

static int take_clock(const struct ledger_replay *replay, const struct frame *frame,
                      struct error *err)
{
    struct record_clock m;
    int rc = record_clock_get(&m, frame->payload, frame->size, err);

    if (!rc)
        replay->ledger->recorded = m;
    return rc;
}

int ledger_replay_visit(void *arg, const struct frame *frame, struct error *err)
{
    struct ledger_replay *replay = arg;

    switch (frame->type) {
    case RECORD_GRANT:
    case RECORD_OLD_GRANT:
        return take_grant(replay, frame, err);
    case RECORD_REPORT:
        return take_report(replay, frame, err);
    case RECORD_RESULT:
        return take_result(replay, frame, err);
    case RECORD_LEFT:
        return take_left(replay, frame, err);
    case RECORD_DROPPED:
        return take_dropped(replay, frame, err);
    case RECORD_FORK:
        return take_fork(replay, frame, err);
    case RECORD_CLOCK:
        return take_clock(replay, frame, err);
    case RECORD_JOB: /* history_read() has taken these in */
    case RECORD_CONFIG:
        return 0;
    case RECORD_END:
        findings_all_left(replay->findings, "released", now_of(replay));
        return 0;
    case RECORD_TRIALS:
        return take_trials(replay, frame, err);
    default:
        return error_set(err, ERR_INPUT,
                         "a record of type %d: written by a newer program",
                         frame->type);
    }
}

/* Outputs that were kept until now; where fewer are to be kept than before, the last
 * ones go. What is dropped does not depend on the order: the best stay. */
static int read_outputs(const struct ledger_replay *replay, int64_t trial,
                        struct error *err)
{
    struct ledger *ledger = replay->ledger;
    struct segment_ref ref = ledger->entries[trial - 1].outputs;
    struct result result = {.trial = (uint64_t)trial};
    struct findings_dropped dropped = {0};
    struct bytes *scratch = &ledger->scratch;

    scratch->size = 0;
    int rc = segments_hold(ledger->outputs, ref, err);
    if (!rc)
        rc = segments_read(ledger->outputs, ref, (uint64_t)trial, scratch, err);
    if (!rc)
        rc = record_outputs_get(&result, scratch->data, scratch->size, err);
    if (!rc)
        rc = findings_outputs(replay->findings, &result, &dropped, err);
    if (rc || !ledger->journal)
        return rc;
    return ledger_dropped(ledger, &dropped, err);
}

/* Whether the trial may need its checkpoint yet. */
static bool goes_on(const struct ledger *ledger, int64_t trial)
{
    const struct ledger_past *past = &ledger->entries[trial - 1].past;
    const struct trial_list_config *settings = ledger_config_of(ledger, trial);

    return past->state == TRIAL_QUEUED ||
           (past->state == TRIAL_DONE &&
            (settings->extendable || past->granted_epochs < settings->epochs));
}

int ledger_replay_end(struct ledger_replay *replay, struct error *err)
{
    struct ledger *ledger = replay->ledger;
    int rc = 0;

    if (replay->findings)
        findings_all_left(replay->findings, "lost", now_of(replay));
    segments_pass(ledger->checkpoints, replay->last_checkpoint);
    segments_pass(ledger->outputs, replay->last_output);
    for (int64_t trial = 1; !rc && trial <= ledger->list->trial_count; trial++) {
        struct ledger_entry *entry = &ledger->entries[trial - 1];
        if (!goes_on(ledger, trial))
            entry->checkpoint = (struct segment_ref){0};
        if (entry->past.state != TRIAL_DONE)
            entry->outputs = (struct segment_ref){0};
        if (entry->checkpoint.segment) /* one that is missing is said when it is read */
            segments_hold(ledger->checkpoints, entry->checkpoint, NULL);
        if (entry->outputs.segment)
            rc = read_outputs(replay, trial, err);
    }
    return rc;
}

static enum trial_state state_now(const struct ledger *ledger, int64_t trial,
                                  bool wanted, const struct steering *steering,
                                  struct findings *findings)
{
    const struct ledger_past *past = &ledger->entries[trial - 1].past;

    if (!wanted && past->state == TRIAL_QUEUED)
        return past->attempts > 0 ? TRIAL_STOPPED : TRIAL_UNWANTED;
    if (!wanted)
        return past->state;
    if (past->state == TRIAL_QUEUED || past->state == TRIAL_STOPPED)
        return steering_state(steering, trial); /* the job names it again */
    if (past->state != TRIAL_DONE ||
        past->granted_epochs >= ledger_config_of(ledger, trial)->epochs)
        return past->state;
    findings_reopen(findings, trial);
    return TRIAL_QUEUED;
}

/* Whether a scheduler has let it go on: the next decision is made when it has reported.
 */
static bool was_running(const struct ledger *ledger, const struct steering *steering,
                        int64_t trial, const struct trial_table *table)
{
    return steering_is_on(steering) &&
           trial_table_state(table, trial) == TRIAL_QUEUED &&
           (ledger->entries[trial - 1].past.attempts > 0 ||
            ledger->list->trials[trial - 1].parent > 0);
}

void ledger_restore(const struct ledger *ledger, const bool *wanted,
                    const struct steering *steering, struct findings *findings,
                    struct trial_table *table)
{
    for (int64_t trial = 1; trial <= ledger->list->trial_count; trial++) {
        const struct ledger_past *past = &ledger->entries[trial - 1].past;
        struct trial_restored restored = {
            .state = state_now(ledger, trial, wanted[trial - 1], steering, findings),
            .epochs = past->epochs,
            .lease = past->lease,
            .attempts = past->attempts,
            .losses = past->losses,
        };
        trial_table_restore(table, trial, &restored);
    }
    for (int64_t trial = ledger->list->trial_count; trial >= 1; trial--)
        if (was_running(ledger, steering, trial, table))
            trial_table_prefer(table, trial);
}

#include "coordinator/ledger_parts.h"

#include "coordinator/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t checkpoints_limit = 64 << 20, outputs_limit = 16 << 20;

static struct ledger_entry *entry_of(const struct ledger *ledger, int64_t trial)
{
    return &ledger->entries[trial - 1];
}

const struct trial_list_config *ledger_config_of(const struct ledger *ledger,
                                                 int64_t trial)
{
    return trial_list_config_of(ledger->list,
                                trial_list_parts(ledger->list, trial).config);
}

int ledger_open_segments(struct ledger *ledger, const char *run_dir, struct error *err)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/checkpoints", run_dir);
    int rc = segments_open(&ledger->checkpoints, path, checkpoints_limit, err);
    snprintf(path, sizeof path, "%s/outputs", run_dir);
    return rc ? rc : segments_open(&ledger->outputs, path, outputs_limit, err);
}

int ledger_new(struct ledger **out, const struct trial_list *list, struct error *err)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);

    if (!ledger)
        return error_set(err, ERR_MEMORY, "out of memory for the ledger");
    pthread_mutex_init(&ledger->lock, NULL);
    ledger->list = list;
    ledger->trials = list->trial_count;
    ledger->entries = calloc((size_t)ledger->trials + 1, sizeof *ledger->entries);
    if (!ledger->entries) {
        ledger_close(ledger);
        return error_set(err, ERR_MEMORY, "out of memory for %lld trials",
                         (long long)list->trial_count);
    }
    *out = ledger;
    return 0;
}

/* Under the lock: the publisher's thread may be looking for outputs. */
int ledger_grow(struct ledger *ledger, struct error *err)
{
    int64_t trials = ledger->list->trial_count;

    pthread_mutex_lock(&ledger->lock);
    struct ledger_entry *grown =
        realloc(ledger->entries, ((size_t)trials + 1) * sizeof *grown);
    if (grown) {
        memset(grown + ledger->trials, 0,
               (size_t)(trials - ledger->trials + 1) * sizeof *grown);
        ledger->entries = grown;
        ledger->trials = trials;
    }
    pthread_mutex_unlock(&ledger->lock);
    return grown ? 0 : error_set(err, ERR_MEMORY, "out of memory for more trials");
}

/* What there is, behind a new journal or without one. */
static int load(struct ledger **out, bool start, const char *run_dir,
                const struct trial_list *list, struct findings *findings,
                struct steering *steering, struct journal_end *end, struct error *err)
{
    struct ledger *ledger = NULL;
    int rc = ledger_new(&ledger, list, err);

    if (rc)
        return rc;
    struct ledger_replay replay;
    if (findings)
        findings_set_store(findings,
                           (struct findings_store){ledger_read_outputs, ledger});
    rc = ledger_replay_init(&replay, ledger, findings, err);
    replay.steering = steering;
    if (!rc && start)
        rc = committer_new(&ledger->committer, err);
    if (!rc && start)
        rc = journal_start(&ledger->journal, run_dir, ledger_replay_visit, &replay, end,
                           err);
    else if (!rc)
        rc = journal_read(run_dir, ledger_replay_visit, &replay, end, err);
    /* an older coordinator may have made segments until the new journal was there */
    if (!rc)
        rc = ledger_open_segments(ledger, run_dir, err);
    if (!rc)
        rc = ledger_replay_end(&replay, err);
    ledger_replay_clear(&replay);
    if (rc)
        ledger_close(ledger);
    else
        *out = ledger;
    return rc;
}

int ledger_open(struct ledger **out, const char *run_dir, const struct trial_list *list,
                struct findings *findings, struct steering *steering,
                struct journal_end *end, struct error *err)
{
    return load(out, true, run_dir, list, findings, steering, end, err);
}

int ledger_read(struct ledger **out, const char *run_dir, const struct trial_list *list,
                struct findings *findings, struct steering *steering,
                struct journal_end *end, struct error *err)
{
    return load(out, false, run_dir, list, findings, steering, end, err);
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    committer_free(ledger->committer); /* first: it may be writing the files */
    journal_close(ledger->journal);
    segments_close(ledger->checkpoints);
    segments_close(ledger->outputs);
    free(ledger->entries);
    bytes_clear(&ledger->scratch);
    digest_map_clear(&ledger->names);
    for (int i = 0; i < ledger->text_count; i++)
        free(ledger->texts[i]);
    free(ledger->texts);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

const char *ledger_numerics(const struct ledger *ledger) { return ledger->numerics; }

struct ledger_past ledger_past(const struct ledger *ledger, int64_t trial)
{
    return entry_of(ledger, trial)->past;
}

int ledger_appended(struct ledger *ledger, struct error *err)
{
    journal_append(ledger->journal);
    return journal_file(ledger->journal)->pending.failed
               ? error_set(err, ERR_MEMORY, "out of memory for the journal")
               : 0;
}

static int record_configs(struct ledger *ledger, const struct ledger_job *job,
                          struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < ledger->list->config_count; i++) {
        struct record_config m = {job->keys[i],
                                  trial_list_config_of(ledger->list, i + 1)->text};
        if (!job->changed[i])
            continue;
        record_config_put(journal_begin(ledger->journal, RECORD_CONFIG), &m);
        rc = ledger_appended(ledger, err);
    }
    return rc;
}

static int record_trials(struct ledger *ledger, int64_t first, struct error *err)
{
    int64_t count = ledger->list->trial_count;
    int rc = 0;

    for (int64_t at = first; !rc && at <= count; at += RECORD_BATCH) {
        int64_t left = count - at + 1;
        record_trials_put(journal_begin(ledger->journal, RECORD_TRIALS), at,
                          &ledger->list->trials[at - 1],
                          left < RECORD_BATCH ? (int)left : RECORD_BATCH);
        rc = ledger_appended(ledger, err);
    }
    return rc;
}

int ledger_added(struct ledger *ledger, struct digest key, int64_t first_new,
                 struct error *err)
{
    int config = trial_list_parts(ledger->list, first_new).config;
    struct record_config m = {key, trial_list_config_of(ledger->list, config)->text};

    record_config_put(journal_begin(ledger->journal, RECORD_CONFIG), &m);
    int rc = ledger_appended(ledger, err);
    return rc ? rc : record_trials(ledger, first_new, err);
}

/* A record of something that happens now; the time stands before it where the last one
 * that was recorded is older than this. */
static struct bytes *begin(struct ledger *ledger, enum record_type type)
{
    static const double grain_s = 0.1;

    /* also at a start, which has not run for long yet: else its first trials had begun
     * when the start before ended, or in 1970 */
    if (ledger->clock.ran_s >= ledger->recorded.ran_s + grain_s ||
        ledger->clock.unix_s >= ledger->recorded.unix_s + grain_s) {
        ledger->recorded = ledger->clock;
        record_clock_put(journal_begin(ledger->journal, RECORD_CLOCK), &ledger->clock);
        journal_append(ledger->journal);
    }
    return journal_begin(ledger->journal, type);
}

static void release(struct segments *segments, struct segment_ref *ref, uint64_t ticket)
{
    segments_release(segments, *ref, ticket);
    *ref = (struct segment_ref){0};
}

int ledger_forked(struct ledger *ledger, const struct ledger_fork *fork,
                  struct error *err)
{
    struct ledger_entry *parent = entry_of(ledger, fork->parent),
                        *entry = entry_of(ledger, fork->trial);
    struct bytes *scratch = &ledger->scratch;
    struct record_fork m = {
        .trial = (uint64_t)fork->trial,
        .parent = (uint64_t)fork->parent,
        .loser = (uint64_t)fork->loser,
        .epoch = fork->epoch,
        .config = {fork->key, ledger_config_of(ledger, fork->trial)->text},
        .entry = ledger->list->trials[fork->trial - 1],
    };

    scratch->size = 0;
    int rc = segments_read(ledger->checkpoints, parent->checkpoint,
                           (uint64_t)fork->parent, scratch, err);
    if (!rc)
        rc = segments_put(ledger->checkpoints, (uint64_t)fork->trial, scratch->data,
                          scratch->size, &m.ref, err);
    if (rc)
        return rc;
    record_fork_put(begin(ledger, RECORD_FORK), &m);
    rc = ledger_appended(ledger, err);
    entry->checkpoint = m.ref;
    entry->past.epochs = fork->epoch;
    release(ledger->checkpoints, &entry_of(ledger, fork->loser)->checkpoint,
            ledger_ticket(ledger));
    return rc;
}

int ledger_job(struct ledger *ledger, const struct ledger_job *job, struct error *err)
{
    record_job_put(journal_begin(ledger->journal, RECORD_JOB), job->encoder, job->tasks,
                   job->task_count, job->text);
    int rc = ledger_appended(ledger, err);
    if (!rc)
        rc = record_configs(ledger, job, err);
    return rc ? rc : record_trials(ledger, job->first_new, err);
}

double ledger_ran_s(const struct ledger *ledger) { return ledger->recorded.ran_s; }

void ledger_clock(struct ledger *ledger, double unix_s, double ran_s)
{
    ledger->clock = (struct record_clock){unix_s, ran_s};
}

int ledger_grant(struct ledger *ledger, struct trial_lease lease, int epochs,
                 const struct findings_grant *grant, struct error *err)
{
    struct record_grant m = {(uint64_t)lease.trial,   lease.lease, epochs,
                             (uint32_t)grant->worker, grant->host, grant->numerics};

    record_grant_put(begin(ledger, RECORD_GRANT), &m);
    return ledger_appended(ledger, err);
}

int ledger_report(struct ledger *ledger, const struct report *report, struct error *err)
{
    struct ledger_entry *entry = entry_of(ledger, (int64_t)report->trial);
    struct record_report m = {.report = *report};
    int rc = segments_put(ledger->checkpoints, report->trial, report->checkpoint,
                          report->checkpoint_size, &m.ref, err);

    if (rc)
        return rc;
    record_report_put(begin(ledger, RECORD_REPORT), &m);
    rc = ledger_appended(ledger, err);
    segments_release(ledger->checkpoints, entry->checkpoint, ledger_ticket(ledger));
    entry->checkpoint = m.ref;
    return rc;
}

static int put_outputs(struct ledger *ledger, const struct result *result,
                       struct segment_ref *ref, struct error *err)
{
    struct bytes *scratch = &ledger->scratch;

    scratch->size = 0;
    record_outputs_put(scratch, result);
    if (scratch->failed)
        return error_set(err, ERR_MEMORY, "out of memory for a result");
    return segments_put(ledger->outputs, result->trial, scratch->data, scratch->size,
                        ref, err);
}

static void set_outputs(struct ledger *ledger, struct ledger_entry *entry,
                        struct segment_ref ref, uint64_t ticket)
{
    segments_release(ledger->outputs, entry->outputs, ticket);
    pthread_mutex_lock(&ledger->lock);
    entry->outputs = ref;
    pthread_mutex_unlock(&ledger->lock);
}

static struct segment_ref outputs_of(struct ledger *ledger, int64_t trial)
{
    pthread_mutex_lock(&ledger->lock);
    struct segment_ref ref = entry_of(ledger, trial)->outputs;
    pthread_mutex_unlock(&ledger->lock);
    return ref;
}

/* Where they are let go meanwhile, their segment may be too. */
int ledger_read_outputs(void *arg, int64_t trial, struct bytes *scratch,
                        struct result *out, struct error *err)
{
    struct ledger *ledger = arg;
    struct segment_ref ref = outputs_of(ledger, trial);

    if (ref.segment == 0)
        return 1;
    int rc =
        segments_read_committed(ledger->outputs, ref, (uint64_t)trial, scratch, err);
    if (rc && outputs_of(ledger, trial).segment == 0)
        return 1;
    return rc ? rc : record_outputs_get(out, scratch->data, scratch->size, err);
}

int ledger_dropped(struct ledger *ledger, const struct findings_dropped *dropped,
                   struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < dropped->count; i++) {
        struct ledger_entry *entry = entry_of(ledger, dropped->trials[i]);
        struct record_dropped m = {(uint64_t)dropped->trials[i]};
        if (entry->outputs.segment == 0)
            continue; /* a result that was never among those to keep */
        record_dropped_put(journal_begin(ledger->journal, RECORD_DROPPED), &m);
        rc = ledger_appended(ledger, err);
        set_outputs(ledger, entry, (struct segment_ref){0}, ledger_ticket(ledger));
    }
    return rc;
}

static bool keeps_itself(const struct result *result,
                         const struct findings_dropped *dropped)
{
    for (int i = 0; i < dropped->count; i++)
        if (dropped->trials[i] == (int64_t)result->trial)
            return false;
    return true;
}

int ledger_result(struct ledger *ledger, const struct result *result,
                  const struct findings_dropped *dropped, struct error *err)
{
    struct ledger_entry *entry = entry_of(ledger, (int64_t)result->trial);
    struct record_result m = {.result = *result};
    int rc =
        keeps_itself(result, dropped) ? put_outputs(ledger, result, &m.ref, err) : 0;

    if (rc)
        return rc;
    record_result_put(begin(ledger, RECORD_RESULT), &m);
    rc = ledger_appended(ledger, err);
    uint64_t ticket = ledger_ticket(ledger);
    set_outputs(ledger, entry, m.ref, ticket); /* those before: of fewer epochs */
    if (!ledger_config_of(ledger, (int64_t)result->trial)->extendable)
        release(ledger->checkpoints, &entry->checkpoint, ticket);
    return rc ? rc : ledger_dropped(ledger, dropped, err);
}

int ledger_left(struct ledger *ledger, int64_t trial, uint32_t lease,
                enum trial_state state, int losses, const char *text, struct error *err)
{
    struct record_left m = {
        (uint64_t)trial, lease, (uint8_t)state, (uint16_t)losses, text,
    };

    record_left_put(begin(ledger, RECORD_LEFT), &m);
    int rc = ledger_appended(ledger, err);
    if (state != TRIAL_QUEUED)
        release(ledger->checkpoints, &entry_of(ledger, trial)->checkpoint,
                ledger_ticket(ledger));
    return rc;
}

int ledger_retry(struct ledger *ledger, const bool *wanted, int64_t *count,
                 struct error *err)
{
    int rc = 0;

    *count = 0;
    for (int64_t trial = 1; !rc && trial <= ledger->list->trial_count; trial++) {
        struct ledger_past *past = &entry_of(ledger, trial)->past;
        if (!wanted[trial - 1] ||
            (past->state != TRIAL_FAILED && past->state != TRIAL_GIVEN_UP))
            continue;
        past->state = TRIAL_QUEUED;
        past->losses = 0;
        rc = ledger_left(ledger, trial, past->lease, TRIAL_QUEUED, 0, "", err);
        ++*count;
    }
    return rc;
}

int ledger_end(struct ledger *ledger, int exit_code, int64_t done, int64_t given_up,
               int64_t left, struct error *err)
{
    struct record_end m = {exit_code, done, given_up, left};

    record_end_put(begin(ledger, RECORD_END), &m);
    return ledger_appended(ledger, err);
}

int ledger_checkpoint(struct ledger *ledger, int64_t trial, struct bytes *out,
                      struct error *err)
{
    struct segment_ref ref = entry_of(ledger, trial)->checkpoint;

    return ref.segment == 0
               ? 0
               : segments_read(ledger->checkpoints, ref, (uint64_t)trial, out, err);
}

int ledger_try_checkpoints(struct ledger *ledger, int64_t *count, struct error *err)
{
    int rc = 0;

    *count = 0;
    for (int64_t trial = 1; !rc && trial <= ledger->list->trial_count; trial++) {
        if (entry_of(ledger, trial)->checkpoint.segment == 0)
            continue;
        ledger->scratch.size = 0;
        rc = ledger_checkpoint(ledger, trial, &ledger->scratch, err);
        ++*count;
    }
    return rc;
}

uint64_t ledger_ticket(const struct ledger *ledger)
{
    return journal_ticket(ledger->journal);
}

uint64_t ledger_committed(const struct ledger *ledger) { return ledger->committed; }

int ledger_check(const struct ledger *ledger, struct error *err)
{
    return journal_check(ledger->journal, err);
}

/* What the journal names comes before it. */
static void start_commit(struct ledger *ledger)
{
    struct append_file *files[COMMITTER_FILES];

    if (committer_busy(ledger->committer) ||
        journal_file(ledger->journal)->pending.size == 0)
        return;
    int count = segments_files(ledger->checkpoints, files);
    count += segments_files(ledger->outputs, files + count);
    files[count++] = journal_file(ledger->journal);
    ledger->target = ledger_ticket(ledger);
    committer_start(ledger->committer, files, count);
}

/* A commit has landed on the disk; it counts if no other coordinator has started. */
static int landed(struct ledger *ledger, struct error *err)
{
    int rc = journal_check(ledger->journal, err);

    if (rc)
        return rc;
    ledger->committed = ledger->target;
    rc = segments_tidy(ledger->checkpoints, ledger->committed, err);
    if (!rc)
        rc = segments_tidy(ledger->outputs, ledger->committed, err);
    return rc ? rc : 1;
}

int ledger_turn(struct ledger *ledger, struct error *err)
{
    int rc = committer_poll(ledger->committer, err);

    if (rc == 1)
        rc = landed(ledger, err);
    if (rc >= 0)
        start_commit(ledger);
    return rc;
}

int ledger_flush(struct ledger *ledger, struct error *err)
{
    int rc = 0;

    do {
        start_commit(ledger);
        rc = committer_wait(ledger->committer, err);
        if (rc == 1)
            rc = landed(ledger, err);
    } while (rc >= 0 && ledger->committed < ledger_ticket(ledger));
    return rc < 0 ? rc : 0;
}

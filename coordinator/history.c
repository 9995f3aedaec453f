#include "coordinator/history.h"

#include "coordinator/records.h"
#include "jobs/settings_table.h"

#include <stdlib.h>
#include <string.h>

static void clear_job(struct history *history)
{
    for (int i = 0; i < history->tasks; i++)
        free(history->names[i]);
    free(history->names);
    free(history->digests);
    free(history->job);
    history->names = NULL;
    history->digests = NULL;
    history->job = NULL;
    history->tasks = 0;
}

/* All of it or, without memory, nothing more than to clear. */
static int copy_job(struct history *history, const struct record_job *m)
{
    size_t n = (size_t)m->tasks;
    struct record_task *tasks = calloc(n, sizeof *tasks);

    history->names = calloc(n, sizeof *history->names);
    history->digests = calloc(n, sizeof *history->digests);
    history->job = strdup(m->text);
    history->encoder = m->encoder;
    bool whole = tasks && history->names && history->digests && history->job;
    if (whole) {
        record_job_tasks(m, tasks);
        history->tasks = m->tasks;
    }
    for (int i = 0; i < history->tasks; i++) {
        history->names[i] = strdup(tasks[i].name);
        history->digests[i] = tasks[i].digest;
        whole = whole && history->names[i];
    }
    free(tasks);
    return whole ? 0 : ERR_MEMORY;
}

static int take_job(struct history *history, const struct frame *frame,
                    struct error *err)
{
    struct record_job m;
    int rc = record_job_get(&m, frame->payload, frame->size, err);

    if (rc)
        return rc;
    clear_job(history);
    return copy_job(history, &m) ? error_set(err, ERR_MEMORY, "out of memory for a job")
                                 : 0;
}

static int take_config(struct history *history, const struct frame *frame,
                       struct error *err)
{
    struct record_config m;
    struct settings settings;
    int number;
    bool added;
    int rc = record_config_get(&m, frame->payload, frame->size, err);

    if (!rc)
        rc = settings_parse(&settings, m.settings, err);
    return rc ? rc
              : trial_list_config(&history->list, m.key, &settings, &number, &added,
                                  err);
}

static int take_trials(struct history *history, const struct frame *frame,
                       struct error *err)
{
    struct record_trials m;
    int rc = record_trials_get(&m, frame->payload, frame->size, err);

    if (!rc && m.first != history->list.trial_count + 1)
        return error_set(err, ERR_INPUT, "trials from %lld on, behind %lld",
                         (long long)m.first, (long long)history->list.trial_count);
    for (int i = 0; !rc && i < m.count; i++) {
        struct trial_list_entry entry = record_trials_entry(&m, i);
        int64_t number;
        bool added;
        if (entry.parts.config > history->list.config_count ||
            entry.parts.task >= history->tasks)
            return error_set(err, ERR_INPUT,
                             "a trial of a configuration or task that is not there");
        rc = trial_list_trial(&history->list, &entry, &number, &added, err);
        if (!rc && !added)
            rc = error_set(err, ERR_INPUT, "trial %lld comes twice", (long long)number);
    }
    return rc;
}

/* A trial that is forked off is recorded as a whole. */
static int take_fork(struct history *history, const struct frame *frame,
                     struct error *err)
{
    struct record_fork m;
    struct settings settings;
    int64_t number;
    bool added;
    int rc = record_fork_get(&m, frame->payload, frame->size, err);

    if (!rc)
        rc = settings_parse(&settings, m.config.settings, err);
    if (!rc)
        rc = trial_list_config(&history->list, m.config.key, &settings,
                               &m.entry.parts.config, &added, err);
    if (!rc && (m.entry.parts.task >= history->tasks ||
                m.trial != (uint64_t)history->list.trial_count + 1))
        rc = error_set(err, ERR_INPUT, "a fork that is no new trial of the job");
    if (rc)
        return rc;
    m.entry.parent = (int32_t)m.parent;
    rc = trial_list_trial(&history->list, &m.entry, &number, &added, err);
    return rc || added
               ? rc
               : error_set(err, ERR_INPUT, "trial %lld comes twice", (long long)number);
}

int history_take(struct history *history, const struct frame *frame, struct error *err)
{
    switch (frame->type) {
    case RECORD_JOB:
        return take_job(history, frame, err);
    case RECORD_OLD_CONFIG:
        return error_set(err, ERR_INPUT,
                         "the journal has configurations as programs before 0.1.0 "
                         "recorded them; run the job in another directory");
    case RECORD_CONFIG:
        return take_config(history, frame, err);
    case RECORD_TRIALS:
        return take_trials(history, frame, err);
    case RECORD_FORK:
        return take_fork(history, frame, err);
    default:
        return 0;
    }
}

static int visit(void *arg, const struct frame *frame, struct error *err)
{
    return history_take(arg, frame, err);
}

int history_read(struct history *out, const char *run_dir, struct error *err)
{
    *out = (struct history){0};
    int rc = journal_read(run_dir, visit, out, &out->end, err);

    if (rc)
        history_clear(out);
    return rc;
}

void history_clear(struct history *history)
{
    clear_job(history);
    trial_list_clear(&history->list);
    *history = (struct history){0};
}

#include "coordinator/history.h"

#include "coordinator/records.h"
#include "jobs/settings_table.h"

#include <stdlib.h>
#include <string.h>

static int take_job(struct history *history, const struct frame *frame,
                    struct error *err)
{
    struct record_job m;
    int rc = record_job_get(&m, frame->payload, frame->size, err);

    if (rc)
        return rc;
    char *job = strdup(m.text);
    struct digest *datasets = calloc((size_t)m.tasks, sizeof *datasets);
    if (!job || !datasets) {
        free(job);
        free(datasets);
        return error_set(err, ERR_MEMORY, "out of memory for a job");
    }
    for (int i = 0; i < m.tasks; i++)
        datasets[i] = record_job_dataset(&m, i);
    free(history->job);
    free(history->datasets);
    history->job = job;
    history->datasets = datasets;
    history->tasks = m.tasks;
    history->encoder = m.encoder;
    return 0;
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

static int visit(void *arg, const struct frame *frame, struct error *err)
{
    switch (frame->type) {
    case RECORD_JOB:
        return take_job(arg, frame, err);
    case RECORD_CONFIG:
        return take_config(arg, frame, err);
    case RECORD_TRIALS:
        return take_trials(arg, frame, err);
    default:
        return 0; /* what the trials did is not needed here */
    }
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
    free(history->job);
    free(history->datasets);
    trial_list_clear(&history->list);
    *history = (struct history){0};
}

/* What messages leave behind. It becomes tables for a snapshot only. */
#include "coordinator/findings_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct entry *findings_entry(const struct findings *findings, int64_t trial)
{
    return &findings->entries[trial - 1];
}

void findings_free(struct findings *findings)
{
    if (!findings)
        return;
    int64_t trials = findings->entries ? findings->trials : 0;
    for (int64_t i = 0; i < trials; i++) {
        struct entry *entry = &findings->entries[i];
        free(entry->epochs.rows);
        free(entry->test);
        free(entry->error);
        free(entry->kept);
    }
    for (int i = 0; findings->leaders && i < findings->tasks; i++)
        leaders_clear(&findings->leaders[i]);
    free(findings->leaders);
    free(findings->leases.rows);
    free(findings->entries);
    free(findings->retired);
    free(findings);
}

int findings_new(struct findings **out, const struct findings_job *job,
                 struct error *err)
{
    struct findings *f = calloc(1, sizeof *f);
    if (!f)
        return error_set(err, ERR_MEMORY, "out of memory for the findings");
    f->job = *job;
    f->tasks = job->spec->task_count;
    f->trials = job->list->trial_count;
    f->configs = job->list->config_count;
    f->entries = calloc((size_t)f->trials + 1, sizeof *f->entries);
    f->leaders = calloc((size_t)f->tasks, sizeof *f->leaders);
    int rc = f->entries && f->leaders ? 0 : ERR_MEMORY;
    for (int i = 0; !rc && i < f->tasks; i++)
        rc = leaders_init(&f->leaders[i], job->spec->output.keep,
                          job->list->config_count);
    if (rc) {
        findings_free(f);
        return error_set(err, ERR_MEMORY, "out of memory for %lld trials",
                         (long long)job->list->trial_count);
    }
    for (int64_t i = 0; i < job->list->trial_count; i++)
        f->entries[i] = (struct entry){.best = -1, .rung = -1};
    *out = f;
    return 0;
}

int findings_grow(struct findings *findings, struct error *err)
{
    int64_t trials = findings->job.list->trial_count;
    int configs = findings->job.list->config_count;
    struct entry *entries =
        realloc(findings->entries, ((size_t)trials + 1) * sizeof *entries);
    int rc = entries ? 0 : ERR_MEMORY;
    if (entries)
        findings->entries = entries;
    for (int i = 0; !rc && i < findings->tasks; i++)
        rc = leaders_grow(&findings->leaders[i], findings->configs, configs);
    if (rc)
        return error_set(err, rc, "out of memory for the findings");
    for (int64_t i = findings->trials; i < trials; i++)
        entries[i] = (struct entry){.best = -1, .rung = -1};
    findings->trials = trials;
    findings->configs = configs;
    return 0;
}

int findings_failure(struct findings *findings, int64_t trial, const char *text,
                     struct error *err)
{
    struct entry *entry = findings_entry(findings, trial);
    char *copy = strdup(text);

    if (!copy)
        return error_set(err, ERR_MEMORY, "out of memory for what trial %lld failed of",
                         (long long)trial);
    findings_retire(findings, entry->error);
    entry->error = copy;
    return 0;
}

bool findings_better(double a, double b) { return a > b || (!isnan(a) && isnan(b)); }

int findings_task_of(const struct findings *findings, int64_t trial)
{
    return trial_list_parts(findings->job.list, trial).task;
}

int findings_metrics_of(const struct findings *findings, int64_t trial)
{
    return findings->job.spec->tasks[findings_task_of(findings, trial)].metric_count;
}

const struct epoch *findings_best_epoch(const struct findings *findings, int64_t trial)
{
    const struct entry *entry = findings_entry(findings, trial);
    return entry->best < 0
               ? NULL
               : epochs_at(&entry->epochs, findings_metrics_of(findings, trial),
                           entry->best);
}

double findings_score(const struct findings *findings, int64_t trial)
{
    const struct epoch *best = findings_best_epoch(findings, trial);
    return best ? best->score : NAN;
}

static void find_best_epoch(struct entry *entry, int metrics)
{
    const struct epochs *epochs = &entry->epochs;
    entry->best = epochs->count > 0 ? 0 : -1;
    for (int i = 1; i < epochs->count; i++)
        if (findings_better(epochs_at(epochs, metrics, i)->score,
                            epochs_at(epochs, metrics, entry->best)->score))
            entry->best = i;
}

/* After the one that was best has lost its best report. */
static int64_t find_best_trial(const struct findings *findings, int task)
{
    int64_t best = 0;
    for (int64_t i = 1; i <= findings->trials; i++)
        if (findings_task_of(findings, i) == task &&
            findings_better(findings_score(findings, i),
                            best ? findings_score(findings, best) : NAN))
            best = i;
    return best;
}

static int likely_epochs(const struct findings *findings, int64_t trial)
{
    int config = trial_list_parts(findings->job.list, trial).config;
    return trial_list_config_of(findings->job.list, config)->epochs;
}

/* Takes the place of what was reported at this step and later. */
static int add_epoch(struct findings *findings, const struct report *report)
{
    int64_t trial = (int64_t)report->trial;
    struct entry *entry = findings_entry(findings, trial);
    int metrics = report->metric_count;
    void *old;
    bool again = epochs_cut(&entry->epochs, metrics, report->step);
    int rc = epochs_reserve(&entry->epochs, metrics, likely_epochs(findings, trial),
                            again && findings->viewed, &old);
    if (!rc) {
        findings_retire(findings, old);
        epochs_add(&entry->epochs, report);
    }
    if (again)
        find_best_epoch(entry, metrics);
    else if (!rc && (entry->best < 0 ||
                     findings_better(report->score, findings_score(findings, trial))))
        entry->best = entry->epochs.count - 1;
    return rc;
}

static int check_report(const struct findings *findings, const struct report *report,
                        struct error *err)
{
    const struct task *task =
        &findings->job.spec->tasks[findings_task_of(findings, (int64_t)report->trial)];
    if (report->metric_count != task->metric_count)
        return error_set(err, ERR_PROTOCOL, "REPORT with %d metrics for task %s",
                         report->metric_count, task->name);
    if (report->step < 0 || report->step > INT32_MAX)
        return error_set(err, ERR_PROTOCOL, "REPORT at step %lld",
                         (long long)report->step);
    return 0;
}

int findings_report(struct findings *findings, const struct report *report,
                    struct error *err)
{
    int64_t trial = (int64_t)report->trial;
    int rc = check_report(findings, report, err);
    if (rc)
        return rc;
    struct entry *entry = findings_entry(findings, trial);
    int task = findings_task_of(findings, trial);
    int64_t *best = &findings->leaders[task].best;
    double before = findings_score(findings, trial);
    if (add_epoch(findings, report))
        return error_set(err, ERR_MEMORY, "out of memory for a report");
    entry->seconds = report->seconds;
    entry->tokens = report->tokens;
    double score = findings_score(findings, trial);
    if (*best == trial && findings_better(before, score))
        *best = find_best_trial(findings, task);
    else if (findings_better(score, findings_best(findings, task)))
        *best = trial;
    return 0;
}

void findings_set_store(struct findings *findings, struct findings_store store)
{
    findings->store = store;
}

struct kept *findings_copy_outputs(const struct result *result)
{
    size_t floats = result->values.count;
    for (int i = 0; i < result->split_count; i++)
        floats += result->splits[i].logits.count;
    struct kept *kept = malloc(sizeof *kept + floats * sizeof(float));
    if (!kept)
        return NULL;
    kept->count = (int64_t)result->values.count;
    kept->splits = result->split_count;
    message_floats_copy(kept->values, result->values);
    float *at = kept->values + result->values.count;
    for (int i = 0; i < result->split_count; i++) {
        const struct result_split *from = &result->splits[i];
        kept->split[i] = (struct kept_split){from->split, from->rows, from->labels, at};
        message_floats_copy(at, from->logits);
        at += from->logits.count;
    }
    return kept;
}

void findings_reopen(struct findings *findings, int64_t trial)
{
    struct entry *entry = findings_entry(findings, trial);
    leaders_remove(findings, trial);
    findings_retire(findings, entry->kept);
    findings_retire(findings, entry->test);
    entry->kept = NULL;
    entry->test = NULL;
}

/* Outputs of the task's own rows: the labels that stand beside them are ours. */
static int check_outputs(const struct findings *findings, const struct result *result,
                         struct error *err)
{
    int task = findings_task_of(findings, (int64_t)result->trial);
    const struct findings_task *data = &findings->job.tasks[task];

    for (int i = 0; i < result->split_count; i++) {
        const struct result_split *s = &result->splits[i];

        if (s->split == SPLIT_TRAIN || s->rows != data->rows[s->split] ||
            s->labels != data->labels)
            return error_set(err, ERR_PROTOCOL,
                             "RESULT with %u rows of %d outputs for %s, which has %lld "
                             "of %d",
                             s->rows, s->labels, split_names[s->split],
                             (long long)data->rows[s->split], data->labels);
    }
    return 0;
}

/* The epoch that the worker chose must be the one that the reports say. */
static int check_result(const struct findings *findings, const struct result *result,
                        struct error *err)
{
    const struct epoch *best = findings_best_epoch(findings, (int64_t)result->trial);
    const struct task *task =
        &findings->job.spec->tasks[findings_task_of(findings, (int64_t)result->trial)];
    if (!best || best->epoch != result->best_epoch || best->step != result->best_step)
        return error_set(
            err, ERR_PROTOCOL,
            "RESULT of epoch %d, step %lld, which is not the best reported",
            (int)result->best_epoch, (long long)result->best_step);
    if (result->test_metric_count != 0 &&
        result->test_metric_count != task->metric_count)
        return error_set(err, ERR_PROTOCOL, "RESULT with %d metrics for task %s",
                         result->test_metric_count, task->name);
    return check_outputs(findings, result, err);
}

static int keep_outputs(struct findings *findings, const struct result *result,
                        struct error *err)
{
    struct entry *entry = findings_entry(findings, (int64_t)result->trial);
    struct kept *kept = findings_copy_outputs(result);
    if (!kept)
        return error_set(err, ERR_MEMORY, "out of memory for a result");
    findings_retire(findings, entry->kept);
    entry->kept = kept;
    return 0;
}

static int keep_test(struct findings *findings, const struct result *result,
                     struct error *err)
{
    struct entry *entry = findings_entry(findings, (int64_t)result->trial);
    size_t size = result->test_metric_count * sizeof *entry->test;
    double *test = size > 0 ? malloc(size) : NULL;
    if (size > 0 && !test)
        return error_set(err, ERR_MEMORY, "out of memory for a result");
    if (test)
        memcpy(test, result->test_metrics, size);
    findings_retire(findings, entry->test);
    entry->test = test;
    return 0;
}

int findings_result(struct findings *findings, const struct result *result,
                    struct findings_dropped *dropped, struct error *err)
{
    int64_t trial = (int64_t)result->trial;
    struct entry *entry = findings_entry(findings, trial);
    dropped->count = 0;
    int rc = check_result(findings, result, err);
    if (!rc)
        rc = keep_test(findings, result, err);
    if (!rc && result->values.count > 0)
        rc = keep_outputs(findings, result, err);
    if (rc)
        return rc;
    findings_retire(findings, entry->error); /* of an attempt before */
    entry->error = NULL;
    entry->seconds = result->seconds;
    entry->tokens = result->tokens;
    if (result->values.count > 0)
        leaders_add(findings, trial, dropped);
    return 0;
}

int findings_outputs(struct findings *findings, const struct result *result,
                     struct findings_dropped *dropped, struct error *err)
{
    dropped->count = 0;
    int rc = check_outputs(findings, result, err);
    if (!rc)
        rc = keep_outputs(findings, result, err);
    if (!rc)
        leaders_add(findings, (int64_t)result->trial, dropped);
    return rc;
}

double findings_best(const struct findings *findings, int task)
{
    int64_t best = findings->leaders[task].best;
    return best ? findings_score(findings, best) : NAN;
}

double findings_epoch_s(const struct findings *findings, int64_t trial)
{
    const struct entry *entry = findings_entry(findings, trial);
    const struct epoch *last =
        epochs_last(&entry->epochs, findings_metrics_of(findings, trial));

    return last && last->epoch > 0 ? last->seconds / last->epoch : 0;
}

int findings_fork(struct findings *findings, int64_t trial, int64_t parent,
                  struct error *err)
{
    const struct entry *from = findings_entry(findings, parent);
    struct entry *entry = findings_entry(findings, trial);
    int metrics = findings_metrics_of(findings, trial);

    if (epochs_copy(&entry->epochs, &from->epochs, metrics,
                    likely_epochs(findings, trial)))
        return error_set(err, ERR_MEMORY, "out of memory for a fork");
    entry->best = from->best;
    entry->seconds = from->seconds;
    entry->tokens = from->tokens;
    return 0;
}

/* What messages leave behind. It becomes tables for a snapshot only. */
#include "coordinator/findings_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct entry *findings_entry(const struct findings *findings, int64_t trial)
{
    return &findings->entries[trial - 1];
}

static void kept_free(struct kept *kept)
{
    if (!kept)
        return;
    for (int i = 0; i < kept->splits; i++)
        free(kept->split[i].logits);
    free(kept->values);
    free(kept);
}

void findings_free(struct findings *findings)
{
    if (!findings)
        return;
    int64_t trials = findings->entries ? findings->job.list->trial_count : 0;
    for (int64_t i = 0; i < trials; i++) {
        struct entry *entry = &findings->entries[i];
        free(entry->epochs);
        free(entry->error);
        kept_free(entry->kept);
    }
    for (int i = 0; findings->leaders && i < findings->tasks; i++) {
        free(findings->leaders[i].top);
        free(findings->leaders[i].of_config);
    }
    free(findings->leaders);
    free(findings->entries);
    free(findings);
}

static int leaders_init(struct leaders *leaders, int keep, int configs)
{
    leaders->best = NAN;
    leaders->top = calloc((size_t)keep + 1, sizeof *leaders->top);
    leaders->of_config = calloc((size_t)configs + 1, sizeof *leaders->of_config);
    return leaders->top && leaders->of_config ? 0 : ERR_MEMORY;
}

int findings_new(struct findings **out, const struct findings_job *job,
                 struct error *err)
{
    struct findings *f = calloc(1, sizeof *f);
    if (!f)
        return error_set(err, ERR_MEMORY, "out of memory for the findings");
    f->job = *job;
    f->tasks = job->spec->task_count;
    f->entries = calloc((size_t)job->list->trial_count, sizeof *f->entries);
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
        f->entries[i].best = -1;
    *out = f;
    return 0;
}

void findings_begun(struct findings *findings, int64_t trial, const char *host,
                    const char *numerics)
{
    findings_entry(findings, trial)->host = host;
    findings_entry(findings, trial)->numerics = numerics;
}

void findings_failure(struct findings *findings, int64_t trial, const char *text)
{
    struct entry *entry = findings_entry(findings, trial);
    free(entry->error);
    entry->error = strdup(text);
}

bool findings_better(double a, double b) { return a > b || (!isnan(a) && isnan(b)); }

double findings_score(const struct findings *findings, int64_t trial)
{
    const struct entry *entry = findings_entry(findings, trial);
    return entry->best < 0 ? NAN : entry->epochs[entry->best].score;
}

static void find_best(struct entry *entry)
{
    entry->best = entry->epoch_count > 0 ? 0 : -1;
    for (int i = 1; i < entry->epoch_count; i++)
        if (findings_better(entry->epochs[i].score, entry->epochs[entry->best].score))
            entry->best = i;
}

int findings_task_of(const struct findings *findings, int64_t trial)
{
    return trial_list_parts(findings->job.list, trial).task;
}

/* Takes away what a report at this step replaces. */
static void cut_epochs(struct entry *entry, int64_t step)
{
    int before = entry->epoch_count;
    while (entry->epoch_count > 0 && entry->epochs[entry->epoch_count - 1].step >= step)
        entry->epoch_count--;
    if (entry->epoch_count < before)
        find_best(entry);
}

static int add_epoch(struct entry *entry, const struct report *report)
{
    cut_epochs(entry, report->step);
    if (entry->epoch_count == entry->epoch_capacity) {
        int capacity = 2 * entry->epoch_capacity + 4;
        struct report *grown = realloc(entry->epochs, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        entry->epochs = grown;
        entry->epoch_capacity = capacity;
    }
    struct report *kept = &entry->epochs[entry->epoch_count++];
    *kept = *report;
    kept->checkpoint = NULL;
    kept->checkpoint_size = 0;
    if (entry->best < 0 ||
        findings_better(kept->score, entry->epochs[entry->best].score))
        entry->best = entry->epoch_count - 1;
    return 0;
}

int findings_report(struct findings *findings, const struct report *report,
                    struct error *err)
{
    int64_t trial = (int64_t)report->trial;
    int task = findings_task_of(findings, trial);
    if (report->metric_count != findings->job.spec->tasks[task].metric_count)
        return error_set(err, ERR_PROTOCOL, "REPORT with %d metrics for task %s",
                         report->metric_count, findings->job.spec->tasks[task].name);
    struct entry *entry = findings_entry(findings, trial);
    if (add_epoch(entry, report))
        return error_set(err, ERR_MEMORY, "out of memory for a report");
    entry->seconds = report->seconds;
    entry->tokens = report->tokens;
    if (findings_better(findings_score(findings, trial), findings->leaders[task].best))
        findings->leaders[task].best = findings_score(findings, trial);
    return 0;
}

/* Floats of a message; NULL when out of memory. */
static float *copy_floats(struct message_floats floats)
{
    float *copy = malloc((floats.count + 1) * sizeof *copy);
    if (copy)
        message_floats_copy(copy, floats);
    return copy;
}

static struct kept *copy_result(const struct result *result)
{
    struct kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return NULL;
    kept->count = (int64_t)result->values.count;
    kept->values = copy_floats(result->values);
    bool whole = kept->values != NULL;
    for (int i = 0; whole && i < result->split_count; i++) {
        const struct result_split *from = &result->splits[i];
        struct kept_split *to = &kept->split[kept->splits++];
        *to = (struct kept_split){from->split, from->rows, from->labels,
                                  copy_floats(from->logits)};
        whole = to->logits != NULL;
    }
    if (whole)
        return kept;
    kept_free(kept);
    return NULL;
}

static bool is_leader(const struct findings *findings, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    const struct leaders *leaders = &findings->leaders[parts.task];
    for (int i = 0; i < leaders->top_count; i++)
        if (leaders->top[i] == trial)
            return true;
    return leaders->of_config[parts.config] == trial;
}

static void let_go(struct findings *findings, int64_t trial,
                   struct findings_dropped *dropped)
{
    if (trial == 0 || is_leader(findings, trial))
        return;
    for (int i = 0; i < dropped->count; i++)
        if (dropped->trials[i] == trial)
            return;
    kept_free(findings_entry(findings, trial)->kept);
    findings_entry(findings, trial)->kept = NULL;
    dropped->trials[dropped->count++] = trial;
}

/* Higher score, then lower number: the order in which trials arrive does not matter. */
static bool leads(const struct findings *findings, int64_t a, int64_t b)
{
    double sa = findings_score(findings, a), sb = findings_score(findings, b);
    return findings_better(sa, sb) || (!findings_better(sb, sa) && a < b);
}

static void update_leaders(struct findings *findings, int64_t trial,
                           struct findings_dropped *dropped)
{
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    struct leaders *leaders = &findings->leaders[parts.task];
    int keep = findings->job.spec->output.keep;
    int64_t beaten = leaders->of_config[parts.config], last = 0;
    if (beaten == 0 || leads(findings, trial, beaten))
        leaders->of_config[parts.config] = trial;
    int at = leaders->top_count++;
    for (; at > 0 && leads(findings, trial, leaders->top[at - 1]); at--)
        leaders->top[at] = leaders->top[at - 1];
    leaders->top[at] = trial;
    if (leaders->top_count > keep)
        last = leaders->top[--leaders->top_count];
    let_go(findings, beaten, dropped);
    let_go(findings, last, dropped);
    let_go(findings, trial, dropped);
}

void findings_reopen(struct findings *findings, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    struct leaders *leaders = &findings->leaders[parts.task];
    int kept = 0;
    for (int i = 0; i < leaders->top_count; i++)
        if (leaders->top[i] != trial)
            leaders->top[kept++] = leaders->top[i];
    leaders->top_count = kept;
    if (leaders->of_config[parts.config] == trial)
        leaders->of_config[parts.config] = 0;
    kept_free(findings_entry(findings, trial)->kept);
    findings_entry(findings, trial)->kept = NULL;
    findings_entry(findings, trial)->test_count = 0;
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
    const struct entry *entry = findings_entry(findings, (int64_t)result->trial);
    const struct task *task =
        &findings->job.spec->tasks[findings_task_of(findings, (int64_t)result->trial)];
    if (entry->best < 0 || entry->epochs[entry->best].epoch != result->best_epoch ||
        entry->epochs[entry->best].step != result->best_step)
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
    struct kept *kept = copy_result(result);
    if (!kept)
        return error_set(err, ERR_MEMORY, "out of memory for a result");
    kept_free(entry->kept);
    entry->kept = kept;
    return 0;
}

int findings_result(struct findings *findings, const struct result *result,
                    struct findings_dropped *dropped, struct error *err)
{
    int64_t trial = (int64_t)result->trial;
    struct entry *entry = findings_entry(findings, trial);
    dropped->count = 0;
    int rc = check_result(findings, result, err);
    if (!rc && result->values.count > 0)
        rc = keep_outputs(findings, result, err);
    if (rc)
        return rc;
    free(entry->error); /* of an attempt before */
    entry->error = NULL;
    entry->seconds = result->seconds;
    entry->tokens = result->tokens;
    entry->test_count = result->test_metric_count;
    memcpy(entry->test, result->test_metrics, sizeof entry->test);
    if (result->values.count > 0)
        update_leaders(findings, trial, dropped);
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
        update_leaders(findings, (int64_t)result->trial, dropped);
    return rc;
}

double findings_best(const struct findings *findings, int task)
{
    return findings->leaders[task].best;
}

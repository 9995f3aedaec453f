/* One entry a trial. Tables are only made for a snapshot. */
#include "coordinator/findings.h"

#include "common/adapter_layout.h"
#include "jobs/settings_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct kept_split {
    enum split split;
    int64_t rows;
    int labels;
    float *logits; /* (rows, labels) */
};

/* What a finished trial handed over, while it may be among those that are kept. */
struct kept {
    float *values;
    int64_t count;
    int splits;
    struct kept_split split[SPLIT_COUNT];
};

struct entry {
    int epoch_count, epoch_capacity;
    struct report *epochs; /* without checkpoints */
    int best;              /* index in epochs, or -1 */
    uint8_t *checkpoint;
    size_t checkpoint_size;
    struct kept *kept;
    double seconds;
    int64_t tokens;
    int test_count;
    double test[TASK_METRICS_MAX];
    const char *host, *numerics;
    char *error;
};

/* Of one task: its highest scores in falling order, and the best of each configuration
 * (trial numbers, 0: none). */
struct leaders {
    int64_t *top, *of_config;
    int top_count;
    double best;
};

struct findings {
    struct findings_job job;
    struct entry *entries; /* (trials) */
    struct leaders *leaders;
    int tasks;
};

static struct entry *entry_of(const struct findings *findings, int64_t trial)
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
    int64_t trials = findings->entries ? findings->job.sweep->trial_count : 0;
    for (int64_t i = 0; i < trials; i++) {
        struct entry *entry = &findings->entries[i];
        free(entry->epochs);
        free(entry->checkpoint);
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
    f->entries = calloc((size_t)job->sweep->trial_count, sizeof *f->entries);
    f->leaders = calloc((size_t)f->tasks, sizeof *f->leaders);
    int rc = f->entries && f->leaders ? 0 : ERR_MEMORY;
    for (int i = 0; !rc && i < f->tasks; i++)
        rc = leaders_init(&f->leaders[i], job->spec->output.keep,
                          job->sweep->config_count);
    if (rc) {
        findings_free(f);
        return error_set(err, ERR_MEMORY, "out of memory for %lld trials",
                         (long long)job->sweep->trial_count);
    }
    for (int64_t i = 0; i < job->sweep->trial_count; i++)
        f->entries[i].best = -1;
    *out = f;
    return 0;
}

void findings_begun(struct findings *findings, int64_t trial, const char *host,
                    const char *numerics)
{
    entry_of(findings, trial)->host = host;
    entry_of(findings, trial)->numerics = numerics;
}

void findings_failure(struct findings *findings, int64_t trial, const char *text)
{
    struct entry *entry = entry_of(findings, trial);
    free(entry->error);
    entry->error = strdup(text);
}

/* Whether a beats b: an undefined score is beaten by any other. */
static bool better(double a, double b) { return a > b || (!isnan(a) && isnan(b)); }

static double score_of(const struct findings *findings, int64_t trial)
{
    const struct entry *entry = entry_of(findings, trial);
    return entry->best < 0 ? NAN : entry->epochs[entry->best].score;
}

static void find_best(struct entry *entry)
{
    entry->best = entry->epoch_count > 0 ? 0 : -1;
    for (int i = 1; i < entry->epoch_count; i++)
        if (better(entry->epochs[i].score, entry->epochs[entry->best].score))
            entry->best = i;
}

static int task_of(const struct findings *findings, int64_t trial)
{
    return sweep_trial(findings->job.sweep, trial).task;
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
    if (entry->best < 0 || better(kept->score, entry->epochs[entry->best].score))
        entry->best = entry->epoch_count - 1;
    return 0;
}

int findings_report(struct findings *findings, const struct report *report,
                    struct error *err)
{
    int64_t trial = (int64_t)report->trial;
    int task = task_of(findings, trial);
    if (report->metric_count != findings->job.spec->tasks[task].metric_count)
        return error_set(err, ERR_PROTOCOL, "REPORT with %d metrics for task %s",
                         report->metric_count, findings->job.spec->tasks[task].name);
    struct entry *entry = entry_of(findings, trial);
    uint8_t *copy = malloc(report->checkpoint_size + 1);
    if (!copy || add_epoch(entry, report)) {
        free(copy);
        return error_set(err, ERR_MEMORY, "out of memory for a report");
    }
    if (report->checkpoint_size > 0)
        memcpy(copy, report->checkpoint, report->checkpoint_size);
    free(entry->checkpoint);
    entry->checkpoint = copy;
    entry->checkpoint_size = report->checkpoint_size;
    entry->seconds = report->seconds;
    entry->tokens = report->tokens;
    if (better(score_of(findings, trial), findings->leaders[task].best))
        findings->leaders[task].best = score_of(findings, trial);
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
    struct sweep_trial parts = sweep_trial(findings->job.sweep, trial);
    const struct leaders *leaders = &findings->leaders[parts.task];
    for (int i = 0; i < leaders->top_count; i++)
        if (leaders->top[i] == trial)
            return true;
    return leaders->of_config[parts.config] == trial;
}

static void let_go(struct findings *findings, int64_t trial)
{
    if (trial == 0 || is_leader(findings, trial))
        return;
    kept_free(entry_of(findings, trial)->kept);
    entry_of(findings, trial)->kept = NULL;
}

/* Higher score, then lower number: the order in which trials arrive does not matter. */
static bool leads(const struct findings *findings, int64_t a, int64_t b)
{
    double sa = score_of(findings, a), sb = score_of(findings, b);
    return better(sa, sb) || (!better(sb, sa) && a < b);
}

static void update_leaders(struct findings *findings, int64_t trial)
{
    struct sweep_trial parts = sweep_trial(findings->job.sweep, trial);
    struct leaders *leaders = &findings->leaders[parts.task];
    int keep = findings->job.spec->output.keep;
    int64_t beaten = leaders->of_config[parts.config], dropped = 0;
    if (beaten == 0 || leads(findings, trial, beaten))
        leaders->of_config[parts.config] = trial;
    int at = leaders->top_count++;
    for (; at > 0 && leads(findings, trial, leaders->top[at - 1]); at--)
        leaders->top[at] = leaders->top[at - 1];
    leaders->top[at] = trial;
    if (leaders->top_count > keep)
        dropped = leaders->top[--leaders->top_count];
    let_go(findings, beaten);
    let_go(findings, dropped);
    let_go(findings, trial);
}

/* The epoch that the worker chose must be the one that the reports say. */
static int check_result(const struct findings *findings, const struct result *result,
                        struct error *err)
{
    const struct entry *entry = entry_of(findings, (int64_t)result->trial);
    const struct task *task =
        &findings->job.spec->tasks[task_of(findings, (int64_t)result->trial)];
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
    return 0;
}

int findings_result(struct findings *findings, const struct result *result,
                    struct error *err)
{
    int64_t trial = (int64_t)result->trial;
    struct entry *entry = entry_of(findings, trial);
    int rc = check_result(findings, result, err);
    if (rc)
        return rc;
    struct kept *kept = copy_result(result);
    if (!kept)
        return error_set(err, ERR_MEMORY, "out of memory for a result");
    kept_free(entry->kept);
    entry->kept = kept;
    free(entry->checkpoint);
    entry->checkpoint = NULL;
    entry->checkpoint_size = 0;
    entry->seconds = result->seconds;
    entry->tokens = result->tokens;
    entry->test_count = result->test_metric_count;
    memcpy(entry->test, result->test_metrics, sizeof entry->test);
    update_leaders(findings, trial);
    return 0;
}

const uint8_t *findings_checkpoint(const struct findings *findings, int64_t trial,
                                   size_t *size)
{
    const struct entry *entry = entry_of(findings, trial);
    *size = entry->checkpoint_size;
    return entry->checkpoint_size > 0 ? entry->checkpoint : NULL;
}

double findings_best(const struct findings *findings, int task)
{
    return findings->leaders[task].best;
}

/* From the task's metrics to columns of all metrics. */
static void spread(double out[METRIC_COUNT], const struct task *task,
                   const double *metrics)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        out[i] = NAN;
    for (int i = 0; metrics && i < task->metric_count; i++)
        out[task->metrics[i]] = metrics[i];
}

/* The selection score from metrics; NaN where one of them was not computed. */
static double selection_score(const struct task *task,
                              const double metrics[METRIC_COUNT])
{
    double sum = 0;
    for (int i = 0; i < task->selection_count; i++)
        sum += metrics[task->selection[i]];
    return sum / task->selection_count;
}

static int add_trial(const struct findings *findings, const struct trial_table *table,
                     int64_t trial, struct results *out)
{
    const struct entry *entry = entry_of(findings, trial);
    struct sweep_trial parts = sweep_trial(findings->job.sweep, trial);
    const struct task *task = &findings->job.spec->tasks[parts.task];
    const struct report *best = entry->best < 0 ? NULL : &entry->epochs[entry->best];
    const struct report *last =
        entry->epoch_count > 0 ? &entry->epochs[entry->epoch_count - 1] : NULL;
    char digest[DIGEST_HEX];
    digest_hex(digest, findings->job.trials[trial - 1]);
    struct results_trial row = {
        .trial = trial,
        .digest = digest,
        .config = parts.config,
        .task = parts.task + 1,
        .seed = parts.seed,
        .status = trial_state_name(trial_table_state(table, trial)),
        .epochs = last ? last->epoch : 0,
        .best_epoch = best ? best->epoch : 0,
        .score = best ? best->score : NAN,
        .seconds = entry->seconds,
        .tokens = entry->tokens,
        .attempts = trial_table_attempts(table, trial),
        .host = entry->host,
        .numerics = entry->numerics,
        .error = entry->error,
    };
    spread(row.report, task, best ? best->metrics : NULL);
    spread(row.test, task, entry->test_count > 0 ? entry->test : NULL);
    row.report_score = selection_score(task, row.report);
    return results_add_trial(out, &row);
}

static int add_epochs(const struct findings *findings, int64_t trial,
                      struct results *out)
{
    const struct entry *entry = entry_of(findings, trial);
    const struct task *task = &findings->job.spec->tasks[task_of(findings, trial)];
    int rc = 0;
    for (int i = 0; !rc && i < entry->epoch_count; i++) {
        const struct report *report = &entry->epochs[i];
        struct results_epoch row = {
            .trial = trial,
            .epoch = report->epoch,
            .step = report->step,
            .train_loss = report->train_loss,
            .dev_loss = report->dev_loss,
            .score = report->score,
            .learning_rate = report->learning_rate,
            .tokens = report->tokens,
            .seconds = report->seconds,
        };
        spread(row.metrics, task, report->metrics);
        rc = results_add_epoch(out, &row);
    }
    return rc;
}

/* The table's form of one setting's value. */
static struct results_setting setting_column(const struct setting *setting,
                                             const struct settings *settings)
{
    struct setting_value value = setting_get(setting, settings);
    struct results_setting column = {.name = setting->name, .type = RESULTS_INT};
    switch (setting->type) {
    case SETTING_REAL:
        column.type = RESULTS_REAL;
        column.real = value.number;
        break;
    case SETTING_WORD:
        column.type = RESULTS_TEXT;
        column.text = setting->words[(int)value.number];
        break;
    case SETTING_PATH:
        column.type = RESULTS_TEXT;
        column.text = value.text;
        break;
    default:
        column.integer = (int64_t)value.number;
    }
    return column;
}

static int add_config(const struct findings *findings, int config, struct results *out,
                      struct error *err)
{
    struct results_setting columns[64];
    struct settings settings;
    int count = 0;
    sweep_settings(findings->job.sweep, config, 0, &settings);
    for (int i = 0; i < settings_table_count() && count < 64; i++) {
        const struct setting *setting = settings_table_at(i);
        bool of_trial =
            setting->group == GROUP_ADAPTER || setting->group == GROUP_TRAINING;
        if (of_trial && strcmp(setting->name, "seed") != 0)
            columns[count++] = setting_column(setting, &settings);
    }
    return results_add_config(out, config, columns, count, err);
}

static int layout_of(const struct findings *findings, int64_t trial,
                     struct adapter_layout *layout, struct error *err)
{
    struct sweep_trial parts = sweep_trial(findings->job.sweep, trial);
    struct settings settings;
    sweep_settings(findings->job.sweep, parts.config, parts.seed, &settings);
    struct adapter_shape shape = {
        .layers = findings->job.encoder->layers,
        .hidden = findings->job.encoder->hidden,
        .ffn = findings->job.encoder->ffn,
        .labels = findings->job.tasks[parts.task].labels,
        .share_alpha = settings.share_alpha,
        .share_v = settings.share_v,
        .first_layer = settings.first_layer,
        .train_layernorm = settings.train_layernorm,
    };
    return adapter_layout_init(layout, &shape, err);
}

static int add_kept(const struct findings *findings, int64_t trial, struct results *out,
                    struct error *err)
{
    const struct kept *kept = entry_of(findings, trial)->kept;
    int task = task_of(findings, trial);
    const char *name = findings->job.spec->tasks[task].name;
    struct adapter_layout layout;
    if (!kept)
        return 0;
    int rc = layout_of(findings, trial, &layout, err);
    if (rc)
        return rc;
    if (layout.values != kept->count)
        rc = error_set(err, ERR_PROTOCOL, "trial %lld: %lld numbers instead of %lld",
                       (long long)trial, (long long)kept->count,
                       (long long)layout.values);
    if (!rc)
        rc = results_add_adapter(out, name, trial, &layout, kept->values, err);
    for (int i = 0; !rc && i < kept->splits; i++) {
        const struct kept_split *split = &kept->split[i];
        const struct findings_task *data = &findings->job.tasks[task];
        rc = results_add_predictions(out, name, split->split, trial, split->logits,
                                     split->rows, split->labels,
                                     data->gold[split->split], err);
    }
    adapter_layout_clear(&layout);
    return rc;
}

/* Mean score of a configuration's finished trials of a task; NaN where one is undefined
 * or there is none. */
static double config_mean(const struct findings *findings,
                          const struct trial_table *table, const int64_t *trials,
                          int count)
{
    double sum = 0;
    int done = 0;
    for (int i = 0; i < count; i++)
        if (trial_table_state(table, trials[i]) == TRIAL_DONE) {
            sum += score_of(findings, trials[i]);
            done++;
        }
    return done > 0 ? sum / done : NAN;
}

/* The best trial of the configuration with the best mean; 0: none is done. Trials of a
 * configuration lie side by side. */
static int64_t best_by_mean(const struct findings *findings,
                            const struct trial_table *table, int task)
{
    const struct sweep *sweep = findings->job.sweep;
    int seeds = findings->job.spec->sweep.seed_count;
    int64_t best = 0, first = 1 + (int64_t)task * sweep->config_count * seeds;
    double best_mean = NAN;
    int64_t *trials = malloc((size_t)seeds * sizeof *trials);
    for (int c = 0; trials && c < sweep->config_count; c++) {
        for (int i = 0; i < seeds; i++)
            trials[i] = first + (int64_t)c * seeds + i;
        double mean = config_mean(findings, table, trials, seeds);
        int64_t leader = findings->leaders[task].of_config[c + 1];
        if (leader && (best == 0 || better(mean, best_mean))) {
            best = leader;
            best_mean = mean;
        }
    }
    free(trials);
    return best;
}

/* output.keep trials: the task's best by mean first, then the highest scores. */
static int add_leaders(const struct findings *findings, const struct trial_table *table,
                       int task, struct results *out, struct error *err)
{
    const struct leaders *leaders = &findings->leaders[task];
    int64_t best = best_by_mean(findings, table, task);
    int left = findings->job.spec->output.keep, rc = 0;
    if (best && left > 0) {
        rc = add_kept(findings, best, out, err);
        left--;
    }
    for (int i = 0; !rc && i < leaders->top_count && left > 0; i++)
        if (leaders->top[i] != best) {
            rc = add_kept(findings, leaders->top[i], out, err);
            left--;
        }
    return rc;
}

static int add_tables(const struct findings *findings, const struct trial_table *table,
                      struct results *out, struct error *err)
{
    const struct findings_job *job = &findings->job;
    char job_digest[DIGEST_HEX], encoder_digest[DIGEST_HEX];
    digest_hex(job_digest, job->job_digest);
    digest_hex(encoder_digest, job->encoder_digest);
    int rc =
        results_set_attributes(out, job->spec->resolved, job_digest, encoder_digest);
    for (int i = 0; !rc && i < findings->tasks; i++) {
        const struct findings_task *data = &job->tasks[i];
        rc = results_add_task(out, i + 1, &job->spec->tasks[i], data->rows,
                              data->majority, data->dataset, data->tokenizer, err);
    }
    for (int i = 1; !rc && i <= job->sweep->config_count; i++)
        rc = add_config(findings, i, out, err);
    for (int64_t i = 1; !rc && i <= job->sweep->trial_count; i++) {
        rc = add_trial(findings, table, i, out);
        if (!rc)
            rc = add_epochs(findings, i, out);
    }
    for (int i = 0; !rc && i < findings->tasks; i++)
        rc = add_leaders(findings, table, i, out, err);
    return rc;
}

int findings_snapshot(const struct findings *findings, const struct trial_table *table,
                      struct results *out, struct error *err)
{
    if (err)
        err->text[0] = '\0';
    memset(out, 0, sizeof *out);
    int rc = add_tables(findings, table, out, err);
    if (rc)
        results_clear(out);
    if (rc && err && !err->text[0])
        error_set(err, rc, "out of memory for the results");
    return rc;
}

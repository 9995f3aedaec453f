/* The training loop and what is kept of it. What the next step depends on, and what is
 * best so far, is the first part of struct trial and goes through a checkpoint; the
 * rest follows from encoder, data, task and settings. */
#include "worker/trial.h"

#include "common/clock.h"
#include "storage/adapter_file.h"
#include "worker/adapter_init.h"
#include "worker/evaluate.h"
#include "worker/optimizer.h"
#include "worker/profile.h"
#include "worker/schedule.h"
#include "worker/scoring.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const enum split dev_splits[CHECKPOINT_OUTPUTS] = {SPLIT_DEV,
                                                          SPLIT_DEV_MISMATCHED};
static const enum split test_splits[2] = {SPLIT_TEST, SPLIT_TEST_MISMATCHED};

struct trial {
    float *values, *best_values;
    struct optimizer optimizer;
    int64_t step, epoch_step, reported, tokens;
    int epoch; /* finished */
    double epoch_loss, seconds;
    bool has_best;
    struct epoch_record best;
    float *best_outputs[CHECKPOINT_OUTPUTS]; /* NULL where there is no such split */

    struct course course;
    struct crew *crew;                     /* NULL: nobody helps */
    double learning_rate;                  /* of the last step */
    atomic_ullong steps;                   /* since trial_new(), for another thread */
    struct scored_rows choose, report;     /* rows of dev, or of train to choose */
    struct scored_rows whole[SPLIT_COUNT]; /* labelled splits but train */
};

/* Values, the optimizer's state and where the best ones go. */
static int make_state(struct trial *t, struct error *err)
{
    size_t n = (size_t)t->course.layout.values;

    t->values = malloc(n * sizeof *t->values);
    t->best_values = malloc(n * sizeof *t->best_values);
    if (!t->values || !t->best_values)
        return error_set(err, ERR_MEMORY, "out of memory");
    adapter_init(t->values, &t->course.layout, t->course.encoder,
                 t->course.settings.seed);
    if (t->course.settings.init[0]) {
        int rc = adapter_file_read(t->values, t->course.settings.init,
                                   &t->course.layout, err);

        if (rc)
            return rc;
    }
    return optimizer_init(&t->optimizer, &t->course.layout, &t->course.settings, err);
}

static int make_outputs(struct trial *t, struct error *err)
{
    const struct dataset *d = t->course.dataset;
    const struct dataset_split *dev = &d->splits[SPLIT_DEV];
    bool from_train = t->course.task->selection_rows == SELECT_SPLIT_TRAIN;
    int rc;

    for (int s = SPLIT_DEV; s < SPLIT_COUNT; s++) {
        struct scored_rows *w = &t->whole[s];
        int64_t rows = d->splits[s].rows;

        if (!course_labelled(&t->course, (enum split)s))
            continue;
        *w = (struct scored_rows){.rows = rows, .labels = d->labels};
        w->logits = malloc((size_t)rows * (size_t)d->labels * sizeof *w->logits);
        w->gold = d->splits[s].labels; /* borrowed */
        if (!w->logits)
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++) {
        const struct scored_rows *w = &t->whole[dev_splits[o]];
        size_t size = (size_t)w->rows * (size_t)w->labels;

        if (size && !(t->best_outputs[o] = malloc(size * sizeof(float))))
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    if ((rc =
             scored_rows_init(&t->report, dev, &t->course.rows.report, d->labels, err)))
        return rc;
    return scored_rows_init(&t->choose, from_train ? &d->splits[SPLIT_TRAIN] : dev,
                            &t->course.rows.choose, d->labels, err);
}

int trial_new(struct trial **out, const struct encoder *encoder,
              const struct panels *panels, const struct dataset *dataset,
              const struct task *task, const struct settings *settings, int threads,
              struct error *err)
{
    struct trial *t = calloc(1, sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return error_set(err, ERR_MEMORY, "out of memory");
    if ((rc = course_init(&t->course, encoder, panels, dataset, task, settings, threads,
                          err)) ||
        (rc = make_state(t, err)) || (rc = make_outputs(t, err))) {
        trial_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void trial_free(struct trial *t)
{
    if (!t)
        return;
    scored_rows_clear(&t->choose);
    scored_rows_clear(&t->report);
    for (int s = 0; s < SPLIT_COUNT; s++)
        free(t->whole[s].logits);
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++)
        free(t->best_outputs[o]);
    optimizer_clear(&t->optimizer);
    free(t->best_values);
    free(t->values);
    course_clear(&t->course);
    free(t);
}

void trial_set_crew(struct trial *t, struct crew *crew) { t->crew = crew; }

struct course *trial_course(struct trial *t) { return &t->course; }

const struct adapter_layout *trial_layout(const struct trial *t)
{
    return &t->course.layout;
}

size_t trial_bytes(const struct trial *t)
{
    enum { VECTORS = 4 }; /* values, the best ones, two moments */
    size_t numbers = VECTORS * (size_t)t->course.layout.values;

    for (int s = 0; s < SPLIT_COUNT; s++)
        numbers += (size_t)t->whole[s].rows * (size_t)t->whole[s].labels;
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++)
        if (t->best_outputs[o])
            numbers += (size_t)t->whole[dev_splits[o]].rows *
                       (size_t)t->whole[dev_splits[o]].labels;
    return batch_runner_bytes(t->course.runner) + numbers * sizeof(float) +
           (size_t)t->course.rows.train.count * sizeof *t->course.order;
}

int64_t trial_steps(const struct trial *t)
{
    int64_t steps = t->course.batches * t->course.settings.epochs,
            most = t->course.settings.max_steps;

    return most && most < steps ? most : steps;
}

static bool out_of_patience(const struct trial *t)
{
    return t->course.settings.patience && t->has_best && t->epoch_step == 0 &&
           t->epoch - t->best.epoch >= t->course.settings.patience;
}

bool trial_done(const struct trial *t)
{
    return t->step == t->reported && (t->step >= trial_steps(t) || out_of_patience(t));
}

/* ---- the loop ---- */

static void count_tokens(struct trial *t, const struct course_step *at)
{
    int count;
    const uint32_t *rows = course_batch(&t->course, at, &count);

    for (int i = 0; i < count; i++) {
        const int64_t *offset =
            &t->course.dataset->splits[SPLIT_TRAIN].offsets[rows[i]];

        t->tokens += offset[1] - offset[0];
    }
}

static int train_step(struct trial *t, struct error *err)
{
    const struct settings *s = &t->course.settings;
    const struct course_step at = {t->epoch, t->epoch_step, t->step};
    double factor = schedule_factor(s, t->course.span, t->step), loss, norm;
    float *grad;

    loss = crew_train(t->crew, &t->course, &at, t->values, &grad);
    norm = optimizer_clip(grad, t->course.layout.values, s->clip_norm);
    if (!isfinite(loss) || !isfinite(norm))
        return error_set(err, ERR_NUMERIC, "step %lld: the %s is not finite",
                         (long long)t->step + 1, isfinite(loss) ? "gradient" : "loss");
    optimizer_step(&t->optimizer, t->values, grad, t->step + 1, factor);
    profile_mark(t->course.profiles, PHASE_OPTIMIZER, 0);
    t->learning_rate = factor * s->learning_rate;
    count_tokens(t, &at);
    t->epoch_loss += loss;
    t->epoch_step++;
    t->step++;
    atomic_fetch_add(&t->steps, 1);
    return 0;
}

static bool report_is_due(const struct trial *t)
{
    int each = t->course.settings.report_steps;

    return t->step > t->reported &&
           (t->epoch_step == t->course.batches || t->step == trial_steps(t) ||
            (each && t->epoch_step % each == 0));
}

static bool evaluate_whole(struct trial *t, enum split s, const float *values)
{
    const struct course_rows rows = {.split = s};

    return !t->whole[s].rows ||
           crew_score(t->crew, &t->course, values, rows, t->whole[s].logits);
}

/* Outputs of all rows that choose or report; false where it was stopped. */
static bool evaluate_dev(struct trial *t)
{
    const struct course_rows chosen = {.split = SPLIT_TRAIN, .chosen = true};

    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++)
        if (!evaluate_whole(t, dev_splits[o], t->values))
            return false;
    scored_rows_gather(&t->report, t->whole[SPLIT_DEV].logits, &t->course.rows.report);
    if (t->course.task->selection_rows == SELECT_SPLIT_TRAIN)
        return crew_score(t->crew, &t->course, t->values, chosen, t->choose.logits);
    scored_rows_gather(&t->choose, t->whole[SPLIT_DEV].logits, &t->course.rows.choose);
    return true;
}

static void fill_record(const struct trial *t, struct epoch_record *r)
{
    const struct scored_rows *mismatched = &t->whole[SPLIT_DEV_MISMATCHED];

    *r = (struct epoch_record){
        .epoch = t->epoch + 1,
        .step = t->step,
        .train_loss = t->epoch_loss / (double)t->epoch_step,
        .dev_loss = evaluate_loss(t->report.logits, t->report.gold, t->report.rows,
                                  t->report.labels, t->course.dataset->regression),
        .score = scoring_score(t->course.task, &t->choose, mismatched),
        .learning_rate = t->learning_rate,
        .tokens = t->tokens};
    for (int m = 0; m < TASK_METRICS_MAX; m++)
        r->metrics[m] = NAN;
    scoring_metrics(r->metrics, t->course.task->metrics, t->course.task->metric_count,
                    &t->report, mismatched);
}

static void keep_best(struct trial *t, const struct epoch_record *record)
{
    if (t->has_best && !scoring_better(t->course.task, record->score, t->best.score))
        return;
    t->has_best = true;
    t->best = *record;
    memcpy(t->best_values, t->values,
           (size_t)t->course.layout.values * sizeof *t->values);
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++) {
        const struct scored_rows *w = &t->whole[dev_splits[o]];

        if (w->rows)
            memcpy(t->best_outputs[o], w->logits,
                   (size_t)w->rows * (size_t)w->labels * sizeof(float));
    }
}

static int report(struct trial *t, struct epoch_record *record, double seconds,
                  struct error *err)
{
    fill_record(t, record);
    record->seconds = seconds;
    if (!isfinite(record->dev_loss))
        return error_set(err, ERR_NUMERIC, "step %lld: the loss on dev is not finite",
                         (long long)t->step);
    keep_best(t, record);
    t->reported = t->step;
    if (t->epoch_step == t->course.batches) {
        t->epoch++;
        t->epoch_step = 0;
        t->epoch_loss = 0;
    }
    return 0;
}

int trial_run_to_report(struct trial *t, enum trial_event *event,
                        struct epoch_record *record, struct error *err)
{
    double start = clock_monotonic_s(), before = t->seconds;
    int rc = course_open_prefix(&t->course, NULL, err);
    bool ready = rc == 0 && course_fill_prefix(&t->course);

    *event = TRIAL_STOPPED;
    while (rc == 0 && ready && !report_is_due(t) &&
           !batch_runner_stopped(t->course.runner))
        rc = train_step(t, err);
    if (rc == 0 && ready && report_is_due(t) && evaluate_dev(t)) {
        *event = TRIAL_REPORT;
        rc = report(t, record, before + clock_monotonic_s() - start, err);
    }
    t->seconds = before + clock_monotonic_s() - start;
    return rc;
}

void trial_stop(struct trial *t) { batch_runner_stop(t->course.runner); }

void trial_go_on(struct trial *t) { batch_runner_go_on(t->course.runner); }

struct trial_progress trial_progress(const struct trial *t)
{
    struct batch_counters c = batch_runner_counters(t->course.runner);

    return (struct trial_progress){c.microshards, c.tokens, c.examples,
                                   atomic_load(&t->steps)};
}

/* ---- state out and in ---- */

void trial_checkpoint(const struct trial *t, struct checkpoint *out)
{
    *out = (struct checkpoint){.values = t->course.layout.values,
                               .last = t->values,
                               .moment1 = t->optimizer.moment1,
                               .moment2 = t->optimizer.moment2,
                               .step = t->step,
                               .epoch = t->epoch,
                               .epoch_step = t->epoch_step,
                               .reported = t->reported,
                               .epoch_loss = t->epoch_loss,
                               .tokens = t->tokens,
                               .seconds = t->seconds,
                               .done = trial_done(t),
                               .has_best = t->has_best};
    adapter_layout_tag(out->layout, &t->course.layout);
    if (!t->has_best)
        return;
    out->best = t->best;
    out->best_values = t->best_values;
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++) {
        const struct scored_rows *w = &t->whole[dev_splits[o]];

        out->outputs[o] =
            (struct checkpoint_outputs){w->rows, w->labels, t->best_outputs[o]};
    }
}

static bool is_ours(const struct trial *t, const struct checkpoint *c)
{
    char tag[9];
    bool ours;

    adapter_layout_tag(tag, &t->course.layout);
    ours = !strcmp(tag, c->layout) && c->values == t->course.layout.values &&
           c->epoch_step <= t->course.batches &&
           c->step == c->epoch * t->course.batches + c->epoch_step;
    for (int o = 0; ours && c->has_best && o < CHECKPOINT_OUTPUTS; o++)
        ours = c->outputs[o].rows == t->whole[dev_splits[o]].rows &&
               c->outputs[o].labels == t->whole[dev_splits[o]].labels;
    return ours;
}

int trial_restore(struct trial *t, const struct checkpoint *c, struct error *err)
{
    size_t size = (size_t)t->course.layout.values * sizeof *t->values;

    if (!is_ours(t, c))
        return error_set(err, ERR_INPUT, "checkpoint: of another trial");
    memcpy(t->values, c->last, size);
    memcpy(t->optimizer.moment1, c->moment1, size);
    memcpy(t->optimizer.moment2, c->moment2, size);
    t->step = c->step;
    t->epoch = c->epoch;
    t->epoch_step = c->epoch_step;
    t->reported = c->reported;
    t->epoch_loss = c->epoch_loss;
    t->tokens = c->tokens;
    t->seconds = c->seconds;
    t->has_best = c->has_best;
    if (t->step)
        t->learning_rate =
            t->course.settings.learning_rate *
            schedule_factor(&t->course.settings, t->course.span, t->step - 1);
    if (!c->has_best)
        return 0;
    t->best = c->best;
    memcpy(t->best_values, c->best_values, size);
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++)
        if (c->outputs[o].rows)
            memcpy(t->best_outputs[o], c->outputs[o].logits,
                   (size_t)c->outputs[o].rows * (size_t)c->outputs[o].labels *
                       sizeof(float));
    return 0;
}

static void fill_result(const struct trial *t, struct trial_result *r)
{
    *r = (struct trial_result){
        .best = t->best, .count = t->course.layout.values, .values = t->best_values};
    for (int o = 0; o < CHECKPOINT_OUTPUTS; o++) {
        r->splits[dev_splits[o]].rows = t->whole[dev_splits[o]].rows;
        r->splits[dev_splits[o]].logits = t->best_outputs[o];
    }
    for (int s = 0; s < 2; s++) {
        r->splits[test_splits[s]].rows = t->whole[test_splits[s]].rows;
        r->splits[test_splits[s]].logits = t->whole[test_splits[s]].logits;
    }
    for (int m = 0; m < TASK_METRICS_MAX; m++)
        r->test_metrics[m] = NAN;
    scoring_metrics(r->test_metrics, t->course.task->metrics,
                    t->course.task->metric_count, &t->whole[SPLIT_TEST],
                    &t->whole[SPLIT_TEST_MISMATCHED]);
    r->tested = t->whole[SPLIT_TEST].rows || t->whole[SPLIT_TEST_MISMATCHED].rows;
}

int trial_finish(struct trial *t, enum trial_event *event, struct trial_result *result,
                 struct error *err)
{
    int rc;

    *event = TRIAL_STOPPED;
    if (!t->has_best)
        return error_set(err, ERR_INPUT, "no epoch was finished");
    if ((rc = course_open_prefix(&t->course, NULL, err)))
        return rc;
    for (int s = 0; s < 2; s++)
        if (!evaluate_whole(t, test_splits[s], t->best_values))
            return 0;
    fill_result(t, result);
    *event = TRIAL_REPORT;
    return 0;
}

#include "worker/course.h"

#include "worker/evaluate.h"
#include "worker/profile.h"
#include "worker/schedule.h"

#include <assert.h>
#include <stdlib.h>

bool course_labelled(const struct course *c, enum split s)
{
    const struct dataset_split *split = &c->dataset->splits[s];

    return split->present && split->labelled && split->rows > 0;
}

static int check_data(const struct course *c, struct error *err)
{
    const struct dataset *d = c->dataset;
    int rc = 0;

    for (int s = SPLIT_TRAIN; s <= SPLIT_DEV; s++)
        if (!course_labelled(c, (enum split)s))
            return error_set(err, ERR_INPUT, "%s: no labelled %s set", c->task->name,
                             split_names[s]);
    for (int s = 0; rc == 0 && s < SPLIT_COUNT; s++)
        if (course_labelled(c, (enum split)s))
            rc = evaluate_check(&d->splits[s], split_names[s], &c->encoder->config,
                                d->regression, d->labels, err);
    return rc ? error_prefix(err, rc, "%s", c->task->name) : 0;
}

static int make_model(struct course *c, struct error *err)
{
    const struct encoder_config *config = &c->encoder->config;
    const struct settings *s = &c->settings;
    struct adapter_shape shape = {.layers = config->layers,
                                  .hidden = config->hidden,
                                  .ffn = config->ffn,
                                  .labels = c->dataset->labels,
                                  .share_alpha = s->share_alpha,
                                  .share_v = s->share_v,
                                  .first_layer = s->first_layer,
                                  .train_layernorm = s->train_layernorm};

    if (settings_keep_prefix(s) && (s->hidden_dropout > 0 || s->attention_dropout > 0 ||
                                    s->train_layernorm >= LN_OUTPUT_EMBEDDINGS))
        return error_set(err, ERR_INPUT,
                         "prefix: there is nothing to keep with dropout in the encoder "
                         "or trained embeddings");
    if (s->pooling == POOLING_POOLER && !c->encoder->pooler_weight)
        return error_set(err, ERR_INPUT,
                         "pooling: the encoder has no pooler; use cls or mean");
    c->model = (struct model){.encoder = c->encoder,
                              .layout = &c->layout,
                              .pooling = s->pooling,
                              .regression = c->dataset->regression,
                              .panels = c->panels};
    return adapter_layout_init(&c->layout, &shape, err);
}

static int make_runner(struct course *c, int threads, struct error *err)
{
    struct batch_sizes sizes = {.batch_size = c->settings.batch_size,
                                .microshard_tokens = c->settings.microshard_tokens,
                                .threads = threads,
                                .training = true};

    for (int s = 0; s < SPLIT_COUNT; s++) {
        int longest = evaluate_longest(&c->dataset->splits[s]);

        if (course_labelled(c, (enum split)s) && longest > sizes.max_length)
            sizes.max_length = longest;
    }
    if (c->rows.train.count < sizes.batch_size)
        sizes.batch_size = (int)c->rows.train.count;
    return batch_runner_new(&c->runner, &c->model, &sizes, err);
}

static int make_order(struct course *c, struct error *err)
{
    int64_t rows = c->rows.train.count, size = c->settings.batch_size;

    c->batches = (rows + size - 1) / size;
    c->span = schedule_steps(&c->settings, rows);
    c->ordered = -1;
    c->order = malloc((size_t)rows * sizeof *c->order);
    return c->order ? 0 : error_set(err, ERR_MEMORY, "out of memory");
}

static int shuffle_labels(struct course *c, struct error *err)
{
    if (!c->settings.shuffle_labels)
        return 0;
    c->shuffled_labels = batches_shuffled_labels(&c->dataset->splits[SPLIT_TRAIN],
                                                 &c->rows.train, c->settings.seed);
    if (!c->shuffled_labels)
        return error_set(err, ERR_MEMORY, "out of memory");
    batch_runner_use_labels(c->runner, c->shuffled_labels);
    return 0;
}

int course_init(struct course *c, const struct encoder *encoder,
                const struct panels *panels, const struct dataset *dataset,
                const struct task *task, const struct settings *settings, int threads,
                struct error *err)
{
    int rc;

    assert(panels_precision(panels) == settings->precision);
    *c = (struct course){.encoder = encoder,
                         .panels = panels,
                         .dataset = dataset,
                         .task = task,
                         .settings = *settings};
    if ((rc = check_data(c, err)) || (rc = make_model(c, err)) ||
        (rc =
             row_choice_init(&c->rows, dataset, task->selection_rows, settings, err)) ||
        (rc = make_order(c, err)) || (rc = make_runner(c, threads, err)) ||
        (rc = shuffle_labels(c, err)))
        course_clear(c);
    return rc;
}

void course_use_profiles(struct course *c, struct profile *profiles)
{
    c->profiles = profiles;
    batch_runner_use_profiles(c->runner, profiles);
}

void course_clear(struct course *c)
{
    batch_runner_free(c->runner);
    prefix_close(c->own_prefix);
    free(c->order);
    free(c->shuffled_labels);
    row_choice_clear(&c->rows);
    adapter_layout_clear(&c->layout);
    *c = (struct course){0};
}

int course_open_prefix(struct course *c, struct prefix **slot, struct error *err)
{
    const struct prefix_plan plan = {.model = &c->model,
                                     .dataset = c->dataset,
                                     .microshard_tokens = c->settings.microshard_tokens,
                                     .rows = &c->rows,
                                     .from_train =
                                         c->task->selection_rows == SELECT_SPLIT_TRAIN};
    int rc;

    if (c->prefix || !settings_keep_prefix(&c->settings))
        return 0;
    if (!slot)
        slot = &c->own_prefix;
    if ((rc = prefix_open(slot, &plan, err)))
        return rc;
    c->prefix = *slot;
    prefix_use(c->prefix, c->runner);
    return 0;
}

bool course_fill_prefix(struct course *c)
{
    int64_t rows = c->dataset->splits[SPLIT_TRAIN].rows;
    bool whole = !c->prefix || prefix_fill(c->prefix, c->runner, SPLIT_TRAIN, 0, rows);

    profile_mark(c->profiles, PHASE_WAITING, 0); /* for others that compute it */
    return whole;
}

const uint32_t *course_batch(struct course *c, const struct course_step *at, int *count)
{
    const struct settings *s = &c->settings;
    int64_t first = at->epoch_step * s->batch_size, left = c->rows.train.count - first;

    if (c->ordered != at->epoch)
        batches_order(c->order, &c->rows.train, s->shuffle, s->seed, at->epoch);
    c->ordered = at->epoch;
    *count = left < s->batch_size ? (int)left : s->batch_size;
    return c->order + first;
}

struct dropout course_dropout(const struct course *c, const struct course_step *at)
{
    const struct settings *s = &c->settings;

    return (struct dropout){.hidden = (float)s->hidden_dropout,
                            .attention = (float)s->attention_dropout,
                            .head = (float)s->head_dropout,
                            .seed = s->seed,
                            .step = (uint32_t)at->step};
}

int64_t course_row_count(const struct course *c, struct course_rows rows)
{
    return rows.chosen ? c->rows.choose.count : c->dataset->splits[rows.split].rows;
}

bool course_score(struct course *c, const float *values, struct course_rows rows,
                  int64_t first, int64_t end, float *logits)
{
    if (c->prefix && !rows.chosen &&
        !prefix_fill(c->prefix, c->runner, rows.split, first, end))
        return false;
    return batch_runner_evaluate(c->runner, values, &c->dataset->splits[rows.split],
                                 rows.chosen ? c->rows.choose.rows : NULL, first, end,
                                 logits);
}

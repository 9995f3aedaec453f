/* Every microshard has its own gradient buffer and its own place in the outputs, so the
 * threads share nothing that they write, and no result depends on who was faster. */
#include "worker/batch_runner.h"

#include "worker/batches.h"
#include "worker/profile.h"
#include "worker/thread_pool.h"
#include "worker/tree_sum.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Evaluation batches that are run at once, so that threads find enough to do. */
enum { GROUP = PREFIX_CHUNK / EVALUATION_BATCH };

struct batch_runner {
    const struct model *model;
    struct batch_sizes sizes;
    struct thread_pool *pool;
    struct workspace **workspaces; /* one a thread */
    struct profile *profiles;      /* (threads); NULL: nobody measures */
    struct batch batch;
    struct {
        const struct dataset_split *data;
        const struct prefix_rows *rows;
    } begin[SPLIT_COUNT];
    const float *labels; /* of training; NULL: the split's */
    int *order;          /* microshards, heaviest first */
    double *losses;      /* of the microshards */
    float *grads;        /* (microshards, layout->values) */
    size_t grad_bytes;
    atomic_bool stop;
    atomic_ullong microshards, tokens, examples;

    /* What the threads work on now. */
    const float *values;
    const struct dropout *dropout;
    float loss_scale;
    float *logits;
    struct shifts *shifts;    /* of evaluations; NULL: nobody asks */
    const int64_t *offsets;   /* of the split that is evaluated */
    float *rows;              /* of a prefix */
    const int64_t *positions; /* of its rows in them by example; NULL: one each */
    int64_t first;            /* example of the first row */
};

static int larger(int a, int b) { return a > b ? a : b; }

static int new_workspaces(struct batch_runner *r, int shard_tokens, int sequences)
{
    r->workspaces = calloc((size_t)r->sizes.threads, sizeof *r->workspaces);
    for (int i = 0; r->workspaces && i < r->sizes.threads; i++) {
        r->workspaces[i] = workspace_new(r->model, shard_tokens, sequences,
                                         r->sizes.max_length, r->sizes.training);
        if (!r->workspaces[i])
            return ERR_MEMORY;
    }
    return r->workspaces ? 0 : ERR_MEMORY;
}

static int new_buffers(struct batch_runner *r, struct error *err)
{
    const struct batch_sizes *s = &r->sizes;
    int length = s->max_length, m = s->microshard_tokens;
    int train = s->training ? s->batch_size : 0, group = GROUP * EVALUATION_BATCH;
    int sequences = larger(train, group);
    int shard_tokens = batches_shard_tokens(EVALUATION_BATCH, length, m);
    size_t shards = train ? (size_t)batches_shards(train, length, m) : 0;
    size_t values = (size_t)r->model->layout->values;

    if (train)
        shard_tokens = larger(shard_tokens, batches_shard_tokens(train, length, m));
    r->order = malloc((size_t)sequences * sizeof *r->order);
    r->losses = malloc((size_t)sequences * sizeof *r->losses);
    r->grad_bytes = shards * values * sizeof *r->grads;
    r->grads = shards ? malloc(r->grad_bytes) : NULL;
    if (!r->order || !r->losses || (shards && !r->grads) ||
        batch_init(&r->batch, sequences, sequences * length, err) ||
        new_workspaces(r, shard_tokens, larger(train, EVALUATION_BATCH)))
        return error_set(err, ERR_MEMORY, "out of memory for a batch");
    return 0;
}

int batch_runner_new(struct batch_runner **out, const struct model *model,
                     const struct batch_sizes *sizes, struct error *err)
{
    struct batch_runner *r = calloc(1, sizeof *r);
    int rc;

    *out = NULL;
    if (!r)
        return error_set(err, ERR_MEMORY, "out of memory");
    r->model = model;
    r->sizes = *sizes;
    if ((rc = thread_pool_new(&r->pool, sizes->threads, err)) ||
        (rc = new_buffers(r, err))) {
        batch_runner_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

size_t batch_runner_bytes(const struct batch_runner *r)
{
    size_t bytes = r->grad_bytes;

    for (int i = 0; i < r->sizes.threads; i++)
        bytes += workspace_bytes(r->workspaces[i]);
    return bytes;
}

void batch_runner_use_profiles(struct batch_runner *r, struct profile *profiles)
{
    r->profiles = profiles;
    for (int i = 0; i < r->sizes.threads; i++)
        workspace_use_profile(r->workspaces[i], profiles ? &profiles[i] : NULL);
}

void batch_runner_free(struct batch_runner *r)
{
    if (!r)
        return;
    thread_pool_free(r->pool);
    for (int i = 0; r->workspaces && i < r->sizes.threads; i++)
        workspace_free(r->workspaces[i]);
    free(r->workspaces);
    batch_clear(&r->batch);
    free(r->order);
    free(r->losses);
    free(r->grads);
    free(r);
}

/* Microshards first…end-1. Insertion: few items, and qsort may allocate. */
static void order_by_weight(struct batch_runner *r, int first, int end)
{
    const struct microshard *shards = r->batch.shards;

    for (int i = first; i < end; i++) {
        int at = i - first;

        for (; at > 0 && shards[r->order[at - 1]].tokens < shards[i].tokens; at--)
            r->order[at] = r->order[at - 1];
        r->order[at] = i;
    }
}

static void count_shard(struct batch_runner *r, const struct microshard *shard)
{
    atomic_fetch_add(&r->microshards, 1);
    atomic_fetch_add(&r->tokens, (unsigned long long)shard->tokens);
    atomic_fetch_add(&r->examples, (unsigned long long)shard->sequences);
}

/* The thread that drives the runner shares the first one's profile: it waits while that
 * one computes. */
static void mark(const struct batch_runner *r, int thread, enum phase phase)
{
    if (r->profiles)
        profile_add(&r->profiles[thread], phase, 0);
}

static void train_item(void *context, int thread, int item)
{
    struct batch_runner *r = context;
    int i = r->order[item];
    const struct microshard *shard = &r->batch.shards[i];
    float *grad = r->grads + (int64_t)i * r->model->layout->values;

    mark(r, thread, PHASE_WAITING);
    r->losses[i] = model_train(r->model, r->workspaces[thread], r->values, shard,
                               r->dropout, r->loss_scale, grad, NULL);
    count_shard(r, shard);
}

void batch_runner_begin_at(struct batch_runner *r, enum split split,
                           const struct dataset_split *data,
                           const struct prefix_rows *rows)
{
    r->begin[split].data = data;
    r->begin[split].rows = rows;
}

/* For the microshards of the batch, which are of this split. */
static void begin_shards(struct batch_runner *r, const struct dataset_split *split)
{
    const struct prefix_rows *rows = NULL;

    for (int s = 0; s < SPLIT_COUNT; s++)
        if (r->begin[s].data == split)
            rows = r->begin[s].rows;
    for (int i = 0; i < r->batch.count; i++)
        r->batch.shards[i].prefix = rows;
}

void batch_runner_use_labels(struct batch_runner *r, const float *labels)
{
    r->labels = labels;
}

void batch_runner_note_shifts(struct batch_runner *r, struct shifts *shifts)
{
    r->shifts = shifts;
}

int batch_runner_cut(struct batch_runner *r, const struct dataset_split *split,
                     const uint32_t *rows, int count)
{
    batch_empty(&r->batch);
    batch_add(&r->batch, split, rows, 0, count, r->sizes.microshard_tokens);
    for (int i = 0; r->labels && i < count; i++)
        r->batch.labels[i] = r->labels[r->batch.examples[i]];
    begin_shards(r, split);
    r->loss_scale = 1.0f / (float)count;
    mark(r, 0, PHASE_BATCH);
    return r->batch.count;
}

void batch_runner_share(const struct batch_runner *r, int64_t *bounds, int ranges)
{
    const struct batch *batch = &r->batch;
    int64_t before = 0;
    int range = 0;

    for (int i = 0; i < batch->count; i++) {
        int64_t middle = 2 * before + batch->shards[i].tokens; /* doubled */
        int64_t mine = i ? middle * ranges / (2 * (int64_t)batch->tokens) : 0;

        while (range <= mine)
            bounds[range++] = i;
        before += batch->shards[i].tokens;
    }
    while (range <= ranges)
        bounds[range++] = batch->count;
}

double batch_runner_weight(const struct batch_runner *r, int64_t first, int64_t end)
{
    int64_t tokens = 0;

    for (int64_t i = first; i < end; i++)
        tokens += r->batch.shards[i].tokens;
    return (double)tokens / (double)r->batch.tokens;
}

void batch_runner_train_range(struct batch_runner *r, const float *values,
                              const struct dropout *dropout, int64_t first, int64_t end)
{
    order_by_weight(r, (int)first, (int)end);
    r->values = values;
    r->dropout = dropout;
    thread_pool_run(r->pool, (int)(end - first), train_item, r);
    mark(r, 0, PHASE_WAITING);
    tree_sum_within(r->grads, first, end, r->batch.count, r->model->layout->values);
    mark(r, 0, PHASE_GRADIENT_SUM);
}

struct batch_parts batch_runner_parts(struct batch_runner *r)
{
    return (struct batch_parts){r->losses, r->grads};
}

void batch_runner_count(struct batch_runner *r, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++)
        count_shard(r, &r->batch.shards[i]);
}

double batch_runner_sum(struct batch_runner *r, const int64_t *bounds, int ranges,
                        float **grad)
{
    tree_sum_across(r->grads, bounds, ranges, r->model->layout->values);
    mark(r, 0, PHASE_GRADIENT_SUM);
    *grad = r->grads;
    return tree_sum_double(r->losses, r->batch.count);
}

double batch_runner_train(struct batch_runner *r, const float *values,
                          const struct dataset_split *split, const uint32_t *rows,
                          int count, const struct dropout *dropout, float **grad)
{
    int64_t bounds[] = {0, batch_runner_cut(r, split, rows, count)};

    batch_runner_train_range(r, values, dropout, 0, bounds[1]);
    return batch_runner_sum(r, bounds, 1, grad);
}

/* Cuts some evaluation batches from row `at` on; returns the row behind them. */
static int64_t cut_group(struct batch_runner *r, const struct dataset_split *split,
                         const uint32_t *rows, int64_t at, int64_t end)
{
    batch_empty(&r->batch);
    for (int b = 0; b < GROUP && at < end; b++) {
        int64_t left = end - at;
        int n = left < EVALUATION_BATCH ? (int)left : EVALUATION_BATCH;

        batch_add(&r->batch, split, rows ? rows + at : NULL, at, n,
                  r->sizes.microshard_tokens);
        at += n;
    }
    order_by_weight(r, 0, r->batch.count);
    return at;
}

static void prefix_item(void *context, int thread, int item)
{
    struct batch_runner *r = context;
    const struct microshard *shard = &r->batch.shards[r->order[item]];
    int64_t first = shard->examples[0];
    int64_t row =
        r->positions ? r->positions[first] - r->positions[r->first] : first - r->first;

    mark(r, thread, PHASE_WAITING);
    profile_evaluation_begins(r->profiles ? &r->profiles[thread] : NULL);
    model_prefix(r->model, r->workspaces[thread], shard,
                 r->rows + row * r->model->encoder->config.hidden);
    profile_evaluation_ends(r->profiles ? &r->profiles[thread] : NULL);
    atomic_fetch_add(&r->microshards, 1);
}

void batch_runner_prefix(struct batch_runner *r, const struct dataset_split *split,
                         int64_t first, int64_t end, float *out)
{
    r->rows = out;
    r->positions = model_prefix_of_tokens(r->model) ? split->offsets : NULL;
    r->first = first;
    cut_group(r, split, NULL, first, end);
    mark(r, 0, PHASE_EVALUATION);
    thread_pool_run(r->pool, r->batch.count, prefix_item, r);
    mark(r, 0, PHASE_WAITING);
}

static void evaluate_item(void *context, int thread, int item)
{
    struct batch_runner *r = context;
    const struct microshard *shard = &r->batch.shards[r->order[item]];
    int64_t sequence = shard->examples - r->batch.examples;

    mark(r, thread, PHASE_WAITING);
    profile_evaluation_begins(r->profiles ? &r->profiles[thread] : NULL);
    if (r->shifts)
        workspace_note_shifts(r->workspaces[thread], r->shifts,
                              r->offsets[shard->examples[0]]);
    model_evaluate(r->model, r->workspaces[thread], r->values, shard,
                   r->logits + sequence * r->model->layout->shape.labels);
    profile_evaluation_ends(r->profiles ? &r->profiles[thread] : NULL);
    atomic_fetch_add(&r->microshards, 1);
}

bool batch_runner_evaluate(struct batch_runner *r, const float *values,
                           const struct dataset_split *split, const uint32_t *rows,
                           int64_t first, int64_t end, float *logits)
{
    int64_t at = first;

    r->values = values;
    r->offsets = split->offsets;
    while (at < end && !batch_runner_stopped(r)) {
        r->logits = logits + (at - first) * r->model->layout->shape.labels;
        at = cut_group(r, split, rows, at, end);
        begin_shards(r, split);
        mark(r, 0, PHASE_EVALUATION);
        thread_pool_run(r->pool, r->batch.count, evaluate_item, r);
        mark(r, 0, PHASE_WAITING);
    }
    return !batch_runner_stopped(r);
}

void batch_runner_stop(struct batch_runner *r) { atomic_store(&r->stop, true); }

void batch_runner_go_on(struct batch_runner *r) { atomic_store(&r->stop, false); }

bool batch_runner_stopped(const struct batch_runner *r)
{
    return atomic_load(&r->stop);
}

struct batch_counters batch_runner_counters(const struct batch_runner *r)
{
    return (struct batch_counters){atomic_load(&r->microshards),
                                   atomic_load(&r->tokens), atomic_load(&r->examples)};
}

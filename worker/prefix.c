/* Chunks lie in the order of the splits. One that another worker is computing is waited
 * for at last, and not for ever: it may have been stopped. To compute it here too does
 * no harm, since it is the same bytes. */
#include "worker/prefix.h"

#include "common/clock.h"
#include "storage/node_chunks.h"
#include "worker/numerics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prefix {
    struct digest source;
    struct node_chunks *file;
    const struct dataset *dataset;
    int64_t begin[SPLIT_COUNT + 1]; /* first chunk of each split */
    int64_t count;
    uint64_t *ends;                       /* (count) */
    bool *wanted;                         /* (count) of the present trial */
    struct prefix_rows rows[SPLIT_COUNT]; /* of splits that have chunks */
    double longest_s;                     /* that a chunk has taken */
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static bool is_kept(const struct dataset *dataset, int split)
{
    const struct dataset_split *s = &dataset->splits[split];

    return s->present && s->labelled && s->rows > 0;
}

/* ---- which file ---- */

/* "tokens", or for one row an example what it is. */
static const char *kind_of_rows(const struct model *model)
{
    static const char *const pooled[] = {
        [POOLING_POOLER] = "pooler", [POOLING_CLS] = "cls", [POOLING_MEAN] = "mean"};

    if (model_prefix_of_tokens(model))
        return "tokens";
    return model->layout->shape.first_layer == model->encoder->config.layers
               ? pooled[model->pooling]
               : "first tokens";
}

static int find_source(struct digest *out, const struct prefix_plan *plan,
                       struct error *err)
{
    struct digest_stream *stream = digest_stream_new();
    char text[256], isa[64];
    struct digest data;
    int rc = dataset_digest(&data, plan->dataset, err);

    if (!rc && !stream)
        rc = error_set(err, ERR_MEMORY, "out of memory");
    if (!rc) {
        numerics_isa(isa, sizeof isa);
        snprintf(text, sizeof text,
                 "prefix 1\nlayer %d %s\nmicroshards %d\nprecision %d\n%d/%s",
                 plan->model->layout->shape.first_layer, kind_of_rows(plan->model),
                 plan->microshard_tokens, (int)panels_precision(plan->model->panels),
                 NUMERICS, isa);
        digest_stream_add_text(stream, text);
        digest_stream_add(stream, &plan->model->encoder->digest,
                          sizeof plan->model->encoder->digest);
        digest_stream_add(stream, &data, sizeof data);
        *out = digest_stream_value(stream);
    }
    digest_stream_free(stream);
    return rc;
}

/* ---- its chunks ---- */

static int64_t chunks_of(const struct dataset *dataset, int split)
{
    int64_t rows = is_kept(dataset, split) ? dataset->splits[split].rows : 0;

    return (rows + PREFIX_CHUNK - 1) / PREFIX_CHUNK;
}

/* Rows of hidden numbers that the examples before this one have. */
static int64_t rows_before(const struct dataset_split *split, bool tokens,
                           int64_t example)
{
    return tokens ? split->offsets[example] : example;
}

static void lay_out(struct prefix *p, const struct model *model)
{
    bool tokens = model_prefix_of_tokens(model);
    uint64_t size = (uint64_t)model->encoder->config.hidden * sizeof(float), at = 0;

    for (int s = 0; s < SPLIT_COUNT; s++) {
        const struct dataset_split *split = &p->dataset->splits[s];

        for (int64_t c = p->begin[s]; c < p->begin[s + 1]; c++) {
            int64_t end = smaller((c - p->begin[s] + 1) * PREFIX_CHUNK, split->rows);

            p->ends[c] = at + size * (uint64_t)rows_before(split, tokens, end);
        }
        if (p->begin[s + 1] > p->begin[s])
            at = p->ends[p->begin[s + 1] - 1];
    }
}

static int make_chunks(struct prefix *p, const struct prefix_plan *plan,
                       struct error *err)
{
    p->dataset = plan->dataset;
    for (int s = 0; s < SPLIT_COUNT; s++)
        p->begin[s + 1] = p->begin[s] + chunks_of(p->dataset, s);
    p->count = p->begin[SPLIT_COUNT];
    p->ends = malloc((size_t)p->count * sizeof *p->ends);
    p->wanted = calloc((size_t)p->count, sizeof *p->wanted);
    if (!p->ends || !p->wanted)
        return error_set(err, ERR_MEMORY, "out of memory");
    lay_out(p, plan->model);
    return 0;
}

static void want_rows(struct prefix *p, const struct row_list *rows)
{
    for (int64_t i = 0; i < rows->count; i++)
        p->wanted[p->begin[SPLIT_TRAIN] + rows->rows[i] / PREFIX_CHUNK] = true;
}

static void want(struct prefix *p, const struct prefix_plan *plan)
{
    for (int64_t c = 0; c < p->count; c++)
        p->wanted[c] = c >= p->begin[SPLIT_TRAIN + 1];
    want_rows(p, &plan->rows->train);
    if (plan->from_train)
        want_rows(p, &plan->rows->choose);
}

/* ---- opening ---- */

static int open_file(struct prefix *p, struct error *err)
{
    const struct node_chunks_plan plan = {.kind = "prefix",
                                          .source = p->source,
                                          .count = p->count,
                                          .ends = p->ends,
                                          .wanted = p->wanted};
    int rc = node_chunks_open(&p->file, &plan, err);

    return rc == ERR_IO ? error_prefix(err, rc,
                                       "no place for the frozen prefix of the encoder "
                                       "(training.prefix = \"inline\" does without)")
                        : rc;
}

static void point_at_rows(struct prefix *p, const struct model *model)
{
    bool tokens = model_prefix_of_tokens(model);

    for (int s = 0; s < SPLIT_COUNT; s++) {
        int64_t first = p->begin[s];
        size_t at = first ? (size_t)p->ends[first - 1] : 0;

        p->rows[s] = (struct prefix_rows){
            (const float *)(const void *)(node_chunks_data(p->file) + at),
            tokens ? p->dataset->splits[s].offsets : NULL};
    }
}

static int open_new(struct prefix **out, struct digest source,
                    const struct prefix_plan *plan, struct error *err)
{
    struct prefix *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return error_set(err, ERR_MEMORY, "out of memory");
    p->source = source;
    if (!(rc = make_chunks(p, plan, err))) {
        want(p, plan);
        rc = open_file(p, err);
    }
    if (rc)
        prefix_close(p);
    else
        *out = p;
    return rc;
}

int prefix_open(struct prefix **prefix, const struct prefix_plan *plan,
                struct error *err)
{
    struct prefix *p = *prefix;
    struct digest source;
    int rc = find_source(&source, plan, err);
    bool same = !rc && p && digest_equal(p->source, source);

    if (same) {
        p->dataset = plan->dataset;
        want(p, plan);
        same = !node_chunks_want(p->file, p->wanted, NULL);
    }
    if (!same) {
        prefix_close(p);
        *prefix = NULL;
    }
    if (!rc && !same)
        rc = open_new(prefix, source, plan, err);
    if (!rc)
        point_at_rows(*prefix, plan->model);
    return rc;
}

void prefix_close(struct prefix *p)
{
    if (!p)
        return;
    node_chunks_close(p->file);
    free(p->ends);
    free(p->wanted);
    free(p);
}

void prefix_use(const struct prefix *p, struct batch_runner *runner)
{
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (p->begin[s + 1] > p->begin[s])
            batch_runner_begin_at(runner, (enum split)s, &p->dataset->splits[s],
                                  &p->rows[s]);
}

/* ---- filling ---- */

struct filling {
    struct prefix *prefix;
    struct batch_runner *runner;
    enum split split;
    int64_t first, end; /* chunks */
};

static void compute(const struct filling *f, int64_t chunk)
{
    struct prefix *p = f->prefix;
    const struct dataset_split *split = &p->dataset->splits[f->split];
    int64_t first = (chunk - p->begin[f->split]) * PREFIX_CHUNK;
    size_t at = chunk ? (size_t)p->ends[chunk - 1] : 0;
    double start = clock_monotonic_s(), took;

    batch_runner_prefix(f->runner, split, first,
                        smaller(first + PREFIX_CHUNK, split->rows),
                        (float *)(void *)(node_chunks_data(p->file) + at));
    node_chunks_done(p->file, chunk);
    took = clock_monotonic_s() - start;
    p->longest_s = took > p->longest_s ? took : p->longest_s;
}

/* Once over all chunks. Returns the first that others are computing, or -1; *computed:
 * whether there was one to be computed here. */
static int64_t pass(const struct filling *f, bool *computed)
{
    int64_t taken = -1;

    *computed = false;
    for (int64_t c = f->first; c < f->end && !batch_runner_stopped(f->runner); c++) {
        enum node_chunk state;

        if (!f->prefix->wanted[c])
            continue;
        state = node_chunks_claim(f->prefix->file, c);
        if (state == NODE_CHUNK_TAKEN && taken < 0)
            taken = c;
        if (state != NODE_CHUNK_MINE)
            continue;
        compute(f, c);
        *computed = true;
    }
    return taken;
}

bool prefix_fill(struct prefix *p, struct batch_runner *runner, enum split split,
                 int64_t first, int64_t end)
{
    const double pause_s = 0.005, least_s = 2;
    const struct filling f = {p, runner, split, p->begin[split] + first / PREFIX_CHUNK,
                              p->begin[split] +
                                  (end + PREFIX_CHUNK - 1) / PREFIX_CHUNK};
    double since = clock_monotonic_s();
    int64_t waited_for = -1, taken;
    bool computed;

    while ((taken = pass(&f, &computed)) >= 0 && !batch_runner_stopped(runner)) {
        if (computed || taken != waited_for)
            since = clock_monotonic_s();
        waited_for = taken;
        if (clock_monotonic_s() - since > least_s + 2 * p->longest_s) {
            compute(&f, taken);
            waited_for = -1;
        } else {
            clock_sleep_s(pause_s);
        }
    }
    return !batch_runner_stopped(runner);
}

#include "cli/plan_kinds.h"

#include "worker/batch_runner.h"
#include "worker/trial_size.h"

#include <stdlib.h>
#include <string.h>

/* ---- which trials are alike ---- */

/* The same code on the same rows' kind: the time a token takes is the same. */
static bool same_pace(const struct plan_kind *a, int task, const struct settings *b)
{
    const struct settings *s = &a->settings;

    return a->task == task && s->first_layer == b->first_layer &&
           s->train_layernorm == b->train_layernorm && s->pooling == b->pooling &&
           s->batch_size == b->batch_size &&
           s->microshard_tokens == b->microshard_tokens &&
           s->precision == b->precision &&
           settings_keep_prefix(s) == settings_keep_prefix(b) &&
           (s->hidden_dropout > 0) == (b->hidden_dropout > 0) &&
           (s->attention_dropout > 0) == (b->attention_dropout > 0);
}

static bool same_kind(const struct plan_kind *a, int task, const struct settings *b)
{
    const struct settings *s = &a->settings;

    return same_pace(a, task, b) && s->limit == b->limit &&
           s->subsample == b->subsample &&
           (!s->subsample || s->subsample_seed == b->subsample_seed) &&
           s->epochs == b->epochs && s->max_steps == b->max_steps &&
           s->report_steps == b->report_steps && s->share_alpha == b->share_alpha &&
           s->share_v == b->share_v;
}

bool plan_kinds_same_prefix(const struct plan_kind *a, const struct plan_kind *b)
{
    const struct settings *s = &a->settings, *t = &b->settings;

    return settings_keep_prefix(s) && settings_keep_prefix(t) && a->task == b->task &&
           s->first_layer == t->first_layer && s->pooling == t->pooling &&
           s->microshard_tokens == t->microshard_tokens && s->precision == t->precision;
}

/* ---- what one of them has to do ---- */

static bool labelled(const struct dataset_split *split)
{
    return split->present && split->labelled && split->rows > 0;
}

static int64_t tokens_of(const struct dataset_split *split)
{
    return labelled(split) ? split->offsets[split->rows] : 0;
}

static int64_t length_of(const struct dataset_split *split, uint32_t row)
{
    return split->offsets[row + 1] - split->offsets[row];
}

static int64_t listed_tokens(const struct dataset_split *split,
                             const struct row_list *list)
{
    int64_t tokens = 0;

    for (int64_t i = 0; i < list->count; i++)
        tokens += length_of(split, list->rows[i]);
    return tokens;
}

static void count_scoring(struct plan_kind *k, const struct dataset *d,
                          const struct row_choice *rows, bool from_train)
{
    for (int s = SPLIT_DEV; s <= SPLIT_DEV_MISMATCHED; s++) {
        k->score_rows += labelled(&d->splits[s]) ? d->splits[s].rows : 0;
        k->score_tokens += tokens_of(&d->splits[s]);
    }
    if (from_train) {
        k->score_rows += rows->choose.count;
        k->score_tokens += listed_tokens(&d->splits[SPLIT_TRAIN], &rows->choose);
    }
    for (int s = SPLIT_TEST; s <= SPLIT_TEST_MISMATCHED; s++)
        k->test_tokens += tokens_of(&d->splits[s]);
}

static void want_chunks(bool *wanted, const struct row_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        wanted[list->rows[i] / PREFIX_CHUNK] = true;
}

/* Whole chunks of train in which a row is used, and the other labelled splits. */
static int count_prefix(struct plan_kind *k, const struct dataset *d,
                        const struct row_choice *rows, bool from_train)
{
    const struct dataset_split *train = &d->splits[SPLIT_TRAIN];
    int64_t chunks = (train->rows + PREFIX_CHUNK - 1) / PREFIX_CHUNK;
    bool *wanted = calloc((size_t)chunks, sizeof *wanted);

    if (!wanted)
        return ERR_MEMORY;
    want_chunks(wanted, &rows->train);
    if (from_train)
        want_chunks(wanted, &rows->choose);
    for (int64_t c = 0; c < chunks; c++) {
        int64_t end = (c + 1) * PREFIX_CHUNK;

        end = end < train->rows ? end : train->rows;
        if (!wanted[c])
            continue;
        k->prefix_rows += end - c * PREFIX_CHUNK;
        k->prefix_tokens += train->offsets[end] - train->offsets[c * PREFIX_CHUNK];
    }
    free(wanted);
    for (int s = SPLIT_TRAIN + 1; s < SPLIT_COUNT; s++) {
        k->prefix_rows += labelled(&d->splits[s]) ? d->splits[s].rows : 0;
        k->prefix_tokens += tokens_of(&d->splits[s]);
    }
    return 0;
}

static int64_t rounded_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static void count_steps(struct plan_kind *k, int64_t steps)
{
    const struct settings *s = &k->settings;
    int64_t whole = steps / k->batches, rest = steps % k->batches;
    int64_t each = s->report_steps > 0 ? rounded_up(k->batches, s->report_steps) : 1;

    k->steps = steps;
    k->epochs = rounded_up(steps, k->batches);
    k->reports = whole * each;
    if (rest)
        k->reports += s->report_steps > 0 ? rounded_up(rest, s->report_steps) : 1;
}

/* As worker/batches.h cuts a batch of mean length. */
static void count_shards(struct plan_kind *k)
{
    double tokens = (double)k->train_tokens / (double)k->batches;
    int most = k->rows.count < k->settings.batch_size ? (int)k->rows.count
                                                      : k->settings.batch_size;

    k->shards = 2 * (int)(tokens / (2.0 * k->settings.microshard_tokens) + 0.5);
    k->shards = k->shards < 1 ? 1 : k->shards > most ? most : k->shards;
}

static void find_workload(struct plan_kind *k, const struct dataset *d,
                          const struct encoder *encoder)
{
    const struct dataset_split *train = &d->splits[SPLIT_TRAIN];
    double squares = 0, tokens = (double)k->train_tokens;

    for (int64_t i = 0; i < k->rows.count; i++) {
        double length = (double)length_of(train, k->rows.rows[i]);

        squares += length * length;
    }
    k->work = workload_of(&encoder->config, &k->settings,
                          tokens / (double)k->rows.count, squares / tokens);
}

static int count_load(struct plan_kind *k, const struct run_setup *setup,
                      const struct trial_size *size, const struct row_choice *rows,
                      const struct encoder *encoder)
{
    const struct dataset *d = &setup->datasets[k->task];
    bool from_train = setup->spec.tasks[k->task].selection_rows == SELECT_SPLIT_TRAIN;

    k->batches = size->batches;
    k->values = size->values;
    k->bytes = size->bytes;
    k->setup_s = size->setup_s;
    k->train_tokens = listed_tokens(&d->splits[SPLIT_TRAIN], &k->rows);
    count_scoring(k, d, rows, from_train);
    count_steps(k, size->steps);
    count_shards(k);
    find_workload(k, d, encoder);
    if (!settings_keep_prefix(&k->settings))
        return 0;
    if (count_prefix(k, d, rows, from_train))
        return ERR_MEMORY;
    int64_t kept = size->token_rows ? k->prefix_tokens : k->prefix_rows;
    k->prefix_bytes = (uint64_t)kept * (uint64_t)encoder->config.hidden * sizeof(float);
    return 0;
}

static int size_up(struct plan_kind *k, const struct run_setup *setup,
                   const struct encoder *encoder, struct error *err)
{
    const struct dataset *dataset = &setup->datasets[k->task];
    const struct task *task = &setup->spec.tasks[k->task];
    struct row_choice rows;
    struct trial_size size;
    int rc = trial_size_find(&size, encoder, dataset, task, &k->settings,
                             setup->spec.cluster.threads, err);

    if (!rc)
        rc = row_choice_init(&rows, dataset, task->selection_rows, &k->settings, err);
    if (rc)
        return rc;
    k->rows = rows.train; /* now the kind's */
    rc = count_load(k, setup, &size, &rows, encoder);
    rows.train = (struct row_list){0};
    row_choice_clear(&rows);
    return rc ? error_set(err, rc, "out of memory") : 0;
}

/* ---- all of them ---- */

static struct plan_kind *add_kind(struct plan_kinds *kinds, int task,
                                  const struct settings *settings)
{
    size_t count = (size_t)kinds->count;
    struct plan_kind *grown = kinds->kinds;

    if ((count & (count - 1)) == 0) {
        grown = realloc(kinds->kinds, (count ? 2 * count : 1) * sizeof *grown);
        if (!grown)
            return NULL;
        kinds->kinds = grown;
    }
    grown[count] =
        (struct plan_kind){.task = task, .settings = *settings, .pace = kinds->count++};
    for (int i = (int)count - 1; i >= 0; i--)
        if (same_pace(&grown[i], task, settings))
            grown[count].pace = i;
    return &grown[count];
}

static int find_kind(struct plan_kinds *kinds, const struct run_setup *setup, int task,
                     int config, const struct encoder *encoder, struct error *err)
{
    int *of = &kinds->of[(int64_t)task * setup->sweep.config_count + config - 1];
    struct settings settings;

    sweep_settings(&setup->sweep, config, setup->spec.base.seed, &settings);
    for (*of = 0; *of < kinds->count; ++*of)
        if (same_kind(&kinds->kinds[*of], task, &settings))
            return 0;
    struct plan_kind *kind = add_kind(kinds, task, &settings);
    if (!kind)
        return error_set(err, ERR_MEMORY, "out of memory");
    return size_up(kind, setup, encoder, err);
}

bool plan_kinds_wants(const struct run_setup *setup, int64_t trial)
{
    const struct job_cluster *cluster = &setup->spec.cluster;

    return (trial - 1) % cluster->shards == cluster->shard - 1;
}

int plan_kinds_of(const struct plan_kinds *kinds, const struct run_setup *setup,
                  int64_t trial)
{
    struct sweep_trial t = sweep_trial(&setup->sweep, trial);

    return kinds->of[(int64_t)t.task * setup->sweep.config_count + t.config - 1];
}

static int count_trials(struct plan_kinds *kinds, const struct run_setup *setup,
                        struct error *err)
{
    int64_t all = setup->sweep.trial_count;

    for (int64_t i = 1; i <= all; i++)
        if (plan_kinds_wants(setup, i)) {
            kinds->kinds[plan_kinds_of(kinds, setup, i)].trials++;
            kinds->trials++;
        }
    if (kinds->trials > 0)
        return 0;
    return error_set(
        err, ERR_INPUT, "shard %d/%d: there are only %lld trials, none is left for it",
        setup->spec.cluster.shard, setup->spec.cluster.shards, (long long)all);
}

int plan_kinds_init(struct plan_kinds *out, const struct run_setup *setup,
                    const struct encoder *encoder, struct error *err)
{
    size_t pairs = (size_t)setup->spec.task_count * (size_t)setup->sweep.config_count;
    int rc = 0;

    *out = (struct plan_kinds){.of = malloc(pairs * sizeof *out->of)};
    if (!out->of)
        return error_set(err, ERR_MEMORY, "out of memory");
    for (int t = 0; !rc && t < setup->spec.task_count; t++)
        for (int c = 1; !rc && c <= setup->sweep.config_count; c++)
            rc = find_kind(out, setup, t, c, encoder, err);
    if (!rc)
        rc = count_trials(out, setup, err);
    if (rc)
        plan_kinds_clear(out);
    return rc;
}

void plan_kinds_clear(struct plan_kinds *kinds)
{
    for (int i = 0; i < kinds->count; i++)
        free(kinds->kinds[i].rows.rows);
    free(kinds->kinds);
    free(kinds->of);
    *kinds = (struct plan_kinds){0};
}

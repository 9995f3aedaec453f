/* Every run is copied row by row into a new snapshot, so that no row points to where it
 * was read. Rows are found by sorted digests: 100,000 trials take no squares. */
#include "report/gathered.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "out of memory for the results");
}

void gathered_clear(struct gathered *g)
{
    results_clear(&g->results);
    for (int i = 0; i < g->run_count; i++)
        free(g->dirs[i]);
    free(g->dirs);
    free(g->origins);
    free(g->trainable);
    free(g->notes);
    *g = (struct gathered){0};
}

/* A digest and the number of what has it. */
struct key {
    struct digest digest;
    int64_t row;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    if (x->digest.high != y->digest.high)
        return x->digest.high < y->digest.high ? -1 : 1;
    if (x->digest.low != y->digest.low)
        return x->digest.low < y->digest.low ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The row of the first key with this digest, or -1. */
static int64_t find_key(const struct key *keys, int count, struct digest digest)
{
    int low = 0, high = count;

    while (low < high) {
        int middle = low + (high - low) / 2;
        struct key wanted = {digest, -1};

        if (compare_keys(&keys[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && digest_equal(keys[low].digest, digest) ? keys[low].row : -1;
}

static const struct results_task *task_named(const struct results *r, const char *name)
{
    for (int i = 0; i < r->task_count; i++)
        if (!strcmp(r->tasks[i].name, name))
            return &r->tasks[i];
    return NULL;
}

static bool same_metrics(const enum metric *a, int a_count, const enum metric *b,
                         int b_count)
{
    return a_count == b_count && !memcmp(a, b, (size_t)a_count * sizeof *a);
}

/* Appends "; what" to differences. */
static void differ(FILE *out, const char *task, const char *what)
{
    fprintf(out, "%stask %s has %s", ftell(out) > 0 ? "; " : "", task, what);
}

static void compare_task(FILE *out, const struct results_task *a,
                         const struct results_task *b)
{
    if (strcmp(a->dataset_digest, b->dataset_digest) != 0) {
        differ(out, b->name, "other data, digest ");
        fprintf(out, "%.8s instead of %.8s", b->dataset_digest, a->dataset_digest);
    }
    if (strcmp(a->tokenizer_digest, b->tokenizer_digest) != 0)
        differ(out, b->name, "another tokenizer");
    if (a->max_length != b->max_length)
        differ(out, b->name, "another max_length");
    if (a->regression != b->regression || a->labels != b->labels)
        differ(out, b->name, "other labels");
    if (!same_metrics(a->selection, a->selection_count, b->selection,
                      b->selection_count) ||
        !same_metrics(a->metrics, a->metric_count, b->metrics, b->metric_count))
        differ(out, b->name, "another selection metric");
    if (a->selection_rows != b->selection_rows)
        differ(out, b->name, "other selection_rows");
}

static int check_comparable(const struct gathered *g, const char *dir,
                            const struct results *more, struct error *err)
{
    const struct results *first = &g->results;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int rc = 0;

    if (!out)
        return no_memory(err);
    if (strcmp(first->encoder_digest, more->encoder_digest) != 0)
        fprintf(out, "it has another encoder, digest %.8s instead of %.8s",
                more->encoder_digest, first->encoder_digest);
    for (int i = 0; i < more->task_count; i++) {
        const struct results_task *task = task_named(first, more->tasks[i].name);

        if (task)
            compare_task(out, task, &more->tasks[i]);
    }
    fclose(out);
    if (size)
        rc = error_set(err, ERR_INPUT, "%s: cannot be compared with %s: %s", dir,
                       g->dirs[0], text);
    free(text);
    return rc;
}

static int copy_task(struct results *out, int64_t number, const struct results_task *t,
                     struct error *err)
{
    struct task task = {.name = (char *)t->name,
                        .regression = t->regression,
                        .labels = (int)t->labels,
                        .label_names = (char **)t->label_names,
                        .metric_count = t->metric_count,
                        .selection_count = t->selection_count,
                        .selection_rows = t->selection_rows,
                        .max_length = (int)t->max_length};
    struct digest dataset = {0}, tokenizer = {0};

    memcpy(task.metrics, t->metrics, sizeof task.metrics);
    memcpy(task.selection, t->selection, sizeof task.selection);
    digest_parse(&dataset, t->dataset_digest);
    digest_parse(&tokenizer, t->tokenizer_digest);
    return results_add_task(out, number, &task, t->rows, t->majority, dataset,
                            tokenizer, err);
}

/* A run that is being copied: what its numbers are in the new snapshot. */
struct source {
    const struct results *from;
    int run;
    int64_t *tasks, *configs; /* (task_count), (config_count): by row */
    int64_t *trials;          /* (trial_count) by row; 0: left out */
};

/* Settings as results_add_config wants them, of the columns that out has. */
static void settings_of(struct results_setting *settings, const struct results *columns,
                        const struct results *from, int row)
{
    for (int c = 0; c < columns->column_count; c++) {
        const struct results_column *column =
            results_find_column(from, columns->columns[c].name);

        settings[c] =
            (struct results_setting){.name = column->name, .type = column->type};
        if (column->type == RESULTS_INT)
            settings[c].integer = column->integers[row];
        else if (column->type == RESULTS_REAL)
            settings[c].real = column->reals[row];
        else
            settings[c].text = column->texts[row];
    }
}

static struct digest config_digest(struct digest_stream **stream,
                                   const struct results_setting *settings, int count)
{
    struct digest digest = {0};

    *stream = digest_stream_new();
    for (int c = 0; *stream && c < count; c++) {
        digest_stream_add_text(*stream, settings[c].name);
        if (settings[c].type == RESULTS_INT)
            digest_stream_add(*stream, &settings[c].integer,
                              sizeof settings[c].integer);
        else if (settings[c].type == RESULTS_REAL)
            digest_stream_add(*stream, &settings[c].real, sizeof settings[c].real);
        else
            digest_stream_add_text(*stream, settings[c].text);
    }
    if (*stream)
        digest = digest_stream_value(*stream);
    digest_stream_free(*stream);
    return digest;
}

/* Keys of the configurations of r by their settings in columns, sorted. */
static struct key *config_keys(const struct results *columns, const struct results *r)
{
    struct key *keys = calloc((size_t)r->config_count + 1, sizeof *keys);
    struct results_setting *settings =
        calloc((size_t)columns->column_count + 1, sizeof *settings);
    struct digest_stream *stream = NULL;

    for (int i = 0; keys && settings && i < r->config_count; i++) {
        settings_of(settings, columns, r, i);
        keys[i] =
            (struct key){config_digest(&stream, settings, columns->column_count), i};
    }
    if (!settings) {
        free(keys);
        keys = NULL;
    }
    free(settings);
    if (keys)
        qsort(keys, (size_t)r->config_count, sizeof *keys, compare_keys);
    return keys;
}

static int64_t free_number(int64_t wanted, bool taken, int64_t *last)
{
    if (!taken && wanted > 0) {
        *last = wanted > *last ? wanted : *last;
        return wanted;
    }
    return ++*last;
}

static int copy_tasks(struct results *out, struct source *s, struct error *err)
{
    int64_t last = 0;
    int rc = 0;

    for (int i = 0; i < out->task_count; i++)
        last = out->tasks[i].task > last ? out->tasks[i].task : last;
    for (int i = 0; !rc && i < s->from->task_count; i++) {
        const struct results_task *t = &s->from->tasks[i];
        const struct results_task *known = task_named(out, t->name);

        if (known) {
            s->tasks[i] = known->task;
            continue;
        }
        s->tasks[i] = free_number(t->task, results_find_task(out, t->task), &last);
        rc = copy_task(out, s->tasks[i], t, err);
    }
    return rc;
}

static int copy_configs(struct results *out, const struct results *columns,
                        struct source *s, struct error *err)
{
    struct key *known = config_keys(columns, out), *own = config_keys(columns, s->from);
    int known_count = out->config_count, rc = known && own ? 0 : no_memory(err);
    struct results_setting *settings =
        calloc((size_t)columns->column_count + 1, sizeof *settings);
    int64_t last = 0;

    if (!rc && !settings)
        rc = no_memory(err);
    for (int i = 0; i < out->config_count; i++)
        last = out->configs[i] > last ? out->configs[i] : last;
    for (int i = 0; !rc && i < s->from->config_count; i++) {
        int64_t row = find_key(known, known_count, own[i].digest), from = own[i].row;

        /* numbers are given in the order of rows, below */
        s->configs[from] = row >= 0 ? out->configs[row] : 0;
    }
    for (int i = 0; !rc && i < s->from->config_count; i++) {
        int64_t wanted = s->from->configs[i];

        if (s->configs[i])
            continue;
        s->configs[i] = free_number(
            wanted, wanted <= last && results_find_config(out, wanted) >= 0, &last);
        settings_of(settings, columns, s->from, i);
        rc = results_add_config(out, s->configs[i], settings, columns->column_count,
                                err);
    }
    free(settings);
    free(known);
    free(own);
    return rc;
}

static struct key *trial_keys(const struct results *r)
{
    struct key *keys = calloc((size_t)r->trial_count + 1, sizeof *keys);

    for (int i = 0; keys && i < r->trial_count; i++) {
        keys[i].row = i;
        if (digest_parse(&keys[i].digest, r->trials[i].digest))
            keys[i].digest =
                digest_of(r->trials[i].digest, strlen(r->trials[i].digest));
    }
    if (keys)
        qsort(keys, (size_t)r->trial_count, sizeof *keys, compare_keys);
    return keys;
}

static bool counts_more(const struct results_trial *a, const struct results_trial *b)
{
    bool a_done = !strcmp(a->status, "done"), b_done = !strcmp(b->status, "done");

    return a_done != b_done ? a_done : a->epochs > b->epochs;
}

/* Which trials of two runs stay: 0 in s->trials leaves one out. */
static int choose_trials(struct source *before, struct source *more, int *duplicates,
                         struct error *err)
{
    struct key *keys = trial_keys(before->from), *own = trial_keys(more->from);
    int64_t last = 0, biggest = 0;
    int count = before->from->trial_count;

    if (!keys || !own) {
        free(keys);
        free(own);
        return no_memory(err);
    }
    for (int i = 0; i < count; i++) {
        before->trials[i] = before->from->trials[i].trial;
        biggest = before->trials[i] > biggest ? before->trials[i] : biggest;
    }
    for (int i = 0; i < more->from->trial_count; i++)
        last = more->from->trials[i].trial > last ? more->from->trials[i].trial : last;
    last = last > biggest ? last : biggest;
    for (int i = 0; i < more->from->trial_count; i++) {
        int64_t twin = find_key(keys, count, own[i].digest), from = own[i].row;
        const struct results_trial *t = &more->from->trials[from];

        more->trials[from] = -1;
        if (twin < 0)
            continue;
        ++*duplicates;
        more->trials[from] = 0;
        if (counts_more(t, &before->from->trials[twin])) {
            more->trials[from] = before->trials[twin];
            before->trials[twin] = 0;
        }
    }
    for (int i = 0; i < more->from->trial_count; i++)
        if (more->trials[i] < 0)
            more->trials[i] = free_number(
                more->from->trials[i].trial,
                results_find_trial(before->from, more->from->trials[i].trial) != NULL,
                &last);
    free(keys);
    free(own);
    return 0;
}

static int64_t task_of(const struct source *s, int64_t number)
{
    for (int i = 0; i < s->from->task_count; i++)
        if (s->from->tasks[i].task == number)
            return s->tasks[i];
    return 0;
}

/* Numbers to rows, for lookups in a loop. */
static struct key *number_keys(const struct results *r, bool trials)
{
    int count = trials ? r->trial_count : r->config_count;
    struct key *keys = calloc((size_t)count + 1, sizeof *keys);

    for (int i = 0; keys && i < count; i++)
        keys[i] = (struct key){
            {0, (uint64_t)(trials ? r->trials[i].trial : r->configs[i])}, i};
    if (keys)
        qsort(keys, (size_t)count, sizeof *keys, compare_keys);
    return keys;
}

static int64_t row_of(const struct key *keys, int count, int64_t number)
{
    return find_key(keys, count, (struct digest){0, (uint64_t)number});
}

static int copy_trials(struct gathered *g, struct results *out, const struct source *s,
                       struct gathered_origin *origins, const struct key *configs,
                       struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < s->from->trial_count; i++) {
        struct results_trial row = s->from->trials[i];
        int64_t config = row_of(configs, s->from->config_count, row.config);

        if (!s->trials[i])
            continue;
        origins[out->trial_count] =
            s->run < 0 ? g->origins[i] : (struct gathered_origin){s->run, row.trial};
        row.trial = s->trials[i];
        row.task = task_of(s, row.task);
        row.config = config < 0 ? 0 : s->configs[config];
        rc = results_add_trial(out, &row);
    }
    return rc ? no_memory(err) : 0;
}

static int copy_rows(struct results *out, const struct source *s,
                     const struct key *trials, struct error *err)
{
    const struct results *from = s->from;
    int rc = 0;

    for (int i = 0; !rc && i < from->epoch_count; i++) {
        struct results_epoch row = from->epochs[i];
        int64_t at = row_of(trials, from->trial_count, row.trial);

        row.trial = at < 0 ? 0 : s->trials[at];
        if (row.trial)
            rc = results_add_epoch(out, &row);
    }
    for (int i = 0; !rc && i < from->lease_count; i++) {
        struct results_lease row = from->leases[i];
        int64_t at = row_of(trials, from->trial_count, row.trial);

        row.trial = at < 0 ? 0 : s->trials[at];
        if (row.trial)
            rc = results_add_lease(out, &row);
    }
    return rc ? no_memory(err) : 0;
}

static int copy_predictions(struct results *out, const struct source *s,
                            const struct key *trials, struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < s->from->predictions_count; i++) {
        const struct results_predictions *p = &s->from->predictions[i];

        for (int k = 0; !rc && k < p->trial_count; k++) {
            int64_t at = row_of(trials, s->from->trial_count, p->trials[k]);

            if (at >= 0 && s->trials[at])
                rc = results_add_predictions(out, p->task, p->split, s->trials[at],
                                             p->logits[k], p->rows, p->labels, p->gold,
                                             err);
        }
    }
    return rc;
}

/* Everything of a run whose numbers are known. */
static int copy_run(struct gathered *g, struct results *out, const struct source *s,
                    struct gathered_origin *origins, struct error *err)
{
    struct key *configs = number_keys(s->from, false);
    struct key *trials = number_keys(s->from, true);
    int rc = configs && trials ? 0 : no_memory(err);

    if (!rc)
        rc = copy_trials(g, out, s, origins, configs, err);
    if (!rc)
        rc = copy_rows(out, s, trials, err);
    if (!rc)
        rc = copy_predictions(out, s, trials, err);
    free(configs);
    free(trials);
    return rc;
}

static int source_init(struct source *s, const struct results *from, int run)
{
    *s = (struct source){
        .from = from,
        .run = run,
        .tasks = calloc((size_t)from->task_count + 1, sizeof *s->tasks),
        .configs = calloc((size_t)from->config_count + 1, sizeof *s->configs),
        .trials = calloc((size_t)from->trial_count + 1, sizeof *s->trials),
    };
    return s->tasks && s->configs && s->trials ? 0 : ERR_MEMORY;
}

static void source_clear(struct source *s)
{
    free(s->tasks);
    free(s->configs);
    free(s->trials);
}

static int add_note(struct gathered *g, const char *fmt, const char *a, const char *b)
{
    char *line = NULL, *notes = NULL;
    int rc = asprintf(&line, fmt, a, b) < 0 ? ERR_MEMORY : 0;

    if (!rc && asprintf(&notes, "%s%s\n", g->notes ? g->notes : "", line) < 0)
        rc = ERR_MEMORY;
    if (!rc) {
        free(g->notes);
        g->notes = notes;
    }
    free(line);
    return rc;
}

static int note_columns(struct gathered *g, const char *dir, const struct results *a,
                        const struct results *b, const char *other)
{
    int rc = 0;

    for (int c = 0; !rc && c < a->column_count; c++)
        if (!results_find_column(b, a->columns[c].name))
            rc = add_note(g, "%s does not know the setting %s, which is left out.",
                          a == &g->results ? dir : other, a->columns[c].name);
    return rc;
}

/* The columns that both have, as a snapshot without rows that borrows their names. */
static int common_columns(struct results *out, const struct results *a,
                          const struct results *b)
{
    const struct results *base = a->column_count ? a : b;

    *out = (struct results){
        .columns = calloc((size_t)base->column_count + 1, sizeof *out->columns)};
    for (int c = 0; out->columns && c < base->column_count; c++) {
        const struct results_column *x = results_find_column(a, base->columns[c].name);
        const struct results_column *y = results_find_column(b, base->columns[c].name);

        if ((!a->config_count || x) && (!b->config_count || y) &&
            (!x || !y || x->type == y->type))
            out->columns[out->column_count++] = base->columns[c];
    }
    return out->columns ? 0 : ERR_MEMORY;
}

static int join(struct gathered *g, struct results *out, struct source *before,
                struct source *more, struct gathered_origin *origins, struct error *err)
{
    struct results columns;
    int rc = common_columns(&columns, before->from, more->from) ? no_memory(err) : 0;

    if (!rc)
        rc = results_set_attributes(out, before->from->job_text,
                                    before->from->job_digest,
                                    before->from->encoder_digest)
                 ? no_memory(err)
                 : 0;
    if (!rc && !(rc = copy_tasks(out, before, err)))
        rc = copy_tasks(out, more, err);
    if (!rc && !(rc = copy_configs(out, &columns, before, err)))
        rc = copy_configs(out, &columns, more, err);
    if (!rc)
        rc = choose_trials(before, more, &g->duplicates, err);
    if (!rc)
        rc = copy_run(g, out, before, origins, err);
    if (!rc)
        rc = copy_run(g, out, more, origins, err);
    free(columns.columns);
    return rc;
}

static int add_sizes(struct gathered *g, const struct source *s)
{
    for (int i = 0; i < s->from->adapters_count; i++) {
        const struct results_adapters *a = &s->from->adapters[i];
        struct trainable row = {.values = a->values};
        void *larger;

        for (int t = 0; t < a->tensor_count; t++)
            if (!strncmp(a->tensors[t].name, "classifier.", 11))
                row.head += a->tensors[t].rows *
                            (a->tensors[t].cols > 0 ? a->tensors[t].cols : 1);
        larger =
            realloc(g->trainable,
                    (size_t)(g->trainable_count + a->trial_count + 1) * sizeof row);
        if (!larger)
            return ERR_MEMORY;
        g->trainable = larger;
        for (int k = 0; k < a->trial_count; k++) {
            const struct results_trial *t = results_find_trial(s->from, a->trials[k]);
            int config = t ? results_find_config(s->from, t->config) : -1;

            if (config < 0)
                continue;
            row.task = task_of(s, t->task);
            row.config = s->configs[config];
            g->trainable[g->trainable_count++] = row;
        }
    }
    return 0;
}

static int add_dir(struct gathered *g, const char *dir)
{
    char **dirs = realloc(g->dirs, (size_t)(g->run_count + 1) * sizeof *dirs);

    if (!dirs)
        return ERR_MEMORY;
    g->dirs = dirs;
    if (!(g->dirs[g->run_count] = strdup(dir)))
        return ERR_MEMORY;
    g->run_count++;
    return g->notes || (g->notes = strdup("")) ? 0 : ERR_MEMORY;
}

/* The numbers of a run stay as they are. */
static void keep_numbers(struct source *s)
{
    for (int i = 0; i < s->from->task_count; i++)
        s->tasks[i] = s->from->tasks[i].task;
    for (int i = 0; i < s->from->config_count; i++)
        s->configs[i] = s->from->configs[i];
}

static int add_first(struct gathered *g, struct results *results, struct error *err)
{
    struct source s;
    int rc = source_init(&s, results, 0);

    g->origins = calloc((size_t)results->trial_count + 1, sizeof *g->origins);
    if (rc || !g->origins) {
        source_clear(&s);
        return no_memory(err);
    }
    for (int i = 0; i < results->trial_count; i++)
        g->origins[i] = (struct gathered_origin){0, results->trials[i].trial};
    keep_numbers(&s);
    rc = add_sizes(g, &s) ? no_memory(err) : 0;
    source_clear(&s);
    g->results = *results;
    *results = (struct results){0};
    return rc;
}

static int add_further(struct gathered *g, const char *dir, struct results *results,
                       struct error *err)
{
    size_t trials = (size_t)g->results.trial_count + (size_t)results->trial_count;
    struct gathered_origin *origins = calloc(trials + 1, sizeof *origins);
    struct results joined = {0};
    struct source before, more;
    int rc = source_init(&before, &g->results, -1);

    rc = source_init(&more, results, g->run_count - 1) || rc || !origins
             ? no_memory(err)
             : 0;
    if (!rc && (note_columns(g, dir, &g->results, results, "") ||
                note_columns(g, dir, results, &g->results, g->dirs[0])))
        rc = no_memory(err);
    if (!rc)
        rc = join(g, &joined, &before, &more, origins, err);
    if (!rc && add_sizes(g, &more))
        rc = no_memory(err);
    source_clear(&before);
    source_clear(&more);
    if (rc) {
        results_clear(&joined);
        free(origins);
        return rc;
    }
    results_clear(&g->results);
    g->results = joined;
    free(g->origins);
    g->origins = origins;
    return 0;
}

int gathered_add(struct gathered *g, const char *dir, struct results *results,
                 struct error *err)
{
    int rc = g->run_count ? check_comparable(g, dir, results, err) : 0;

    if (!rc && add_dir(g, dir))
        rc = no_memory(err);
    if (!rc)
        rc = g->run_count == 1 ? add_first(g, results, err)
                               : add_further(g, dir, results, err);
    results_clear(results);
    return rc;
}

/* Whether two configurations train the same tensors. */
static bool same_shape(const struct results *r, int64_t a, int64_t b)
{
    static const char *const names[] = {"share_alpha", "share_v", "first_layer",
                                        "train_layernorm"};
    int x = results_find_config(r, a), y = results_find_config(r, b);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct results_column *c = results_find_column(r, names[i]);

        if (x < 0 || y < 0 || !c ||
            (c->type == RESULTS_INT && c->integers[x] != c->integers[y]) ||
            (c->type == RESULTS_TEXT && strcmp(c->texts[x], c->texts[y]) != 0))
            return false;
    }
    return true;
}

const struct trainable *gathered_trainable(const struct gathered *g, int64_t task,
                                           int64_t config)
{
    for (int i = 0; i < g->trainable_count; i++)
        if (g->trainable[i].task == task &&
            (g->trainable[i].config == config ||
             same_shape(&g->results, g->trainable[i].config, config)))
            return &g->trainable[i];
    return NULL;
}

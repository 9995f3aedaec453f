/* report_sample KIND FILE [TRIALS]: writes a results.h5 as runs leave them, for the
 * checks of reports: usual, empty, one, failed, missing, hostile, large. */
#include "storage/results_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static void must(int rc)
{
    if (rc) {
        fprintf(stderr, "report_sample: failed with %d\n", rc);
        exit(1);
    }
}

/* Every kind of text that wants to be more than text. */
static const char hostile[] =
    "=HYPERLINK(\"http://x\",\"y\")</td><script>alert('1')</script><img src=x "
    "onerror=alert(2)> \\input{/etc/passwd} $x_1^2$ % & # ~ {} \"\",\n| [a](http://b) "
    "`c` \xe2\x80\xae\xd7\x90 \x01\x1b \xff\xfe \xe4\xb8\xad\xf0\x9f\x98\x80";

static const char *hostile_text(void)
{
    static char text[12000];
    size_t size = sizeof hostile - 1;

    memcpy(text, hostile, size);
    memset(text + size, 'W', 10000);
    return text;
}

static void add_task(struct results *r, int64_t number, const char *builtin,
                     const char *name, double majority, enum selection_rows rows_kind)
{
    struct task task = {0};
    const int64_t rows[SPLIT_COUNT] = {1000, 200};
    struct digest data = {(uint64_t)number, 2}, tokenizer = {3, 4};
    char *own;

    must(task_builtin(&task, builtin, NULL));
    own = task.name;
    task.name = (char *)name;
    task.selection_rows = rows_kind;
    must(results_add_task(r, number, &task, rows, majority, data, tokenizer, NULL));
    task.name = own;
    task_clear(&task);
}

static void add_config(struct results *r, int64_t number, double rate, int64_t batch,
                       int64_t first_layer, const char *init)
{
    const struct results_setting settings[] = {
        {"share_alpha", RESULTS_INT, 0, 0, NULL},
        {"share_v", RESULTS_INT, 0, 0, NULL},
        {"first_layer", RESULTS_INT, first_layer, 0, NULL},
        {"train_layernorm", RESULTS_TEXT, 0, 0, "none"},
        {"init", RESULTS_TEXT, 0, 0, init},
        {"learning_rate", RESULTS_REAL, 0, rate, NULL},
        {"batch_size", RESULTS_INT, batch, 0, NULL},
    };

    must(results_add_config(r, number, settings, 7, NULL));
}

static void add_epochs(struct results *r, const struct results_trial *t, int epochs,
                       const struct results_task *task)
{
    for (int e = 1; e <= epochs; e++) {
        struct results_epoch row = {.trial = t->trial,
                                    .epoch = e,
                                    .step = 32 * e,
                                    .train_loss = 1.0 / e,
                                    .dev_loss = 1.1 / e,
                                    .score = t->score * e / epochs,
                                    .learning_rate = 1e-3,
                                    .tokens = 1000 * e,
                                    .seconds = 0.5 * e};

        for (int m = 0; m < METRIC_COUNT; m++)
            row.metrics[m] = NAN;
        for (int m = 0; m < task->metric_count; m++)
            row.metrics[task->metrics[m]] = row.score;
        must(results_add_epoch(r, &row));
    }
}

static void add_lease(struct results *r, const struct results_trial *t, bool lost)
{
    const struct results_lease lease = {.trial = t->trial,
                                        .worker = 1 + t->trial % 3,
                                        .host = t->host,
                                        .begun = 1.7e9 + 10.0 * (double)t->trial,
                                        .ended = 1.7e9 + 10.0 * (double)t->trial + 25,
                                        .last_epoch = t->epochs,
                                        .end = lost ? "lost" : "done"};

    must(results_add_lease(r, &lease));
}

static struct results_trial trial_row(int64_t number, int64_t config, int64_t task,
                                      int64_t seed, double score)
{
    static char digest[64];
    struct results_trial t = {.trial = number,
                              .digest = digest,
                              .config = config,
                              .task = task,
                              .seed = seed,
                              .status = "done",
                              .score = score,
                              .report_score = score,
                              .seconds = 10 + uniform(),
                              .tokens = 20000 + number,
                              .attempts = 1,
                              .host = "n1",
                              .numerics = "1 avx2",
                              .rung = -1};

    snprintf(digest, sizeof digest, "%016llx%016llx", (unsigned long long)number,
             (unsigned long long)(task * 1000 + seed));
    for (int m = 0; m < METRIC_COUNT; m++)
        t.report[m] = t.test[m] = NAN;
    return t;
}

/* Answers that are right for a share of the rows, and the metrics that follow. */
static void answer(float *logits, const float *gold, int rows, int labels, double right)
{
    for (int i = 0; i < rows; i++) {
        if (labels == 1) {
            logits[i] = (float)(gold[i] + (uniform() - 0.5) * 8 * (1 - right));
            continue;
        }
        bool good = uniform() < right;

        logits[2 * i] = (float)((gold[i] == 0) == good);
        logits[2 * i + 1] = 1 - logits[2 * i];
    }
}

static void score_answers(struct results_trial *t, const struct results_task *task,
                          const float *logits, const float *gold, int rows)
{
    t->score = 0;
    for (int m = 0; m < task->metric_count; m++)
        t->report[task->metrics[m]] =
            metric_compute(task->metrics[m], logits, gold, rows, (int)task->labels);
    for (int m = 0; m < task->selection_count; m++)
        t->score += t->report[task->selection[m]] / task->selection_count;
    t->report_score = t->score;
}

enum { ROWS = 200 };

static void add_answered(struct results *r, struct results_trial t,
                         const struct results_task *task, const float *gold,
                         double right, bool test)
{
    float logits[2 * ROWS];

    answer(logits, gold, ROWS, (int)task->labels, right);
    score_answers(&t, task, logits, gold, ROWS);
    t.epochs = 4;
    t.best_epoch = 4;
    for (int m = 0; test && m < task->metric_count; m++)
        t.test[task->metrics[m]] = t.report[task->metrics[m]] - 0.01;
    must(results_add_trial(r, &t));
    add_epochs(r, &t, 4, task);
    add_lease(r, &t, false);
    must(results_add_predictions(r, task->name, SPLIT_DEV, t.trial, logits, ROWS,
                                 (int)task->labels, gold, NULL));
}

/* Two tasks with different metrics, a full grid of 3 x 2 x 2, 5 seeds; with missing,
 * some of them failed, running, queued. */
static void usual(struct results *r, bool missing, const char *name, const char *init)
{
    static const double rates[] = {1e-3, 3e-3, 1e-2};
    const struct adapter_shape shapes[] = {
        {.layers = 2, .hidden = 3, .ffn = 5, .labels = 2},
        {.layers = 2, .hidden = 3, .ffn = 5, .labels = 2, .first_layer = 1}};
    float gold[2][ROWS];
    int64_t trial = 0;

    add_task(r, 1, "mrpc", name, 0.7473, SELECT_DEV);
    add_task(r, 2, "stsb", "stsb", NAN, SELECT_DEV);
    for (int i = 0; i < ROWS; i++) {
        gold[0][i] = (float)(uniform() < 0.6);
        gold[1][i] = (float)(5 * uniform());
    }
    for (int c = 0; c < 12; c++)
        add_config(r, c + 1, rates[c % 3], c / 3 % 2 ? 32 : 16, c / 6, init);
    for (int task = 0; task < 2; task++)
        for (int c = 0; c < 12; c++)
            for (int seed = 1; seed <= 5; seed++) {
                struct results_trial t = trial_row(++trial, c + 1, task + 1, seed, NAN);
                double right = 0.6 + 0.08 * (c % 3) + 0.02 * (c / 6);

                if (missing && trial % 7 == 0) {
                    t.status = trial % 2 ? "failed" : "running";
                    t.error = trial % 2 ? "step 3: loss is not finite" : "";
                    must(results_add_trial(r, &t));
                    add_lease(r, &t, trial % 2);
                    continue;
                }
                add_answered(r, t, &r->tasks[task], gold[task], right, task == 0);
            }
    for (int i = 0; i < 2; i++) {
        struct adapter_layout layout;
        float *values;

        must(adapter_layout_init(&layout, &shapes[i], NULL));
        values = calloc((size_t)layout.values, sizeof *values);
        must(results_add_adapter(r, name, i ? 31 : 1, &layout, values, NULL));
        free(values);
        adapter_layout_clear(&layout);
    }
}

static void large(struct results *r, int64_t trials)
{
    add_task(r, 1, "sst2", "sst2", 0.51, SELECT_DEV);
    for (int64_t i = 1; i <= trials; i++)
        add_config(r, i, exp(-7 + 4 * uniform()), 8 << (i % 4), i % 6, "");
    for (int64_t i = 1; i <= trials; i++) {
        struct results_trial t = trial_row(i, i, 1, 1, 0.5 + 0.5 * uniform());

        t.epochs = t.best_epoch = 20;
        t.report[METRIC_ACCURACY] = t.score;
        must(results_add_trial(r, &t));
        add_epochs(r, &t, 20, &r->tasks[0]);
        add_lease(r, &t, false);
    }
}

static void one(struct results *r, bool failed)
{
    struct results_trial t = trial_row(1, 1, 1, 1, failed ? NAN : 0.75);

    add_task(r, 1, "sst2", "sst2", 0.51, SELECT_DEV);
    add_config(r, 1, 1e-3, 16, 0, "");
    t.status = failed ? "failed" : "done";
    t.error = failed ? "step 1: loss is not finite" : NULL;
    t.epochs = t.best_epoch = failed ? 0 : 2;
    t.report[METRIC_ACCURACY] = t.score;
    must(results_add_trial(r, &t));
    if (!failed)
        add_epochs(r, &t, 2, &r->tasks[0]);
}

static void make(struct results *r, const char *kind, int64_t trials)
{
    if (!strcmp(kind, "usual") || !strcmp(kind, "missing"))
        usual(r, !strcmp(kind, "missing"), "mrpc", "");
    else if (!strcmp(kind, "hostile")) {
        usual(r, true, "<b>=1+1|\\x{", hostile_text());
        for (int i = 0; i < r->trial_count; i += 5) {
            free((char *)r->trials[i].error);
            free((char *)r->trials[i].host);
            r->trials[i].error = strdup(hostile_text());
            r->trials[i].host = strdup(hostile_text());
        }
    } else if (!strcmp(kind, "large"))
        large(r, trials);
    else if (!strcmp(kind, "one") || !strcmp(kind, "failed"))
        one(r, !strcmp(kind, "failed"));
    else if (strcmp(kind, "empty") != 0)
        must(ERR_INPUT);
}

int main(int argc, char **argv)
{
    struct results r = {0};
    struct error err = {""};

    if (argc < 3) {
        fprintf(stderr, "usage: report_sample KIND FILE [TRIALS]\n");
        return 2;
    }
    make(&r, argv[1], argc > 3 ? atoll(argv[3]) : 10000);
    must(results_set_attributes(&r,
                                "encoder = \"e\";\ntasks = ( { name = \"mrpc\"; data = "
                                "\"d\"; } );\n",
                                "0123", "4567"));
    if (results_write(argv[2], &r, &err)) {
        fprintf(stderr, "report_sample: %s\n", err.text);
        return 1;
    }
    results_clear(&r);
    return 0;
}

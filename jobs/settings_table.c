/* The table itself and what only needs the table. A default never changes once
 * released: canonical text, and so every trial's identity, leaves defaults out. */
#include "jobs/settings_table.h"

#include "jobs/job_spec.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const train_layernorm_words[] = {"none", "output",
                                                    "output+embeddings", "all", NULL};
static const char *const pooling_words[] = {"pooler", "cls", "mean", NULL};
static const char *const precision_words[] = {"float32", "bf16", NULL};
static const char *const prefix_words[] = {"auto", "kept", "inline", NULL};
static const char *const schedule_words[] = {"constant", "linear", "cosine", NULL};
const char *const job_search_words[] = {"grid", "random", "list", "sobol", "tpe", NULL};
const char *const job_scheduler_words[] = {"none",   "asha", "hyperband",
                                           "median", "pbt",  NULL};
static const char *const judge_words[] = {"each", "mean", NULL};
static const char *const selection_rows_words[] = {"dev", "split_dev", "split_train",
                                                   NULL};
const char *const job_isa_words[] = {"auto", "avx512", "avx2", "portable", NULL};
const char *const job_launcher_words[] = {"mpirun", "srun", NULL};
static const char *const format_words[] = {"tsv", "csv", "jsonl", NULL};

const struct prefix_conflict settings_prefix_conflicts[] = {
    {"hidden_dropout", DBL_TRUE_MIN, "is drawn anew in every step"},
    {"attention_dropout", DBL_TRUE_MIN, "is drawn anew in every step"},
    {"train_layernorm", LN_OUTPUT_EMBEDDINGS, "leaves nothing below what is trained"},
    {NULL, 0, NULL},
};

#define INT_LIMIT 2147483647.0
#define UINT_LIMIT 4294967295.0

#define OTHER(GROUP, NAME, FORM, HELP)                                                 \
    {                                                                                  \
        .name = NAME, .group = GROUP, .type = SETTING_OTHER, .form = FORM,             \
        .help = HELP                                                                   \
    }
#define NUMBER(GROUP, TYPE, STRUCT, FIELD, DEFAULT, MIN, MAX, HELP)                    \
    {                                                                                  \
        .name = #FIELD, .group = GROUP, .type = TYPE,                                  \
        .offset = offsetof(struct STRUCT, FIELD), .min = MIN, .max = MAX,              \
        .standard = DEFAULT, .help = HELP                                              \
    }
#define BOOL(GROUP, FIELD, DEFAULT, HELP)                                              \
    NUMBER(GROUP, SETTING_BOOL, settings, FIELD, DEFAULT, 0, 1, HELP)
#define INT(GROUP, STRUCT, FIELD, DEFAULT, MIN, MAX, HELP)                             \
    NUMBER(GROUP, SETTING_INT, STRUCT, FIELD, DEFAULT, MIN, MAX, HELP)
#define REAL(FIELD, DEFAULT, MIN, MAX, HELP)                                           \
    NUMBER(GROUP_TRAINING, SETTING_REAL, settings, FIELD, DEFAULT, MIN, MAX, HELP)
#define REAL_BELOW(FIELD, DEFAULT, MIN, MAX, HELP) /* [MIN, MAX) */                    \
    {                                                                                  \
        .name = #FIELD, .group = GROUP_TRAINING, .type = SETTING_REAL,                 \
        .offset = offsetof(struct settings, FIELD), .min = MIN, .max = MAX,            \
        .below_max = true, .standard = DEFAULT, .help = HELP                           \
    }
#define REAL_ABOVE(GROUP, STRUCT, FIELD, DEFAULT, MIN, MAX, HELP) /* (MIN, MAX] */     \
    {                                                                                  \
        .name = #FIELD, .group = GROUP, .type = SETTING_REAL,                          \
        .offset = offsetof(struct STRUCT, FIELD), .min = MIN, .max = MAX,              \
        .above_min = true, .standard = DEFAULT, .help = HELP                           \
    }
#define WORD(GROUP, STRUCT, FIELD, WORDS, HELP)                                        \
    {                                                                                  \
        .name = #FIELD, .group = GROUP, .type = SETTING_WORD,                          \
        .offset = offsetof(struct STRUCT, FIELD), .words = WORDS, .help = HELP         \
    }
#define TEXT(STRUCT, FIELD, HELP)                                                      \
    {                                                                                  \
        .name = #FIELD, .group = GROUP_SLURM, .type = SETTING_TEXT,                    \
        .offset = offsetof(struct STRUCT, FIELD), .help = HELP                         \
    }
#define PATH(GROUP, STRUCT, FIELD, HELP)                                               \
    {                                                                                  \
        .name = #FIELD, .group = GROUP, .type = SETTING_PATH,                          \
        .offset = offsetof(struct STRUCT, FIELD), .help = HELP                         \
    }

/* clang-format off */
static const struct setting table[] = {
    PATH(GROUP_TOP, job_spec, encoder, "pretrained BERT, a Hugging Face directory"),
    OTHER(GROUP_TOP, "tasks", "list of groups", "what to train on; each task is one more axis"),
    OTHER(GROUP_TOP, "adapter", "group", "shape of what is trained"),
    OTHER(GROUP_TOP, "training", "group", "how it is trained"),
    OTHER(GROUP_TOP, "sweep", "group", "which settings are tried"),
    OTHER(GROUP_TOP, "cluster", "group", "how the work is spread; never changes a result, but isa its last digits"),
    OTHER(GROUP_TOP, "output", "group", "where results go"),
    OTHER(GROUP_TOP, "slurm", "group", "what `shiftwork submit` asks for; never changes a result"),

    OTHER(GROUP_TASK, "name", "text", "cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte, wnli, ax, or one of your own (letters, digits, _ and -)"),
    OTHER(GROUP_TASK, "data", "path", "folder of the task's files, or a prepared .h5 file"),
    OTHER(GROUP_TASK, "train", "file", "training rows; a known task has GLUE's file name"),
    OTHER(GROUP_TASK, "dev", "file", "rows that choose a trial's epoch and report its score"),
    OTHER(GROUP_TASK, "test", "file", "rows to predict, scored too where they have labels"),
    OTHER(GROUP_TASK, "dev_mismatched", "file", "mnli only"),
    OTHER(GROUP_TASK, "test_mismatched", "file", "mnli only"),
    WORD(GROUP_TASK, task, format, format_words, "of a task of your own; tsv is read without quoting, csv after RFC 4180"),
    OTHER(GROUP_TASK, "header", "true or false, default true", "the first line holds the columns' names"),
    OTHER(GROUP_TASK, "text", "one or two columns", "names, or without header numbers from 0"),
    OTHER(GROUP_TASK, "label", "column", "a name, or without header a number from 0"),
    OTHER(GROUP_TASK, "labels", "array of texts", "the classes as the files write them, in the order of the outputs"),
    OTHER(GROUP_TASK, "type", "\"classification\" or \"regression\"", "regression has no labels; default classification"),
    OTHER(GROUP_TASK, "metrics", "array of names", "accuracy, f1, matthews, f1_macro; pearson, spearman for regression"),
    OTHER(GROUP_TASK, "selection_metric", "name or array", "what chooses a trial's epoch, of several the mean; default GLUE's score, or the first of metrics"),
    WORD(GROUP_TASK, task, selection_rows, selection_rows_words, "rows that choose the epoch: dev, a seeded half of dev (the other half reports), or 1000 training rows (dev reports)"),
    INT(GROUP_TASK, task, max_length, 128, 4, 65536, "word pieces of a row with the special ones; longer rows are cut"),

    BOOL(GROUP_ADAPTER, share_alpha, false, "one L_alpha (w, beta) for all layers"),
    BOOL(GROUP_ADAPTER, share_v, false, "one shift vector v for all layers"),
    INT(GROUP_ADAPTER, settings, first_layer, 0, 0, 1000, "adapters from this layer upwards; the number of layers: head only"),
    WORD(GROUP_ADAPTER, settings, train_layernorm, train_layernorm_words, "LayerNorms trained too, in layers from first_layer on; those with embeddings need first_layer = 0"),
    WORD(GROUP_ADAPTER, settings, pooling, pooling_words, "what the head reads: the checkpoint's pooler, the first token, or the mean of all"),
    PATH(GROUP_ADAPTER, settings, init, "exported adapter file to start from; empty: none"),

    INT(GROUP_TRAINING, settings, epochs, 10, 1, 100000, "passes over the training rows"),
    INT(GROUP_TRAINING, settings, batch_size, 32, 1, 65536, "rows a step"),
    REAL(learning_rate, 2e-3, 0, 1, "of the adapters, at its highest"),
    REAL(head_learning_rate, 0, 0, 1, "of the head; 0: the same"),
    REAL(weight_decay, 0.01, 0, 1, "AdamW's decoupled decay, on w and the head's weight"),
    REAL_BELOW(beta1, 0.9, 0, 1, "AdamW's decay of the first moment"),
    REAL_BELOW(beta2, 0.999, 0, 1, "AdamW's decay of the second moment"),
    REAL_ABOVE(GROUP_TRAINING, settings, eps, 1e-8, 0, 1, "AdamW's epsilon"),
    BOOL(GROUP_TRAINING, decay_v, false, "decay v too"),
    BOOL(GROUP_TRAINING, decay_head_bias, false, "decay the head's bias too"),
    {.name = "schedule", .group = GROUP_TRAINING, .type = SETTING_WORD,
     .offset = offsetof(struct settings, schedule), .words = schedule_words,
     .standard = SCHEDULE_LINEAR, .help = "of the learning rate after warm-up"},
    REAL(warmup, 0.06, 0, 1, "share of all steps in which the learning rate rises"),
    INT(GROUP_TRAINING, settings, horizon, 0, 0, 100000, "epochs that the schedule spans; 0: epochs"),
    REAL(clip_norm, 0, 0, 1e9, "clip the gradient's global norm; 0: never"),
    REAL_BELOW(head_dropout, 0.1, 0, 1, "before the head"),
    REAL_BELOW(hidden_dropout, 0, 0, 1, "in the encoder's three hidden places"),
    REAL_BELOW(attention_dropout, 0, 0, 1, "on attention probabilities"),
    WORD(GROUP_TRAINING, settings, precision, precision_words, "of the products with the encoder's frozen matrices, in training and evaluation; bf16 needs a processor with AVX512-BF16"),
    BOOL(GROUP_TRAINING, shuffle, true, "a new order of the rows every epoch"),
    BOOL(GROUP_TRAINING, shuffle_labels, false, "give the training rows each other's labels, drawn by seed: a control of what an adapter finds without a task"),
    NUMBER(GROUP_TRAINING, SETTING_UINT32, settings, seed, 1, 0, UINT_LIMIT, "of everything random in a trial; the first of sweep.seeds"),
    INT(GROUP_TRAINING, settings, patience, 0, 0, 100000, "stop after so many epochs without a better score; 0: never"),
    INT(GROUP_TRAINING, settings, max_steps, 0, 0, INT_LIMIT, "stop after so many steps; 0: no limit"),
    INT(GROUP_TRAINING, settings, microshard_tokens, 256, 1, 65536, "word pieces of a unit of work; decides the order of sums"),
    WORD(GROUP_TRAINING, settings, prefix, prefix_words, "what lies below the first trained tensor: kept, computed once a node into a file; inline, every time; auto: kept with first_layer >= 1 and no dropout in the encoder, else inline"),
    INT(GROUP_TRAINING, settings, report_steps, 0, 0, INT_LIMIT, "evaluate and report every so many steps; 0: at the epochs' ends"),
    INT(GROUP_TRAINING, settings, limit, 0, 0, INT_LIMIT, "only the first rows of the training file; 0: all"),
    INT(GROUP_TRAINING, settings, subsample, 0, 0, INT_LIMIT, "training rows drawn, stratified by label; 0: all"),
    NUMBER(GROUP_TRAINING, SETTING_UINT32, settings, subsample_seed, 1, 0, UINT_LIMIT, "which rows subsample draws"),

    WORD(GROUP_SWEEP, job_sweep, search, job_search_words, "every combination of space, random ones, those of configs, a quasi-random sequence, or a tree-structured Parzen estimator"),
    NUMBER(GROUP_SWEEP, SETTING_UINT32, job_sweep, search_seed, 1, 0, UINT_LIMIT, "of what random, sobol, tpe and pbt draw"),
    INT(GROUP_SWEEP, job_sweep, trials, 0, 0, 10000000, "at most so many trials, counted over tasks, configurations and seeds; random, sobol and tpe need it; 0: no limit"),
    INT(GROUP_SWEEP, job_sweep, epochs, 0, 0, INT_LIMIT, "begin no epoch more once so many are trained in all; 0: no limit"),
    NUMBER(GROUP_SWEEP, SETTING_REAL, job_sweep, wall_time, 0, 0, 1e6, "hours of running in all, after which no epoch is begun; 0: no limit"),
    WORD(GROUP_SWEEP, job_sweep, scheduler, job_scheduler_words, "which trials stop early: none, by asynchronous successive halving, Hyperband, the median rule, or population based training"),
    INT(GROUP_SWEEP, job_sweep, min_epochs, 1, 1, 100000, "of asha, hyperband and median: epochs before the first decision; of pbt: epochs between two"),
    INT(GROUP_SWEEP, job_sweep, eta, 3, 2, 64, "of asha and hyperband: one of so many goes on"),
    INT(GROUP_SWEEP, job_sweep, brackets, 1, 1, 16, "of asha: brackets, each of which begins to decide eta times later"),
    WORD(GROUP_SWEEP, job_sweep, judge, judge_words, "what is compared: each trial by itself, or a configuration by the mean over its seeds"),
    {.name = "quantile", .group = GROUP_SWEEP, .type = SETTING_REAL,
     .offset = offsetof(struct job_sweep, quantile), .above_min = true, .min = 0,
     .max = 0.5, .standard = 0.25, .help = "of pbt: the share of trials that is replaced by as many of the best"},
    OTHER(GROUP_SWEEP, "seeds", "number or array, default 1", "so many from training.seed on, or these"),
    OTHER(GROUP_SWEEP, "space", "group", "settings of adapter and training with the values to try, as [1e-3, 2e-3], { min = 1e-4; max = 1e-2; scale = \"log\"; }, or { values = [1, 2]; when = { pooling = \"mean\"; }; }"),
    OTHER(GROUP_SWEEP, "configs", "list of groups", "of search = \"list\": the configurations, as { learning_rate = 1e-3; batch_size = 16; }"),

    INT(GROUP_CLUSTER, job_cluster, threads, 1, 1, 1024, "of a worker"),
    INT(GROUP_CLUSTER, job_cluster, workers_per_trial, 0, 0, 16, "0: one, and more once there are fewer trials than workers"),
    REAL_ABOVE(GROUP_CLUSTER, job_cluster, heartbeat_s, 2, 0, 3600, "between a worker's signs of life; below lost_after_s"),
    REAL_ABOVE(GROUP_CLUSTER, job_cluster, lost_after_s, 30, 0, 86400, "silence after which a worker counts as lost"),
    NUMBER(GROUP_CLUSTER, SETTING_REAL, job_cluster, hang_s, 600, 0, 86400, "time without a computed step after which a living worker counts as lost; 0: never"),
    INT(GROUP_CLUSTER, job_cluster, attempts, 3, 1, 1000, "lost workers without progress after which a trial is given up"),
    WORD(GROUP_CLUSTER, job_cluster, isa, job_isa_words, "instruction set of the workers' kernels; auto: $SHIFTWORK_ISA, or each processor's best"),
    NUMBER(GROUP_CLUSTER, SETTING_BOOL, job_cluster, profile, false, 0, 1, "measure where the workers' time goes; run's --profile"),
    INT(GROUP_CLUSTER, job_cluster, shard, 1, 1, 1000000, "which part of the trials; run's --shard"),
    INT(GROUP_CLUSTER, job_cluster, shards, 1, 1, 1000000, "into how many parts the trials are cut; run's --shard"),
    PATH(GROUP_CLUSTER, job_cluster, stage, "folder on each node where one worker puts encoder and data that the coordinator sends; empty: workers read the paths"),

    PATH(GROUP_OUTPUT, job_output, dir, "run directory; run's -o"),
    INT(GROUP_OUTPUT, job_output, keep, 10, 0, 1000000, "best trials a task whose predictions and adapters are kept"),

    TEXT(job_slurm, partition, "empty: the cluster's default"),
    TEXT(job_slurm, account, "to which the time is charged; empty: the user's default"),
    INT(GROUP_SLURM, job_slurm, nodes, 1, 1, 100000, "machines to ask for"),
    INT(GROUP_SLURM, job_slurm, ranks_per_node, 0, 0, 100000, "workers of a node, each with cluster.threads cores; the coordinator shares a core; 0: whole nodes, as many as have cores"),
    TEXT(job_slurm, memory, "of a node, as \"4G\" or \"800M\"; empty: the cluster's default, or all of whole nodes"),
    TEXT(job_slurm, time, "limit, in one of Slurm's forms: minutes, hours:minutes:seconds, days-hours…; empty: the partition's"),
    OTHER(GROUP_SLURM, "modules", "array of texts", "for `module load` before the run"),
    NUMBER(GROUP_SLURM, SETTING_BOOL, job_slurm, requeue, true, 0, 1, "starts again by itself at the time limit, and after the loss of a node, until all trials are done"),
    INT(GROUP_SLURM, job_slurm, warn_s, 120, 60, 65535, "signal so many seconds before the time limit; running epochs have three quarters of it to end"),
    WORD(GROUP_SLURM, job_slurm, launcher, job_launcher_words, "mpirun, whose runs survive the death of a worker, or srun where only that works"),
};
/* clang-format on */

enum { TABLE_COUNT = sizeof table / sizeof table[0] };

static const char *const group_names[GROUP_COUNT] = {
    "", "tasks", "adapter", "training", "sweep", "cluster", "output", "slurm",
};

int settings_table_count(void) { return TABLE_COUNT; }

const struct setting *settings_table_at(int index) { return &table[index]; }

const char *settings_group_name(enum setting_group group) { return group_names[group]; }

const struct setting *settings_table_find(enum setting_group group, const char *name)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        if (table[i].group == group && !strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

const struct setting *settings_table_find_trial(const char *name)
{
    const struct setting *found = settings_table_find(GROUP_ADAPTER, name);

    return found ? found : settings_table_find(GROUP_TRAINING, name);
}

struct setting_value setting_get(const struct setting *setting, const void *target)
{
    const char *at = (const char *)target + setting->offset;
    struct setting_value value = {0};

    switch (setting->type) {
    case SETTING_BOOL:
        value.number = *(const bool *)at;
        break;
    case SETTING_INT:
        value.number = *(const int *)at;
        break;
    case SETTING_WORD: /* the enums have int's size: checked by test_settings_table */
        value.number = *(const unsigned *)at;
        break;
    case SETTING_UINT32:
        value.number = *(const uint32_t *)at;
        break;
    case SETTING_REAL:
        value.number = *(const double *)at;
        break;
    case SETTING_PATH:
    case SETTING_TEXT:
        value.text = at;
        break;
    case SETTING_OTHER:
        break;
    }
    return value;
}

void setting_set(const struct setting *setting, void *target,
                 struct setting_value value)
{
    char *at = (char *)target + setting->offset;

    switch (setting->type) {
    case SETTING_BOOL:
        *(bool *)at = value.number != 0;
        break;
    case SETTING_INT:
        *(int *)at = (int)value.number;
        break;
    case SETTING_WORD:
        *(unsigned *)at = (unsigned)value.number;
        break;
    case SETTING_UINT32:
        *(uint32_t *)at = (uint32_t)value.number;
        break;
    case SETTING_REAL:
        *(double *)at = value.number + 0.0; /* no negative zero: it has other bits */
        break;
    case SETTING_PATH:
        snprintf(at, SETTINGS_PATH, "%s", value.text ? value.text : "");
        break;
    case SETTING_TEXT:
        snprintf(at, SETTING_TEXT_SIZE, "%s", value.text ? value.text : "");
        break;
    case SETTING_OTHER:
        break;
    }
}

static int refuse_range(const struct setting *s, double number, struct error *err)
{
    return error_set(err, ERR_INPUT, "%s: %.10g is outside %c%.10g, %.10g%c", s->name,
                     number, s->above_min ? '(' : '[', s->min, s->max,
                     s->below_max ? ')' : ']');
}

static int check_number(const struct setting *s, double number, struct error *err)
{
    if (!isfinite(number))
        return error_set(err, ERR_INPUT, "%s: the number is too large", s->name);
    if (number < s->min || number > s->max || (s->above_min && number == s->min) ||
        (s->below_max && number == s->max))
        return refuse_range(s, number, err);
    if (s->type != SETTING_REAL && number != floor(number))
        return error_set(err, ERR_INPUT, "%s: %.10g is not a whole number", s->name,
                         number);
    return 0;
}

int setting_check(const struct setting *setting, struct setting_value value,
                  struct error *err)
{
    switch (setting->type) {
    case SETTING_INT:
    case SETTING_UINT32:
    case SETTING_REAL:
        return check_number(setting, value.number, err);
    case SETTING_PATH:
        if (value.text && strlen(value.text) >= SETTINGS_PATH)
            return error_set(err, ERR_INPUT, "%s: the path has %zu bytes, at most %d",
                             setting->name, strlen(value.text), SETTINGS_PATH - 1);
        return 0;
    case SETTING_TEXT:
        if (value.text && strlen(value.text) >= SETTING_TEXT_SIZE)
            return error_set(err, ERR_INPUT, "%s: the text has %zu bytes, at most %d",
                             setting->name, strlen(value.text), SETTING_TEXT_SIZE - 1);
        return 0;
    default:
        return 0;
    }
}

int setting_word(const struct setting *setting, const char *word, int *index,
                 struct error *err)
{
    char known[256] = "";
    size_t used = 0;

    for (int i = 0; setting->words[i]; i++) {
        if (!strcmp(setting->words[i], word)) {
            *index = i;
            return 0;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                 i ? ", " : "", setting->words[i]);
    }
    return error_set(err, ERR_INPUT, "%s: \"%.100s\" is not one of %s", setting->name,
                     word, known);
}

bool setting_equal(const struct setting *setting, struct setting_value a,
                   struct setting_value b)
{
    if (setting->type == SETTING_PATH || setting->type == SETTING_TEXT)
        return !strcmp(a.text ? a.text : "", b.text ? b.text : "");
    return a.number == b.number;
}

bool setting_may_change(const struct setting *setting)
{
    static const char *const names[] = {
        "learning_rate",  "head_learning_rate",
        "weight_decay",   "beta1",
        "beta2",          "eps",
        "decay_v",        "decay_head_bias",
        "clip_norm",      "head_dropout",
        "hidden_dropout", "attention_dropout",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], setting->name))
            return true;
    return false;
}

static void format_real(char *out, size_t size, double number)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            return;
    }
}

void setting_format(char *out, size_t size, const struct setting *setting,
                    struct setting_value value)
{
    if (setting->type == SETTING_BOOL)
        snprintf(out, size, "%s", value.number != 0 ? "true" : "false");
    else if (setting->type == SETTING_WORD)
        snprintf(out, size, "%s", setting->words[(int)value.number]);
    else if (setting->type == SETTING_PATH || setting->type == SETTING_TEXT ||
             setting->type == SETTING_OTHER)
        snprintf(out, size, "%s", value.text ? value.text : "");
    else if (setting->type == SETTING_REAL)
        format_real(out, size, value.number);
    else
        snprintf(out, size, "%.0f", value.number);
}

static struct setting_value standard_value(const struct setting *setting)
{
    return (struct setting_value){.number = setting->standard, .text = ""};
}

void settings_table_defaults(enum setting_group group, void *target)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        if (table[i].group == group)
            setting_set(&table[i], target, standard_value(&table[i]));
}

void settings_defaults(struct settings *out)
{
    memset(out, 0, sizeof *out);
    settings_table_defaults(GROUP_ADAPTER, out);
    settings_table_defaults(GROUP_TRAINING, out);
}

static void print_range(FILE *out, const struct setting *s)
{
    char text[64];

    setting_format(text, sizeof text, s, standard_value(s));
    switch (s->type) {
    case SETTING_OTHER:
        fprintf(out, "%s", s->form);
        break;
    case SETTING_BOOL:
        fprintf(out, "true or false, default %s", text);
        break;
    case SETTING_WORD:
        for (int i = 0; s->words[i]; i++)
            fprintf(out, "%s\"%s\"", i ? " | " : "", s->words[i]);
        fprintf(out, ", default \"%s\"", text);
        break;
    case SETTING_PATH:
        fprintf(out, "path");
        break;
    case SETTING_TEXT:
        fprintf(out, "text");
        break;
    default:
        fprintf(out, "%s in %c%.10g, %.10g%c, default %s",
                s->type == SETTING_REAL ? "number" : "whole number",
                s->above_min ? '(' : '[', s->min, s->max, s->below_max ? ')' : ']',
                text);
    }
}

void settings_table_print(FILE *out)
{
    enum setting_group group = GROUP_COUNT;

    for (int i = 0; i < TABLE_COUNT; i++) {
        const struct setting *s = &table[i];

        if (s->group != group)
            fprintf(out, "%s%s\n", i ? "\n" : "",
                    s->group == GROUP_TOP ? "job file" : group_names[s->group]);
        group = s->group;
        fprintf(out, "  %-18s ", s->name);
        print_range(out, s);
        fprintf(out, "\n%21s%s\n", "", s->help);
    }
}

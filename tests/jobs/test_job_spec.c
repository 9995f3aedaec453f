/* Job files: every bad one of tests/data/job_spec gives its error, and good ones what
 * they say. */
#include "jobs/job_spec.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START                                                                          \
    "encoder = \"enc\";\n"                                                             \
    "tasks = ( { name = \"mrpc\"; data = \"glue/MRPC\"; } );\n"

static int parse(struct job_spec *spec, const char *text, const char *set,
                 struct error *err)
{
    err->text[0] = 0;
    return job_spec_parse(spec, "job.cfg", "/jobs", text, &set, set ? 1 : 0, err);
}

/* Fails the test where the text is refused. */
static void must_parse(struct job_spec *spec, const char *text, const char *set)
{
    struct error err;

    if (parse(spec, text, set, &err)) {
        printf("\n  refused: %s", err.text);
        CU_FAIL_FATAL("refused");
    }
}

static char *slurp(const char *folder, const char *name)
{
    char path[1024], *text = calloc(1, 1 << 16);
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file || !text)
        abort();
    text[fread(text, 1, (1 << 16) - 1, file)] = 0;
    fclose(file);
    return text;
}

static void check_case(const char *folder)
{
    char *text = slurp(folder, "job.cfg"), *wanted = slurp(folder, "error");
    struct job_spec spec;
    struct error err;
    int rc = parse(&spec, text, NULL, &err);

    wanted[strcspn(wanted, "\n")] = 0;
    if (rc != ERR_INPUT || strcmp(err.text, wanted) != 0)
        printf("\n  %s:\n    wanted %s\n    got    %s (%d)\n", folder, wanted, err.text,
               rc);
    CU_ASSERT_EQUAL(rc, ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
    if (!rc)
        job_spec_clear(&spec);
    free(text);
    free(wanted);
}

static void every_bad_file_gives_its_error(void)
{
    DIR *cases = opendir(CASES);
    char path[512];
    int count = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(cases);
    for (struct dirent *e; (e = readdir(cases));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", CASES, e->d_name);
        check_case(path);
        count++;
    }
    closedir(cases);
    CU_ASSERT(count >= 80);
}

static void what_is_not_said_is_at_its_default(void)
{
    struct job_spec spec;
    struct settings standard;

    must_parse(&spec, START, NULL);
    settings_defaults(&standard);
    CU_ASSERT_EQUAL(memcmp(&spec.base, &standard, sizeof standard), 0);
    CU_ASSERT_EQUAL(spec.base.epochs, 10);
    CU_ASSERT_EQUAL(spec.base.batch_size, 32);
    CU_ASSERT_EQUAL(spec.base.learning_rate, 2e-3);
    CU_ASSERT_EQUAL(spec.base.schedule, SCHEDULE_LINEAR);
    CU_ASSERT_EQUAL(spec.base.warmup, 0.06);
    CU_ASSERT_EQUAL(spec.base.head_dropout, 0.1);
    CU_ASSERT(spec.base.shuffle);
    CU_ASSERT_EQUAL(spec.base.microshard_tokens, 256);
    CU_ASSERT_EQUAL(spec.cluster.threads, 1);
    CU_ASSERT_EQUAL(spec.cluster.lost_after_s, 30);
    CU_ASSERT_EQUAL(spec.output.keep, 10);
    CU_ASSERT_STRING_EQUAL(spec.output.dir, "");
    CU_ASSERT_EQUAL(spec.tasks[0].max_length, 128);
    CU_ASSERT_EQUAL(spec.sweep.seed_count, 1);
    CU_ASSERT_EQUAL(spec.sweep.seeds[0], 1);
    CU_ASSERT_EQUAL(spec.sweep.axis_count, 0);
    job_spec_clear(&spec);
}

static void relative_paths_start_from_the_files_folder(void)
{
    struct job_spec spec;

    must_parse(&spec,
               START "adapter = { init = \"./a/b.safetensors\"; };\n"
                     "output = { dir = \"/abs/run\"; };\n",
               NULL);
    CU_ASSERT_STRING_EQUAL(spec.encoder, "/jobs/enc");
    CU_ASSERT_STRING_EQUAL(spec.tasks[0].data, "/jobs/glue/MRPC");
    CU_ASSERT_STRING_EQUAL(spec.tasks[0].files[SPLIT_TRAIN], "train.tsv");
    CU_ASSERT_STRING_EQUAL(spec.base.init, "/jobs/a/b.safetensors");
    CU_ASSERT_STRING_EQUAL(spec.output.dir, "/abs/run");
    job_spec_clear(&spec);
}

static void parents_are_taken_off_the_folder(void)
{
    static const struct {
        const char *folder, *path, *wanted;
    } cases[] = {
        {"/a/b", "../e", "/a/e"},
        {"/a/b", "./.././../e", "/e"},
        {"/a/b", "../../../e", "/../e"},
        {"/a/b", "e/../f", "/a/b/e/../f"},
        {"/", "e", "/e"},
        {"/a", "/b/../c", "/b/../c"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job_spec spec;
        char text[256];

        snprintf(text, sizeof text,
                 "encoder = \"%s\"; tasks = ( { name = \"rte\"; data = \"d\"; } );",
                 cases[i].path);
        CU_ASSERT_EQUAL_FATAL(
            job_spec_parse(&spec, "job.cfg", cases[i].folder, text, NULL, 0, NULL), 0);
        CU_ASSERT_STRING_EQUAL(spec.encoder, cases[i].wanted);
        job_spec_clear(&spec);
    }
}

static void whole_numbers_do_for_real_settings(void)
{
    struct job_spec spec;

    must_parse(&spec,
               START "training = { learning_rate = 1; weight_decay = 0;\n"
                     "    seed = 4294967295L; warmup = .5; beta1 = 0.; };\n",
               NULL);
    CU_ASSERT_EQUAL(spec.base.learning_rate, 1.0);
    CU_ASSERT_EQUAL(spec.base.weight_decay, 0.0);
    CU_ASSERT_EQUAL(spec.base.warmup, 0.5);
    CU_ASSERT_EQUAL(spec.base.beta1, 0.0);
    CU_ASSERT_EQUAL(spec.base.seed, 4294967295u);
    job_spec_clear(&spec);
}

/* Numbers in names, comments and texts are none. */
static void only_numbers_are_scanned_for_their_size(void)
{
    struct job_spec spec;

    must_parse(&spec,
               "# 9999999999\n// @include \"x\"\n/* 9999999999\n 0xFFFFFFFFFF */\n"
               "encoder = \"9999999999 \\\" 9999999999 @\"; training = { epochs = 3; "
               "learning_rate = 0.0000000000009999999999;\n"
               "    eps = 1.5e-3; };\n"
               "tasks = ( { name = \"mrpc\"; data = \"d\"; } );",
               NULL);
    CU_ASSERT_STRING_EQUAL(spec.encoder, "/jobs/9999999999 \" 9999999999 @");
    CU_ASSERT_EQUAL(spec.base.learning_rate, 0.0000000000009999999999);
    job_spec_clear(&spec);
}

static void own_task_says_all_about_its_files(void)
{
    struct job_spec spec;
    const struct task *t;

    must_parse(&spec,
               "encoder = \"enc\";\n"
               "tasks = ( { name = \"news\"; data = \"ag\"; train = \"a.csv\";\n"
               "    dev = \"/elsewhere/b.csv\"; test = \"c.csv\"; format = \"csv\";\n"
               "    header = false; text = [1, 2]; label = 0; labels = [1, 2, 3, 4];\n"
               "    metrics = [\"accuracy\", \"f1_macro\"];\n"
               "    selection_metric = \"f1_macro\"; selection_rows = \"split_dev\";\n"
               "    max_length = 64; } );\n",
               NULL);
    t = job_spec_task(&spec, "news");
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_PTR_NULL(job_spec_task(&spec, "mrpc"));
    CU_ASSERT(!t->glue && !t->regression && !t->skip_short);
    CU_ASSERT_STRING_EQUAL(t->data, "/jobs/ag");
    CU_ASSERT_STRING_EQUAL(t->files[SPLIT_TRAIN], "a.csv");
    CU_ASSERT_STRING_EQUAL(t->files[SPLIT_DEV], "/elsewhere/b.csv");
    CU_ASSERT_STRING_EQUAL(t->files[SPLIT_TEST], "c.csv");
    CU_ASSERT_PTR_NULL(t->files[SPLIT_DEV_MISMATCHED]);
    CU_ASSERT_EQUAL(t->format, FORMAT_CSV);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        CU_ASSERT(!t->columns[s].header);
        CU_ASSERT_EQUAL(t->columns[s].text_at[0], 1);
        CU_ASSERT_EQUAL(t->columns[s].text_at[1], 2);
        CU_ASSERT_EQUAL(t->columns[s].label_at, 0);
    }
    CU_ASSERT_EQUAL(t->labels, 4);
    CU_ASSERT_STRING_EQUAL(t->label_names[3], "4");
    CU_ASSERT_STRING_EQUAL(t->label_values[0], "1");
    CU_ASSERT_EQUAL(t->metric_count, 2);
    CU_ASSERT_EQUAL(t->selection_count, 1);
    CU_ASSERT_EQUAL(t->selection[0], METRIC_F1_MACRO);
    CU_ASSERT_EQUAL(t->selection_rows, SELECT_SPLIT_DEV);
    CU_ASSERT_EQUAL(t->max_length, 64);
    job_spec_clear(&spec);
}

static void own_files_without_data_start_from_the_files_folder(void)
{
    struct job_spec spec;
    const struct task *t;

    must_parse(&spec,
               "encoder = \"enc\";\n"
               "tasks = ( { name = \"price\"; train = \"a.tsv\"; dev = \"b.tsv\";\n"
               "    text = \"what\"; label = \"price\"; type = \"regression\"; } );\n",
               NULL);
    t = &spec.tasks[0];
    CU_ASSERT_PTR_NULL(t->data);
    CU_ASSERT_STRING_EQUAL(t->files[SPLIT_TRAIN], "/jobs/a.tsv");
    CU_ASSERT(t->regression);
    CU_ASSERT_EQUAL(t->labels, 1);
    CU_ASSERT_PTR_NULL(t->label_names);
    CU_ASSERT_STRING_EQUAL(t->columns[SPLIT_DEV].text[0], "what");
    CU_ASSERT_PTR_NULL(t->columns[SPLIT_DEV].text[1]);
    CU_ASSERT_EQUAL(t->metric_count, 2);
    CU_ASSERT_EQUAL(t->selection[0], METRIC_PEARSON);
    job_spec_clear(&spec);
}

static void prepared_file_stands_for_all_splits(void)
{
    struct job_spec spec;

    must_parse(
        &spec,
        "encoder = \"enc\";\n"
        "tasks = ( { name = \"rte\"; data = \"rte.h5\"; },\n"
        "    { name = \"own\"; data = \"own.h5\"; labels = [\"a\", \"b\"]; } );\n",
        NULL);
    for (int t = 0; t < 2; t++)
        for (int s = 0; s < SPLIT_COUNT; s++)
            CU_ASSERT_PTR_NULL(spec.tasks[t].files[s]);
    CU_ASSERT_STRING_EQUAL(spec.tasks[0].data, "/jobs/rte.h5");
    job_spec_clear(&spec);
}

static void arrays_and_lists_are_choices(void)
{
    struct job_spec spec;
    const struct job_axis *a;

    must_parse(&spec,
               START "sweep = { seeds = (7, 3000000000L); space = {\n"
                     "    weight_decay = (0, 0.1);\n"
                     "    pooling = [\"mean\", \"cls\"];\n"
                     "    init = [\"\", \"start.safetensors\"];\n"
                     "    share_v = [false, true]; }; };\n",
               NULL);
    CU_ASSERT_EQUAL(spec.sweep.seed_count, 2);
    CU_ASSERT_EQUAL(spec.sweep.seeds[1], 3000000000u);
    CU_ASSERT_EQUAL_FATAL(spec.sweep.axis_count, 4);
    a = spec.sweep.axes;
    CU_ASSERT_STRING_EQUAL(a[0].setting->name, "weight_decay");
    CU_ASSERT_EQUAL(a[0].line, 4);
    CU_ASSERT_EQUAL(a[0].values[1].number, 0.1);
    CU_ASSERT_EQUAL(a[1].values[0].number, POOLING_MEAN);
    CU_ASSERT_STRING_EQUAL(a[2].values[0].text, "");
    CU_ASSERT_STRING_EQUAL(a[2].values[1].text, "/jobs/start.safetensors");
    CU_ASSERT_EQUAL(a[3].values[1].number, 1);
    job_spec_clear(&spec);
}

static void ranges_and_conditions_make_axes(void)
{
    struct job_spec spec;
    const struct job_axis *a;

    must_parse(&spec,
               START
               "sweep = { search = \"tpe\"; trials = 30; space = {\n"
               "  learning_rate = { min = 1e-4; max = 1e-2; scale = \"log\"; };\n"
               "  batch_size = { min = 8; max = 64; };\n"
               "  schedule = [\"linear\", \"constant\"];\n"
               "  warmup = { min = 0; max = 0.5; when = { schedule = \"linear\";\n"
               "             batch_size = [8, 16]; }; };\n"
               "  share_v = { values = [true]; }; }; };\n",
               NULL);
    CU_ASSERT_EQUAL_FATAL(spec.sweep.axis_count, 5);
    a = spec.sweep.axes;
    CU_ASSERT(!a[0].count && a[0].min == 1e-4 && a[0].max == 1e-2 && a[0].log);
    CU_ASSERT(!a[1].count && a[1].min == 8 && a[1].max == 64 && !a[1].log);
    CU_ASSERT_EQUAL_FATAL(a[3].condition_count, 2);
    CU_ASSERT_EQUAL(a[3].conditions[0].axis, 2);
    CU_ASSERT_EQUAL(a[3].conditions[0].count, 1);
    CU_ASSERT_EQUAL(a[3].conditions[0].values[0].number, SCHEDULE_LINEAR);
    CU_ASSERT_EQUAL(a[3].conditions[1].axis, 1);
    CU_ASSERT_EQUAL(a[3].conditions[1].values[1].number, 16);
    CU_ASSERT(a[4].count == 1 && !a[4].condition_count);
    job_spec_clear(&spec);
}

static void listed_configurations_make_axes_of_what_they_name(void)
{
    struct job_spec spec;
    const int wanted[] = {0, 0, -1, 1, 0, 0, -1, -1, -1};

    must_parse(&spec,
               START "sweep = { search = \"list\"; configs = (\n"
                     "  { learning_rate = 1e-3; batch_size = 16; },\n"
                     "  { batch_size = 16; learning_rate = 2e-3; init = \"a.st\"; },\n"
                     "  { } ); };\n",
               NULL);
    CU_ASSERT_EQUAL_FATAL(spec.sweep.axis_count, 3);
    CU_ASSERT_EQUAL_FATAL(spec.sweep.config_count, 3);
    CU_ASSERT_STRING_EQUAL(spec.sweep.axes[1].setting->name, "batch_size");
    CU_ASSERT_EQUAL(spec.sweep.axes[0].values[1].number, 2e-3);
    CU_ASSERT_STRING_EQUAL(spec.sweep.axes[2].values[0].text, "/jobs/a.st");
    CU_ASSERT_EQUAL(memcmp(spec.sweep.configs, wanted, sizeof wanted), 0);
    job_spec_clear(&spec);
}

static void trials_may_be_just_one_configuration(void)
{
    struct job_spec spec;

    must_parse(&spec, START "sweep = { seeds = 5; trials = 5; };\n", NULL);
    CU_ASSERT_EQUAL(spec.sweep.trials, 5);
    job_spec_clear(&spec);
    must_parse(&spec,
               START "training = { epochs = 9; };\n"
                     "sweep = { scheduler = \"asha\"; brackets = 3; };\n",
               NULL);
    job_spec_clear(&spec);
}

static void counted_seeds_start_at_the_trainings(void)
{
    struct job_spec spec;

    must_parse(&spec, START "training = { seed = 5; };\nsweep = { seeds = 3; };\n",
               NULL);
    CU_ASSERT_EQUAL_FATAL(spec.sweep.seed_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(spec.sweep.seeds[i], 5 + i);
    job_spec_clear(&spec);
}

static void set_changes_what_the_file_says(void)
{
    struct job_spec spec;
    char cwd[512], wanted[600];

    must_parse(&spec, START "training = { epochs = 9; seed = 2; };\n",
               "training.epochs=3");
    CU_ASSERT_EQUAL(spec.base.epochs, 3);
    CU_ASSERT_EQUAL(spec.base.seed, 2);
    job_spec_clear(&spec);
    must_parse(&spec, START, "tasks.mrpc.max_length=64");
    CU_ASSERT_EQUAL(spec.tasks[0].max_length, 64);
    job_spec_clear(&spec);
    must_parse(&spec, START, "adapter.pooling=mean");
    CU_ASSERT_EQUAL(spec.base.pooling, POOLING_MEAN);
    job_spec_clear(&spec);
    must_parse(&spec, START, "training.shuffle=false");
    CU_ASSERT(!spec.base.shuffle);
    job_spec_clear(&spec);
    must_parse(&spec, START, "sweep.space.learning_rate=[1e-3, 2e-3]");
    CU_ASSERT_EQUAL(spec.sweep.axes[0].values[1].number, 2e-3);
    job_spec_clear(&spec);
    must_parse(&spec, START, "output.dir=2024");
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(cwd, sizeof cwd));
    snprintf(wanted, sizeof wanted, "%s/2024", cwd);
    CU_ASSERT_STRING_EQUAL(spec.output.dir, wanted);
    job_spec_clear(&spec);
}

static void bad_set_names_itself(void)
{
    static const struct {
        const char *set, *error;
    } cases[] = {
        {"training.epochs=0", "epochs: 0 is outside [1, 100000]"},
        {"training.epoch=3", "epoch: unknown setting of training"},
        {"epochs=3", "epochs: belongs into training"},
        {"training.epochs", "write path=value, as in training.epochs=3"},
        {"=3", "write path=value, as in training.epochs=3"},
        {"training..epochs=3", "the path has one to three names, with dots between"},
        {"a.b.c.d=3", "the path has one to three names, with dots between"},
        {"tasks.rte.max_length=3", "the job has no such task"},
        {"tasks.max_length=3", "write tasks.NAME.setting=value"},
        {"training.epochs=3000000000",
         "3000000000 does not fit into 32 bits; write 3000000000L if it is meant"},
        {"training.epochs=(1); x = (2)", "more than one value"},
        {"sweep.seeds=[1, 2", "syntax error"},
        {"training.no name=1", "no setting has such a name"},
        {"adapter.pooling=max", "pooling: \"max\" is not one of pooler, cls, mean"},
        {"output.dir=\xff", "the text is not UTF-8"},
        {"training.epochs=", "epochs: is a text, not a number"},
        {"cluster.heartbeat_s=60", "heartbeat_s: 60 is not below lost_after_s, 30"},
        {"encoder=", "encoder: is missing"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job_spec spec;
        struct error err;
        char wanted[256];
        int rc = parse(&spec, START, cases[i].set, &err);

        snprintf(wanted, sizeof wanted, "--set %s: %s", cases[i].set, cases[i].error);
        if (!strcmp(cases[i].set, "encoder="))
            snprintf(wanted, sizeof wanted, "job.cfg: %s", cases[i].error);
        CU_ASSERT_EQUAL(rc, ERR_INPUT);
        CU_ASSERT_STRING_EQUAL(err.text, wanted);
        if (strcmp(err.text, wanted) != 0)
            printf("\n  wanted %s\n  got    %s\n", wanted, err.text);
        if (!rc)
            job_spec_clear(&spec);
    }
}

/* What a rank elsewhere is given says all that the user's file and --set did. */
static void resolved_text_reads_back_the_same(void)
{
    static const char text[] =
        "encoder = \"enc \\\"new\\\" \\\\ ü\";\n"
        "tasks = ( { name = \"mnli\"; data = \"m\"; train = \"k.tsv\"; },\n"
        "  { name = \"stsb\"; data = \"s\"; selection_metric = \"pearson\"; },\n"
        "  { name = \"own\"; train = \"a\"; dev = \"b\"; header = false; text = 3;\n"
        "    label = 1; labels = [\"y\", \"n\"]; metrics = [\"f1\", \"matthews\"]; },\n"
        "  { name = \"json\"; train = \"a\"; dev = \"b\"; text = (\"q\", \"a\");\n"
        "    label = \"v\"; type = \"regression\"; format = \"jsonl\"; },\n"
        "  { name = \"made\"; data = \"made.h5\"; labels = [\"y\", \"n\"]; } );\n"
        "adapter = { train_layernorm = \"output+embeddings\"; share_alpha = true; };\n"
        "training = { learning_rate = 0.1234567890123456789; eps = 1e-300;\n"
        "    clip_norm = 100000000; seed = 4000000000L; };\n"
        "sweep = { seeds = 3; space = { warmup = (0, 0.3); epochs = [1, 2]; }; };\n"
        "cluster = { heartbeat_s = 0.25; };\n"
        "output = { dir = \"r\"; keep = 0; };\n";
    struct job_spec spec, again;
    struct error err;

    must_parse(&spec, text, "tasks.own.max_length=77");
    CU_ASSERT_EQUAL_FATAL(
        job_spec_parse(&again, "resolved", "/elsewhere", spec.resolved, NULL, 0, &err),
        0);
    CU_ASSERT_STRING_EQUAL(again.resolved, spec.resolved);
    CU_ASSERT_EQUAL(memcmp(&again.base, &spec.base, sizeof spec.base), 0);
    CU_ASSERT_EQUAL(memcmp(&again.cluster, &spec.cluster, sizeof spec.cluster), 0);
    CU_ASSERT_STRING_EQUAL(again.encoder, "/jobs/enc \"new\" \\ ü");
    CU_ASSERT_EQUAL(again.tasks[2].max_length, 77);
    CU_ASSERT_EQUAL(again.sweep.axes[1].values[1].number, 2);
    CU_ASSERT_STRING_EQUAL(spec.text, text);
    job_spec_clear(&spec);
    job_spec_clear(&again);
}

static void must_resolve(const char *text)
{
    struct job_spec spec, again;
    struct error err;

    must_parse(&spec, text, NULL);
    CU_ASSERT_EQUAL_FATAL(
        job_spec_parse(&again, "resolved", "/elsewhere", spec.resolved, NULL, 0, &err),
        0);
    CU_ASSERT_STRING_EQUAL(again.resolved, spec.resolved);
    CU_ASSERT_EQUAL(again.sweep.axis_count, spec.sweep.axis_count);
    CU_ASSERT_EQUAL(again.sweep.config_count, spec.sweep.config_count);
    for (int a = 0; a < spec.sweep.axis_count; a++) {
        const struct job_axis *x = &spec.sweep.axes[a], *y = &again.sweep.axes[a];

        CU_ASSERT_PTR_EQUAL(x->setting, y->setting);
        CU_ASSERT(x->count == y->count && x->min == y->min && x->max == y->max);
        CU_ASSERT(x->log == y->log && x->condition_count == y->condition_count);
        for (int c = 0; c < x->condition_count; c++)
            CU_ASSERT(x->conditions[c].axis == y->conditions[c].axis &&
                      x->conditions[c].count == y->conditions[c].count &&
                      x->conditions[c].values[0].number ==
                          y->conditions[c].values[0].number);
    }
    for (int i = 0; i < spec.sweep.config_count * spec.sweep.axis_count; i++)
        CU_ASSERT_EQUAL(again.sweep.configs[i], spec.sweep.configs[i]);
    job_spec_clear(&spec);
    job_spec_clear(&again);
}

static void resolved_searches_read_back_the_same(void)
{
    must_resolve(
        START
        "sweep = { search = \"sobol\"; trials = 30; search_seed = 4000000000L;\n"
        "  seeds = [3, 4]; space = {\n"
        "  learning_rate = { min = 1e-4; max = 0.0123456789; scale = \"log\"; };\n"
        "  subsample_seed = { min = 0; max = 4294967295L; };\n"
        "  schedule = [\"linear\", \"constant\"];\n"
        "  init = { values = [\"\", \"a b.st\"]; when = { schedule = (\"linear\",\n"
        "      \"constant\"); }; };\n"
        "  warmup = { min = 0; max = 0.5; when = { schedule = \"linear\";\n"
        "      init = \"a b.st\"; }; }; }; };\n");
    must_resolve(START "sweep = { search = \"list\"; configs = (\n"
                       "  { learning_rate = 1e-3; init = \"x\"; }, { }, \n"
                       "  { share_v = true; subsample_seed = 3000000000L; } ); };\n");
}

/* Number of job files in a folder of ours, all of which are good. */
static int check_jobs(const char *folder)
{
    DIR *jobs = opendir(folder);
    int count = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(jobs);
    for (struct dirent *e; (e = readdir(jobs));) {
        const char *end = strrchr(e->d_name, '.');
        struct job_spec spec;
        char *text;

        if (!end || strcmp(end, ".cfg") != 0)
            continue;
        text = slurp(folder, e->d_name);
        must_parse(&spec, text, NULL);
        job_spec_clear(&spec);
        free(text);
        count++;
    }
    closedir(jobs);
    return count;
}

static void jobs_that_we_ship_are_good(void)
{
    CU_ASSERT(check_jobs(place_source("jobs")) >= 2);
    CU_ASSERT(check_jobs(place_source("jobs/demo")) == 1);
}

/* The manual's indented examples: the first is a whole job, the tasks make one. */
static void manuals_examples_are_good(void)
{
    char *manual = slurp(place_source("docs"), "job-file.md"), *first, *tasks;
    char text[4096];
    struct job_spec spec;

    first = strstr(manual, "    encoder  =");
    tasks = strstr(manual, "    tasks = ( {\n");
    CU_ASSERT_FATAL(first && tasks);
    snprintf(text, sizeof text, "%.*s", (int)(strstr(first, "\n\n") - first), first);
    must_parse(&spec, text, NULL);
    CU_ASSERT_EQUAL(spec.sweep.axis_count, 2);
    job_spec_clear(&spec);
    snprintf(text, sizeof text, "encoder = \"e\";%.*s",
             (int)(strstr(tasks, "\n\n") - tasks), tasks);
    must_parse(&spec, text, NULL);
    CU_ASSERT_EQUAL(spec.task_count, 2);
    job_spec_clear(&spec);
    free(manual);
}

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(text, 1, size, file) != size || fclose(file))
        abort();
}

static int read_job(const char *path, struct error *err)
{
    struct job_spec spec;
    int rc = job_spec_read(&spec, path, NULL, 0, err);

    if (!rc)
        job_spec_clear(&spec);
    return rc;
}

static void kept_prefix_goes_without_the_encoders_dropout(void)
{
    struct job_spec spec;
    struct error err;

    must_parse(&spec, START "training = { prefix = \"kept\"; };", NULL);
    CU_ASSERT_EQUAL(spec.base.prefix, PREFIX_KEPT);
    job_spec_clear(&spec);
    must_parse(&spec,
               START "training = { hidden_dropout = 0.1; prefix = \"kept\"; };\n",
               "sweep.space.hidden_dropout=[0.0]"); /* the axis is what counts */
    job_spec_clear(&spec);
    must_parse(&spec, START "training = { hidden_dropout = 0.1; };\n", NULL);
    CU_ASSERT_EQUAL(spec.base.prefix, PREFIX_AUTO);
    job_spec_clear(&spec);
    CU_ASSERT_EQUAL(parse(&spec, START "training = { hidden_dropout = 0.1; };",
                          "training.prefix=kept", &err),
                    ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "--set training.prefix=kept: prefix: \"kept\" does not go "
                           "with hidden_dropout, which is drawn anew in every step");
}

static void files_that_a_job_names_must_exist(void)
{
    static const char job[] = "encoder = \"enc\";\ntasks = ( { name = \"rte\"; data = "
                              "\"rte\";\n    test = \"t.tsv\"; } );\n";
    char path[256], file[512], wanted[1024];
    struct error err;

    snprintf(path, sizeof path, "%s/job.cfg", place_temporary());
    write_file(path, job, sizeof job - 1);
    CU_ASSERT_EQUAL(read_job(path, &err), ERR_INPUT);
    snprintf(wanted, sizeof wanted, "%s:1: encoder: %s/enc: No such file or directory",
             path, place_temporary());
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
    snprintf(file, sizeof file, "%s/enc", place_temporary());
    mkdir(file, 0700);
    snprintf(file, sizeof file, "%s/rte", place_temporary());
    mkdir(file, 0700);
    CU_ASSERT_EQUAL(read_job(path, &err), ERR_INPUT);
    snprintf(wanted, sizeof wanted,
             "%s:3: test: %s/rte/t.tsv: No such file or directory", path,
             place_temporary());
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
    snprintf(file, sizeof file, "%s/rte/t.tsv", place_temporary());
    write_file(file, "", 0);
    CU_ASSERT_EQUAL(read_job(path, &err), 0);
}

static void unreadable_files_are_refused_by_name(void)
{
    char path[256], wanted[512];
    struct error err;

    snprintf(path, sizeof path, "%s/none.cfg", place_temporary());
    CU_ASSERT_EQUAL(read_job(path, &err), ERR_INPUT);
    snprintf(wanted, sizeof wanted, "%s: No such file or directory", path);
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
    CU_ASSERT_EQUAL(read_job(place_temporary(), &err), ERR_INPUT);
    snprintf(wanted, sizeof wanted, "%s: Is a directory", place_temporary());
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
    snprintf(path, sizeof path, "%s/zero.cfg", place_temporary());
    write_file(path, "a\0b", 3);
    CU_ASSERT_EQUAL(read_job(path, &err), ERR_INPUT);
    snprintf(wanted, sizeof wanted, "%s: holds a zero byte; it is no job file", path);
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_bad_file_gives_its_error),
        SUITE_TEST(what_is_not_said_is_at_its_default),
        SUITE_TEST(relative_paths_start_from_the_files_folder),
        SUITE_TEST(parents_are_taken_off_the_folder),
        SUITE_TEST(whole_numbers_do_for_real_settings),
        SUITE_TEST(only_numbers_are_scanned_for_their_size),
        SUITE_TEST(own_task_says_all_about_its_files),
        SUITE_TEST(own_files_without_data_start_from_the_files_folder),
        SUITE_TEST(prepared_file_stands_for_all_splits),
        SUITE_TEST(arrays_and_lists_are_choices),
        SUITE_TEST(ranges_and_conditions_make_axes),
        SUITE_TEST(listed_configurations_make_axes_of_what_they_name),
        SUITE_TEST(trials_may_be_just_one_configuration),
        SUITE_TEST(counted_seeds_start_at_the_trainings),
        SUITE_TEST(set_changes_what_the_file_says),
        SUITE_TEST(bad_set_names_itself),
        SUITE_TEST(resolved_text_reads_back_the_same),
        SUITE_TEST(resolved_searches_read_back_the_same),
        SUITE_TEST(jobs_that_we_ship_are_good),
        SUITE_TEST(manuals_examples_are_good),
        SUITE_TEST(kept_prefix_goes_without_the_encoders_dropout),
        SUITE_TEST(files_that_a_job_names_must_exist),
        SUITE_TEST(unreadable_files_are_refused_by_name),
        {NULL, NULL},
    };

    return suite_run("job_spec", tests);
}

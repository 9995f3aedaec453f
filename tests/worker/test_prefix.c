/* The prefix kept in a file: the same numbers as without, and each computed once. The
 * instruction set is chosen here (the linker puts our kernels_get() in the place of the
 * program's). */
#include "worker/prefix.h"

#include "jobs/settings_table.h"
#include "storage/node_place.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"
#include "tests/worker/trial_bits.h"
#include "worker/evaluate.h"
#include "worker/kernels.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kernels *chosen;

const struct kernels *__wrap_kernels_get(void);
const struct kernels *__wrap_kernels_get(void) { return chosen; }

static struct encoder encoder;
static struct dataset data;
static struct task task;

static void set_up(int rows, int labels)
{
    struct error err;

    dataset_clear(&data);
    made_data(&data, rows, 23, 50, labels);
    task = (struct task){.name = (char *)"made",
                         .regression = labels == 1,
                         .labels = labels,
                         .metric_count = 1,
                         .metrics = {labels == 1 ? METRIC_PEARSON : METRIC_ACCURACY},
                         .selection_count = 1,
                         .selection = {labels == 1 ? METRIC_PEARSON : METRIC_ACCURACY}};
    if (!encoder.layers &&
        encoder_open(&encoder, place_source("tests/data/encoders/tiny-odd"), &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    for (int i = 0; kernels_available(i); i++)
        chosen = kernels_available(i);
}

static struct trial_parts parts(int first_layer, enum prefix_mode prefix)
{
    struct trial_parts p = {.encoder = &encoder, .dataset = &data, .task = &task};

    settings_defaults(&p.settings);
    p.settings.epochs = 2;
    p.settings.batch_size = 16;
    p.settings.microshard_tokens = 32;
    p.settings.learning_rate = 5e-3;
    p.settings.first_layer = first_layer;
    p.settings.prefix = prefix;
    return p;
}

static void check_same(const struct trial_parts *a, struct trial_way first,
                       const struct trial_parts *b, struct trial_way second)
{
    char *x = trial_bits(a, first, NULL), *y = trial_bits(b, second, NULL);

    CU_ASSERT(x && y);
    if (x && y)
        CU_ASSERT_STRING_EQUAL(x, y);
    free(x);
    free(y);
}

/* Our kernels give each row bits of its own. */
static void kept_is_inline_bit_for_bit(void)
{
    static const enum pooling poolings[] = {POOLING_POOLER, POOLING_CLS, POOLING_MEAN};

    set_up(260, 3);
    for (int i = 1; (chosen = kernels_available(i)); i++)
        for (int layer = 0; layer <= 3; layer++)
            for (int k = 0; k < 6; k++) {
                struct trial_parts kept = parts(layer, PREFIX_KEPT);
                struct trial_parts plain = parts(layer, PREFIX_INLINE);

                kept.settings.pooling = plain.settings.pooling = poolings[k / 2];
                if (layer < 3 && k % 2)
                    kept.settings.train_layernorm = plain.settings.train_layernorm =
                        LN_OUTPUT;
                check_same(&plain, (struct trial_way){1, 0, 0}, &kept,
                           (struct trial_way){1 + (layer + k) % 3, 0, 0});
            }
}

static struct trial *new_trial(const struct trial_parts *p, int threads)
{
    struct trial *trial;
    struct error err = {""};

    if (trial_new(&trial, p->encoder, NULL, p->dataset, p->task, &p->settings, threads,
                  &err))
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(trial);
    return trial;
}

static struct trial_result run_all(struct trial *trial)
{
    struct epoch_record record;
    struct trial_result result = {0};
    enum trial_event event;

    while (!trial_done(trial))
        CU_ASSERT_EQUAL_FATAL(trial_run_to_report(trial, &event, &record, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(trial_finish(trial, &event, &result, NULL), 0);
    return result;
}

static void panels_and_shared_tensors_do_not_change_a_bit(void)
{
    struct trial_parts kept, plain;
    struct panels *panels;

    set_up(300, 1);
    CU_ASSERT_EQUAL_FATAL(panels_open(&panels, &encoder, PRECISION_FLOAT32, NULL), 0);
    if (!panels)
        return;
    kept = parts(1, PREFIX_KEPT);
    kept.settings.share_v = kept.settings.share_alpha = true;
    plain = kept;
    plain.settings.prefix = PREFIX_INLINE;
    kept.panels = panels;
    check_same(&plain, (struct trial_way){1, 0, 0}, &kept, (struct trial_way){2, 0, 0});
    panels_close(panels);
}

/* bfloat16's rows have bits of their own too, and other ones than float32's. */
static void precisions_have_prefixes_of_their_own(void)
{
    struct trial_parts kept, plain;
    struct trial *trial;
    struct prefix *slot = NULL;
    struct panels *panels;

    set_up(300, 2);
    if (panels_open(&panels, &encoder, PRECISION_BF16, NULL)) {
        printf(" (no bf16 here) ");
        return;
    }
    plain = parts(2, PREFIX_INLINE);
    plain.settings.precision = PRECISION_BF16;
    plain.panels = panels;
    kept = plain;
    kept.settings.prefix = PREFIX_KEPT;
    trial = new_trial(&(struct trial_parts){.encoder = &encoder,
                                            .dataset = &data,
                                            .task = &task,
                                            .settings = parts(2, PREFIX_KEPT).settings},
                      1);
    CU_ASSERT_EQUAL(course_open_prefix(trial_course(trial), &slot, NULL), 0);
    run_all(trial);
    check_same(&plain, (struct trial_way){1, 0, 0}, &kept, (struct trial_way){2, 0, 0});
    trial_free(trial);
    prefix_close(slot);
    panels_close(panels);
}

static void threads_and_carrying_over_do_not_change_a_bit(void)
{
    struct trial_parts p;

    set_up(600, 2);
    task.selection_rows = SELECT_SPLIT_DEV;
    for (int i = 0; (chosen = kernels_available(i)); i++)
        for (int layer = 1; layer <= 3; layer += 2) {
            p = parts(layer, PREFIX_KEPT);
            p.settings.report_steps = 11;
            check_same(&p, (struct trial_way){1, 0, 0}, &p,
                       (struct trial_way){2, 1, 0});
            check_same(&p, (struct trial_way){1, 0, 0}, &p,
                       (struct trial_way){3, 0, 400});
        }
}

/* Also with rows of train that choose. */
static void rows_that_are_left_out_do_not_matter(void)
{
    struct trial_parts kept, plain;

    set_up(1800, 2);
    task.selection_rows = SELECT_SPLIT_TRAIN;
    kept = parts(2, PREFIX_KEPT);
    kept.settings.limit = 1500;
    kept.settings.subsample = 100;
    plain = kept;
    plain.settings.prefix = PREFIX_INLINE;
    if (chosen->panel_product)
        check_same(&plain, (struct trial_way){1, 0, 0}, &kept,
                   (struct trial_way){2, 0, 0});
    kept.settings.limit = 0;
    check_same(&kept, (struct trial_way){1, 0, 0}, &kept, (struct trial_way){2, 1, 0});
}

/* predict computes all inline; with BLAS too, since both cut alike. */
static void predicting_gives_the_trials_own_logits(void)
{
    const struct dataset_split *dev = &data.splits[SPLIT_DEV];

    set_up(540, 3);
    for (int i = 0; (chosen = kernels_available(i)); i++)
        for (int k = 0; k < 9; k++) {
            struct trial_parts p = parts(1 + k / 3, PREFIX_AUTO);
            struct trial_result result;
            struct trial *trial;
            struct model model;
            float *logits = malloc((size_t)dev->rows * 3 * sizeof *logits);

            p.settings.pooling = (enum pooling)(k % 3);
            trial = new_trial(&p, 2);
            result = run_all(trial);
            model = (struct model){&encoder, trial_layout(trial), p.settings.pooling,
                                   false, NULL};
            CU_ASSERT_EQUAL(evaluate_split(logits, &model, result.values, dev, "dev",
                                           p.settings.microshard_tokens, 3, NULL),
                            0);
            CU_ASSERT(!memcmp(logits, result.splits[SPLIT_DEV].logits,
                              (size_t)dev->rows * 3 * sizeof *logits));
            free(logits);
            trial_free(trial);
        }
}

/* Microshards that a trial computes with the file of those before it. */
static uint64_t microshards_of(struct trial_parts p, struct prefix **slot)
{
    struct trial *trial = new_trial(&p, 1);
    uint64_t count;

    CU_ASSERT_EQUAL(course_open_prefix(trial_course(trial), slot, NULL), 0);
    run_all(trial);
    count = trial_progress(trial).microshards;
    trial_free(trial);
    return count;
}

static void trials_of_the_same_prefix_compute_it_once(void)
{
    struct prefix *slot = NULL, *same, *other = NULL;
    struct trial_parts p;
    uint64_t plain, first, second;

    set_up(300, 2);
    p = parts(2, PREFIX_INLINE);
    plain = microshards_of(p, &slot);
    CU_ASSERT_PTR_NULL(slot);
    p = parts(2, PREFIX_AUTO);
    first = microshards_of(p, &slot);
    same = slot;
    CU_ASSERT(same && first > plain);
    p.settings.seed = 9;
    second = microshards_of(p, &slot);
    CU_ASSERT(slot == same);
    CU_ASSERT(second < first && first - second > 50);
    CU_ASSERT_EQUAL(microshards_of(p, &other), second); /* as another process */
    p.settings.first_layer = 1;
    CU_ASSERT(microshards_of(p, &slot) > second);
    prefix_close(other);
    prefix_close(slot);
}

static void count_prefixes(void *context, const struct node_entry *entry)
{
    size_t length = strlen(getenv("TMPDIR"));

    *(int *)context += !strncmp(entry->path, getenv("TMPDIR"), length);
}

static int prefixes(void)
{
    int count = 0;

    CU_ASSERT_EQUAL(node_place_list(false, count_prefixes, &count, NULL), 0);
    return count;
}

static void file_lasts_as_long_as_its_users(void)
{
    struct trial_parts p;
    struct prefix *slot = NULL;
    struct trial *a, *b;

    set_up(40, 2);
    p = parts(1, PREFIX_AUTO);
    a = new_trial(&p, 1);
    b = new_trial(&p, 1);
    CU_ASSERT_EQUAL(prefixes(), 0);
    CU_ASSERT_EQUAL(course_open_prefix(trial_course(a), &slot, NULL), 0);
    run_all(b);
    CU_ASSERT_EQUAL(prefixes(), 1);
    trial_free(b);
    trial_free(a);
    CU_ASSERT_EQUAL(prefixes(), 1);
    prefix_close(slot);
    CU_ASSERT_EQUAL(prefixes(), 0);
}

/* Computes the prefix in another process that dies of it. */
static void fill_and_die(const struct trial_parts *p, unsigned long long after)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct trial *trial = new_trial(p, 1);
        struct prefix *slot = NULL;
        enum trial_event event;
        struct epoch_record record;

        if (course_open_prefix(trial_course(trial), &slot, NULL))
            _exit(1);
        if (after == 0) {
            trial_run_to_report(trial, &event, &record, NULL);
            kill(getpid(), SIGKILL);
        }
        alarm(60);
        pid_t inner = fork(); /* kills its parent in the middle */
        if (inner == 0) {
            usleep((useconds_t)after);
            kill(getppid(), SIGKILL);
            _exit(0);
        }
        while (!trial_done(trial))
            trial_run_to_report(trial, &event, &record, NULL);
        pause();
    }
    waitpid(pid, &status, 0);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void overwrite(void *context, const struct node_entry *entry)
{
    static const char zeros[2000];
    FILE *file = strncmp(entry->path, getenv("TMPDIR"), strlen(getenv("TMPDIR")))
                     ? NULL
                     : fopen(entry->path, "r+b");

    (void)context;
    if (!file)
        return;
    fseek(file, 4096 + 800, SEEK_SET);
    CU_ASSERT_EQUAL(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
    fclose(file);
}

static double first_loss(const struct trial_parts *p, struct prefix **slot)
{
    struct trial *trial = new_trial(p, 1);
    struct epoch_record record = {0};
    enum trial_event event;

    CU_ASSERT_EQUAL(course_open_prefix(trial_course(trial), slot, NULL), 0);
    CU_ASSERT_EQUAL(trial_run_to_report(trial, &event, &record, NULL), 0);
    trial_free(trial);
    return record.train_loss;
}

/* What has been checked is read; who has not checked it yet computes it again. */
static void training_reads_the_file_and_mends_it(void)
{
    for (int layer = 0; layer <= 3; layer++) {
        struct prefix *slot = NULL, *other = NULL;
        struct trial_parts p;
        double whole;

        set_up(300, 2);
        p = parts(layer, PREFIX_KEPT);
        whole = first_loss(&p, &slot);
        CU_ASSERT(first_loss(&p, &slot) == whole);
        CU_ASSERT_EQUAL(node_place_list(false, overwrite, NULL, NULL), 0);
        CU_ASSERT(first_loss(&p, &slot) != whole);
        CU_ASSERT(first_loss(&p, &other) == whole);
        CU_ASSERT(first_loss(&p, &slot) == whole);
        prefix_close(slot);
        prefix_close(other);
    }
}

static void death_of_a_process_that_fills_does_not_change_a_bit(void)
{
    struct trial_parts p;
    char *undisturbed, *after;

    set_up(2000, 2);
    p = parts(2, PREFIX_KEPT);
    p.settings.epochs = 1;
    undisturbed = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    for (int i = 0; i < 4; i++) {
        fill_and_die(&p, (unsigned long long)i * 3000);
        CU_ASSERT_EQUAL(prefixes(), 1);
        after = trial_bits(&p, (struct trial_way){2, 0, 0}, NULL);
        CU_ASSERT(undisturbed && after && !strcmp(undisturbed, after));
        free(after);
        CU_ASSERT_EQUAL(prefixes(), 0);
    }
    free(undisturbed);
}

static void node_without_room_is_told_by_its_reason(void)
{
    struct trial_parts p;
    int status;
    pid_t pid;

    set_up(300, 2);
    p = parts(1, PREFIX_AUTO);
    pid = fork();
    if (pid == 0) {
        struct trial *trial = new_trial(&p, 1);
        struct prefix *slot = NULL;
        struct error err = {""};

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, 8192});
        _exit(course_open_prefix(trial_course(trial), &slot, &err) != ERR_IO || slot ||
              !strstr(err.text, "training.prefix = \"inline\"") ||
              !strstr(err.text, " MB"));
    }
    waitpid(pid, &status, 0);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void what_cannot_be_kept_is_refused(void)
{
    struct trial_parts p;
    struct trial *trial;
    struct error err;

    set_up(40, 2);
    for (int i = 0; i < 3; i++) {
        p = parts(0, PREFIX_KEPT);
        p.settings.hidden_dropout = i == 0 ? 0.1 : 0;
        p.settings.attention_dropout = i == 1 ? 0.1 : 0;
        p.settings.train_layernorm = i == 2 ? LN_ALL : LN_NONE;
        CU_ASSERT_EQUAL(
            trial_new(&trial, p.encoder, NULL, p.dataset, p.task, &p.settings, 1, &err),
            ERR_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "prefix: "));
        p.settings.prefix = PREFIX_AUTO;
        trial = new_trial(&p, 1);
        trial_free(trial);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(kept_is_inline_bit_for_bit),
        SUITE_TEST(panels_and_shared_tensors_do_not_change_a_bit),
        SUITE_TEST(precisions_have_prefixes_of_their_own),
        SUITE_TEST(threads_and_carrying_over_do_not_change_a_bit),
        SUITE_TEST(rows_that_are_left_out_do_not_matter),
        SUITE_TEST(predicting_gives_the_trials_own_logits),
        SUITE_TEST(trials_of_the_same_prefix_compute_it_once),
        SUITE_TEST(file_lasts_as_long_as_its_users),
        SUITE_TEST(training_reads_the_file_and_mends_it),
        SUITE_TEST(death_of_a_process_that_fills_does_not_change_a_bit),
        SUITE_TEST(node_without_room_is_told_by_its_reason),
        SUITE_TEST(what_cannot_be_kept_is_refused),
        {NULL, NULL},
    };
    int rc;

    setenv("TMPDIR", place_temporary(), 1);
    rc = suite_run("prefix", tests);
    dataset_clear(&data);
    encoder_close(&encoder);
    return rc;
}

/* What makes a trial another one, and what does not. The recorded digests (Python's
 * xxhash over the text written by hand) must never change: finished runs would be
 * computed again. */
#include "jobs/identity.h"
#include "jobs/settings_table.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 6 };

static struct identity_parts parts = {
    .data = {1, 2}, .encoder = {3, 4}, .layers = LAYERS};

static struct digest digest_with(const struct settings *s, const char *task)
{
    struct task t;
    struct digest out;

    if (task_builtin(&t, task, NULL) || identity_digest(&out, s, &t, &parts, NULL))
        abort();
    task_clear(&t);
    return out;
}

static bool same(const struct settings *a, const struct settings *b)
{
    return digest_equal(digest_with(a, "mrpc"), digest_with(b, "mrpc"));
}

static void digests_stay_as_released(void)
{
    struct settings s;
    char hex[DIGEST_HEX];

    settings_defaults(&s);
    digest_hex(hex, digest_with(&s, "mrpc"));
    CU_ASSERT_STRING_EQUAL(hex, "17b01257438f6477af64f7a3095cc85a");
    s.learning_rate = 5e-4;
    s.pooling = POOLING_MEAN;
    s.seed = 4000000000u;
    digest_hex(hex, digest_with(&s, "stsb"));
    CU_ASSERT_STRING_EQUAL(hex, "0a86984f162c25ef83925788a1246a87");
}

/* Every setting away from its default, one at a time. */
static void every_setting_but_epochs_makes_another_trial(void)
{
    struct settings standard;

    settings_defaults(&standard);
    standard.horizon = 10;   /* as epochs, said aloud */
    standard.subsample = 50; /* so that subsample_seed has an effect */
    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *setting = settings_table_at(i);
        struct settings other = standard;
        struct setting_value value;

        if (setting->group != GROUP_ADAPTER && setting->group != GROUP_TRAINING)
            continue;
        value = setting_get(setting, &other);
        value.number = setting->type == SETTING_REAL   ? value.number / 2 + 0.01
                       : setting->type == SETTING_BOOL ? value.number == 0
                       : setting->type == SETTING_WORD ? (value.number == 0)
                                                       : value.number + 1;
        value.text = "start.safetensors";
        setting_set(setting, &other, value);
        CU_ASSERT_EQUAL(same(&standard, &other), !strcmp(setting->name, "epochs"));
    }
}

static void task_data_and_encoder_make_another_trial(void)
{
    struct settings s;
    struct task task;
    struct digest first, other;

    settings_defaults(&s);
    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, "mrpc", NULL), 0);
    identity_digest(&first, &s, &task, &parts, NULL);
    for (int i = 0; i < 8; i++) {
        struct task t = task;
        struct identity_parts p = parts;

        t.max_length += i == 0;
        t.selection_count -= i == 1;
        t.selection[0] = i == 2 ? METRIC_MATTHEWS : t.selection[0];
        t.selection_rows = i == 3 ? SELECT_SPLIT_DEV : t.selection_rows;
        t.labels += i == 4;
        t.regression = i == 5;
        p.data.low += i == 6;
        p.encoder.high += i == 7;
        identity_digest(&other, &s, &t, &p, NULL);
        CU_ASSERT(!digest_equal(first, other));
    }
    free(task.name); /* names and places make no difference */
    task.name = strdup("other");
    task.data = strdup("/elsewhere");
    identity_digest(&other, &s, &task, &parts, NULL);
    CU_ASSERT(digest_equal(first, other));
    task_clear(&task);
}

static void init_counts_by_its_content(void)
{
    struct settings a, b;
    struct digest here, there, other;
    struct task task;

    settings_defaults(&a);
    strcpy(a.init, "/here/adapter.safetensors");
    b = a;
    strcpy(b.init, "/there/adapter.safetensors");
    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, "mrpc", NULL), 0);
    identity_digest(&here, &a, &task, &parts, NULL);
    identity_digest(&there, &b, &task, &parts, NULL);
    CU_ASSERT(digest_equal(here, there));
    parts.init.low = 9;
    identity_digest(&other, &a, &task, &parts, NULL);
    CU_ASSERT(!digest_equal(here, other));
    parts.init.low = 0;
    task_clear(&task);
}

static void unset_horizon_is_the_epochs(void)
{
    struct settings a, b;

    settings_defaults(&a);
    b = a;
    b.horizon = b.epochs;
    CU_ASSERT(same(&a, &b));
    b.epochs = 5; /* the first half of the same trial */
    CU_ASSERT(same(&a, &b));
    b.horizon = 0;
    CU_ASSERT(!same(&a, &b));
}

static void constant_rate_knows_no_end(void)
{
    struct settings a, b;

    settings_defaults(&a);
    a.schedule = SCHEDULE_CONSTANT;
    b = a;
    b.epochs = 20;
    CU_ASSERT(!same(&a, &b)); /* warm-up is a share of all steps */
    a.warmup = b.warmup = 0;
    CU_ASSERT(same(&a, &b));
    b.horizon = 7;
    CU_ASSERT(same(&a, &b));
}

static void more_epochs_continue_a_trial_that_does_not_know_its_end(void)
{
    struct settings s;

    settings_defaults(&s);
    CU_ASSERT(!identity_extendable(&s)); /* its rate falls to 0 at its end */
    s.horizon = s.epochs + 1;
    CU_ASSERT(identity_extendable(&s));
    s.epochs = s.horizon;
    CU_ASSERT(!identity_extendable(&s));
    s.schedule = SCHEDULE_CONSTANT;
    s.warmup = 0;
    CU_ASSERT(identity_extendable(&s));
}

static void keys_are_equal_where_canonical_settings_are(void)
{
    struct settings a, b;

    settings_defaults(&a);
    b = a;
    CU_ASSERT(digest_equal(identity_settings_key(&a), identity_settings_key(&b)));
    b.learning_rate *= 2;
    CU_ASSERT(!digest_equal(identity_settings_key(&a), identity_settings_key(&b)));
    b = a;
    strcpy(b.init, "/x");
    CU_ASSERT(!digest_equal(identity_settings_key(&a), identity_settings_key(&b)));
}

/* A program that knows a setting more, in another order, finds the configurations of
 * the one before. */
static void keys_do_not_depend_on_the_other_settings_there_are(void)
{
    const struct setting *all[64];
    int count = 0;
    struct settings s, standard;

    settings_defaults(&standard);
    s = standard;
    s.learning_rate = 3e-4;
    s.schedule = SCHEDULE_COSINE;
    s.pooling = POOLING_MEAN;
    s.share_v = true;
    strcpy(s.init, "/x");
    struct digest key = identity_settings_key(&s);
    for (int i = settings_table_count() - 1; i >= 0; i--) {
        const struct setting *setting = settings_table_at(i);
        if (setting->group == GROUP_ADAPTER || setting->group == GROUP_TRAINING)
            all[count++] = setting;
    }
    CU_ASSERT(digest_equal(identity_key_over(&s, all, count), key));
    for (int i = 0; i < count; i++) {
        const struct setting *left_out = all[i];
        bool is_default = setting_equal(left_out, setting_get(left_out, &s),
                                        setting_get(left_out, &standard));
        all[i] = all[count - 1];
        CU_ASSERT_EQUAL(digest_equal(identity_key_over(&s, all, count - 1), key),
                        is_default);
        all[i] = left_out;
    }
}

static void keys_stay_as_released(void)
{
    struct settings s;
    char hex[DIGEST_HEX];

    settings_defaults(&s);
    s.learning_rate = 5e-4;
    s.pooling = POOLING_MEAN;
    digest_hex(hex, identity_settings_key(&s));
    CU_ASSERT_STRING_EQUAL(hex, "ccc28deb37fcef648f0cf744df8a9394");
}

static void settings_without_effect_make_no_difference(void)
{
    struct settings a, b;

    settings_defaults(&a);
    b = a;
    b.head_learning_rate = b.learning_rate;
    b.subsample_seed = 77;
    CU_ASSERT(same(&a, &b));
    a.weight_decay = b.weight_decay = 0;
    b.decay_v = b.decay_head_bias = true;
    CU_ASSERT(same(&a, &b));
    a.first_layer = b.first_layer = LAYERS;
    b.share_alpha = b.share_v = true;
    b.train_layernorm = LN_OUTPUT;
    CU_ASSERT(same(&a, &b));
    a.first_layer = b.first_layer = LAYERS - 1;
    CU_ASSERT(!same(&a, &b));
}

static void prefix_counts_where_it_is_not_the_rules(void)
{
    static const struct {
        int first_layer;
        double hidden, attention;
        enum prefix_mode rule;
    } cases[] = {
        {0, 0, 0, PREFIX_INLINE},      {1, 0, 0, PREFIX_KEPT},
        {LAYERS, 0, 0, PREFIX_KEPT},   {3, 0.1, 0, PREFIX_INLINE},
        {3, 0, 1e-300, PREFIX_INLINE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings automatic, kept, plain, effective;
        char *text;

        settings_defaults(&automatic);
        automatic.first_layer = cases[i].first_layer;
        automatic.hidden_dropout = cases[i].hidden;
        automatic.attention_dropout = cases[i].attention;
        kept = plain = automatic;
        kept.prefix = PREFIX_KEPT;
        plain.prefix = PREFIX_INLINE;
        CU_ASSERT_EQUAL(settings_prefix_rule(&automatic), cases[i].rule);
        CU_ASSERT_EQUAL(settings_keep_prefix(&automatic), cases[i].rule == PREFIX_KEPT);
        CU_ASSERT(settings_keep_prefix(&kept) && !settings_keep_prefix(&plain));
        CU_ASSERT_EQUAL(same(&automatic, &kept), cases[i].rule == PREFIX_KEPT);
        CU_ASSERT_EQUAL(same(&automatic, &plain), cases[i].rule == PREFIX_INLINE);
        identity_settings(&effective, cases[i].rule == PREFIX_KEPT ? &kept : &plain,
                          LAYERS);
        text = settings_canonical(&effective);
        CU_ASSERT_PTR_NULL(strstr(text, "prefix"));
        free(text);
    }
}

static void zero_has_one_sign(void)
{
    struct settings a, b;

    settings_defaults(&a);
    b = a;
    setting_set(settings_table_find_trial("clip_norm"), &b,
                (struct setting_value){.number = -0.0});
    CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof a), 0);
}

static void digest_of_a_file_is_that_of_its_bytes(void)
{
    char path[256], bytes[40000];
    struct digest digest;
    struct error err;
    FILE *file;

    snprintf(path, sizeof path, "%s/file", place_temporary());
    CU_ASSERT_EQUAL(identity_file_digest(&digest, path, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No such file"));
    memset(bytes, 7, sizeof bytes);
    file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fwrite(bytes, 1, sizeof bytes, file);
    fclose(file);
    CU_ASSERT_EQUAL(identity_file_digest(&digest, path, &err), 0);
    CU_ASSERT(digest_equal(digest, digest_of(bytes, sizeof bytes)));
    CU_ASSERT_EQUAL(identity_file_digest(&digest, place_temporary(), &err), ERR_INPUT);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(digests_stay_as_released),
        SUITE_TEST(every_setting_but_epochs_makes_another_trial),
        SUITE_TEST(task_data_and_encoder_make_another_trial),
        SUITE_TEST(init_counts_by_its_content),
        SUITE_TEST(unset_horizon_is_the_epochs),
        SUITE_TEST(constant_rate_knows_no_end),
        SUITE_TEST(more_epochs_continue_a_trial_that_does_not_know_its_end),
        SUITE_TEST(keys_are_equal_where_canonical_settings_are),
        SUITE_TEST(keys_do_not_depend_on_the_other_settings_there_are),
        SUITE_TEST(keys_stay_as_released),
        SUITE_TEST(settings_without_effect_make_no_difference),
        SUITE_TEST(prefix_counts_where_it_is_not_the_rules),
        SUITE_TEST(zero_has_one_sign),
        SUITE_TEST(digest_of_a_file_is_that_of_its_bytes),
        {NULL, NULL},
    };

    return suite_run("identity", tests);
}

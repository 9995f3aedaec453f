/* The table agrees with itself, with the canonical text and with the manual. */
#include "jobs/job_spec.h"
#include "jobs/settings_table.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void defaults_are_in_their_range(void)
{
    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *s = settings_table_at(i);
        struct setting_value value = {.number = s->standard};
        struct error err = {0};

        CU_ASSERT_EQUAL(setting_check(s, value, &err), 0);
        CU_ASSERT_STRING_EQUAL(err.text, "");
        CU_ASSERT(s->help && *s->help);
        CU_ASSERT_EQUAL(s->type == SETTING_OTHER, s->form != NULL);
        CU_ASSERT_EQUAL(s->type == SETTING_WORD, s->words != NULL);
    }
}

static void names_are_there_once(void)
{
    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *s = settings_table_at(i);

        CU_ASSERT_PTR_EQUAL(settings_table_find(s->group, s->name), s);
        if (s->group == GROUP_ADAPTER || s->group == GROUP_TRAINING)
            CU_ASSERT_PTR_EQUAL(settings_table_find_trial(s->name), s);
    }
    CU_ASSERT_PTR_NULL(settings_table_find(GROUP_ADAPTER, "epochs"));
    CU_ASSERT_PTR_NULL(settings_table_find_trial("keep"));
}

/* setting_get() and setting_set() take an enum for an unsigned. */
static void words_have_the_size_of_unsigned(void)
{
    CU_ASSERT_EQUAL(sizeof(enum train_layernorm), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum pooling), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum schedule), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum precision), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum search_kind), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum job_isa), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum task_format), sizeof(unsigned));
    CU_ASSERT_EQUAL(sizeof(enum selection_rows), sizeof(unsigned));
}

static void defaults_are_those_of_the_method(void)
{
    struct settings s;

    settings_defaults(&s);
    CU_ASSERT(!s.share_alpha && !s.share_v && !s.decay_v && !s.decay_head_bias);
    CU_ASSERT_EQUAL(s.train_layernorm, LN_NONE);
    CU_ASSERT_EQUAL(s.pooling, POOLING_POOLER);
    CU_ASSERT(s.beta1 == 0.9 && s.beta2 == 0.999 && s.eps == 1e-8);
    CU_ASSERT(s.hidden_dropout == 0 && s.attention_dropout == 0);
    CU_ASSERT(s.weight_decay == 0.01 && s.clip_norm == 0);
    CU_ASSERT(s.seed == 1 && s.subsample == 0 && s.horizon == 0);
}

static void canonical_text_leaves_defaults_out(void)
{
    struct settings s;
    char *text;

    settings_defaults(&s);
    text = settings_canonical(&s);
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
    s.learning_rate = 1e-3;
    s.pooling = POOLING_MEAN;
    s.shuffle = false;
    s.epochs = 3;
    s.seed = 4294967295u;
    strcpy(s.init, "/a;b=c%d/\xc3\xa4");
    text = settings_canonical(&s);
    CU_ASSERT_STRING_EQUAL(text, "epochs=3;init=/a%3Bb%3Dc%25d/\xc3\xa4;"
                                 "learning_rate=0x1.0624dd2f1a9fcp-10;pooling=mean;"
                                 "seed=4294967295;shuffle=false;");
    free(text);
}

/* Every setting away from its default at once. */
static void canonical_text_reads_back_the_same(void)
{
    struct settings s, again;
    struct error err;
    char *text;

    settings_defaults(&s);
    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *t = settings_table_at(i);
        struct setting_value value = {.number = 1, .text = "x"};

        if (t->group != GROUP_ADAPTER && t->group != GROUP_TRAINING)
            continue;
        if (t->type == SETTING_REAL)
            value.number = (t->min + (t->max < 1 ? t->max : 1)) / 3;
        if (t->type == SETTING_BOOL)
            value.number = t->standard == 0;
        if (t->type == SETTING_INT || t->type == SETTING_UINT32)
            value.number = t->max;
        setting_set(t, &s, value);
    }
    text = settings_canonical(&s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(settings_parse(&again, text, &err), 0);
    CU_ASSERT_EQUAL(memcmp(&again, &s, sizeof s), 0);
    free(text);
}

static void broken_canonical_text_is_refused(void)
{
    static const char *const broken[] = {
        "epochs=3",         "epochs;",           "=3;",        "epochs=;",
        "epochs=3x;",       "epochs= 3;",        "epochs=0;",  "epochs=1.5;",
        "epochs=nan;",      "learning_rate=inf", "shuffle=1;", "pooling=max;",
        "keep=3;",          "init=%4;",          "init=%00;",  "init=%zz;",
        "seed=4294967296;", "max_length=64;",    "epochs=3;;", "clip_norm=inf;",
    };

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct settings s;
        struct error err = {0};

        CU_ASSERT_EQUAL(settings_parse(&s, broken[i], &err), ERR_PROTOCOL);
        CU_ASSERT_STRING_NOT_EQUAL(err.text, "");
    }
}

static void numbers_are_shown_as_people_write_them(void)
{
    static const struct {
        const char *name, *text;
        double number;
    } cases[] = {
        {"learning_rate", "0.002", 2e-3},
        {"eps", "1e-08", 1e-8},
        {"epochs", "10", 10},
        {"shuffle", "true", 1},
        {"schedule", "cosine", 2},
        {"seed", "4294967295", 4294967295.0},
        {"warmup", "0.30000000000000004", 0.1 + 0.2},
    };
    char text[64];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setting_format(text, sizeof text, settings_table_find_trial(cases[i].name),
                       (struct setting_value){.number = cases[i].number});
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

/* docs/job-file.md holds what settings_table_print() says, word for word. */
static void manual_holds_the_table(void)
{
    static char manual[1 << 17];
    FILE *file = fopen(place_source("docs/job-file.md"), "rb");
    char *printed = NULL, *start;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT(fread(manual, 1, sizeof manual - 1, file) > 0);
    fclose(file);
    settings_table_print(out);
    fclose(out);
    start = strstr(manual, printed);
    CU_ASSERT_PTR_NOT_NULL(start);
    if (!start)
        printf("\n  put this into docs/job-file.md:\n%s", printed);
    free(printed);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(defaults_are_in_their_range),
        SUITE_TEST(names_are_there_once),
        SUITE_TEST(words_have_the_size_of_unsigned),
        SUITE_TEST(defaults_are_those_of_the_method),
        SUITE_TEST(canonical_text_leaves_defaults_out),
        SUITE_TEST(canonical_text_reads_back_the_same),
        SUITE_TEST(broken_canonical_text_is_refused),
        SUITE_TEST(numbers_are_shown_as_people_write_them),
        SUITE_TEST(manual_holds_the_table),
        {NULL, NULL},
    };

    return suite_run("settings_table", tests);
}

/* What every search keeps to, and the ones that do not look at scores. */
#include "tests/coordinator/sample_search.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RANGES                                                                         \
    "space = { learning_rate = { min = 1e-4; max = 1e-2; scale = \"log\"; };"          \
    "batch_size = { min = 4; max = 7; }; warmup = { min = 0.0; max = 0.5;"             \
    "when = { batch_size = (4, 5); }; }; pooling = [\"cls\", \"mean\"]; };"

static const char *const kinds[] = {"random", "sobol", "tpe"};

static int take(struct sample_search *sample, struct settings *out, int most)
{
    int count = 0;

    while (count < most && sample_search_next(sample, &out[count]))
        count++;
    return count;
}

static void open_kind(struct sample_search *out, const char *kind, const char *rest)
{
    char sweep[2048];

    snprintf(sweep, sizeof sweep, "search = \"%s\"; trials = 100000; %s", kind, rest);
    sample_search_open(out, sweep);
}

static void grid_turns_the_last_line_fastest_and_ends(void)
{
    struct sample_search sample;
    struct settings s[8];

    sample_search_open(&sample, "space = { learning_rate = [1e-3, 2e-3];"
                                "batch_size = [8, 16, 32]; };");
    CU_ASSERT_EQUAL(take(&sample, s, 8), 6);
    for (int i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(s[i].learning_rate, i < 3 ? 1e-3 : 2e-3);
        CU_ASSERT_EQUAL(s[i].batch_size, 8 << i % 3);
    }
    sample_search_close(&sample);
}

static void grid_skips_lines_whose_condition_fails(void)
{
    struct sample_search sample;
    struct settings s[8];

    sample_search_open_with(&sample, "warmup = 0.25;",
                            "space = { schedule = [\"constant\", \"linear\"];"
                            "warmup = { values = (0.1, 0.2, 0.3); when = { schedule = "
                            "\"linear\"; }; }; };");
    CU_ASSERT_EQUAL(take(&sample, s, 8), 4);
    CU_ASSERT(s[0].schedule == SCHEDULE_CONSTANT && s[0].warmup == 0.25);
    for (int i = 1; i < 4; i++)
        CU_ASSERT(s[i].schedule == SCHEDULE_LINEAR && s[i].warmup == i / 10.0);
    sample_search_close(&sample);
}

static void list_keeps_its_order_and_leaves_out_what_was_there(void)
{
    struct sample_search sample;
    struct settings s[8];

    sample_search_open_with(&sample, "batch_size = 16;",
                            "search = \"list\"; configs = ("
                            "{ learning_rate = 4e-3; }, { batch_size = 8; },"
                            "{ learning_rate = 4e-3; batch_size = 16; },"
                            "{ learning_rate = 1e-3; batch_size = 32; } );");
    CU_ASSERT_EQUAL(take(&sample, s, 8), 3);
    CU_ASSERT_EQUAL(search_merged(sample.search), 1);
    CU_ASSERT(s[0].learning_rate == 4e-3 && s[0].batch_size == 16);
    CU_ASSERT(s[1].learning_rate == sample.spec.base.learning_rate &&
              s[1].batch_size == 8);
    CU_ASSERT(s[2].learning_rate == 1e-3 && s[2].batch_size == 32);
    sample_search_close(&sample);
}

static void draws_stay_in_their_ranges(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct sample_search sample;
        struct settings s[200];
        int low = 0;

        open_kind(&sample, kinds[k], RANGES);
        CU_ASSERT_EQUAL(take(&sample, s, 200), 200);
        for (int i = 0; i < 200; i++) {
            CU_ASSERT(s[i].learning_rate >= 1e-4 && s[i].learning_rate <= 1e-2);
            CU_ASSERT(s[i].batch_size >= 4 && s[i].batch_size <= 7);
            if (s[i].batch_size > 5)
                CU_ASSERT_EQUAL(s[i].warmup, sample.spec.base.warmup);
            CU_ASSERT(s[i].warmup >= 0 && s[i].warmup <= 0.5);
            low += s[i].learning_rate < 1e-3;
        }
        CU_ASSERT(low > 75 && low < 125); /* half of a logarithmic scale */
        sample_search_close(&sample);
    }
}

static void sobol_spreads_more_evenly_than_chance(void)
{
    struct sample_search sample;
    struct settings s[64];
    bool taken[64] = {false};

    open_kind(&sample, "sobol",
              "space = { warmup = { min = 0.0; max = 0.5; }; head_dropout = { min = "
              "0.0; max = 0.5; }; };");
    CU_ASSERT_EQUAL(take(&sample, s, 64), 64);
    for (int i = 0; i < 64; i++)
        taken[(int)(s[i].warmup * 128)] = true;
    for (int i = 0; i < 64; i++)
        CU_ASSERT(taken[i]); /* one in each 64th of the range */
    sample_search_close(&sample);
}

static void seeds_give_other_draws_and_the_same_again(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct sample_search one, again, other;
        struct settings a, b, c;

        open_kind(&one, kinds[k], RANGES "search_seed = 1;");
        open_kind(&again, kinds[k], RANGES "search_seed = 1;");
        open_kind(&other, kinds[k], RANGES "search_seed = 2;");
        for (int i = 0; i < 20; i++) {
            CU_ASSERT(sample_search_next(&one, &a));
            CU_ASSERT(sample_search_next(&again, &b));
            CU_ASSERT(sample_search_next(&other, &c));
            CU_ASSERT(sample_search_same(&a, &b));
            CU_ASSERT_FALSE(sample_search_same(&a, &c));
        }
        sample_search_close(&one);
        sample_search_close(&again);
        sample_search_close(&other);
    }
}

static void finite_spaces_are_used_up_without_repeats(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct sample_search sample;
        struct settings s[64];

        open_kind(&sample, kinds[k],
                  "space = { batch_size = { min = 3; max = 9; }; share_v = [true, "
                  "false]; pooling = [\"pooler\", \"cls\", \"mean\"]; };");
        for (int i = 0; i < 42; i++) {
            CU_ASSERT_FATAL(sample_search_next(&sample, &s[i]));
            search_tell(sample.search, i, s[i].batch_size, SEARCH_FINISHED);
        }
        CU_ASSERT_FALSE(sample_search_next(&sample, &s[42]));
        CU_ASSERT_FALSE(sample_search_next(&sample, &s[42]));
        CU_ASSERT_EQUAL(sample_search_repeats(s, 42), 0);
        sample_search_close(&sample);
    }
}

static void settings_without_effect_make_no_other_proposal(void)
{
    struct sample_search sample;
    struct settings s[8];

    open_kind(&sample, "random",
              "space = { first_layer = [0, 6]; share_alpha = [false, true]; };");
    CU_ASSERT_EQUAL(take(&sample, s, 8), 3); /* head only has no alpha to share */
    CU_ASSERT_EQUAL(sample_search_repeats(s, 3), 0);
    sample_search_close(&sample);
}

static void restored_searches_go_on_as_if_never_interrupted(void)
{
    static const int stops[] = {1, 9, 10, 11, 37};

    for (size_t k = 0; k < 3 * sizeof stops / sizeof *stops; k++) {
        struct sample_search whole, later;
        struct settings s[60], next;
        int stop = stops[k / 3];

        open_kind(&whole, kinds[k % 3], RANGES);
        for (int i = 0; i < 60; i++) {
            CU_ASSERT_FATAL(sample_search_next(&whole, &s[i]));
            search_tell(whole.search, i, -fabs(log(s[i].learning_rate / 2e-3)),
                        SEARCH_FINISHED);
        }
        sample_search_reopen(&later, &whole, s, stop);
        for (int i = stop - 1; i >= 0; i--) /* in whatever order */
            search_tell(later.search, i, -fabs(log(s[i].learning_rate / 2e-3)),
                        SEARCH_FINISHED);
        for (int i = stop; i < 60; i++) {
            CU_ASSERT_FATAL(sample_search_next(&later, &next));
            CU_ASSERT_FATAL(sample_search_same(&next, &s[i]));
            search_tell(later.search, i, -fabs(log(s[i].learning_rate / 2e-3)),
                        SEARCH_FINISHED);
        }
        sample_search_close(&whole);
        sample_search_close(&later);
    }
}

static void what_was_restored_is_not_proposed(void)
{
    struct sample_search sample;
    struct settings known, s[4];
    struct error err;

    sample_search_open(&sample, "space = { batch_size = [8, 16, 32]; };");
    known = sample.spec.base;
    known.batch_size = 16;
    CU_ASSERT_EQUAL(search_restore(sample.search, &known, &err), 0);
    CU_ASSERT_EQUAL(search_restore(sample.search, &known, &err), 1);
    CU_ASSERT_EQUAL(take(&sample, s, 4), 2);
    CU_ASSERT(s[0].batch_size == 8 && s[1].batch_size == 32);
    sample_search_close(&sample);
}

static void untrainable_points_of_an_adaptive_space_are_refused_at_once(void)
{
    struct job_spec spec;
    struct search *search;
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(
        job_spec_parse(&spec, "job.cfg", "/jobs",
                       "encoder = \"enc\"; tasks = ( { name = \"mrpc\"; data = \"a\"; "
                       "} );\nsweep = { search = \"tpe\"; trials = 50; space = {\n"
                       "  first_layer = { min = 0; max = 12; }; }; };\n",
                       NULL, 0, &err),
        0);
    CU_ASSERT_EQUAL(search_new(&search, &spec, SAMPLE_LAYERS, &err), ERR_INPUT);
    CU_ASSERT_PTR_NULL(search);
    /* whichever it drew */
    CU_ASSERT_EQUAL(strncmp(err.text, "job.cfg:3: first_layer: ", 24), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is outside [0, 6], the encoder's layers"));
    job_spec_clear(&spec);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(grid_turns_the_last_line_fastest_and_ends),
        SUITE_TEST(grid_skips_lines_whose_condition_fails),
        SUITE_TEST(list_keeps_its_order_and_leaves_out_what_was_there),
        SUITE_TEST(draws_stay_in_their_ranges),
        SUITE_TEST(sobol_spreads_more_evenly_than_chance),
        SUITE_TEST(seeds_give_other_draws_and_the_same_again),
        SUITE_TEST(finite_spaces_are_used_up_without_repeats),
        SUITE_TEST(settings_without_effect_make_no_other_proposal),
        SUITE_TEST(restored_searches_go_on_as_if_never_interrupted),
        SUITE_TEST(what_was_restored_is_not_proposed),
        SUITE_TEST(untrainable_points_of_an_adaptive_space_are_refused_at_once),
        {NULL, NULL},
    };

    return suite_run("search", tests);
}

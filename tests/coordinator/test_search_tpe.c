/* TPE as a search: what it makes of scores. How well it searches is measured by
 * bench/search_quality.py. */
#include "tests/coordinator/sample_search.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 120 };

#define LINE                                                                           \
    "search = \"tpe\"; trials = 1000; space = {"                                       \
    "warmup = { min = 0.0; max = 1.0; }; };"

static double middle_is_best(const struct settings *s)
{
    return -fabs(s->warmup - 0.5);
}
static double low_is_best(const struct settings *s) { return -s->warmup; }

static void propose(struct sample_search *sample, struct settings *out)
{
    CU_ASSERT_FATAL(sample_search_next(sample, out));
}

static int near(const struct settings *s, int count, double where)
{
    int found = 0;

    for (int i = 0; i < count; i++)
        found += fabs(s[i].warmup - where) < 0.1;
    return found;
}

static void proposals_gather_where_scores_are_high(void)
{
    struct sample_search sample;
    struct settings s[MOST];

    sample_search_open(&sample, LINE);
    for (int i = 0; i < 60; i++) {
        propose(&sample, &s[i]);
        search_tell(sample.search, i, middle_is_best(&s[i]), SEARCH_FINISHED);
    }
    CU_ASSERT(near(&s[30], 30, 0.5) >= 20); /* by chance 6 */
    CU_ASSERT(near(s, 10, 0.5) <= 5);
    sample_search_close(&sample);
}

static void words_conditions_and_whole_numbers_are_found(void)
{
    struct sample_search sample;
    struct settings s;
    int right = 0;

    sample_search_open(
        &sample,
        "search = \"tpe\"; trials = 1000; space = {"
        "pooling = [\"pooler\", \"cls\", \"mean\"];"
        "first_layer = { min = 0; max = 6; };"
        "warmup = { min = 0.0; max = 1.0; when = { pooling = \"cls\"; }; }; };");
    for (int i = 0; i < MOST; i++) {
        propose(&sample, &s);
        bool cls = s.pooling == POOLING_CLS;
        double score =
            cls - 0.2 * abs((int)s.first_layer - 4) - (cls ? fabs(s.warmup - 0.7) : 0);

        search_tell(sample.search, i, score, SEARCH_FINISHED);
        right += i >= MOST - 40 && score > 0.7;
    }
    CU_ASSERT(right >= 20); /* by chance 40 / 3 · 3 / 10, of all warmups */
    sample_search_close(&sample);
}

/* How far the last twenty of seventy proposals lie from the middle; those after the
 * first thirty are told, or not. */
static double distance_of_later(bool told)
{
    struct sample_search sample;
    struct settings s;
    double sum = 0;

    sample_search_open(&sample, LINE);
    for (int i = 0; i < 70; i++) {
        propose(&sample, &s);
        if (i < 30 || told)
            search_tell(sample.search, i, middle_is_best(&s), SEARCH_FINISHED);
        if (i >= 50)
            sum += fabs(s.warmup - 0.5);
    }
    sample_search_close(&sample);
    return sum / 20;
}

static void pending_proposals_are_kept_away_from(void)
{
    double told = distance_of_later(true), pending = distance_of_later(false);

    if (pending <= 1.5 * told)
        printf("\n  told %g, pending %g", told, pending);
    CU_ASSERT(pending > 1.5 * told);
}

/* What is proposed next by a search that was told in this way. */
struct telling {
    double (*score)(const struct settings *);
    int epochs;
};

static double middle_of_later(const struct telling *first, const struct telling *then)
{
    struct sample_search sample;
    struct settings s[40], next;
    double sum = 0;

    sample_search_open(&sample, LINE);
    for (int i = 0; i < 40; i++)
        propose(&sample, &s[i]);
    for (int i = 0; i < 40; i++)
        search_tell(sample.search, i, first->score(&s[i]), first->epochs);
    for (int i = 0; i < 40 && then; i++)
        search_tell(sample.search, i, then->score(&s[i]), then->epochs);
    for (int i = 0; i < 20; i++) {
        propose(&sample, &next);
        sum += next.warmup;
    }
    sample_search_close(&sample);
    return sum / 20;
}

static void later_words_replace_earlier_ones(void)
{
    struct telling middle = {middle_is_best, 3}, low = {low_is_best, 3};
    struct telling later = {low_is_best, 9}, sooner = {low_is_best, 1};

    double told_middle = middle_of_later(&middle, NULL);
    double told_low = middle_of_later(&low, NULL);
    CU_ASSERT(told_middle > told_low + 0.1);
    CU_ASSERT_EQUAL(middle_of_later(&middle, &later), told_low);
    CU_ASSERT_EQUAL(middle_of_later(&middle, &low), told_middle); /* as many epochs */
    CU_ASSERT_EQUAL(middle_of_later(&middle, &sooner), told_middle);
}

/* The upper half came further, whatever it scored there. */
static void who_came_further_ranks_before_all_others(void)
{
    struct sample_search sample;
    struct settings s[MOST];

    sample_search_open(&sample, LINE);
    for (int i = 0; i < MOST; i++) {
        propose(&sample, &s[i]);
        bool upper = s[i].warmup > 0.5;
        search_tell(sample.search, i, low_is_best(&s[i]), upper ? 9 : 3);
    }
    CU_ASSERT(near(&s[60], 60, 0.6) > 24); /* from 0.5 on; by chance 12 */
    CU_ASSERT(near(&s[60], 60, 0.1) < 12);
    sample_search_close(&sample);
}

static void failures_are_avoided(void)
{
    struct sample_search sample;
    struct settings s;
    int failed = 0;

    sample_search_open(&sample, LINE);
    for (int i = 0; i < MOST; i++) {
        propose(&sample, &s);
        bool fails = s.warmup > 0.4;
        failed += i >= 60 && fails;
        search_tell(sample.search, i, fails ? NAN : -fabs(s.warmup - 0.3),
                    SEARCH_FINISHED);
    }
    CU_ASSERT(failed < 18); /* by chance 36, although the best lie beside them */
    sample_search_close(&sample);
}

static void nothing_but_failures_is_searched_on_by_chance(void)
{
    struct sample_search sample;
    struct settings s[MOST];

    sample_search_open(&sample, LINE);
    for (int i = 0; i < 50; i++) {
        propose(&sample, &s[i]);
        search_tell(sample.search, i, NAN, SEARCH_FINISHED);
    }
    CU_ASSERT_EQUAL(sample_search_repeats(s, 50), 0);
    for (double where = 0.1; where < 1; where += 0.2)
        CU_ASSERT(near(s, 50, where) > 3);
    sample_search_close(&sample);
}

static void proposals_that_nobody_made_are_not_told(void)
{
    struct sample_search one, other;
    struct settings a, b;

    sample_search_open(&one, LINE);
    sample_search_open(&other, LINE);
    for (int i = 0; i < 30; i++) {
        propose(&one, &a);
        propose(&other, &b);
        CU_ASSERT_EQUAL(a.warmup, b.warmup);
        search_tell(one.search, i, middle_is_best(&a), SEARCH_FINISHED);
        search_tell(other.search, i, middle_is_best(&b), SEARCH_FINISHED);
        search_tell(other.search, 1000, 1, SEARCH_FINISHED);
        search_tell(other.search, -1, 1, SEARCH_FINISHED);
    }
    sample_search_close(&one);
    sample_search_close(&other);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(proposals_gather_where_scores_are_high),
        SUITE_TEST(words_conditions_and_whole_numbers_are_found),
        SUITE_TEST(pending_proposals_are_kept_away_from),
        SUITE_TEST(later_words_replace_earlier_ones),
        SUITE_TEST(who_came_further_ranks_before_all_others),
        SUITE_TEST(failures_are_avoided),
        SUITE_TEST(nothing_but_failures_is_searched_on_by_chance),
        SUITE_TEST(proposals_that_nobody_made_are_not_told),
        {NULL, NULL},
    };

    return suite_run("search_tpe", tests);
}

#include "coordinator/trial_list.h"

#include "jobs/settings_table.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static struct digest key_of(const char *name, int i)
{
    char text[32];

    return digest_of(text, (size_t)snprintf(text, sizeof text, "%s%d", name, i));
}

static int config(struct trial_list *list, int i, double rate, int epochs, bool *added)
{
    struct settings settings;
    struct error err;
    int number = 0;

    settings_defaults(&settings);
    settings.learning_rate = rate;
    settings.epochs = epochs;
    settings.seed = 99; /* no part of a configuration */
    CU_ASSERT_EQUAL(
        trial_list_config(list, key_of("config", i), &settings, &number, added, &err),
        0);
    return number;
}

static int64_t trial(struct trial_list *list, int i, struct trial_parts parts,
                     bool *added)
{
    struct trial_list_entry entry = {key_of("trial", i), parts, 0};
    struct error err;
    int64_t number = 0;

    CU_ASSERT_EQUAL(trial_list_trial(list, &entry, &number, added, &err), 0);
    return number;
}

static void numbers_follow_the_first_appearance_and_stay(void)
{
    struct trial_list list = {0};
    bool added;

    CU_ASSERT_EQUAL(config(&list, 5, 1e-3, 4, &added), 1);
    CU_ASSERT(added);
    CU_ASSERT_EQUAL(config(&list, 3, 2e-3, 4, &added), 2);
    CU_ASSERT_EQUAL(trial(&list, 50, (struct trial_parts){0, 1, 7}, &added), 1);
    CU_ASSERT(added);
    CU_ASSERT_EQUAL(trial(&list, 40, (struct trial_parts){0, 2, 7}, &added), 2);
    CU_ASSERT_EQUAL(trial(&list, 50, (struct trial_parts){0, 1, 7}, &added), 1);
    CU_ASSERT(!added);
    CU_ASSERT_EQUAL(config(&list, 1, 3e-3, 4, &added), 3);
    CU_ASSERT_EQUAL(config(&list, 3, 2e-3, 4, &added), 2);
    CU_ASSERT(!added);
    CU_ASSERT_EQUAL(list.trial_count, 2);
    CU_ASSERT_EQUAL(list.config_count, 3);
    CU_ASSERT_EQUAL(trial_list_find(&list, key_of("trial", 40)), 2);
    CU_ASSERT_EQUAL(trial_list_find(&list, key_of("trial", 41)), 0);
    CU_ASSERT(digest_equal(trial_list_identity(&list, 2), key_of("trial", 40)));
    trial_list_clear(&list);
}

static void settings_come_back_with_the_trials_seed(void)
{
    struct trial_list list = {0};
    struct settings settings, standard;
    bool added;

    settings_defaults(&standard);
    config(&list, 1, 1.7e-3, 6, &added);
    trial(&list, 1, (struct trial_parts){2, 1, 41}, &added);
    trial_list_settings(&list, 1, &settings);
    CU_ASSERT_EQUAL(settings.learning_rate, 1.7e-3);
    CU_ASSERT_EQUAL(settings.epochs, 6);
    CU_ASSERT_EQUAL(settings.seed, 41);
    CU_ASSERT_EQUAL(trial_list_parts(&list, 1).task, 2);
    trial_list_config_settings(&list, 1, &settings);
    CU_ASSERT_EQUAL(settings.seed, standard.seed);
    trial_list_clear(&list);
}

static void known_configuration_takes_the_later_epochs(void)
{
    struct trial_list list = {0};
    struct settings settings;
    bool added;

    config(&list, 1, 1e-3, 4, &added);
    config(&list, 1, 1e-3, 9, &added);
    CU_ASSERT(!added);
    trial_list_config_settings(&list, 1, &settings);
    CU_ASSERT_EQUAL(settings.epochs, 9);
    trial_list_clear(&list);
}

static void check_text(const struct settings *settings, uint32_t seed)
{
    struct trial_list list = {0};
    struct settings with = *settings;
    struct error err;
    bool added;
    int number;

    CU_ASSERT_EQUAL_FATAL(
        trial_list_config(&list, key_of("config", 1), settings, &number, &added, &err),
        0);
    trial(&list, 1, (struct trial_parts){0, 1, seed}, &added);
    with.seed = seed;
    char *text = trial_list_text(&list, 1), *wanted = settings_canonical(&with);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    free(text);
    free(wanted);
    trial_list_clear(&list);
}

/* Each setting alone, and one more each time until all are there. */
static void texts_are_those_of_the_settings_with_the_seed(void)
{
    static const uint32_t seeds[] = {0, 1, 7, UINT32_MAX};
    struct settings all;

    settings_defaults(&all);
    for (int i = 0; i < settings_table_count(); i++) {
        const struct setting *setting = settings_table_at(i);
        struct settings one;
        if (setting->group != GROUP_ADAPTER && setting->group != GROUP_TRAINING)
            continue;
        struct setting_value value = setting_get(setting, &all);
        value.number = setting->type == SETTING_REAL ? value.number / 2 + 0.01
                                                     : (value.number == 0);
        value.text = "a;b=c%.safetensors";
        settings_defaults(&one);
        setting_set(setting, &one, value);
        setting_set(setting, &all, value);
        for (int s = 0; s < 4; s++) {
            check_text(&one, seeds[s]);
            check_text(&all, seeds[s]);
        }
    }
}

static void what_is_asked_for_often_needs_no_parsing(void)
{
    struct trial_list list = {0};
    bool added;

    config(&list, 1, 1e-3, 9, &added);
    trial(&list, 1, (struct trial_parts){0, 1, 3}, &added);
    trial_list_settle(&list);
    CU_ASSERT_EQUAL(trial_list_config_of(&list, 1)->epochs, 9);
    CU_ASSERT(!trial_list_config_of(&list, 1)->extendable);
    CU_ASSERT_EQUAL(trial_list_parts(&list, 1).seed, 3);
    trial_list_clear(&list);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(numbers_follow_the_first_appearance_and_stay),
        SUITE_TEST(settings_come_back_with_the_trials_seed),
        SUITE_TEST(known_configuration_takes_the_later_epochs),
        SUITE_TEST(texts_are_those_of_the_settings_with_the_seed),
        SUITE_TEST(what_is_asked_for_often_needs_no_parsing),
        {NULL, NULL},
    };

    return suite_run("trial_list", tests);
}

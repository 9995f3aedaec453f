/* Options of a command. */
#include "cli/commands.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_WORKERS, OPTION_QUIET, OPTION_DIR };

static const struct option_spec options[] = {
    [OPTION_WORKERS] = {"workers", "N", ""},
    [OPTION_QUIET] = {"quiet", NULL, ""},
    [OPTION_DIR] = {"o", "DIR", ""},
    {NULL, NULL, NULL},
};
static const struct command command = {.name = "test", .options = options};

/* What the walk gives, as text: "workers=3 quiet plain:a". */
static const char *walk(int count, const char *const *args)
{
    static char text[512];
    struct arguments arguments;
    struct error err = {""};
    const char *value;
    int option;
    text[0] = '\0';
    arguments_init(&arguments, &command, count, (char **)args);
    while ((option = arguments_next(&arguments, &value, &err)) != ARGUMENTS_END) {
        if (option == ARGUMENTS_MISUSED) {
            strcat(text, "wrong: ");
            strcat(text, err.text);
            return text;
        }
        strcat(text, option == ARGUMENTS_PLAIN ? "plain" : options[option].name);
        if (value) {
            strcat(text, "=");
            strcat(text, value);
        }
        strcat(text, " ");
    }
    return text;
}

#define WALK(...)                                                                      \
    walk(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                       \
         (const char *[]){__VA_ARGS__})

static void options_take_values_in_all_ways(void)
{
    CU_ASSERT_STRING_EQUAL(WALK("job", "--workers", "3", "--quiet", "-o", "d"),
                           "plain=job workers=3 quiet o=d ");
    CU_ASSERT_STRING_EQUAL(WALK("--workers=3", "-od"), "workers=3 o=d ");
    CU_ASSERT_STRING_EQUAL(WALK("--workers="), "workers= ");
    CU_ASSERT_STRING_EQUAL(WALK("-o", "--quiet"), "o=--quiet ");
}

static void behind_two_dashes_all_is_plain(void)
{
    CU_ASSERT_STRING_EQUAL(WALK("--", "--workers", "-"), "plain=--workers plain=- ");
    CU_ASSERT_STRING_EQUAL(WALK("-"), "plain=- ");
}

static void wrong_options_are_named(void)
{
    CU_ASSERT_STRING_EQUAL(WALK("--worker"), "wrong: unknown option --worker");
    CU_ASSERT_STRING_EQUAL(WALK("--o", "d"), "wrong: unknown option --o");
    CU_ASSERT_STRING_EQUAL(WALK("-w"), "wrong: unknown option -w");
    CU_ASSERT_STRING_EQUAL(WALK("--workers"), "wrong: --workers needs N");
    CU_ASSERT_STRING_EQUAL(WALK("--quiet=1"), "wrong: --quiet takes no value");
}

static void numbers_are_whole_and_in_range(void)
{
    struct error err = {""};
    int number = 0;
    CU_ASSERT(argument_int(&number, "--n", "12", 1, 12, &err) == 0 && number == 12);
    static const char *const wrong[] = {"",  "x",  "1x",
                                        "0", "13", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_EQUAL(argument_int(&number, "--n", wrong[i], 1, 12, &err),
                        COMMAND_MISUSED);
    CU_ASSERT_EQUAL(number, 12);
}

/* "workers quiet dir plain", or "!" and the error. */
static const char *read_into_places(int count, const char *const *args)
{
    static char text[1200];
    const char *dir = "-", *plain = "-";
    bool quiet = false;
    int workers = 0;
    const struct option_place places[] = {
        [OPTION_WORKERS] = {.number = &workers, .min = 1, .max = 9},
        [OPTION_QUIET] = {.given = &quiet},
        [OPTION_DIR] = {.text = &dir},
    };
    struct error err = {""};
    int rc =
        arguments_read(&command, count, (char **)args, places, &plain, "job", &err);
    if (rc)
        snprintf(text, sizeof text, "%s%s", rc == COMMAND_MISUSED ? "!" : "?",
                 err.text);
    else
        snprintf(text, sizeof text, "%d %d %s %s", workers, quiet, dir, plain);
    return text;
}

#define READ(...)                                                                      \
    read_into_places(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),           \
                     (const char *[]){__VA_ARGS__})

static void values_go_to_their_places(void)
{
    CU_ASSERT_STRING_EQUAL(READ("j", "--workers=3", "--quiet", "-o", "d"), "3 1 d j");
    CU_ASSERT_STRING_EQUAL(READ("-o", "a", "-o", "b"), "0 0 b -");
    CU_ASSERT_STRING_EQUAL(READ("--workers", "10"),
                           "!--workers: '10' is not a number from 1 to 9");
    CU_ASSERT_STRING_EQUAL(READ("a", "-o", "d", "b"), "!one job only, not b too");
    CU_ASSERT_STRING_EQUAL(READ("--workers", "0", "a"),
                           "!--workers: '0' is not a number from 1 to 9");
    CU_ASSERT_STRING_EQUAL(READ("a", "--what"), "!unknown option --what");
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(options_take_values_in_all_ways),
        SUITE_TEST(behind_two_dashes_all_is_plain),
        SUITE_TEST(wrong_options_are_named),
        SUITE_TEST(numbers_are_whole_and_in_range),
        SUITE_TEST(values_go_to_their_places),
        {NULL, NULL},
    };
    return suite_run("arguments", tests);
}

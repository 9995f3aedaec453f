/* Pages of shifts: means of words, and texts of others that stay text. */
#include "report/shift_page.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONG = 10000 };

static char long_word[LONG + 1];
static const char hostile[] =
    "<script>x()</script> =CMD() \" onmouseover=y \xe2\x80\xae"
    "abc \x1b[2J</title>";

static struct word_place place(const char *word, int size, int64_t first, int count)
{
    return (struct word_place){.first = first,
                               .count = count,
                               .position = (int)first,
                               .start = word,
                               .size = size,
                               .in_other = -1};
}

/* One row of 3 tokens in one layer: the hostile text's first 29 bytes, then the rest.
 */
static char *written(void (*write)(FILE *, const struct shift_page *), const char *text)
{
    int size = (int)strlen(text), head = size < 29 ? size : 29;
    struct word_place places[] = {place(text, head, 0, 1),
                                  place(text + head, size - head, 1, 2)};
    char *copy = strdup(text), *none = NULL, *out = NULL;
    double sizes[] = {1, 2, 4}, norm = 1;
    float logits[] = {0, 1};
    const char *labels[] = {"<b>", "</td>"};
    int64_t offsets[] = {0, 3}, row_places[] = {0, 2};
    struct shift_view view = {.name = "explained",
                              .about = copy,
                              .sizes = sizes,
                              .relative = sizes,
                              .sums = sizes,
                              .v_norm = &norm,
                              .beta = &norm,
                              .logits = logits,
                              .trained = true};
    struct shift_page page = {.title = text,
                              .rows = 1,
                              .tokens = 3,
                              .layers = 1,
                              .labels = 2,
                              .label_names = labels,
                              .offsets = offsets,
                              .texts = {(char *const *)&text, &none},
                              .places = places,
                              .place_count = 2,
                              .row_places = row_places,
                              .view_count = 1,
                              .views = &view};
    size_t written_size;
    FILE *stream = open_memstream(&out, &written_size);

    CU_ASSERT_EQUAL_FATAL(word_table_init(&view.words, places, 2, sizes, NULL), 0);
    write(stream, &page);
    CU_ASSERT_EQUAL(fclose(stream), 0);
    word_table_clear(&view.words);
    free(copy);
    return out;
}

static void hostile_text_stays_text_on_the_page(void)
{
    char *out = written(shift_page_write, hostile);

    CU_ASSERT(strstr(out, "<script>x") == NULL);
    CU_ASSERT(strstr(out, "&lt;script&gt;x") != NULL);
    CU_ASSERT(strstr(out, "\" onmouseover") == NULL);
    CU_ASSERT(strstr(out, "\xe2\x80\xae") == NULL);
    CU_ASSERT(strchr(out, 0x1b) == NULL);
    CU_ASSERT(strstr(out, "<b> (") == NULL);
    CU_ASSERT(strstr(out, "&lt;/td&gt; (73.1 %)") != NULL);
    free(out);
}

static void formulas_stay_text_in_tables(void)
{
    char *words = written(shift_words_csv, "=1+cmd|' /C calc'!A0");
    char *tokens = written(shift_tokens_csv, "=1+cmd|' /C calc'!A0");

    CU_ASSERT(strstr(words, ",=1") == NULL && strstr(words, "'=1") != NULL);
    CU_ASSERT(strstr(tokens, ",=1") == NULL && strstr(tokens, "'=1") != NULL);
    free(words);
    free(tokens);
}

static void a_word_of_10000_characters_is_cut_on_the_page(void)
{
    char *out;

    memset(long_word, 'x', LONG);
    out = written(shift_page_write, long_word);
    CU_ASSERT(strstr(out, "…") != NULL);
    free(out);
}

static void words_have_the_mean_of_their_uses(void)
{
    double values[] = {1, 3, 5, 0, NAN};
    struct word_place places[] = {place("Good", 4, 0, 2), place("good", 4, 2, 1),
                                  place("the", 3, 3, 1), place("bad", 3, 4, 1)};
    struct word_table t;

    CU_ASSERT_EQUAL_FATAL(word_table_init(&t, places, 4, values, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(t.count, 2);
    CU_ASSERT_STRING_EQUAL(t.rows[0].word, "good");
    CU_ASSERT_EQUAL(t.rows[0].count, 2);
    CU_ASSERT_DOUBLE_EQUAL(t.rows[0].mean, 3.5, 1e-15);
    /* deviation √4.5, so of the mean 1.5 */
    CU_ASSERT_DOUBLE_EQUAL(t.rows[0].high, 3.5 + 1.959963984540054 * 1.5, 1e-12);
    CU_ASSERT(t.rows[0].content && !t.rows[1].content);
    CU_ASSERT(isnan(t.rows[1].low));
    CU_ASSERT_PTR_NULL(word_table_find(&t, "bad"));
    word_table_clear(&t);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(hostile_text_stays_text_on_the_page),
        SUITE_TEST(formulas_stay_text_in_tables),
        SUITE_TEST(a_word_of_10000_characters_is_cut_on_the_page),
        SUITE_TEST(words_have_the_mean_of_their_uses),
        {NULL, NULL},
    };

    return suite_run("shift_page", tests);
}

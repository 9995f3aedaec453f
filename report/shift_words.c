#include "report/shift_words.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* English words that carry grammar rather than content; case and contractions as BERT's
 * pre-tokenizer leaves them ("don't": don ' t). */
static const char *const function_words =
    " a about above after again all also although am an and another any are as at be "
    "because been before being below between both but by can could d did do does doing "
    "don down during each either else ever every few for from further had has have "
    "having he her here hers herself him himself his how i if in into is it its itself "
    "just ll m may me might more most much must my myself neither no nor not now of "
    "off "
    "on once one only or other our ours out over own re s same she should so some such "
    "t than that the their theirs them themselves then there these they this those "
    "through to too under until up upon us ve very was we were what when where whether "
    "which while who whom whose why will with within without would yet you your yours ";

static bool is_content(const char *word)
{
    char padded[32];
    bool letter = false;

    for (const char *c = word; *c; c++)
        letter |= isalpha((unsigned char)*c) || (unsigned char)*c >= 0x80;
    if (!letter || strlen(word) > sizeof padded - 3)
        return letter;
    padded[0] = ' ';
    strcpy(padded + 1, word);
    strcat(padded, " ");
    return !strstr(function_words, padded);
}

double word_mean(const struct word_place *place, const double *values)
{
    double sum = 0;

    for (int i = 0; i < place->count; i++)
        sum += values[place->first + i];
    return sum / place->count;
}

/* One use of a word. */
struct use {
    char *word;
    double value;
};

static int by_word(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    int order = strcmp(x->word, y->word);

    return order ? order : (x->value > y->value) - (x->value < y->value);
}

static int by_mean(const void *a, const void *b)
{
    const struct word_row *x = a, *y = b;

    if (x->mean != y->mean)
        return x->mean < y->mean ? 1 : -1;
    return strcmp(x->word, y->word);
}

static char *lower_case(const char *text, int size)
{
    char *out = strndup(text, (size_t)size);

    for (char *c = out; c && *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    return out;
}

/* The word of the first of n uses of it, which is taken over. */
static struct word_row summarize(struct use *uses, int64_t n)
{
    struct word_row row = {.word = uses[0].word, .count = n, .low = NAN, .high = NAN};
    double sum = 0, squares = 0, half;

    for (int64_t i = 0; i < n; i++)
        sum += uses[i].value;
    row.mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (uses[i].value - row.mean) * (uses[i].value - row.mean);
    if (n > 1) {
        half = 1.959963984540054 * sqrt(squares / (double)(n - 1) / (double)n);
        row.low = row.mean - half;
        row.high = row.mean + half;
    }
    row.content = is_content(row.word);
    uses[0].word = NULL;
    return row;
}

int word_table_init(struct word_table *out, const struct word_place *places,
                    int64_t count, const double *values, struct error *err)
{
    struct use *uses = calloc((size_t)count + 1, sizeof *uses);
    int64_t n = 0;
    bool failed = !uses;

    *out = (struct word_table){.rows = calloc((size_t)count + 1, sizeof *out->rows)};
    failed |= !out->rows;
    for (int64_t i = 0; i < count && !failed; i++) {
        if (places[i].text < 0 || places[i].size == 0)
            continue;
        uses[n].value = word_mean(&places[i], values);
        if (!isfinite(uses[n].value))
            continue;
        uses[n].word = lower_case(places[i].start, places[i].size);
        failed = !uses[n++].word;
    }
    if (!failed && n)
        qsort(uses, (size_t)n, sizeof *uses, by_word);
    for (int64_t i = 0, end; i < n && !failed; i = end) {
        for (end = i + 1; end < n && !strcmp(uses[end].word, uses[i].word);)
            end++;
        out->rows[out->count++] = summarize(uses + i, end - i);
    }
    for (int64_t i = 0; uses && i <= count; i++)
        free(uses[i].word);
    free(uses);
    if (failed) {
        word_table_clear(out);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    if (out->count)
        qsort(out->rows, (size_t)out->count, sizeof *out->rows, by_mean);
    return 0;
}

void word_table_clear(struct word_table *t)
{
    for (int64_t i = 0; i < t->count; i++)
        free(t->rows[i].word);
    free(t->rows);
    *t = (struct word_table){0};
}

const struct word_row *word_table_find(const struct word_table *t, const char *word)
{
    for (int64_t i = 0; i < t->count; i++)
        if (!strcmp(t->rows[i].word, word))
            return &t->rows[i];
    return NULL;
}

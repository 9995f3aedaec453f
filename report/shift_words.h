/* Shifts of tokens as shifts of words, and words over a data set. */
#ifndef REPORT_SHIFT_WORDS_H
#define REPORT_SHIFT_WORDS_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

/* A word in a row: tokens first…first+count-1 of the split. */
struct word_place {
    int64_t row, first;
    int count;
    int text;          /* 0, 1; -1: a special token */
    int position;      /* of its first token in the row, from 0 */
    const char *start; /* of the text as given, size bytes; borrowed */
    int size;
    int in_other; /* of a pair: the other text has the word too; -1: no pair */
};

/* A word over the data set, lower case (ASCII). */
struct word_row {
    char *word;
    int64_t count;
    double mean, low, high; /* 95 % interval, normal approximation; NaN for one */
    bool content;           /* a letter in it, and no English function word */
};

struct word_table {
    int64_t count;
    struct word_row *rows; /* by falling mean */
};

/* Mean over a word's tokens of values. */
double word_mean(const struct word_place *place, const double *values);

/* Of all places but special tokens. ERR_MEMORY. */
int word_table_init(struct word_table *out, const struct word_place *places,
                    int64_t count, const double *values, struct error *err);
void word_table_clear(struct word_table *table); /* an all-zero one too */
/* NULL: not there. */
const struct word_row *word_table_find(const struct word_table *table,
                                       const char *word);

#endif

/* What `explain` writes: the page, its tables as CSV, the arrays as HDF5. */
#ifndef REPORT_SHIFT_PAGE_H
#define REPORT_SHIFT_PAGE_H

#include "common/error.h"
#include "report/shift_words.h"

#include <stdio.h>

enum { SHIFT_VIEWS_MAX = 5 };

/* One adapter's shifts of the same tokens.
 *
 * sizes     (layers, tokens) |y|·‖v‖, NaN where a layer has none or pooling reads none
 * relative  (layers, tokens) sizes / norm of the state before LayerNorm
 * sums      (tokens) of sizes over layers
 * v_norm, beta  (layers) ‖v‖ and β; NaN: no adapter */
struct shift_view {
    const char *name;
    char *about; /* a sentence */
    double *sizes, *relative, *sums, *v_norm, *beta;
    float *logits; /* (rows, labels); NULL: no prediction of interest */
    bool trained;  /* sizes are |y|·‖v‖ of this adapter itself */
    struct word_table words;
};

struct shift_page {
    const char *title;
    int64_t rows, tokens;
    int layers, labels;
    const char *const *label_names; /* NULL: regression */
    const float *gold;              /* (rows), NULL: no labels */
    const int64_t *offsets;         /* (rows + 1) */
    const int32_t *ids;             /* (tokens) */
    char *const *texts[2];          /* (rows) */
    const struct word_place *places;
    int64_t place_count;
    const int64_t *row_places; /* (rows + 1) a row's first place */
    int view_count;
    struct shift_view *views; /* the first is what is explained */
};

/* Words that fewer uses have are not listed. */
enum { WORD_USES_MIN = 20, PAGE_ROWS_MAX = 100, PAGE_WORDS_MAX = 200 };

void shift_page_write(FILE *out, const struct shift_page *page);
void shift_words_csv(FILE *out, const struct shift_page *page);
void shift_tokens_csv(FILE *out, const struct shift_page *page);
void shift_layers_csv(FILE *out, const struct shift_page *page);
void shift_positions_csv(FILE *out, const struct shift_page *page);
int shift_file_write(const char *path, const struct shift_page *page,
                     struct error *err);

#endif

/* From a task's files to token ids and labels. */
#ifndef TEXT_DATASET_BUILD_H
#define TEXT_DATASET_BUILD_H

#include "common/dataset.h"
#include "common/error.h"
#include "common/task.h"
#include "text/tokenizer.h"

#include <stdbool.h>

/* Reads every file that the task names. Release with dataset_clear().
 *
 * Train and dev need labels; a test file is labelled where it has the label's column.
 * GLUE's own test files and the mismatched dev file may be absent, any other file that
 * is named must be there. Rows are those of the file in its order.
 *
 * ERR_INPUT as `file:line: what: why`: what the readers refuse (text/table_reader.h),
 * a row with too few columns (skipped and counted where the task says so), an unknown
 * label, a value that is no number, a text without a word piece (a QQP question may be
 * empty, as in the official files), a file without rows; and a task with a train file
 * but no dev file. */
int dataset_build(struct dataset *out, const struct task *task,
                  const struct tokenizer *tokenizer, struct error *err);

/* One file with the columns of a split. Without labels_required the labels are read
 * where the file has the column. */
int dataset_build_split(struct dataset_split *out, const struct task *task,
                        enum split columns_of, const char *path, bool labels_required,
                        const struct tokenizer *tokenizer, struct error *err);

/* The texts behind a split's rows, and the word of each of its tokens. */
struct text_rows {
    int64_t rows;
    char **texts[2];          /* (rows) NUL-terminated; [1][r] NULL: a single text */
    struct token_word *words; /* (tokens) */
};
void text_rows_clear(struct text_rows *rows); /* an all-zero one too */

/* dataset_build_split() that keeps the texts, of the first `most` rows (0: all). A NUL
 * within a text ends what is kept of it. */
int dataset_build_texts(struct dataset_split *out, struct text_rows *texts,
                        const struct task *task, enum split columns_of,
                        const char *path, int64_t most,
                        const struct tokenizer *tokenizer, struct error *err);

/* One unlabelled row, of a text or a pair (b not NULL). */
int dataset_build_row(struct dataset_split *out, struct text_rows *texts,
                      const struct task *task, const char *a, const char *b,
                      const struct tokenizer *tokenizer, struct error *err);

/* Releases what dataset_build_split() made; an all-zero one too. */
void dataset_build_split_clear(struct dataset_split *split);

#endif

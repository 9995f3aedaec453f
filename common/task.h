/* The table of tasks: what a task's files look like, its labels, its metrics.
 *
 * GLUE's tasks are built in; any other is described by the job file. jobs/ fills a
 * struct task, text/ reads its files, worker/ trains and scores by it. */
#ifndef COMMON_TASK_H
#define COMMON_TASK_H

#include "common/error.h"
#include "common/metrics.h"

#include <stdbool.h>

enum split {
    SPLIT_TRAIN,
    SPLIT_DEV,
    SPLIT_DEV_MISMATCHED, /* MNLI only, and so is its test */
    SPLIT_TEST,
    SPLIT_TEST_MISMATCHED,
    SPLIT_COUNT
};
extern const char
    *const split_names[SPLIT_COUNT]; /* "train", "dev", "dev_mismatched"… */

enum task_format { FORMAT_TSV, FORMAT_CSV, FORMAT_JSONL };

/* Which rows choose a trial's epoch, which report: docs/job-file.md, "Selection". */
enum selection_rows { SELECT_DEV, SELECT_SPLIT_DEV, SELECT_SPLIT_TRAIN };

enum { TASK_METRICS_MAX = 4 };

/* Where a split's columns are: by header name, or by number from 0 where there is no
 * header. text[1] is NULL (column -1) for single texts. A test file may lack the
 * label's column: it is unlabelled then. */
struct task_columns {
    bool header;
    char *text[2], *label;    /* names; NULL where there is no header or no label */
    int text_at[2], label_at; /* numbers; -1 where named or absent */
};

struct task {
    char *name;
    char *data;               /* folder that relative file names start from, or a
                                 prepared .h5 file; NULL: the working directory */
    char *files[SPLIT_COUNT]; /* NULL where there is none */
    struct task_columns columns[SPLIT_COUNT];
    enum task_format format;
    bool glue;       /* built in: GLUE's file and submission conventions */
    bool skip_short; /* rows with too few columns are skipped and counted (QQP) */
    bool regression;
    int labels;          /* classes, or 1 for regression */
    char **label_names;  /* labels, id2label order; NULL for regression */
    char **label_values; /* labels, as the files write them */
    int metric_count;
    enum metric metrics[TASK_METRICS_MAX];
    int selection_count; /* the score is the mean of these metrics */
    enum metric selection[TASK_METRICS_MAX];
    enum selection_rows selection_rows;
    int max_length; /* word pieces with the special tokens */
};

/* A copy of the built-in task of that name, its files GLUE's own (all but train and dev
 * may be missing in the folder); NULL data, max_length 128. ERR_INPUT names the known
 * ones. Release with task_clear(). */
int task_builtin(struct task *out, const char *name, struct error *err);
bool task_is_builtin(const char *name);
/* data is a file made by `shiftwork prepare`: its name ends with .h5. */
bool task_is_prepared(const struct task *task);
void task_clear(struct task *task);
int task_copy(struct task *out, const struct task *task, struct error *err);

#endif

/* Predictions as text: our own table, and GLUE's submission files. */
#ifndef CLI_PREDICTION_TEXT_H
#define CLI_PREDICTION_TEXT_H

#include "common/task.h"

#include <stdint.h>
#include <stdio.h>

/* Tab-separated: index (from 0), prediction, then prob_<label> for each class in the
 * order of the outputs; with_logits adds logit_<label> (regression: logit), written so
 * that they read back to the same float32. logits (rows, task->labels). */
void prediction_text_write(FILE *out, const struct task *task, const float *logits,
                           int64_t rows, bool with_logits);

/* GLUE's form: index, prediction; labels as GLUE's files write them, STS-B clipped to
 * 0..5 with three decimals. */
void prediction_text_write_glue(FILE *out, const struct task *task, const float *logits,
                                int64_t rows);

/* "MNLI-m.tsv", or NULL where GLUE has no such file. */
const char *prediction_text_glue_name(const char *task, enum split split);

#endif

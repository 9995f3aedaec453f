/* What a run found, for the terminal: the best configurations of each task. */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include "storage/results.h"

#include <stdio.h>

/* Prints a table a task, at most `rows` configurations each (0: all), with the row of
 * the majority class or mean, in lines of 80 characters where a column fits, then the
 * trials that failed with their errors. Says on which rows the epoch was chosen.
 * ERR_MEMORY. */
int summary_print(FILE *out, const struct results *results, int rows,
                  struct error *err);

#endif

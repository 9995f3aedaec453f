/* Runs gnuplot over scripts, a process each, several at once. */
#ifndef REPORT_FIGURES_GNUPLOT_H
#define REPORT_FIGURES_GNUPLOT_H

#include "common/error.h"

#include <stdbool.h>

bool gnuplot_found(void); /* in PATH */

/* Runs `gnuplot -d scripts[i]` in folder: user's start-up files are not read, standard
 * input is empty. done (count): which ended well. ERR_IO: the first failure, with
 * gnuplot's own line; others go on. What still runs after timeout_s is killed. */
int gnuplot_run(const char *folder, const char *const *scripts, int count,
                double timeout_s, bool *done, struct error *err);

#endif

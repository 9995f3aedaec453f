/* What libconfig would let pass or do in silence, found in the text before it reads. */
#ifndef JOBS_JOB_TEXT_H
#define JOBS_JOB_TEXT_H

#include "common/error.h"

#include <stdbool.h>

/* ERR_INPUT, and the line in *line: text that is not UTF-8, an integer that libconfig
 * would wrap (beyond 32 bits, or beyond 64 with L), a string without end, @include (a
 * job is one file, so that the run directory's copy says everything). */
int job_text_check(const char *text, int *line, struct error *err);

bool job_text_is_utf8(const char *text);

#endif

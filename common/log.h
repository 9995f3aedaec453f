/* What a program tells while it works: lines on stderr, the same with the time in the
 * run's log file, and on a terminal one line at the bottom that is drawn anew.
 *
 * One thread at a time. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/error.h"

/* Also appends to path from now on. ERR_IO. */
int log_open(const char *path, struct error *err);
void log_close(void);

/* Columns of the terminal behind stderr; 0: none, then log_status() does nothing. */
void log_terminal(int columns);
int log_columns(void);

/* One line; a control character is replaced by '?'. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The line at the bottom, cut to the terminal's width; "" takes it away. */
void log_status(const char *text);

#endif

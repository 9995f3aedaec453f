/* A line of the log goes above the status line: erase, write, draw again. A write that
 * fails is not reported: there is nowhere to. */
#include "common/log.h"
#include "common/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct {
    FILE *file;
    int columns;
    char status[512];
} state;

int log_open(const char *path, struct error *err)
{
    log_close();
    state.file = fopen(path, "ae");
    return state.file ? 0 : error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

void log_close(void)
{
    log_status("");
    if (state.file)
        fclose(state.file);
    state.file = NULL;
}

void log_terminal(int columns)
{
    state.columns =
        columns > (int)sizeof state.status - 1 ? (int)sizeof state.status - 1 : columns;
}

int log_columns(void) { return state.columns; }

static void log_to_file(const char *text)
{
    char stamp[32] = "";
    time_t now = (time_t)clock_wall_s();
    struct tm parts;
    if (!state.file)
        return;
    if (gmtime_r(&now, &parts))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(state.file, "%s %s\n", stamp, text);
    fflush(state.file);
}

void log_line(const char *fmt, ...)
{
    char text[2048];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    bool drawn = state.status[0] != '\0';
    fprintf(stderr, "%s%s\n%s", drawn ? "\r\033[K" : "", text,
            drawn ? state.status : "");
    fflush(stderr);
    log_to_file(text);
}

void log_status(const char *text)
{
    if (state.columns <= 0 || (!text[0] && !state.status[0]))
        return;
    /* One column stays free: some terminals wrap when the last is written. */
    snprintf(state.status, sizeof state.status, "%.*s",
             state.columns > 1 ? state.columns - 1 : 1, text);
    fprintf(stderr, "\r\033[K%s", state.status);
    fflush(stderr);
}

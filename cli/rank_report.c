#include "cli/rank_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char here[] = "shiftwork-here ", begun[] = "shiftwork-begun ",
                  ended[] = "shiftwork-ended ", late[] = "shiftwork-late\n";

static void say(const char *what, const char *line)
{
    printf("%s%s", what, line);
    fflush(stdout);
}

static void say_process(const char *what)
{
    char line[RUN_DIR_LINE];
    struct process self;
    process_self(&self);
    holder_text(line, &self);
    say(what, line);
}

unsigned rank_start_limit_s(void)
{
    enum { ENOUGH = 300 };
    const char *given = getenv("SHIFTWORK_START_S");
    long seconds = given ? strtol(given, NULL, 10) : 0;
    return seconds > 0 && seconds < 86400 ? (unsigned)seconds : ENOUGH;
}

void rank_report_here(void) { say_process(here); }

void rank_report_late(void)
{
    if (write(STDOUT_FILENO, late, sizeof late - 1) < 0)
        return; /* then nobody listens */
}

void rank_report_begun(void) { say_process(begun); }

void rank_report_ended(const struct outcome *outcome)
{
    char line[RUN_DIR_LINE];
    outcome_text(line, outcome);
    say(ended, line);
}

/* mpirun may be told to put a tag before each line. */
static void take_line(struct rank_reports *reports)
{
    char *line = reports->line, *at;
    reports->line[reports->size] = '\0';
    reports->size = 0;
    line[strcspn(line, "\r")] = '\0';
    if ((at = strstr(line, here)))
        reports->here = holder_parse(&reports->rank_0, at + strlen(here));
    else if (!strncmp(line, late, sizeof late - 2))
        reports->late = true;
    else if ((at = strstr(line, begun)))
        reports->begun = holder_parse(&reports->rank_0, at + strlen(begun));
    else if ((at = strstr(line, ended)))
        reports->ended = outcome_parse(&reports->outcome, at + strlen(ended));
    else
        printf("%s\n", line);
}

void rank_reports_read(struct rank_reports *reports)
{
    char buffer[4096];
    ssize_t size;
    while ((size = read(reports->fd, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < size; i++) {
            if (buffer[i] != '\n')
                reports->line[reports->size++] = buffer[i];
            if (buffer[i] == '\n' || reports->size == sizeof reports->line - 1)
                take_line(reports);
        }
}

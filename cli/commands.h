/* The commands: one file each, a line each in the table of main.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "common/error.h"

#include <stdbool.h>

/* Exit codes: docs/formats.md, "Run directory". */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_GIVEN_UP = 3, /* some trials were */
    EXIT_STOPPED = 75, /* before the end; can be continued */
};

/* One option. name without its dashes: one letter ("o") or a word ("workers"). */
struct option_spec {
    const char *name;
    const char *value; /* what stands for it in the help; NULL: a switch */
    const char *help;  /* one line */
};

struct command {
    const char *name;
    const char *synopsis;              /* what follows the name in the help */
    const char *summary;               /* one line */
    const struct option_spec *options; /* ends with a NULL name; NULL: none */
    void (*help)(void); /* prints what comes after the options; may be NULL */
    bool computes;      /* needs single-threaded BLAS */
    /* Returns an exit code, an ERR_ status with its reason in err, or what
     * command_misused() returned. args: what follows the command's name. */
    int (*run)(int count, char **args, struct error *err);
};

enum { COMMAND_MISUSED = -1000 }; /* outside exit codes and enum status */

/* COMMAND_MISUSED: wrong use. main prints the text and where to find help, exit 2. */
int command_misused(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Walks through the arguments of a command. */
struct arguments {
    const struct option_spec *options;
    char **args;
    int count, at;
    bool plain; /* after "--" */
};

void arguments_init(struct arguments *arguments, const struct command *command,
                    int count, char **args);

enum { ARGUMENTS_END = -1, ARGUMENTS_PLAIN = -2, ARGUMENTS_MISUSED = -3 };

/* Index of the next option in the command's table, its value in *value (NULL for a
 * switch and for a number that was left out); ARGUMENTS_PLAIN for a plain argument in
 * *value; ARGUMENTS_MISUSED with the reason in err; ARGUMENTS_END. "--name=value",
 * "--name value", "-o value" and "-oVALUE" are taken. */
int arguments_next(struct arguments *arguments, const char **value, struct error *err);

/* A whole number within [min, max], or command_misused(). */
int argument_int(int *out, const char *name, const char *value, int min, int max,
                 struct error *err);

/* Where an option's value goes: the one of text, number and given that is not NULL. */
struct option_place {
    const char **text;
    int *number; /* within [min, max] */
    int min, max;
    int otherwise; /* the number where it is left out */
    bool *given;   /* a switch */
};

/* Reads all arguments of a command that takes one plain argument at most: options to
 * places, which has one for each of the command's, the plain argument to *plain, which
 * stays as it was where there is none. plain_name ("job file") is for messages. 0 or
 * what command_misused() returned. */
int arguments_read(const struct command *command, int count, char **args,
                   const struct option_place *places, const char **plain,
                   const char *plain_name, struct error *err);

/* For commands of many folders and -o, their first and only option: dirs has room for
 * count. wanted: what is missing where there is none. */
int arguments_read_dirs(const struct command *command, int count, char **args,
                        const char **dirs, int *dir_count, const char **out,
                        const char *wanted, struct error *err);

extern const struct command command_doctor, command_explain, command_export,
    command_merge, command_plan, command_predict, command_prepare, command_recover,
    command_report, command_run, command_status, command_submit, command_verify;

#endif

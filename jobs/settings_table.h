/* The table of settings: every name that a job file may hold, with its type, range,
 * default and help. Reading, checking, --set, --help, docs/job-file.md and the
 * canonical text of a trial's settings all come from it. */
#ifndef JOBS_SETTINGS_TABLE_H
#define JOBS_SETTINGS_TABLE_H

#include "common/error.h"
#include "jobs/settings.h"

#include <stddef.h>
#include <stdio.h>

enum setting_group {
    GROUP_TOP,      /* the job file itself */
    GROUP_TASK,     /* an entry of tasks: struct task */
    GROUP_ADAPTER,  /* struct settings */
    GROUP_TRAINING, /* struct settings */
    GROUP_SWEEP,
    GROUP_CLUSTER, /* struct job_cluster */
    GROUP_OUTPUT,  /* struct job_output */
    GROUP_SLURM,   /* struct job_slurm */
    GROUP_COUNT
};

enum setting_type {
    SETTING_BOOL,   /* bool */
    SETTING_INT,    /* int */
    SETTING_UINT32, /* uint32_t */
    SETTING_REAL,   /* double */
    SETTING_WORD,   /* an enum, one of words */
    SETTING_PATH,   /* char [SETTINGS_PATH] */
    SETTING_TEXT,   /* char [SETTING_TEXT_SIZE] */
    SETTING_OTHER,  /* has its own reader in job_spec.c */
};

enum { SETTING_TEXT_SIZE = 256 };

struct setting {
    const char *name;
    enum setting_group group;
    enum setting_type type;
    size_t offset;             /* in the group's struct */
    double min, max;           /* of a number */
    bool above_min, below_max; /* the bound itself is outside */
    double standard;           /* default; of words the index */
    const char *const *words;  /* ends with NULL */
    const char *form;          /* of SETTING_OTHER: what to write */
    const char *help;
};

/* Bool, integer, index of a word or real in number; path and text in text (of the
 * caller). All integers here have at most 32 bits, so a double holds them exactly. */
struct setting_value {
    double number;
    const char *text;
};

int settings_table_count(void);
const struct setting *settings_table_at(int index); /* in the order of the help */
/* NULL for an unknown name. */
const struct setting *settings_table_find(enum setting_group group, const char *name);
/* In adapter or training: what a sweep may vary and a trial is made of. */
const struct setting *settings_table_find_trial(const char *name);
const char *settings_group_name(enum setting_group group); /* "adapter"…; top: "" */

/* target is the group's struct. */
struct setting_value setting_get(const struct setting *setting, const void *target);
void setting_set(const struct setting *setting, void *target,
                 struct setting_value value);
/* ERR_INPUT "learning_rate: 3 is outside [0, 1]", also for numbers that are not finite
 * or not whole, words that are not in the list, paths and texts that are too long. */
int setting_check(const struct setting *setting, struct setting_value value,
                  struct error *err);
/* ERR_INPUT for a word that the setting does not know: its index otherwise. */
int setting_word(const struct setting *setting, const char *word, int *index,
                 struct error *err);
bool setting_equal(const struct setting *setting, struct setting_value a,
                   struct setting_value b);
/* Whether a trained state may go on under another value: not where the value decides
 * shapes, rows, the number of steps, or how numbers are computed. */
bool setting_may_change(const struct setting *setting);
/* What prefix = "kept" does not go with: values from `from` on. Ends without a name. */
struct prefix_conflict {
    const char *name;
    double from;
    const char *why;
};
extern const struct prefix_conflict settings_prefix_conflicts[];
/* As a person writes it: true, 32, 0.002, linear; shortest that reads back the same. */
void setting_format(char *out, size_t size, const struct setting *setting,
                    struct setting_value value);

/* All of a group's defaults; for struct settings both groups are set. */
void settings_table_defaults(enum setting_group group, void *target);
void settings_defaults(struct settings *out);

/* "name=value;" in the order of names, defaults left out, reals as hexadecimal floats:
 * equal settings have equal text. Release with free(); NULL when out of memory. */
char *settings_canonical(const struct settings *settings);
/* The way back; names and values are checked as those of a job file. ERR_PROTOCOL for
 * text of another form, the only failure. */
enum { SETTINGS_TEXT = 16384 }; /* bytes of such a text, with its zero */
int settings_parse(struct settings *out, const char *canonical, struct error *err);

/* What `shiftwork run --help` says about the job file. */
void settings_table_print(FILE *out);

#endif

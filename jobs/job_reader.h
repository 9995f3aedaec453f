/* Shared by the files that read parts of a job file; nobody outside jobs/ needs it. */
#ifndef JOBS_JOB_READER_H
#define JOBS_JOB_READER_H

#include "common/error.h"
#include "jobs/job_spec.h"

#include <libconfig.h>

/* libconfig calls everything a setting: its settings are nodes here. */
#define node config_setting_t

struct job_reader {
    const char *name;              /* of the file, in errors */
    char folder[SETTINGS_PATH];    /* where the file's relative paths start */
    char directory[SETTINGS_PATH]; /* where those of --set start */
    bool look;                     /* named files must exist */
    config_t config;
    struct error *err;
};

/* Sets "file:line: " or "--set x=y: " and the reason; returns ERR_INPUT. */
int reader_refuse(struct job_reader *r, const node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts the place before what err holds already, where status is not 0. */
int reader_locate(struct job_reader *r, const node *at, int status);

/* The name to use in a message: of an element that of its array. */
const char *reader_name(const node *at);

/* A node as the value that the setting takes, checked. Paths become absolute, in path,
 * to which value->text then points; word and number need no path (NULL). */
int reader_value(struct job_reader *r, const node *at, const struct setting *setting,
                 struct setting_value *value, char path[SETTINGS_PATH]);
/* A text without control characters, not empty; *text belongs to the reader. */
int reader_text(struct job_reader *r, const node *at, const char **text);
int reader_is(struct job_reader *r, const node *at, int config_type, const char *what);
/* Makes a file's name absolute: against folder, or with --set the working directory. */
int reader_path(struct job_reader *r, const node *at, const char *text,
                char path[SETTINGS_PATH]);
/* ERR_INPUT where look is set and there is no such file or folder. */
int reader_look(struct job_reader *r, const node *at, const char *path);
bool reader_is_choice(const node *at); /* array or list */

/* What to write instead, where libconfig's error says too little; else "". */
const char *reader_syntax_hint(const config_t *config);

/* Every member of a group: unknown names are refused, those with a type are set in
 * target; the others are left to the caller. at may be NULL: nothing is there. */
int reader_group(struct job_reader *r, const node *at, enum setting_group group,
                 void *target);

/* The parts. */
int reader_override(struct job_reader *r, const char *override);
int reader_tasks(struct job_reader *r, struct job_spec *spec);
int reader_sweep(struct job_reader *r, struct job_spec *spec);
/* sweep.space and sweep.configs, once sweep's own settings are read. NULL: not there.
 */
int reader_space(struct job_reader *r, const node *at, struct job_sweep *sweep);
int reader_configs(struct job_reader *r, const node *at, struct job_sweep *sweep);
/* Whether the parts of a sweep go together. */
int reader_check_sweep(struct job_reader *r, const struct job_spec *spec);
void job_sweep_clear(struct job_sweep *sweep);
int reader_slurm(struct job_reader *r, struct job_slurm *slurm);
void job_slurm_clear(struct job_slurm *slurm);

/* The resolved text; NULL when out of memory. Release with free(). */
char *job_spec_format(const struct job_spec *spec);

#endif

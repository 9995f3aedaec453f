/* A batch script from a template: {{name}} becomes its value; a line with a name whose
 * value is empty is left out. */
#ifndef CLI_BATCH_SCRIPT_H
#define CLI_BATCH_SCRIPT_H

#include "common/error.h"
#include "jobs/job_spec.h"

struct batch_job {
    const char *program; /* paths, full */
    const char *job_file;
    const char *run_dir;
    const char *folder;      /* where the command was given */
    const char *const *args; /* (arg_count) of `run`, besides job file and -o */
    int arg_count;
    int shards;  /* of an array; 1: none */
    int threads; /* cluster.threads */
};

enum batch_kind { BATCH_RUN, BATCH_MERGE };

/* The script on the heap. ERR_MEMORY. */
int batch_script(char **out, enum batch_kind kind, const struct job_slurm *slurm,
                 const struct batch_job *job, struct error *err);

/* Fills in a template: values[count] for names[count]; an unknown name stays. NULL when
 * out of memory. Release with free(). */
char *batch_fill(const char *template, const char *const *names,
                 const char *const *values, int count);

/* text as one word of a shell, on the heap; NULL when out of memory. */
char *shell_word(const char *text);

#endif

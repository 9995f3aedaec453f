/* A job file (libconfig), read and checked: docs/job-file.md.
 *
 * Errors are `file:line: name: reason`, those of a --set `--set path=value: name:
 * reason`. Paths inside are absolute: those of the file started from its folder, those
 * of --set from the working directory. */
#ifndef JOBS_JOB_SPEC_H
#define JOBS_JOB_SPEC_H

#include "common/error.h"
#include "common/task.h"
#include "jobs/settings.h"
#include "jobs/settings_table.h"

#include <stdint.h>

enum search_kind { SEARCH_GRID, SEARCH_RANDOM, SEARCH_LIST, SEARCH_SOBOL, SEARCH_TPE };
extern const char *const job_search_words[]; /* "grid"…, NULL */

/* Which trials stop early. */
enum scheduler_kind {
    SCHEDULER_NONE,
    SCHEDULER_ASHA,
    SCHEDULER_HYPERBAND,
    SCHEDULER_MEDIAN,
    SCHEDULER_PBT,
};
extern const char *const job_scheduler_words[]; /* "none"…, NULL */

/* What a scheduler compares. */
enum sweep_judge { JUDGE_EACH, JUDGE_MEAN };

/* Of the workers' kernels. */
enum job_isa { ISA_AUTO, ISA_AVX512, ISA_AVX2, ISA_PORTABLE };
extern const char *const job_isa_words[]; /* "auto", "avx512"…, NULL */

/* The setting of an axis before this one must have one of these values. */
struct job_condition {
    int axis;
    int count;
    struct setting_value *values; /* texts are owned */
};

/* One line of sweep.space: the values that a setting takes. Where a condition fails the
 * axis does not exist and the setting has the base's value. */
struct job_axis {
    const struct setting *setting;
    int count;                    /* 0: a range */
    struct setting_value *values; /* checked; distinct; texts are owned */
    double min, max;              /* of a range; both belong to it */
    bool log;                     /* of a range: even on a logarithmic scale */
    int condition_count;
    struct job_condition *conditions;
    int line;
};

struct job_sweep {
    enum search_kind search;
    uint32_t search_seed;
    int trials;       /* at most; 0: no limit */
    int epochs;       /* of all trials; 0: no limit */
    double wall_time; /* hours of running in all; 0: no limit */
    enum scheduler_kind scheduler;
    int min_epochs, eta, brackets; /* most epochs: training.epochs */
    enum sweep_judge judge;
    double quantile;
    int seed_count; /* at least 1 */
    uint32_t *seeds;
    int axis_count; /* in the file's order; 0: one configuration */
    struct job_axis *axes;
    /* Of search = "list": which value of each axis, the settings that configs name, a
     * configuration has; -1: the base's. (config_count, axis_count) */
    int config_count;
    int *configs;
};

struct job_cluster {
    int threads;           /* of a worker */
    int workers_per_trial; /* 0: as suits */
    double heartbeat_s;    /* between signs of life */
    double lost_after_s;   /* silence after which a worker is given up */
    double hang_s;         /* nothing computed for so long: the same; 0: never */
    int attempts;          /* lost workers after which a trial is given up */
    enum job_isa isa;
    bool profile;      /* workers measure where their time goes */
    int shard, shards; /* this run's part of the trials: the first of 1, 2 of 3… */
    /* folder of a node for files from the coordinator; empty: workers read the paths */
    char stage[SETTINGS_PATH];
};

struct job_output {
    char dir[SETTINGS_PATH]; /* run directory; empty: not said */
    int keep;                /* trials a task with predictions and adapters */
};

enum job_launcher { LAUNCHER_MPIRUN, LAUNCHER_SRUN };
extern const char *const job_launcher_words[]; /* "mpirun", "srun", NULL */

/* What `shiftwork submit` asks for. Texts have only characters that neither a shell nor
 * sbatch gives a meaning. */
struct job_slurm {
    char partition[SETTING_TEXT_SIZE], account[SETTING_TEXT_SIZE];
    int nodes;
    int ranks_per_node;             /* workers of a node; 0: whole nodes */
    char memory[SETTING_TEXT_SIZE]; /* of a node, "4G" */
    char time[SETTING_TEXT_SIZE];   /* "1-12:00:00" */
    int module_count;
    char **modules;
    bool requeue;
    int warn_s; /* before the time limit */
    enum job_launcher launcher;
};

struct job_spec {
    char *path;     /* as given */
    char *text;     /* as read */
    char *resolved; /* the same job with --set applied and absolute paths: reads back
                       the same anywhere with job_spec_parse() */
    char encoder[SETTINGS_PATH];
    int task_count; /* at least 1; names are distinct */
    struct task *tasks;
    struct settings base; /* of every trial, apart from axes and seed */
    struct job_sweep sweep;
    struct job_cluster cluster;
    struct job_output output;
    struct job_slurm slurm;
};

/* Reads path with overrides ("training.epochs=3"), overrides[override_count]. Files and
 * folders that it names must exist (but output.dir). Everything refused is ERR_INPUT.
 * On failure out is cleared. */
int job_spec_read(struct job_spec *out, const char *path, const char *const *overrides,
                  int override_count, struct error *err);

/* The same for a text: name is used in errors, folder is where relative paths start.
 * Named files are not looked for. */
int job_spec_parse(struct job_spec *out, const char *name, const char *folder,
                   const char *text, const char *const *overrides, int override_count,
                   struct error *err);

void job_spec_clear(struct job_spec *spec); /* an all-zero one too */

/* NULL where there is none of that name. */
const struct task *job_spec_task(const struct job_spec *spec, const char *name);

#endif

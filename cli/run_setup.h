/* What a run needs before its first trial: the job, its run directory, data, encoder,
 * and the trials with their identities. */
#ifndef CLI_RUN_SETUP_H
#define CLI_RUN_SETUP_H

#include "cli/run.h"
#include "common/dataset.h"
#include "coordinator/enrolment.h"
#include "coordinator/findings.h"
#include "storage/run_dir.h"

struct run_setup {
    struct job_spec spec;
    char dir[SETTINGS_PATH]; /* run directory */
    enum run_dir_state state;
    bool accept_numerics, retry;
    /* from here on by run_setup_prepare() */
    struct encoder_config encoder;
    struct digest encoder_digest, job_digest;
    struct sweep sweep;
    struct dataset *datasets; /* (tasks) labels only */
    char **dataset_paths;     /* (tasks) in the run directory */
    bool *datasets_made;      /* (tasks) the file was not there before */
    bool own_data;            /* data is read from the run directory itself */
    bool planning;            /* nothing is written, and datasets keep their tokens */
    struct findings_task *tasks;
    struct history history; /* what the journal says about earlier starts */
    struct enrolment enrolment;
};

/* Reads the job and looks at the run directory. RUN_DIR_FINISHED: of this very job; one
 * whose job has grown since is RUN_DIR_UNFINISHED. ERR_INPUT: a folder of other things.
 */
int run_setup_read(struct run_setup *out, const struct run_options *options,
                   struct error *err);
/* Looks at the run directory again, with the same refusals. */
int run_setup_look(struct run_setup *setup, struct error *err);
/* Data goes into datasets/, job.cfg is written last. The directory is locked.
 * ERR_INPUT: among much else, a run directory of another job, encoder or data; tasks of
 * earlier starts come first in spec, in their old order. */
int run_setup_prepare(struct run_setup *setup, struct error *err);
/* What a run of this job would need, and refuse, with nothing written: spec, encoder,
 * sweep (of random draws where search is adaptive), datasets with their tokens, tasks.
 * A job without output.dir is fine; state is RUN_DIR_NEW then. */
int run_setup_plan(struct run_setup *out, const struct run_options *options,
                   struct error *err);
/* A run directory as its journal and its own files tell it, whatever has become of the
 * job file, the data and files named by init since; the encoder must still be there.
 * Writes nothing. */
int run_setup_reload(struct run_setup *out, const char *dir, struct error *err);
/* The same, but of a shard with all trials of its job. shards: how many shards the job
 * was cut into; NULL: the run directory as it is. */
int run_setup_reload_whole(struct run_setup *out, const char *dir, int *shards,
                           struct error *err);
/* Removes the data that run_setup_prepare() has put there. */
void run_setup_remove_data(const struct run_setup *setup);
void run_setup_clear(struct run_setup *setup);

/* Prints the table of what a run has found. */
int run_print_table(const char *dir, struct error *err);
/* For RUN_DIR_FINISHED: prints the table; returns the run's exit code. */
int run_finished(const struct run_setup *setup, struct error *err);
/* A full disk or memory is not the input's fault: prints err and returns 75. Any other
 * rc is returned as it is. */
int run_stopped_by(int rc, const struct error *err);

#endif

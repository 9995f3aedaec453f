/* `shiftwork submit`: a job file becomes a batch script, and that a job of Slurm. */
#include "cli/batch_script.h"
#include "cli/commands.h"
#include "cli/mpirun_command.h"
#include "cli/run_setup.h"
#include "cli/slurm_partition.h"
#include "cli/timed_child.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double slurm_s = 60; /* a busy slurmctld takes long to answer */

enum { OPTION_DRY_RUN, OPTION_ARRAY, OPTION_SET, OPTION_DIR };

static const struct option_spec options_table[] = {
    [OPTION_DRY_RUN] = {"dry-run", NULL, "print the batch script, submit nothing"},
    [OPTION_ARRAY] = {"array", "N",
                      "N jobs with a part of the trials each, and a merge"},
    [OPTION_SET] = {"set", "path=value", "changes a setting of the job; repeatable"},
    [OPTION_DIR] = {"o", "RUN_DIR", "run directory; default: the job's output.dir"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf("Fills in a batch script from the job file's group slurm and gives it to "
           "sbatch. The job\nrequeues itself at its time limit until all trials are "
           "done. What stands behind -- goes to\nsbatch and has precedence over the "
           "script. docs/slurm.md tells more.\n");
}

struct submission {
    struct run_options options;
    struct run_setup setup;
    bool dry_run;
    int shards;
    const char **sbatch; /* (sbatch_count) options for it */
    int sbatch_count;
    const char **args; /* (arg_count) for run */
    int arg_count;
    char program[4096], job_file[PATH_MAX], folder[4096];
};

/* ---- Slurm's commands ---- */

/* The last line that tells an error, without "sbatch: error: ". */
static const char *error_of(char *text)
{
    static const char *const heads[] = {"sbatch: error: ", "sinfo: error: "};
    const char *last = text;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        last = line;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (!strncmp(last, heads[i], strlen(heads[i])))
            return last + strlen(heads[i]);
    return last;
}

/* Whether what is asked for can ever start. Options for sbatch may change all of it,
 * and a sinfo that does not answer says nothing against it. */
static int check_partition(const struct submission *s, struct error *err)
{
    char sinfo[4096];
    if (s->sbatch_count > 0 || !program_find(sinfo, sizeof sinfo, "sinfo"))
        return 0;
    char *args[] = {sinfo, "-h", "-a", "-e", "-o", (char *)slurm_partition_format,
                    NULL};
    struct timed_output *out = malloc(sizeof *out);
    if (!out)
        return error_set(err, ERR_MEMORY, "out of memory");
    int rc = 0;
    if (timed_program(args, slurm_s, out) == TIMED_DONE && out->code == 0 &&
        out->size > 0)
        rc = slurm_partition_check(&s->setup.spec.slurm, s->setup.spec.cluster.threads,
                                   out->text, err);
    free(out);
    return rc ? error_prefix(err, rc, "%s", s->options.job) : 0;
}

static int write_script(char *path, const char *script, struct error *err)
{
    int fd = mkstemp(path);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out && fputs(script, out) >= 0 && fclose(out) == 0)
        return 0;
    return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

static int call_sbatch(char **args, long long *job, struct error *err)
{
    struct timed_output *out = malloc(sizeof *out);
    char *end;
    if (!out)
        return error_set(err, ERR_MEMORY, "out of memory");
    enum timed_end ended = timed_program(args, slurm_s, out);
    *job = strtoll(out->text, &end, 10);
    int rc = 0;
    if (ended != TIMED_DONE)
        rc = error_set(err, ERR_INPUT,
                       "sbatch did not answer within %.0f s; squeue tells whether the "
                       "job is there",
                       slurm_s);
    else if (out->code != 0 || end == out->text)
        rc = error_set(err, ERR_INPUT, "sbatch refused the job: %s",
                       error_of(out->text));
    free(out);
    return rc;
}

/* after: the job that must have ended before; 0: none. */
static int submit_script(const struct submission *s, const char *script,
                         long long after, long long *job, struct error *err)
{
    char sbatch[4096], path[] = "/tmp/shiftwork-submit-XXXXXX", dependency[64];
    struct command_line line = {0};
    if (!program_find(sbatch, sizeof sbatch, "sbatch"))
        return error_set(err, ERR_INPUT,
                         "sbatch is not on PATH: submit where Slurm's commands are, or "
                         "see the script with --dry-run");
    int rc = write_script(path, script, err);
    if (rc)
        return rc;
    command_line_add(&line, sbatch);
    command_line_add(&line, "--parsable");
    snprintf(dependency, sizeof dependency, "--dependency=afterany:%lld", after);
    if (after > 0)
        command_line_add(&line, dependency);
    for (int i = 0; after == 0 && i < s->sbatch_count; i++)
        command_line_add(&line, s->sbatch[i]);
    command_line_add(&line, path);
    rc = line.failed ? error_set(err, ERR_MEMORY, "out of memory")
                     : call_sbatch(line.args, job, err);
    command_line_clear(&line);
    unlink(path);
    return rc;
}

/* ---- what is said ---- */

static void tell(const struct submission *s, long long job, long long merge)
{
    const struct job_slurm *slurm = &s->setup.spec.slurm;
    const char *dir = s->setup.dir;
    printf("submitted job %lld: ", job);
    if (s->shards > 1)
        printf("an array of %d, each on ", s->shards);
    printf("%d node%s", slurm->nodes, slurm->nodes == 1 ? "" : "s");
    if (slurm->ranks_per_node > 0)
        printf(" with %d worker%s", slurm->ranks_per_node,
               slurm->ranks_per_node == 1 ? "" : "s");
    printf("%s%s\n", slurm->time[0] ? ", limit " : "", slurm->time);
    if (merge > 0)
        printf("submitted job %lld: joins the parts to %s\n", merge, dir);
    printf("watch:  squeue -j %lld; tail -F %s.slurm-%lld%s.out\n", job, dir, job,
           s->shards > 1 ? "_1" : "");
    printf("        shiftwork status %s", dir);
    printf(s->shards > 1 ? ".shard-1-of-%d\n" : "\n", s->shards);
    printf("stop:   scancel --batch --signal=INT %lld   (at the next reports; submit "
           "again goes on)\n",
           job);
}

static int submit_scripts(const struct submission *s, const char *script,
                          const char *merge_script, struct error *err)
{
    long long job = 0, merge = 0;
    int rc = check_partition(s, err);
    if (!rc)
        rc = submit_script(s, script, 0, &job, err);
    if (!rc && merge_script)
        rc = submit_script(s, merge_script, job, &merge, err);
    if (job > 0)
        tell(s, job, merge);
    return rc;
}

static int print_scripts(const char *script, const char *merge_script)
{
    printf("%s", script);
    if (merge_script)
        printf("\n# ---- and, with --dependency=afterany:JOB ----\n%s", merge_script);
    return 0;
}

/* ---- the job ---- */

static int submit_job(const struct submission *s, struct error *err)
{
    const struct job_spec *spec = &s->setup.spec;
    const struct batch_job job = {.program = s->program,
                                  .job_file = s->job_file,
                                  .run_dir = s->setup.dir,
                                  .folder = s->folder,
                                  .args = s->args,
                                  .arg_count = s->arg_count,
                                  .shards = s->shards,
                                  .threads = spec->cluster.threads};
    char *script = NULL, *merge = NULL;
    int rc = batch_script(&script, BATCH_RUN, &spec->slurm, &job, err);
    if (!rc && s->shards > 1)
        rc = batch_script(&merge, BATCH_MERGE, &spec->slurm, &job, err);
    if (!rc)
        rc = s->dry_run ? print_scripts(script, merge)
                        : submit_scripts(s, script, merge, err);
    free(script);
    free(merge);
    return rc;
}

static int find_places(struct submission *s, struct error *err)
{
    int rc = program_self(s->program, sizeof s->program, err);
    if (!rc && (!realpath(s->options.job, s->job_file) ||
                !getcwd(s->folder, sizeof s->folder)))
        rc = error_set(err, ERR_INPUT, "%s: %s", s->options.job, strerror(errno));
    return rc;
}

static int check_state(const struct submission *s, struct error *err)
{
    if (s->shards > 1 && s->setup.state != RUN_DIR_NEW)
        return error_set(
            err, ERR_INPUT,
            "%s: holds a run already, and the parts of an array are joined "
            "to a new one: choose another with -o, or go on without --array",
            s->setup.dir);
    return 0;
}

static int submit_read(struct submission *s, struct error *err)
{
    int rc = find_places(s, err);
    if (!rc)
        rc = run_setup_read(&s->setup, &s->options, err);
    if (rc)
        return rc;
    rc = check_state(s, err);
    if (!rc && s->setup.state == RUN_DIR_FINISHED)
        rc = run_finished(&s->setup, err);
    else if (!rc)
        rc = submit_job(s, err);
    run_setup_clear(&s->setup);
    return rc;
}

/* ---- arguments ---- */

static int take_plain(struct submission *s, const char *value, bool behind,
                      struct error *err)
{
    if (behind)
        s->sbatch[s->sbatch_count++] = value;
    else if (s->options.job)
        return command_misused(err, "one job file only, not %s too", value);
    else
        s->options.job = value;
    return 0;
}

static int take_option(struct submission *s, int option, const char *value, bool behind,
                       struct error *err)
{
    static char shards[32], dir[PATH_MAX + 16];
    switch (option) {
    case OPTION_DRY_RUN:
        s->dry_run = true;
        return 0;
    case OPTION_ARRAY:
        if (argument_int(&s->shards, "--array", value, 2, 10000, err))
            return COMMAND_MISUSED;
        snprintf(shards, sizeof shards, "cluster.shards=%d", s->shards);
        s->options.set[s->options.set_count++] = shards;
        return 0;
    case OPTION_SET:
        if (!strchr(value, '='))
            return command_misused(err, "--set %s: path=value is wanted", value);
        s->options.set[s->options.set_count++] = value;
        s->args[s->arg_count++] = "--set";
        s->args[s->arg_count++] = value;
        return 0;
    case OPTION_DIR:
        snprintf(dir, sizeof dir, "output.dir=%s", value);
        s->options.set[s->options.set_count++] = dir;
        return 0;
    case ARGUMENTS_PLAIN:
        return take_plain(s, value, behind, err);
    default:
        return COMMAND_MISUSED;
    }
}

static int read_arguments(struct submission *s, int count, char **args,
                          struct error *err)
{
    struct arguments arguments;
    const char *value;
    int option, rc = 0;
    arguments_init(&arguments, &command_submit, count, args);
    while (!rc && (option = arguments_next(&arguments, &value, err)) != ARGUMENTS_END)
        rc = take_option(s, option, value, arguments.plain, err);
    if (!rc && !s->options.job)
        rc = command_misused(err, "a job file is wanted");
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    size_t room = 2 * (size_t)count + 1;
    struct submission s = {.shards = 1};
    s.options.set = calloc(room, sizeof *s.options.set);
    s.sbatch = calloc(room, sizeof *s.sbatch);
    s.args = calloc(room, sizeof *s.args);
    int rc = s.options.set && s.sbatch && s.args
                 ? read_arguments(&s, count, args, err)
                 : error_set(err, ERR_MEMORY, "out of memory");
    if (!rc)
        rc = submit_read(&s, err);
    free(s.options.set);
    free(s.sbatch);
    free(s.args);
    return rc;
}

const struct command command_submit = {
    .name = "submit",
    .synopsis = "JOB.cfg [--dry-run] [--array N] [--set path=value]... [-o RUN_DIR] "
                "[-- SBATCH_OPTION...]",
    .summary = "Gives a job to Slurm with a batch script that requeues itself",
    .options = options_table,
    .help = help,
    .run = run,
};

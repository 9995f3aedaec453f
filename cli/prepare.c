/* `shiftwork prepare`: tokenises a task once and for all. */
#include "cli/commands.h"
#include "jobs/job_spec.h"
#include "storage/dataset_file.h"
#include "storage/file_replace.h"
#include "text/dataset_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_TASK, OPTION_ENCODER, OPTION_DATA, OPTION_LENGTH, OPTION_OUT };

static const struct option_spec options_table[] = {
    [OPTION_TASK] = {"task", "NAME", "one of the job's tasks, or a GLUE task's name"},
    [OPTION_ENCODER] = {"encoder", "DIR", "folder with the tokenizer; without a job"},
    [OPTION_DATA] = {"data", "PATH", "folder of the task's files; without a job"},
    [OPTION_LENGTH] = {"max-length", "N",
                       "word pieces a row; default 128; without a job"},
    [OPTION_OUT] = {"o", "FILE.h5", "file to write"},
    {NULL, NULL, NULL},
};

struct prepare_options {
    const char *job, *task, *encoder, *data, *out;
    int max_length; /* 0: not given */
};

static void help(void)
{
    printf("Tokenises all splits of a task into one HDF5 file, which a job may name as "
           "a task's\ndata. Optional: run prepares what a job names by itself.\n");
}

static bool has_h5_name(const char *path)
{
    struct task task = {.data = (char *)path};

    return task_is_prepared(&task);
}

static int check_options(const struct prepare_options *o, struct error *err)
{
    if (!o->out)
        return command_misused(err, "-o FILE.h5 is wanted");
    if (!has_h5_name(o->out))
        return command_misused(
            err, "-o %s: jobs know prepared files by names that end with .h5", o->out);
    if (o->job && (o->encoder || o->data || o->max_length))
        return command_misused(err, "--encoder, --data and --max-length stand in the "
                                    "place of a job file, not beside it");
    if (!o->job && (!o->encoder || !o->task || !o->data))
        return command_misused(err, "a job file, or --encoder, --task and --data, are "
                                    "wanted");
    return 0;
}

static void print_counts(const struct dataset *dataset, const char *path)
{
    printf("%s: %s, at most %d word pieces a row\n", path, dataset->task,
           dataset->max_length);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        const struct dataset_split *split = &dataset->splits[s];

        if (!split->present)
            continue;
        printf("  %-15s %8lld rows %10lld tokens%s", split_names[s],
               (long long)split->rows, (long long)split->offsets[split->rows],
               split->labelled ? "" : ", without labels");
        if (split->rows_truncated)
            printf(", %lld cut", (long long)split->rows_truncated);
        if (split->rows_skipped)
            printf(", %lld skipped", (long long)split->rows_skipped);
        printf("\n");
    }
}

static int prepare(const struct task *task, const char *encoder, const char *path,
                   struct error *err)
{
    struct tokenizer *tokenizer;
    struct dataset dataset = {0};
    int rc = tokenizer_open(&tokenizer, encoder, err);

    if (rc)
        return rc;
    if (!(rc = dataset_build(&dataset, task, tokenizer, err)) &&
        !(rc = dataset_file_write(path, &dataset, err)))
        print_counts(&dataset, path);
    dataset_clear(&dataset);
    tokenizer_free(tokenizer);
    return rc;
}

static int prepare_job(const struct prepare_options *o, struct error *err)
{
    struct job_spec spec;
    const struct task *task;
    int rc = job_spec_read(&spec, o->job, NULL, 0, err);

    if (rc)
        return rc;
    task = o->task ? job_spec_task(&spec, o->task) : &spec.tasks[0];
    if (!o->task && spec.task_count > 1)
        rc = error_set(err, ERR_INPUT, "%s: several tasks: choose one by --task NAME",
                       o->job);
    else if (!task)
        rc = error_set(err, ERR_INPUT, "%s: there is no task %s", o->job, o->task);
    else
        rc = prepare(task, spec.encoder, o->out, err);
    job_spec_clear(&spec);
    return rc;
}

static int prepare_task(const struct prepare_options *o, struct error *err)
{
    struct task task;
    int rc = task_builtin(&task, o->task, err);

    if (rc)
        return rc;
    free(task.data);
    task.data = strdup(o->data);
    if (o->max_length)
        task.max_length = o->max_length;
    rc = task.data ? prepare(&task, o->encoder, o->out, err)
                   : error_set(err, ERR_MEMORY, "out of memory");
    task_clear(&task);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    struct prepare_options o = {0};
    const struct option_place places[] = {
        [OPTION_TASK] = {.text = &o.task},
        [OPTION_ENCODER] = {.text = &o.encoder},
        [OPTION_DATA] = {.text = &o.data},
        [OPTION_LENGTH] = {.number = &o.max_length, .min = 4, .max = 65536},
        [OPTION_OUT] = {.text = &o.out},
    };
    int rc =
        arguments_read(&command_prepare, count, args, places, &o.job, "job file", err);

    if (rc || (rc = check_options(&o, err)) || (rc = file_replace_check(o.out, err)))
        return rc;
    return o.job ? prepare_job(&o, err) : prepare_task(&o, err);
}

const struct command command_prepare = {
    .name = "prepare",
    .synopsis = "(JOB.cfg [--task NAME] | --encoder DIR --task NAME --data PATH "
                "[--max-length N]) -o FILE.h5",
    .summary = "Tokenises a task into an HDF5 file",
    .options = options_table,
    .help = help,
    .run = run,
};

#include "cli/run_data.h"

#include "cli/majority.h"
#include "cli/run_check.h"
#include "jobs/identity.h"
#include "storage/dataset_file.h"
#include "text/dataset_build.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the same rows must agree in, whichever task they were kept for. */
static int check_rows(const struct dataset *dataset, const struct task *task,
                      const struct tokenizer *tokenizer, struct error *err)
{
    if (!digest_equal(dataset->tokenizer, tokenizer_digest(tokenizer)))
        return error_set(err, ERR_INPUT, "%s: made with another encoder's tokenizer",
                         task->data);
    if (dataset->regression != task->regression || dataset->labels != task->labels)
        return error_set(err, ERR_INPUT, "%s: has other labels than the task",
                         task->data);
    return 0;
}

/* A prepared file must be what the job would have made. */
static int check_prepared(const struct dataset *dataset, const struct task *task,
                          const struct tokenizer *tokenizer, struct error *err)
{
    if (strcmp(dataset->task, task->name) != 0)
        return error_set(err, ERR_INPUT, "%s: holds task %s, not %s", task->data,
                         dataset->task, task->name);
    int rc = check_rows(dataset, task, tokenizer, err);
    if (rc)
        return rc;
    if (dataset->max_length != task->max_length)
        return error_set(err, ERR_INPUT, "%s: max_length is %d, the job's %d",
                         task->data, dataset->max_length, task->max_length);
    for (int i = 0; !task->regression && i < task->labels; i++)
        if (strcmp(dataset->label_names[i], task->label_names[i]) != 0)
            return error_set(err, ERR_INPUT, "%s: label %d is %s, the task's is %s",
                             task->data, i, dataset->label_names[i],
                             task->label_names[i]);
    return 0;
}

/* own: the task's data is the run directory's file of its digest. */
static int get_dataset(struct dataset *out, const struct task *task, bool own,
                       const struct tokenizer *tokenizer, struct error *err)
{
    if (!task_is_prepared(task))
        return dataset_build(out, task, tokenizer, err);
    int rc = dataset_file_read(out, task->data, err);
    if (rc)
        return rc;
    rc = own ? check_rows(out, task, tokenizer, err)
             : check_prepared(out, task, tokenizer, err);
    if (rc)
        dataset_clear(out);
    return rc;
}

/* The name is the content's digest, so a file that is there is the right one. */
static int keep_dataset(struct run_setup *setup, int index, struct error *err)
{
    char hex[DIGEST_HEX];
    digest_hex(hex, setup->tasks[index].dataset);
    if (asprintf(&setup->dataset_paths[index], "%s/datasets/%s.h5", setup->dir, hex) <
        0)
        return error_set(err, ERR_MEMORY, "out of memory for a path");
    if (access(setup->dataset_paths[index], F_OK) == 0)
        return 0;
    setup->datasets_made[index] = true;
    return dataset_file_write(setup->dataset_paths[index], &setup->datasets[index],
                              err);
}

static void free_tokens(struct dataset_split *split)
{
    free(split->input_ids);
    free(split->token_type_ids);
    free(split->offsets);
    split->input_ids = NULL;
    split->token_type_ids = NULL;
    split->offsets = NULL;
}

static void describe_task(struct findings_task *out, const struct dataset *dataset,
                          const struct task *task)
{
    out->tokenizer = dataset->tokenizer;
    out->labels = dataset->labels;
    for (int i = 0; i < SPLIT_COUNT; i++) {
        const struct dataset_split *split = &dataset->splits[i];
        out->rows[i] = split->present ? split->rows : 0;
        out->gold[i] = split->present && split->labelled ? split->labels : NULL;
    }
    out->majority = majority_score(dataset, task);
}

static int prepare_task(struct run_setup *setup, int index,
                        const struct tokenizer *tokenizer, struct error *err)
{
    const struct task *task = &setup->spec.tasks[index];
    struct dataset *dataset = &setup->datasets[index];
    if (task->max_length > setup->encoder.positions)
        return error_set(err, ERR_INPUT,
                         "task %s: max_length is %d, the encoder has %d positions",
                         task->name, task->max_length, setup->encoder.positions);
    int rc = get_dataset(dataset, task, setup->own_data, tokenizer, err);
    if (!rc)
        rc = run_check_data(dataset, task, &setup->encoder, err);
    if (!rc)
        rc = dataset_digest(&setup->tasks[index].dataset, dataset, err);
    if (!rc && !setup->planning)
        rc = keep_dataset(setup, index, err);
    if (rc)
        return rc;
    describe_task(&setup->tasks[index], dataset, task);
    for (int i = 0; !setup->planning && i < SPLIT_COUNT; i++)
        free_tokens(&dataset->splits[i]);
    return 0;
}

int run_data_prepare(struct run_setup *setup, struct error *err)
{
    size_t n = (size_t)setup->spec.task_count;
    struct tokenizer *tokenizer = NULL;
    setup->datasets = calloc(n, sizeof *setup->datasets);
    setup->dataset_paths = calloc(n, sizeof *setup->dataset_paths);
    setup->tasks = calloc(n, sizeof *setup->tasks);
    setup->datasets_made = calloc(n, sizeof *setup->datasets_made);
    if (!setup->datasets || !setup->dataset_paths || !setup->tasks ||
        !setup->datasets_made)
        return error_set(err, ERR_MEMORY, "out of memory for %zu tasks", n);
    int rc = tokenizer_open(&tokenizer, setup->spec.encoder, err);
    if (!rc && tokenizer_max_id(tokenizer) >= setup->encoder.vocab)
        rc = error_set(err, ERR_INPUT,
                       "%s: the tokenizer gives ids up to %d, the encoder has %d words",
                       setup->spec.encoder, (int)tokenizer_max_id(tokenizer),
                       setup->encoder.vocab);
    for (size_t i = 0; !rc && i < n; i++)
        rc = prepare_task(setup, (int)i, tokenizer, err);
    tokenizer_free(tokenizer);
    return rc;
}

/* Whether a file of datasets/ holds what this task had, by its name alone. */
static bool holds_task(const char *name, const struct task *task, struct digest wanted)
{
    char hex[DIGEST_HEX] = "";
    struct digest data, digest;
    size_t length = strlen(name);
    if (length != DIGEST_HEX - 1 + 3 || strcmp(name + DIGEST_HEX - 1, ".h5") != 0)
        return false;
    memcpy(hex, name, DIGEST_HEX - 1);
    return digest_parse(&data, hex) == 0 &&
           identity_task_digest(&digest, task, data, NULL) == 0 &&
           digest_equal(digest, wanted);
}

static int find_data(const struct run_setup *setup, int index, struct error *err)
{
    struct task *task = &setup->spec.tasks[index];
    char folder[SETTINGS_PATH + 16], *path = NULL;
    snprintf(folder, sizeof folder, "%s/datasets", setup->dir);
    DIR *stream = opendir(folder);
    if (!stream)
        return error_set(err, ERR_INPUT, "%s: %s", folder, strerror(errno));
    for (struct dirent *entry; !path && (entry = readdir(stream));)
        if (holds_task(entry->d_name, task, setup->history.digests[index]) &&
            asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
            path = NULL;
    closedir(stream);
    if (!path)
        return error_set(err, ERR_INPUT, "%s: the data of task %s is not in it", folder,
                         task->name);
    free(task->data);
    task->data = path;
    return 0;
}

int run_data_find(struct run_setup *setup, struct error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < setup->history.tasks; i++)
        rc = find_data(setup, i, err);
    setup->own_data = true;
    return rc;
}

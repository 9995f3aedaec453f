/* All of it goes into a folder beside the new one's name. */
#include "cli/merge_write.h"

#include "coordinator/ledger_take.h"
#include "coordinator/records.h"
#include "storage/file_map.h"
#include "storage/file_replace.h"
#include "storage/results_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = SETTINGS_PATH + 64 };

/* The job of the first directory, whole and in its new place. */
static int read_job(struct job_spec *out, const struct merge_plan *plan,
                    const char *dir, struct error *err)
{
    char place[PATH_SIZE], name[PATH_SIZE];
    const char *changes[] = {"cluster.shard=1", "cluster.shards=1", place};
    snprintf(place, sizeof place, "output.dir=%s", dir);
    snprintf(name, sizeof name, "%s: the journal's job", plan->first.dir);
    return job_spec_parse(out, name, "/", plan->first.history.job, changes,
                          sizeof changes / sizeof *changes, err);
}

static int write_job(const char *folder, const struct job_spec *spec, struct error *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/job.cfg", folder);
    return file_replace(path, spec->resolved, strlen(spec->resolved), err);
}

static int copy_file(const char *to, const char *from, struct error *err)
{
    struct file_map map;
    int rc = file_map_open(&map, from, err);
    if (rc)
        return rc;
    rc = file_replace(to, map.data, map.size, err);
    file_map_close(&map);
    return rc;
}

static int copy_data(const char *folder, const struct run_setup *from,
                     struct error *err)
{
    char path[PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/datasets", folder);
    int rc = mkdir(path, 0777) ? error_set(err, run_dir_status_of(errno), "%s: %s",
                                           path, strerror(errno))
                               : 0;
    for (int i = 0; !rc && i < from->spec.task_count; i++) {
        snprintf(path, sizeof path, "%s/datasets%s", folder,
                 strrchr(from->dataset_paths[i], '/'));
        rc = copy_file(path, from->dataset_paths[i], err);
    }
    return rc;
}

/* Everything is new in this journal. */
static int record_job(struct ledger *ledger, const struct merge_plan *plan,
                      const struct job_spec *spec, struct error *err)
{
    const struct history *history = &plan->first.history;
    struct record_task *tasks = malloc((size_t)history->tasks * sizeof *tasks);
    bool *changed = malloc((size_t)plan->list.config_count * sizeof *changed);
    int rc = tasks && changed ? 0 : error_set(err, ERR_MEMORY, "out of memory");
    for (int i = 0; !rc && i < history->tasks; i++)
        tasks[i] = (struct record_task){history->names[i], history->digests[i]};
    for (int i = 0; !rc && i < plan->list.config_count; i++)
        changed[i] = true;
    struct ledger_job job = {
        .encoder = plan->first.encoder_digest,
        .tasks = tasks,
        .task_count = history->tasks,
        .text = spec->resolved,
        .first_new = 1,
        .changed = changed,
        .keys = plan->keys,
    };
    if (!rc)
        rc = ledger_job(ledger, &job, err);
    free(tasks);
    free(changed);
    return rc;
}

static bool same_end(const struct journal_end *a, const struct journal_end *b)
{
    return a->files == b->files && a->last == b->last && a->length == b->length;
}

static int take_source(struct ledger *ledger, const struct merge_plan *plan, int source,
                       struct error *err)
{
    struct run_setup setup;
    struct journal_end end = {0};
    int shards;
    int rc = run_setup_reload_whole(&setup, plan->dirs[source], &shards, err);
    if (rc)
        return rc;
    struct findings_job job = run_journal_job(&setup);
    int64_t *numbers = merge_plan_numbers(plan, source, &setup);
    rc = numbers ? ledger_take(ledger, setup.dir, &job, numbers, &end, err)
                 : error_set(err, ERR_MEMORY, "out of memory for the trials");
    if (!rc && !same_end(&end, &plan->ends[source]))
        rc = error_set(err, ERR_INPUT, "%s: has changed while it was read", setup.dir);
    free(numbers);
    run_setup_clear(&setup);
    return rc;
}

static int write_journal(const char *folder, const struct merge_plan *plan,
                         const struct job_spec *spec, struct error *err)
{
    struct ledger *ledger;
    /* there is nothing to be found in a new journal */
    int rc = ledger_open(&ledger, folder, &plan->list, NULL, NULL, NULL, err);
    if (rc)
        return rc;
    rc = record_job(ledger, plan, spec, err);
    for (int i = 0; !rc && i < plan->count; i++) {
        rc = take_source(ledger, plan, i, err);
        if (!rc)
            rc = merge_plan_stopped(plan, err);
    }
    ledger_close(ledger);
    return rc;
}

/* As recover would. */
static int write_results(const char *folder, struct run_journal *journal,
                         struct error *err)
{
    struct run_setup setup;
    char path[PATH_SIZE];
    int rc = run_setup_reload(&setup, folder, err);
    if (rc)
        return rc;
    rc = run_journal_read(journal, &setup, err);
    run_setup_clear(&setup);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "%s/results.h5", folder);
    rc = results_write(path, &journal->results, err);
    if (!rc)
        rc = outcome_write(folder, &journal->outcome, err);
    if (rc)
        run_journal_clear(journal);
    return rc;
}

static int fill(const char *folder, const char *dir, const struct merge_plan *plan,
                struct run_journal *journal, struct error *err)
{
    struct job_spec spec;
    int rc = read_job(&spec, plan, dir, err);
    if (rc)
        return rc;
    rc = write_job(folder, &spec, err);
    if (!rc)
        rc = copy_data(folder, &plan->first, err);
    if (!rc)
        rc = write_journal(folder, plan, &spec, err);
    if (!rc)
        rc = write_results(folder, journal, err);
    job_spec_clear(&spec);
    return rc;
}

/* Messages name files where they are to be. */
static int name_place(int rc, const char *folder, const char *dir, struct error *err)
{
    struct error why = *err;
    size_t length = strlen(folder);
    if (!rc || strncmp(why.text, folder, length) != 0)
        return rc;
    return error_set(err, rc, "%s%s", dir, why.text + length);
}

static int write_new(const char *dir, const struct merge_plan *plan,
                     struct run_journal *journal, struct error *err)
{
    struct folder_create folder;
    int rc = folder_create_begin(&folder, dir, err);
    if (rc)
        return rc;
    rc = fill(folder.temporary, dir, plan, journal, err);
    rc = name_place(rc, folder.temporary, dir, err);
    if (rc) {
        folder_create_abandon(&folder);
        return rc;
    }
    rc = merge_plan_stopped(plan, err);
    if (rc)
        folder_create_abandon(&folder);
    else
        rc = folder_create_commit(&folder, err);
    if (rc)
        run_journal_clear(journal);
    return rc;
}

/* there: as an empty folder. */
static int look(const char *dir, bool *there, struct error *err)
{
    DIR *stream = opendir(dir);
    *there = stream != NULL;
    if (!stream)
        return errno == ENOENT ? 0
                               : error_set(err, run_dir_status_of(errno), "%s: %s", dir,
                                           strerror(errno));
    int rc = 0;
    for (struct dirent *entry; !rc && (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = error_set(err, ERR_INPUT,
                           "%s: is not empty, it holds %s; choose another directory "
                           "with -o",
                           dir, entry->d_name);
    closedir(stream);
    return rc;
}

int merge_write_check(const char *dir, struct error *err)
{
    bool there;
    return look(dir, &there, err);
}

int merge_write(const struct merge_plan *plan, const char *dir,
                struct run_journal *journal, struct error *err)
{
    struct run_dir_made made;
    bool there;
    int rc = look(dir, &there, err);
    if (!rc)
        rc = run_dir_make_above(dir, &made, err);
    if (rc)
        return rc;
    if (there)
        rmdir(dir);
    rc = write_new(dir, plan, journal, err);
    if (rc && there)
        mkdir(dir, 0777);
    if (rc)
        run_dir_unmake(dir, &made);
    return rc;
}

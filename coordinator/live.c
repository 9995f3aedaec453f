/* Snapshots to JSON and back. What is read may be anybody's: types, ranges and lengths
 * are checked, and numbers that JSON has no word for are null. */
#include "coordinator/live.h"

#include "storage/file_map.h"
#include "storage/file_replace.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, PATH_SIZE = 4096 };

static const char *const activity_names[LIVE_ACTIVITY_COUNT] = {
    [LIVE_EXPECTED] = "expected", [LIVE_IDLE] = "idle", [LIVE_COMPUTES] = "computes",
    [LIVE_HELPS] = "helps",       [LIVE_GONE] = "gone",
};

const char *live_activity_name(enum live_activity activity)
{
    return activity_names[activity];
}

void live_clear(struct live *live)
{
    free(live->workers);
    free(live->tasks);
    free(live->rungs);
    *live = (struct live){0};
}

/* ---- text ---- */

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *worker_json(const struct live_worker *w)
{
    json_t *out = json_pack("{s:i, s:s, s:s}", "worker", w->number, "host", w->host,
                            "does", live_activity_name(w->activity));
    if (!w->trial)
        return out;
    json_t *trial =
        json_pack("{s:I, s:s, s:i, s:I, s:i, s:i, s:o}", "trial", (json_int_t)w->trial,
                  "task", w->task, "config", w->config, "seed", (json_int_t)w->seed,
                  "epoch", w->epoch, "epochs", w->epochs, "seconds", real(w->for_s));
    json_object_update(out, trial);
    json_decref(trial);
    return out;
}

static json_t *rung_json(const struct live_rung *r)
{
    return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I}", "bracket", r->bracket, "rung",
                     r->rung, "epochs", r->epochs, "paused", (json_int_t)r->paused,
                     "stopped", (json_int_t)r->stopped, "on", (json_int_t)r->on);
}

static json_t *states_json(const struct live *live)
{
    json_t *out = json_object();
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        json_object_set_new(out, trial_state_name(i), json_integer(live->states[i]));
    return out;
}

static json_t *activities_json(const struct live *live)
{
    json_t *out = json_object();
    for (int i = 0; i < LIVE_ACTIVITY_COUNT; i++)
        json_object_set_new(out, activity_names[i], json_integer(live->activities[i]));
    return out;
}

static json_t *lists_json(const struct live *live)
{
    json_t *workers = json_array(), *tasks = json_array(), *rungs = json_array();
    for (int i = 0; i < live->worker_count; i++)
        json_array_append_new(workers, worker_json(&live->workers[i]));
    for (int i = 0; i < live->task_count; i++)
        json_array_append_new(tasks,
                              json_pack("{s:s, s:o}", "task", live->tasks[i].name,
                                        "best", real(live->tasks[i].best)));
    for (int i = 0; i < live->rung_count; i++)
        json_array_append_new(rungs, rung_json(&live->rungs[i]));
    return json_pack("{s:o, s:o, s:o}", "tasks", tasks, "rungs", rungs, "workers",
                     workers);
}

char *live_text(const struct live *live)
{
    const struct process *p = &live->writer;
    json_t *root =
        json_pack("{s:i, s:o, s:o, s:s, s:s, s:I, s:I, s:b, s:I, s:o, s:o, s:o, s:o}",
                  "format", FORMAT, "time", real(live->time_s), "ran",
                  real(live->ran_s), "host", p->host, "boot", p->boot_id, "pid",
                  (json_int_t)p->pid, "started", (json_int_t)p->started, "stopping",
                  live->stopping, "trials", (json_int_t)live->trials, "states",
                  states_json(live), "rate", real(live->per_second), "examples_left",
                  real(live->examples_left), "activities", activities_json(live));
    json_t *lists = lists_json(live);
    bool whole = root && lists && !json_object_update(root, lists);
    char *text =
        whole ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(lists);
    json_decref(root);
    return text;
}

/* ---- parse ---- */

/* Takes fields out of objects; one that is missing or wrong is remembered. */
struct fields {
    const json_t *object;
    bool wrong;
};

static int64_t take_int(struct fields *f, const char *name, int64_t min, int64_t max)
{
    const json_t *value = json_object_get(f->object, name);
    int64_t number = json_is_integer(value) ? json_integer_value(value) : min - 1;
    bool fits = json_is_integer(value) && number >= min && number <= max;
    f->wrong = f->wrong || !fits;
    return fits ? number : 0;
}

static int64_t take_count(struct fields *f, const char *name)
{
    return take_int(f, name, 0, INT64_MAX);
}

static double take_real(struct fields *f, const char *name)
{
    const json_t *value = json_object_get(f->object, name);
    f->wrong = f->wrong || !(json_is_number(value) || json_is_null(value));
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* A name may become a line on a terminal: no control characters. */
static void take_text(struct fields *f, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(f->object, name));
    f->wrong = f->wrong || !text || strlen(text) >= size;
    snprintf(out, size, "%s", text ? text : "");
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < 32 || *at == 127)
            *at = '?';
}

static enum live_activity take_activity(struct fields *f)
{
    const char *text = json_string_value(json_object_get(f->object, "does"));
    for (int i = 0; text && i < LIVE_ACTIVITY_COUNT; i++)
        if (!strcmp(text, activity_names[i]))
            return i;
    f->wrong = true;
    return LIVE_IDLE;
}

static bool worker_of(void *place, const json_t *object)
{
    struct fields f = {.object = object};
    struct live_worker *w = place;
    w->number = (int)take_int(&f, "worker", 1, INT32_MAX);
    take_text(&f, "host", w->host, sizeof w->host);
    w->activity = take_activity(&f);
    if (!json_object_get(object, "trial"))
        return !f.wrong;
    w->trial = take_count(&f, "trial");
    take_text(&f, "task", w->task, sizeof w->task);
    w->config = (int)take_int(&f, "config", 0, INT32_MAX);
    w->seed = (uint32_t)take_int(&f, "seed", 0, UINT32_MAX);
    w->epoch = (int)take_int(&f, "epoch", 0, INT32_MAX);
    w->epochs = (int)take_int(&f, "epochs", 0, INT32_MAX);
    w->for_s = take_real(&f, "seconds");
    return !f.wrong;
}

static bool task_of(void *place, const json_t *object)
{
    struct fields f = {.object = object};
    struct live_task *t = place;
    take_text(&f, "task", t->name, sizeof t->name);
    t->best = take_real(&f, "best");
    return !f.wrong;
}

static bool rung_of(void *place, const json_t *object)
{
    struct fields f = {.object = object};
    *(struct live_rung *)place = (struct live_rung){
        .bracket = (int)take_int(&f, "bracket", 0, INT32_MAX),
        .rung = (int)take_int(&f, "rung", 0, INT32_MAX),
        .epochs = (int)take_int(&f, "epochs", 0, INT32_MAX),
        .paused = take_count(&f, "paused"),
        .stopped = take_count(&f, "stopped"),
        .on = take_count(&f, "on"),
    };
    return !f.wrong;
}

/* Array `name` of root, each element by `of`, on the heap. *count: how many. */
static void *take_list(struct fields *f, const char *name, size_t most, size_t size,
                       bool (*of)(void *place, const json_t *object), int *count)
{
    const json_t *list = json_object_get(f->object, name);
    size_t n = json_array_size(list);
    char *out = json_is_array(list) && n <= most ? calloc(n + 1, size) : NULL;
    f->wrong = f->wrong || !out;
    for (size_t i = 0; out && i < n; i++)
        f->wrong = !of(out + i * size, json_array_get(list, i)) || f->wrong;
    *count = out ? (int)n : 0;
    return out;
}

static void take_head(struct fields *f, struct live *out)
{
    struct process *p = &out->writer;
    take_int(f, "format", FORMAT, FORMAT);
    out->time_s = take_real(f, "time");
    out->ran_s = take_real(f, "ran");
    take_text(f, "host", p->host, sizeof p->host);
    take_text(f, "boot", p->boot_id, sizeof p->boot_id);
    p->pid = take_int(f, "pid", 1, INT32_MAX);
    p->started = (uint64_t)take_count(f, "started");
    out->stopping = json_is_true(json_object_get(f->object, "stopping"));
    out->trials = take_count(f, "trials");
    out->per_second = take_real(f, "rate");
    out->examples_left = take_real(f, "examples_left");
}

static void take_counts(struct fields *f, struct live *out)
{
    struct fields states = {.object = json_object_get(f->object, "states")};
    struct fields workers = {.object = json_object_get(f->object, "activities")};
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        out->states[i] = take_count(&states, trial_state_name(i));
    for (int i = 0; i < LIVE_ACTIVITY_COUNT; i++)
        out->activities[i] = take_count(&workers, activity_names[i]);
    f->wrong = f->wrong || states.wrong || workers.wrong;
}

int live_parse(struct live *out, const char *text, size_t size, struct error *err)
{
    json_error_t reason;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    struct fields f = {.object = root, .wrong = !root};
    *out = (struct live){0};
    if (root) {
        take_head(&f, out);
        take_counts(&f, out);
        out->tasks = take_list(&f, "tasks", LIVE_FILE, sizeof *out->tasks, task_of,
                               &out->task_count);
        out->rungs = take_list(&f, "rungs", LIVE_RUNGS, sizeof *out->rungs, rung_of,
                               &out->rung_count);
        out->workers = take_list(&f, "workers", LIVE_WORKERS, sizeof *out->workers,
                                 worker_of, &out->worker_count);
    }
    json_decref(root);
    if (!f.wrong)
        return 0;
    live_clear(out);
    return error_set(err, ERR_INPUT, "this is not a run's progress");
}

/* ---- file ---- */

int live_write(const char *dir, const struct live *live, struct error *err)
{
    char path[PATH_SIZE];
    char *text = live_text(live);
    if (!text)
        return error_set(err, ERR_MEMORY, "out of memory for a run's progress");
    snprintf(path, sizeof path, "%s/progress", dir);
    int rc = file_replace_unsynced(path, text, strlen(text), err);
    free(text);
    return rc;
}

int live_read(struct live *out, const char *dir, struct error *err)
{
    char path[PATH_SIZE], *text;
    size_t size;
    *out = (struct live){0};
    snprintf(path, sizeof path, "%s/progress", dir);
    int rc = file_read(&text, &size, path, LIVE_FILE, err);
    if (rc)
        return rc;
    rc = live_parse(out, text, size, err);
    free(text);
    return rc ? error_prefix(err, rc, "%s", path) : 0;
}

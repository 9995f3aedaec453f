/* A view: entries as they were at one moment, with what they point to shared. */
#include "coordinator/findings_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void findings_retire(struct findings *findings, void *memory)
{
    if (!findings->viewed || !memory) {
        free(memory);
        return;
    }
    if (findings->retired_count == findings->retired_capacity) {
        size_t capacity = 2 * findings->retired_capacity + 64;
        void **grown = realloc(findings->retired, capacity * sizeof *grown);
        if (!grown)
            return; /* without memory to note it, it stays until the end */
        findings->retired = grown;
        findings->retired_capacity = capacity;
    }
    findings->retired[findings->retired_count++] = memory;
}

static void view_free(struct findings_view *view)
{
    for (int i = 0; view->then.leaders && i < view->then.tasks; i++)
        leaders_clear(&view->then.leaders[i]);
    free(view->then.leaders);
    free(view->then.entries);
    free(view->then.leases.rows);
    free(view->states);
    free(view->attempts);
    free(view);
}

static int copy_leaders(struct leaders *out, const struct leaders *from, int keep,
                        int configs)
{
    if (leaders_init(out, keep, configs))
        return ERR_MEMORY;
    memcpy(out->top, from->top, (size_t)from->top_count * sizeof *out->top);
    memcpy(out->of_config, from->of_config,
           ((size_t)configs + 1) * sizeof *out->of_config);
    out->top_count = from->top_count;
    out->best = from->best;
    return 0;
}

static int copy_entries(struct findings_view *view, const struct findings *from,
                        const struct trial_table *table)
{
    int64_t trials = from->trials;
    size_t n = (size_t)trials;

    view->then.entries = malloc(n * sizeof *view->then.entries + 1);
    view->states = malloc(n + 1);
    view->attempts = malloc(n * sizeof *view->attempts + 1);
    if (!view->then.entries || !view->states || !view->attempts)
        return ERR_MEMORY;
    memcpy(view->then.entries, from->entries, n * sizeof *from->entries);
    for (int64_t i = 0; i < trials; i++) {
        view->states[i] = (uint8_t)trial_table_state(table, i + 1);
        view->attempts[i] = (uint16_t)trial_table_attempts(table, i + 1);
    }
    return 0;
}

int findings_freeze(struct findings *findings, const struct trial_table *table,
                    struct findings_view **out, struct error *err)
{
    const struct findings_job *job = &findings->job;
    struct findings_view *view = calloc(1, sizeof *view);

    assert(!findings->viewed);
    if (!view)
        return error_set(err, ERR_MEMORY, "out of memory for a snapshot");
    view->then.job = *job;
    view->list = *job->list;
    view->then.job.list = &view->list;
    view->then.trials = findings->trials;
    view->then.configs = findings->configs;
    view->then.tasks = findings->tasks;
    view->then.store = findings->store;
    view->then.leaders = calloc((size_t)findings->tasks, sizeof *view->then.leaders);
    int rc = view->then.leaders ? copy_entries(view, findings, table) : ERR_MEMORY;
    if (!rc)
        rc = lease_rows_copy(&view->then.leases, &findings->leases);
    for (int i = 0; !rc && i < findings->tasks; i++)
        rc = copy_leaders(&view->then.leaders[i], &findings->leaders[i],
                          job->spec->output.keep, findings->configs);
    if (rc) {
        view_free(view);
        return error_set(err, rc, "out of memory for a snapshot");
    }
    findings->viewed = true;
    *out = view;
    return 0;
}

void findings_thaw(struct findings *findings, struct findings_view *view)
{
    if (!view)
        return;
    view_free(view);
    findings->viewed = false;
    for (size_t i = 0; i < findings->retired_count; i++)
        free(findings->retired[i]);
    findings->retired_count = 0;
}

int findings_snapshot(struct findings *findings, const struct trial_table *table,
                      struct results *out, struct error *err)
{
    struct findings_view *view;

    memset(out, 0, sizeof *out);
    int rc = findings_freeze(findings, table, &view, err);
    if (rc)
        return rc;
    rc = findings_view_tables(view, out, err);
    findings_thaw(findings, view);
    return rc;
}

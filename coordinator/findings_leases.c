/* Who had which trial from when to when, one row a hand-out. */
#include "coordinator/findings_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int epochs_of(const struct findings *findings, int64_t trial)
{
    const struct epochs *epochs = &findings_entry(findings, trial)->epochs;
    const struct epoch *last =
        epochs_last(epochs, findings_metrics_of(findings, trial));

    return last ? last->epoch : 0;
}

void findings_left(struct findings *findings, int64_t trial, const char *end,
                   double unix_s)
{
    struct entry *entry = findings_entry(findings, trial);

    if (entry->lease == 0)
        return;
    struct lease_row *row = &findings->leases.rows[entry->lease - 1];
    row->ended = unix_s;
    row->end = end;
    row->last_epoch = epochs_of(findings, trial);
    entry->lease = 0;
}

int findings_begun(struct findings *findings, int64_t trial,
                   const struct findings_grant *grant, struct error *err)
{
    struct entry *entry = findings_entry(findings, trial);
    struct lease_rows *leases = &findings->leases;

    findings_left(findings, trial, "lost", grant->unix_s);
    if (leases->count == leases->capacity) {
        int32_t capacity = 2 * leases->capacity + 64;
        struct lease_row *grown =
            realloc(leases->rows, (size_t)capacity * sizeof *grown);
        if (!grown)
            return error_set(err, ERR_MEMORY, "out of memory for a hand-out");
        leases->rows = grown;
        leases->capacity = capacity;
    }
    leases->rows[leases->count++] = (struct lease_row){
        .trial = (int32_t)trial,
        .worker = grant->worker,
        .host = grant->host,
        .begun = grant->unix_s,
        .ended = NAN,
        .first_epoch = epochs_of(findings, trial),
        .end = "",
    };
    entry->lease = leases->count;
    entry->host = grant->host;
    entry->numerics = grant->numerics;
    return 0;
}

void findings_all_left(struct findings *findings, const char *end, double unix_s)
{
    for (int32_t i = 0; i < findings->leases.count; i++)
        if (isnan(findings->leases.rows[i].ended))
            findings_left(findings, findings->leases.rows[i].trial, end, unix_s);
}

void findings_judged(struct findings *findings, int64_t trial, int bracket, int rung)
{
    struct entry *entry = findings_entry(findings, trial);

    entry->bracket = (int16_t)bracket;
    entry->rung = (int16_t)rung;
}

int lease_rows_copy(struct lease_rows *out, const struct lease_rows *from)
{
    size_t size = (size_t)from->count * sizeof *out->rows;

    *out = (struct lease_rows){.rows = malloc(size + 1), .count = from->count};
    if (!out->rows)
        return ERR_MEMORY;
    if (size > 0)
        memcpy(out->rows, from->rows, size);
    return 0;
}

int findings_add_leases(const struct findings *findings, struct results *out)
{
    int rc = 0;

    for (int32_t i = 0; !rc && i < findings->leases.count; i++) {
        const struct lease_row *row = &findings->leases.rows[i];
        bool runs = isnan(row->ended);
        struct results_lease lease = {
            .trial = row->trial,
            .worker = row->worker,
            .host = row->host,
            .begun = row->begun,
            .ended = row->ended,
            .first_epoch = row->first_epoch,
            .last_epoch = runs ? epochs_of(findings, row->trial) : row->last_epoch,
            .end = row->end,
        };
        rc = results_add_lease(out, &lease);
    }
    return rc;
}

/* Which trials' adapters and outputs are held: those that may be kept in the end. */
#include "coordinator/findings_parts.h"

#include <stdlib.h>

int leaders_init(struct leaders *leaders, int keep, int configs)
{
    leaders->top = calloc((size_t)keep + 1, sizeof *leaders->top);
    leaders->of_config = calloc((size_t)configs + 1, sizeof *leaders->of_config);
    return leaders->top && leaders->of_config ? 0 : ERR_MEMORY;
}

int leaders_grow(struct leaders *leaders, int before, int configs)
{
    int64_t *grown = realloc(leaders->of_config, ((size_t)configs + 1) * sizeof *grown);
    if (!grown)
        return ERR_MEMORY;
    for (int c = before + 1; c <= configs; c++)
        grown[c] = 0;
    leaders->of_config = grown;
    return 0;
}

void leaders_clear(struct leaders *leaders)
{
    free(leaders->top);
    free(leaders->of_config);
}

static bool is_top(const struct leaders *leaders, int64_t trial)
{
    for (int i = 0; i < leaders->top_count; i++)
        if (leaders->top[i] == trial)
            return true;
    return false;
}

static void forget_outputs(struct findings *findings, int64_t trial)
{
    findings_retire(findings, findings_entry(findings, trial)->kept);
    findings_entry(findings, trial)->kept = NULL;
}

static void let_go(struct findings *findings, int64_t trial,
                   struct findings_dropped *dropped)
{
    if (trial == 0)
        return;
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    const struct leaders *leaders = &findings->leaders[parts.task];
    if (is_top(leaders, trial))
        return;
    if (leaders->of_config[parts.config] == trial) {
        if (findings->store.read)
            forget_outputs(findings, trial);
        return;
    }
    for (int i = 0; i < dropped->count; i++)
        if (dropped->trials[i] == trial)
            return;
    forget_outputs(findings, trial);
    dropped->trials[dropped->count++] = trial;
}

/* Higher score, then lower number: the order in which trials arrive does not matter. */
static bool leads(const struct findings *findings, int64_t a, int64_t b)
{
    double sa = findings_score(findings, a), sb = findings_score(findings, b);
    return findings_better(sa, sb) || (!findings_better(sb, sa) && a < b);
}

void leaders_add(struct findings *findings, int64_t trial,
                 struct findings_dropped *dropped)
{
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    struct leaders *leaders = &findings->leaders[parts.task];
    int keep = findings->job.spec->output.keep;
    int64_t beaten = leaders->of_config[parts.config], last = 0;
    if (beaten == 0 || leads(findings, trial, beaten))
        leaders->of_config[parts.config] = trial;
    int at = leaders->top_count++;
    for (; at > 0 && leads(findings, trial, leaders->top[at - 1]); at--)
        leaders->top[at] = leaders->top[at - 1];
    leaders->top[at] = trial;
    if (leaders->top_count > keep)
        last = leaders->top[--leaders->top_count];
    let_go(findings, beaten, dropped);
    let_go(findings, last, dropped);
    let_go(findings, trial, dropped);
}

void leaders_remove(struct findings *findings, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    struct leaders *leaders = &findings->leaders[parts.task];
    int kept = 0;

    for (int i = 0; i < leaders->top_count; i++)
        if (leaders->top[i] != trial)
            leaders->top[kept++] = leaders->top[i];
    leaders->top_count = kept;
    if (leaders->of_config[parts.config] == trial)
        leaders->of_config[parts.config] = 0;
}

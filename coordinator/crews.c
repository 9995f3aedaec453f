/* A worker has two sides here: the bond by which it helps, and the trial that it leads.
 * Both are kept in one array, so a look is one pass over the workers. */
#include "coordinator/crews.h"

#include <stdlib.h>

struct worker {
    int node, numerics;
    bool placed;

    int leader; /* whom it helps; -1: nobody */
    int64_t trial;
    uint32_t lease;
    bool leaving; /* it has been told, */
    double told;  /* then */

    uint32_t leads;    /* lease of the trial that it computes; 0: none */
    double since;      /* it was first seen to lead it */
    int helpers, lost; /* of that lease; lost ones do not count as helpers */
};

struct crews {
    struct crew_policy policy;
    int count, helping, leaving;
    int leave_at, join_at; /* where the next look goes on */
    double looked;
    struct worker *workers;
};

struct crews *crews_new(int workers, struct crew_policy policy)
{
    struct crews *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->policy = policy;
    c->count = workers;
    c->workers = calloc((size_t)workers + 1, sizeof *c->workers);
    if (!c->workers) {
        free(c);
        return NULL;
    }
    for (int i = 0; i < workers; i++)
        c->workers[i].leader = -1;
    return c;
}

void crews_free(struct crews *c)
{
    if (c)
        free(c->workers);
    free(c);
}

void crews_place(struct crews *c, int worker, int node, int numerics)
{
    struct worker *w = &c->workers[worker];
    w->node = node;
    w->numerics = numerics;
    w->placed = true;
}

static int leaders_wanted(const struct crews *c, const struct trial_table *table)
{
    int each = c->policy.workers_per_trial;
    return each > 1 ? (trial_table_workers(table) + each - 1) / each
                    : trial_table_workers(table);
}

bool crews_may_lead(const struct crews *c, const struct trial_table *table, int worker)
{
    return c->workers[worker].leader < 0 &&
           (trial_table_held(table, worker) > 0 ||
            trial_table_busy(table) < leaders_wanted(c, table));
}

bool crews_bond(const struct crews *c, int worker, struct crew_bond *bond)
{
    const struct worker *w = &c->workers[worker];
    *bond = (struct crew_bond){worker, w->leader, w->trial, w->lease};
    return w->leader >= 0;
}

void crews_freed(struct crews *c, int worker)
{
    struct worker *w = &c->workers[worker];
    if (w->leader < 0)
        return;
    struct worker *leader = &c->workers[w->leader];
    if (leader->leads == w->lease) {
        leader->helpers--;
        leader->lost += !w->leaving;
    }
    c->helping--;
    c->leaving -= w->leaving;
    w->leader = -1;
    w->leaving = false;
}

bool crews_lost(struct crews *c, int worker, struct crew_bond *bond)
{
    struct worker *w = &c->workers[worker];
    w->placed = false;
    if (!crews_bond(c, worker, bond))
        return false;
    bool current = c->workers[w->leader].leads == w->lease;
    crews_freed(c, worker);
    return current;
}

static bool can_help_at_all(const struct crews *c)
{
    return c->policy.workers_per_trial != 1 && c->count > 1;
}

void crews_look(struct crews *c, const struct trial_table *table, double now)
{
    c->leave_at = c->join_at = 0;
    c->looked = now;
    if (!can_help_at_all(c))
        return;
    for (int i = 0; i < c->count; i++) {
        struct worker *w = &c->workers[i];
        uint32_t leads = trial_table_computing(table, i).lease;
        if (leads == w->leads)
            continue;
        w->leads = leads;
        w->since = now;
        w->helpers = w->lost = 0;
    }
}

/* Trials that wait for a worker, beyond the helpers who will be free soon. */
static bool trials_wait(const struct crews *c, const struct trial_table *table)
{
    return c->policy.workers_per_trial == 0 && !trial_table_stopping(table) &&
           trial_table_count(table, TRIAL_QUEUED) > c->leaving;
}

/* All whose lease is over come first: they may be enough for the trials that wait. */
bool crews_next_to_leave(struct crews *c, const struct trial_table *table,
                         struct crew_bond *bond)
{
    for (; c->helping > c->leaving && c->leave_at < 2 * c->count; c->leave_at++) {
        int worker = c->leave_at % c->count;
        struct worker *w = &c->workers[worker];
        if (w->leader < 0 || w->leaving)
            continue;
        bool over = c->workers[w->leader].leads != w->lease;
        if (!over && (c->leave_at < c->count || !trials_wait(c, table)))
            continue;
        w->leaving = true;
        w->told = c->looked;
        c->leaving++;
        return crews_bond(c, worker, bond);
    }
    return false;
}

bool crews_overdue(const struct crews *c, int worker, double now, double limit_s)
{
    const struct worker *w = &c->workers[worker];
    return w->leaving && now - w->told > limit_s;
}

static bool may_have_helper(const struct crews *c, const struct worker *leader,
                            double now)
{
    int each = c->policy.workers_per_trial;
    int most = each > 0 ? each - 1 : CREW_MOST;
    return leader->leads != 0 && leader->placed && leader->helpers < most &&
           leader->helpers < CREW_MOST && leader->lost < c->policy.attempts &&
           (each > 0 || now - leader->since >= c->policy.settle_s);
}

/* The one with the fewest helpers, rather on the same node. */
static int find_leader(const struct crews *c, const struct worker *helper, double now)
{
    enum { FAR = 3 }; /* another node weighs as much as so many helpers */
    int best = -1, least = 0;
    for (int i = 0; i < c->count; i++) {
        const struct worker *w = &c->workers[i];
        int weight = w->helpers + (w->node == helper->node ? 0 : FAR);
        if (!may_have_helper(c, w, now) || w->numerics != helper->numerics)
            continue;
        if (best < 0 || weight < least) {
            best = i;
            least = weight;
        }
    }
    return best;
}

/* Idle for good: nothing waits that it could have instead. */
static bool is_idle(const struct crews *c, const struct trial_table *table, int worker)
{
    const struct worker *w = &c->workers[worker];
    return w->placed && w->leader < 0 && trial_table_is_here(table, worker) &&
           trial_table_held(table, worker) == 0;
}

bool crews_next_to_join(struct crews *c, const struct trial_table *table, double now,
                        struct crew_bond *bond)
{
    if (!can_help_at_all(c) || trial_table_stopping(table) ||
        (c->policy.workers_per_trial == 0 &&
         trial_table_count(table, TRIAL_QUEUED) > 0))
        return false;
    for (; c->join_at < c->count; c->join_at++) {
        struct worker *w = &c->workers[c->join_at];
        if (!is_idle(c, table, c->join_at))
            continue;
        int leader = find_leader(c, w, now);
        if (leader < 0)
            continue;
        w->leader = leader;
        w->lease = c->workers[leader].leads;
        w->trial = trial_table_computing(table, leader).trial;
        c->workers[leader].helpers++;
        c->helping++;
        return crews_bond(c, c->join_at, bond);
    }
    return false;
}

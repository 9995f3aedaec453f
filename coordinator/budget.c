#include "coordinator/budget.h"

static const double slack = 1.15;  /* an epoch may take so much longer than expected */
static const double ending_s = 10; /* for the last results and the end of the run */

const char *budget_limit_name(enum budget_limit limit)
{
    static const char *const names[] = {"", "sweep.epochs", "sweep.wall_time",
                                        "the allocation's time"};

    return names[limit];
}

double budget_ran_s(const struct budget *budget, double now)
{
    return budget->ran_s + (now - budget->begun);
}

enum budget_limit budget_check(const struct budget *budget, int64_t running,
                               double epoch_s, double now)
{
    double needed = slack * epoch_s;

    if (budget->epochs > 0 && budget->used + running >= budget->epochs)
        return LIMIT_EPOCHS;
    if (budget->wall_s > 0 && budget_ran_s(budget, now) + needed >= budget->wall_s)
        return LIMIT_WALL_TIME;
    return now + needed + ending_s >= budget->end ? LIMIT_ALLOCATION : LIMIT_NONE;
}

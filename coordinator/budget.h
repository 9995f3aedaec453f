/* How much a run may still begin: the limits of its job, and the end of its allocation.
 *
 * Pure. An epoch that could not end in time is not begun. */
#ifndef COORDINATOR_BUDGET_H
#define COORDINATOR_BUDGET_H

#include <stdint.h>

enum budget_limit {
    LIMIT_NONE,
    LIMIT_EPOCHS,     /* sweep.epochs are used up */
    LIMIT_WALL_TIME,  /* sweep.wall_time is */
    LIMIT_ALLOCATION, /* the time that Slurm gives: another start may go on */
};
const char *budget_limit_name(enum budget_limit limit); /* "sweep.epochs" */

struct budget {
    int64_t epochs; /* of all trials, at most; 0: no limit */
    int64_t used;   /* epochs that trials have reported */
    double wall_s;  /* of all starts, at most; 0: no limit */
    double ran_s;   /* until begun, in earlier starts */
    double begun;   /* when this start began */
    double end;     /* when it must be over, by the same clock; infinity: never */
};

/* Whether one more epoch may begin now that is expected to take epoch_s (0: not known)
 * while `running` are under way: LIMIT_NONE, or what is in the way. */
enum budget_limit budget_check(const struct budget *budget, int64_t running,
                               double epoch_s, double now);
/* Seconds of all starts together. */
double budget_ran_s(const struct budget *budget, double now);

#endif

/* What the rules of scheduler.h share: trials, units, and what a rule decides. */
#ifndef COORDINATOR_SCHEDULER_PARTS_H
#define COORDINATOR_SCHEDULER_PARTS_H

#include "common/digest_map.h"
#include "coordinator/scheduler.h"
#include "coordinator/scheduler/heap.h"

enum phase {
    PHASE_ABSENT, /* not added */
    PHASE_NEW,    /* never granted */
    PHASE_RUNNING,
    PHASE_PAUSED,
    PHASE_STOPPED, /* by a verdict */
    PHASE_ENDED,
};

struct scheduled {
    int64_t unit;
    int64_t next_member;    /* of its unit; 0: none */
    int64_t next, previous; /* in the queue; 0: none */
    double score;           /* of its last report, -infinity for NaN */
    int epoch;              /* the last that it has reported */
    uint8_t phase;
    bool queued, failed;
    bool loser; /* PBT: to be replaced */
};

struct unit {
    int64_t first, last; /* members in the order of their numbers */
    int members, added, ended;
    int task;
    struct ladder *ladder; /* of asha and hyperband: see rungs.h */
    int rung;              /* where it goes to, or waits */
    int arrived;           /* so many members: there, or ended */
    bool waiting;          /* it is judged, and not promoted */
};

struct scheduler_rule;

struct scheduler {
    struct scheduler_plan plan;
    const struct scheduler_rule *rule;
    void *own; /* the rule's */
    struct scheduled *trials;
    int64_t trial_count, trial_room; /* from 1 */
    struct unit *units;
    int64_t unit_count, unit_room; /* from 1 */
    struct digest_map unit_numbers;
    int64_t new_trials;  /* in PHASE_NEW */
    int64_t first, last; /* queue of paused trials whose next move is decided */
    bool complete;
};

/* Functions that return int return 0 or ERR_MEMORY unless said otherwise. */
struct scheduler_rule {
    int (*open)(struct scheduler *s); /* makes s->own */
    void (*close)(struct scheduler *s);
    int (*unit_added)(struct scheduler *s, int64_t unit);
    /* After its epoch and score have changed: may pause or stop it. */
    int (*reported)(struct scheduler *s, int64_t trial, int epoch_before);
    /* A paused trial is to go on: whether it may. Leaves its phase alone. */
    bool (*resumed)(struct scheduler *s, int64_t trial);
    /* Its phase is PHASE_ENDED already; it is in the queue no more. */
    int (*ended)(struct scheduler *s, int64_t trial, enum phase before,
                 bool was_queued);
    int (*forked)(struct scheduler *s, int64_t trial); /* NULL: no rule of forks */
    int (*completed)(struct scheduler *s);
    struct scheduler_step (*next)(const struct scheduler *s);
    int (*rung)(const struct scheduler *s, int64_t trial);
    int (*until)(const struct scheduler *s, int64_t trial); /* the last epochs, or 0 */
    int (*bracket)(const struct scheduler *s, int64_t trial);
    int (*rung_epochs)(const struct scheduler *s, int bracket, int rung);
};
extern const struct scheduler_rule scheduler_none, scheduler_asha, scheduler_hyperband,
    scheduler_median, scheduler_pbt;

struct unit *scheduler_unit(const struct scheduler *s, int64_t trial);
void scheduler_enqueue(struct scheduler *s, int64_t trial);
void scheduler_dequeue(struct scheduler *s, int64_t trial);
/* NaN ranks last. */
double scheduler_score(double score);

/* What the rule that does nothing does; parts of it serve others. */
int scheduler_unit_ignored(struct scheduler *s, int64_t unit);
int scheduler_complete_ignored(struct scheduler *s);
bool scheduler_resumed_anyway(struct scheduler *s, int64_t trial);
struct scheduler_step scheduler_no_step(const struct scheduler *s);
int scheduler_no_rung(const struct scheduler *s, int64_t trial);
int scheduler_one_bracket(const struct scheduler *s, int64_t trial);
int scheduler_no_rung_epochs(const struct scheduler *s, int bracket, int rung);

#endif

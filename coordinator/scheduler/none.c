/* The rule that lets every trial train to its end. */
#include "coordinator/scheduler/parts.h"

static int none_open(struct scheduler *s)
{
    (void)s;
    return 0;
}

static void none_close(struct scheduler *s) { (void)s; }

int scheduler_unit_ignored(struct scheduler *s, int64_t unit)
{
    (void)s, (void)unit;
    return 0;
}

static int none_reported(struct scheduler *s, int64_t trial, int epoch_before)
{
    (void)s, (void)trial, (void)epoch_before;
    return 0;
}

bool scheduler_resumed_anyway(struct scheduler *s, int64_t trial)
{
    (void)s, (void)trial;
    return true;
}

static int none_ended(struct scheduler *s, int64_t trial, enum phase before,
                      bool was_queued)
{
    (void)s, (void)trial, (void)before, (void)was_queued;
    return 0;
}

int scheduler_complete_ignored(struct scheduler *s)
{
    (void)s;
    return 0;
}

struct scheduler_step scheduler_no_step(const struct scheduler *s)
{
    (void)s;
    return (struct scheduler_step){.move = MOVE_NONE};
}

int scheduler_no_rung(const struct scheduler *s, int64_t trial)
{
    (void)s, (void)trial;
    return -1;
}

static int none_until(const struct scheduler *s, int64_t trial)
{
    (void)s, (void)trial;
    return 0;
}

int scheduler_one_bracket(const struct scheduler *s, int64_t trial)
{
    (void)s, (void)trial;
    return 0;
}

int scheduler_no_rung_epochs(const struct scheduler *s, int bracket, int rung)
{
    (void)s, (void)bracket, (void)rung;
    return 0;
}

const struct scheduler_rule scheduler_none = {
    .open = none_open,
    .close = none_close,
    .unit_added = scheduler_unit_ignored,
    .reported = none_reported,
    .resumed = scheduler_resumed_anyway,
    .ended = none_ended,
    .completed = scheduler_complete_ignored,
    .next = scheduler_no_step,
    .rung = scheduler_no_rung,
    .until = none_until,
    .bracket = scheduler_one_bracket,
    .rung_epochs = scheduler_no_rung_epochs,
};

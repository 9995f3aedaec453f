/* What the coordinator must not lose: every report, result and end of a lease, written
 * to the journal, with what is large in segments.
 *
 * Nothing here waits for the disk but ledger_open() and ledger_flush(): what is
 * recorded lasts once ledger_turn() says so, and only then may it be acknowledged. When
 * a call has failed, nothing more may be recorded. */
#ifndef COORDINATOR_LEDGER_H
#define COORDINATOR_LEDGER_H

#include "common/protocol.h"
#include "coordinator/findings.h"
#include "coordinator/records.h"
#include "coordinator/steering.h"
#include "coordinator/trial_list.h"
#include "coordinator/trial_table.h"
#include "storage/journal.h"

/* What earlier starts have left of a trial. */
struct ledger_past {
    enum trial_state state; /* never running: that is queued again */
    int epochs;             /* reported */
    int granted_epochs;     /* asked for when it was last handed out */
    uint32_t lease;         /* the last one */
    uint16_t attempts;
    uint16_t losses; /* workers lost with it since its last report */
};

struct ledger;

/* Starts a journal and puts into findings what those before it hold; list has all
 * their trials, and may have more. Borrows both. steering, which is told what has
 * happened, and end: may be NULL. */
int ledger_open(struct ledger **out, const char *run_dir, const struct trial_list *list,
                struct findings *findings, struct steering *steering,
                struct journal_end *end, struct error *err);
/* The same without starting anything: what there is can be asked for, nothing recorded.
 */
int ledger_read(struct ledger **out, const char *run_dir, const struct trial_list *list,
                struct findings *findings, struct steering *steering,
                struct journal_end *end, struct error *err);
/* The list has more trials than it had. ERR_MEMORY. */
int ledger_grow(struct ledger *ledger, struct error *err);
/* A configuration that is new in it, known by key, with its trials from first_new on:
 * after ledger_grow(). */
int ledger_added(struct ledger *ledger, struct digest key, int64_t first_new,
                 struct error *err);
/* A trial that goes on from parent's checkpoint in loser's place, which needs its own
 * no more: after ledger_grow(). key: of its configuration. ERR_INPUT, with nothing
 * recorded: that checkpoint cannot be read. */
struct ledger_fork {
    int64_t trial, parent, loser;
    int epoch;
    struct digest key;
};
int ledger_forked(struct ledger *ledger, const struct ledger_fork *fork,
                  struct error *err);
void ledger_close(struct ledger *ledger); /* what was not committed is lost */

struct ledger_past ledger_past(const struct ledger *ledger, int64_t trial);

/* How the trials so far were computed: numerics of the last report before this start;
 * NULL: there is none. */
const char *ledger_numerics(const struct ledger *ledger);

/* Seconds that all starts before this one have run. */
double ledger_ran_s(const struct ledger *ledger);
/* What is recorded from now on happens at this time of the wall's clock, after all
 * starts together ran so long. */
void ledger_clock(struct ledger *ledger, double unix_s, double ran_s);

/* Queues trials again that have failed or were given up: those wanted (trials) by this
 * start's job, without the workers that were lost with them. Recorded, so that later
 * starts know; before ledger_restore(). count: how many. */
int ledger_retry(struct ledger *ledger, const bool *wanted, int64_t *count,
                 struct error *err);

/* Puts every trial where it goes on, or waits as steering says. wanted (trials): of
 * this start's job; one that it is not to run stays as it is, one that is done and now
 * has more epochs goes on. */
void ledger_restore(const struct ledger *ledger, const bool *wanted,
                    const struct steering *steering, struct findings *findings,
                    struct trial_table *table);

/* The job of this start; trials of list from first_new on are recorded with it, and
 * configurations that are new or have new settings: changed (config_count). */
struct ledger_job {
    struct digest encoder;
    const struct record_task *tasks; /* in the order of their numbers */
    int task_count;
    const char *text; /* resolved */
    int64_t first_new;
    const bool *changed;
    const struct digest *keys; /* (config_count) of the configurations */
};
int ledger_job(struct ledger *ledger, const struct ledger_job *job, struct error *err);

/* Each is called after trial_table and findings have accepted it. */
int ledger_grant(struct ledger *ledger, struct trial_lease lease, int epochs,
                 const struct findings_grant *grant, struct error *err);
int ledger_report(struct ledger *ledger, const struct report *report,
                  struct error *err);
/* dropped: trials whose outputs are no longer kept. */
int ledger_result(struct ledger *ledger, const struct result *result,
                  const struct findings_dropped *dropped, struct error *err);
int ledger_left(struct ledger *ledger, int64_t trial, uint32_t lease,
                enum trial_state state, int losses, const char *text,
                struct error *err);
int ledger_end(struct ledger *ledger, int exit_code, int64_t done, int64_t given_up,
               int64_t left, struct error *err);

/* The latest checkpoint, appended to out; nothing where there is none. */
int ledger_checkpoint(struct ledger *ledger, int64_t trial, struct bytes *out,
                      struct error *err);

/* Reads every checkpoint that may be needed; count: how many. ERR_INPUT: one is
 * damaged. */
int ledger_try_checkpoints(struct ledger *ledger, int64_t *count, struct error *err);

/* Starts a commit where there is something to commit and none is under way. 1: one has
 * landed since the last call. Never waits. ERR_IO: the disk, or another coordinator has
 * taken over. */
int ledger_turn(struct ledger *ledger, struct error *err);
/* Waits until all that was recorded lasts. */
int ledger_flush(struct ledger *ledger, struct error *err);
/* Tickets count what is recorded: of the last, and of the last that lasts. */
uint64_t ledger_ticket(const struct ledger *ledger);
uint64_t ledger_committed(const struct ledger *ledger);
/* Whether this is still the coordinator of the run directory: 0, or the reason. */
int ledger_check(const struct ledger *ledger, struct error *err);

#endif

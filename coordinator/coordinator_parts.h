/* Private to the coordinator's sources: its state, and what messages do to it. */
#ifndef COORDINATOR_COORDINATOR_PARTS_H
#define COORDINATOR_COORDINATOR_PARTS_H

#include "common/channels.h"
#include "coordinator/budget.h"
#include "coordinator/coordinator.h"
#include "coordinator/crews.h"
#include "coordinator/ledger.h"
#include "coordinator/progress.h"
#include "coordinator/publisher.h"
#include "coordinator/staging.h"
#include "coordinator/steering.h"
#include "coordinator/tally.h"

struct member {
    char host[PROTOCOL_NAME + 1], numerics[64];
    bool joined, gone, dismissed;
    int64_t pid; /* on this host, so that its end is seen at once; 0: on another */
    struct progress_share share;
    double since;         /* it began what it computes */
    uint64_t microshards; /* computed, as it says */
    double moved;         /* when that last changed */
    bool fetches;         /* has asked for files, or said that it has them */
};

/* An acknowledgement that waits for its commit; of a result, nobody asks for it. */
struct owed {
    uint64_t ticket;
    int worker; /* -1: of a result */
    struct receipt receipt;
};

struct coordinator {
    const struct coordinator_order *order;
    const struct job_spec *spec;
    const struct trial_list *list;
    struct ledger *ledger;
    struct digest *inits; /* (configurations) of their init files; zero: none */
    struct owed *owed;    /* from owed_first on, in the order of their tickets */
    size_t owed_first, owed_count, owed_capacity;
    struct channels *channels;
    struct trial_table *table;
    struct steering *steering;
    struct budget budget;
    enum budget_limit limit; /* in the way of what was to begin last */
    double row_s;            /* a worker's seconds a training example; 0: not known */
    struct tally tally;
    struct profile_sum *profile; /* NULL: nobody measures */
    struct findings *findings;
    struct publisher *publisher;
    struct staging *staging; /* NULL: workers read the files themselves */
    struct member *members;  /* (workers) */
    const struct member *first_joined;
    struct crews *crews;
    double crews_looked; /* at whom helps whom */
    bool crews_due;      /* something may have changed that */
    bool requeued;       /* trials that idle workers could have */
    int stops_seen;
    double leave_at;   /* whether workers have answered or not; 0: not yet known */
    bool left_running; /* not all had */
    bool changed;      /* since the last snapshot */
    bool unwritten;    /* why the results could not be written has been said */
    bool broken;       /* results cannot be written, or nobody is left to work */
    bool unrecorded;   /* the journal cannot be written: what comes is not kept */
    bool closed;       /* what waits does not go on: the run is complete */
    bool deposed;      /* the run directory is not ours any more */
    struct progress_rate rate;
    uint64_t examples; /* 0: no worker has made a step yet */
    double work_left, shown, looked;
    double turned; /* the last turn of the loop */
    double unix_s; /* and when that was */
    double lock_looked;
    double trial_s; /* what a trial takes; 0: none is done yet */
    double live_at; /* when the run's progress is to be told next */
};

/* Ends the run as soon as that is possible; the reason is logged once. */
void coordinator_give_up(struct coordinator *c, const char *why);
/* The same after a call of the ledger that failed; rc and err are its. */
void coordinator_ledger_failed(struct coordinator *c, const struct error *err);
/* Sends what is owed and lasts by now. */
void coordinator_send_receipts(struct coordinator *c);
/* Results that are counted as done, but were not committed. */
int64_t coordinator_unlasting_results(const struct coordinator *c);
/* Whether the trial may begin its next epoch; if not, c->limit says what is in the way.
 * running: trials under way besides. */
bool coordinator_may_begin(struct coordinator *c, int64_t trial, int64_t running,
                           double now);
/* Training examples that this start has to do for a trial, if it does not end early. */
double coordinator_work_of(const struct coordinator *c, int64_t trial);
/* The same of all trials, as far as the workers have told. */
double coordinator_examples_left(const struct coordinator *c);
/* Tells those who look on how the run is, now and then. */
void coordinator_tell_progress(struct coordinator *c, double now);
/* Adds the configuration that the search has next, if it has one
 * (coordinator_growth.c).
 */
void coordinator_propose(struct coordinator *c);
/* A trial that goes on from another one's state in a paused one's place. */
void coordinator_fork(struct coordinator *c, const struct scheduler_step *step);
/* The worker's trials are handed out again; nothing more is heard of it. */
void coordinator_member_gone(struct coordinator *c, int worker, const char *why);
/* Training examples of an epoch of the trial, and how many epochs it is to have. */
double coordinator_rows_of(const struct coordinator *c, int64_t trial);
int coordinator_epochs_of(const struct coordinator *c, int64_t trial);
/* Gives a worker its next trials, if it has few and there are any. */
void coordinator_grant_next(struct coordinator *c, int worker, double now);
/* Gives every idle worker a trial, as long as there are any. */
void coordinator_grant_all(struct coordinator *c, double now);
void coordinator_send(struct coordinator *c, int worker, struct bytes *message);
void coordinator_send_stop(struct coordinator *c, int worker, struct stop stop);
/* Crews (coordinator_crews.c): who has joined, */
void coordinator_crew_place(struct coordinator *c, int worker);
/* who is gone, */
void coordinator_crew_lost(struct coordinator *c, int worker);
/* a word about a trial that the worker helps with: it is free then (true), */
bool coordinator_crew_freed(struct coordinator *c, int worker, uint64_t trial,
                            uint32_t lease);
/* and who is to leave or to join now. */
void coordinator_crew_turn(struct coordinator *c, double now);
/* Takes in what has arrived, but not for ever; true where there was something. */
bool coordinator_receive(struct coordinator *c, double now);
/* Tells the workers to leave what they compute. */
void coordinator_stop_running(struct coordinator *c);
void coordinator_send_farewell(struct coordinator *c, int worker, const char *text);

/* cluster.stage. */
int coordinator_stage_init(struct coordinator *c, struct error *err);
void coordinator_stage_announce(struct coordinator *c, int worker);
/* Sends a part that was read and begins to read the next; *busy: there is more. */
void coordinator_stage_turn(struct coordinator *c, bool *busy);
int coordinator_on_fetch(struct coordinator *c, int worker,
                         const struct channel_event *event, struct error *err);
int coordinator_on_staged(struct coordinator *c, int worker,
                          const struct channel_event *event, struct error *err);

#endif

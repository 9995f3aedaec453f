/* Private to the sources of the ledger. */
#ifndef COORDINATOR_LEDGER_PARTS_H
#define COORDINATOR_LEDGER_PARTS_H

#include "coordinator/ledger.h"
#include "storage/committer.h"
#include "storage/segments.h"

#include <pthread.h>

/* Of one trial. */
struct ledger_entry {
    struct segment_ref checkpoint, outputs;
    struct ledger_past past;
};

/* What a replay needs to know of a trial besides. */
struct ledger_seen {
    const char *numerics; /* of its last grant */
    int64_t step, tokens; /* of its last report */
};

struct ledger {
    const struct trial_list *list;
    struct journal *journal;
    struct segments *checkpoints, *outputs;
    struct committer *committer;
    int64_t trials;               /* of the list, when it was last looked at */
    struct ledger_entry *entries; /* (trials) */
    pthread_mutex_t lock;         /* of their outputs: read on the publisher's thread */
    struct bytes scratch;
    uint64_t target, committed; /* tickets: of the commit under way, of the last one */
    struct digest_map names;    /* texts of hosts and numerics, kept once */
    char **texts;
    int text_count;
    const char *numerics; /* of the last report before this start; NULL: none */
    struct record_clock clock, recorded; /* now, and in the journal */
};

/* A findings_store's read. */
int ledger_read_outputs(void *arg, int64_t trial, struct bytes *scratch,
                        struct result *out, struct error *err);
/* The configuration of a trial. */
const struct trial_list_config *ledger_config_of(const struct ledger *ledger,
                                                 int64_t trial);
/* The end of an append to the journal: memory is looked at here alone. */
int ledger_appended(struct ledger *ledger, struct error *err);
/* Their outputs are not kept any more; with a journal only. */
int ledger_dropped(struct ledger *ledger, const struct findings_dropped *dropped,
                   struct error *err);

/* Without a journal and segments: what ledger_open() and ledger_read() begin with. */
int ledger_new(struct ledger **out, const struct trial_list *list, struct error *err);
int ledger_open_segments(struct ledger *ledger, const char *run_dir, struct error *err);

/* The journal_visit of a start; findings and entries are filled. */
struct ledger_replay {
    struct ledger *ledger;
    struct findings *findings;
    struct steering *steering;             /* NULL: nobody wants to know */
    struct ledger_seen *seen;              /* (trials) */
    uint32_t last_checkpoint, last_output; /* highest segments named */
};
int ledger_replay_init(struct ledger_replay *replay, struct ledger *ledger,
                       struct findings *findings, struct error *err);
void ledger_replay_clear(struct ledger_replay *replay);
int ledger_replay_visit(void *arg, const struct frame *frame, struct error *err);
/* After the last frame: what counts is held, outputs of leaders are read. */
int ledger_replay_end(struct ledger_replay *replay, struct error *err);

#endif

/* What the compute thread tells the coordinator: messages from a trial's state. */
#ifndef WORKER_ANNOUNCE_H
#define WORKER_ANNOUNCE_H

#include "worker/mail.h"
#include "worker/profile.h"
#include "worker/trial.h"

/* Under which lease a trial is, or a worker helps with it. */
struct announced {
    uint64_t trial;
    uint32_t lease;
};

/* With a checkpoint of the trial as it is. ERR_MEMORY. */
int announce_report(struct mail *mail, const struct announced *about,
                    const struct trial *trial, const struct task *task,
                    const struct epoch_record *record, struct error *err);
void announce_result(struct mail *mail, const struct announced *about,
                     const struct trial *trial, const struct task *task,
                     const struct trial_result *result);
void announce_stopped(struct mail *mail, const struct announced *about);
void announce_failure(struct mail *mail, const struct announced *about, int status,
                      const char *text);
/* Where the time of so many threads has gone; none of them computes now. */
void announce_measured(struct mail *mail, struct profile *profiles, int threads,
                       double peak);
/* Whatever the reason is: another node may have what this one lacks. */
void announce_unfit(struct mail *mail, const char *text);

#endif

#include "cli/run_journal.h"

#include "coordinator/findings.h"
#include "coordinator/ledger.h"
#include "coordinator/steering.h"
#include "coordinator/tally.h"
#include "coordinator/trial_table.h"

#include <string.h>

static int read_into(struct run_journal *out, const struct run_setup *setup,
                     struct findings *findings, struct steering *steering,
                     struct trial_table *table, struct error *err)
{
    const struct trial_list *list = &setup->enrolment.list;
    struct ledger *ledger;
    int rc = ledger_read(&ledger, setup->dir, list, findings, steering, &out->end, err);
    if (rc)
        return rc;
    rc = ledger_try_checkpoints(ledger, &out->checkpoints, err);
    ledger_restore(ledger, setup->enrolment.wanted, steering, findings, table);
    struct tally tally = tally_of(table, setup->enrolment.wanted, list->trial_count);
    if (steering_over(steering, table))
        trial_table_close(table);
    if (!rc)
        rc = findings_snapshot(findings, table, &out->results, err);
    out->outcome = tally_outcome(&tally, table);
    out->trials = list->trial_count;
    ledger_close(ledger);
    return rc;
}

struct findings_job run_journal_job(const struct run_setup *setup)
{
    return (struct findings_job){
        .spec = &setup->spec,
        .list = &setup->enrolment.list,
        .tasks = setup->tasks,
        .encoder = &setup->encoder,
        .encoder_digest = setup->encoder_digest,
        .job_digest = setup->job_digest,
    };
}

int run_journal_read(struct run_journal *out, const struct run_setup *setup,
                     struct error *err)
{
    struct findings_job job = run_journal_job(setup);
    struct findings *findings = NULL;
    struct steering *steering = NULL;
    struct trial_policy policy = {.attempts = setup->spec.cluster.attempts};
    memset(out, 0, sizeof *out);
    int rc = findings_new(&findings, &job, err);
    if (!rc)
        rc = steering_new(&steering, job.spec, job.list, setup->enrolment.wanted,
                          setup->encoder.layers, err);
    struct trial_table *table =
        rc ? NULL : trial_table_new(job.list->trial_count, 1, policy, 0);
    if (!rc && !table)
        rc = error_set(err, ERR_MEMORY, "out of memory for the trials");
    if (!rc)
        rc = read_into(out, setup, findings, steering, table, err);
    trial_table_free(table);
    steering_free(steering);
    findings_free(findings);
    return rc;
}

void run_journal_clear(struct run_journal *journal)
{
    results_clear(&journal->results);
}

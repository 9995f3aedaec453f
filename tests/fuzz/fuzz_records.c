/* Records of a journal: the first byte is the type (0: outputs of a segment), the rest
 * the payload. What decodes encodes to the same bytes. */
#include "coordinator/records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes as NAME and encodes again. */
#define CHECK(NAME)                                                                    \
    {                                                                                  \
        struct record_##NAME m;                                                        \
        rc = record_##NAME##_get(&m, data, size, &err);                                \
        if (!rc)                                                                       \
            record_##NAME##_put(&again, &m);                                           \
        break;                                                                         \
    }

static void put_job(struct bytes *out, const struct record_job *m)
{
    struct record_task *tasks = malloc((size_t)m->tasks * sizeof *tasks);

    if (!tasks)
        abort();
    record_job_tasks(m, tasks);
    record_job_put(out, m->encoder, tasks, m->tasks, m->text);
    free(tasks);
}

static void put_trials(struct bytes *out, const struct record_trials *m)
{
    static struct trial_list_entry entries[RECORD_BATCH];

    for (int i = 0; i < m->count; i++)
        entries[i] = record_trials_entry(m, i);
    record_trials_put(out, m->first, entries, m->count);
}

static int check_job(const uint8_t *data, size_t size, struct bytes *again)
{
    struct record_job m;
    int rc = record_job_get(&m, data, size, NULL);

    if (!rc)
        put_job(again, &m);
    return rc;
}

static int check_trials(const uint8_t *data, size_t size, struct bytes *again)
{
    struct record_trials m;
    int rc = record_trials_get(&m, data, size, NULL);

    if (!rc)
        put_trials(again, &m);
    return rc;
}

static int check_outputs(const uint8_t *data, size_t size, struct bytes *again)
{
    struct result m = {0};
    int rc = record_outputs_get(&m, data, size, NULL);

    if (!rc)
        record_outputs_put(again, &m);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes again = {0};
    struct error err;
    int rc;

    if (size == 0)
        return 0;
    uint8_t type = *data++;
    size--;
    switch (type) {
    case RECORD_JOB:
        rc = check_job(data, size, &again);
        break;
    case RECORD_CONFIG:
        CHECK(config)
    case RECORD_TRIALS:
        rc = check_trials(data, size, &again);
        break;
    case RECORD_GRANT:
        CHECK(grant)
    case RECORD_REPORT:
        CHECK(report)
    case RECORD_RESULT:
        CHECK(result)
    case RECORD_LEFT:
        CHECK(left)
    case RECORD_END:
        CHECK(end)
    case RECORD_DROPPED:
        CHECK(dropped)
    default:
        rc = check_outputs(data, size, &again);
    }
    if (!rc && (again.size != size || memcmp(again.data, data, size)))
        abort();
    bytes_clear(&again);
    return 0;
}

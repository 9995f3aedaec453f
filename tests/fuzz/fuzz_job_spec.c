/* A job file, or, after a line that begins with '+', one with a --set. Whatever is
 * taken has a resolved text that is taken too and says the same; includes never are. */
#include "jobs/job_spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* libconfig 1.5 loses texts before a syntax error, so leaks are looked for only in
 * test_job_spec. */
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static void check_resolved(const struct job_spec *spec)
{
    struct job_spec again;
    struct error err;

    if (job_spec_parse(&again, "resolved", "/elsewhere", spec->resolved, NULL, 0,
                       &err) ||
        strcmp(again.resolved, spec->resolved))
        abort();
    job_spec_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *job;
    const char *set = NULL;
    struct job_spec spec;
    struct error err;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (*text == '+' && (job = strchr(text, '\n'))) {
        set = text + 1;
        *job++ = 0;
    } else {
        job = text;
    }
    if (!job_spec_parse(&spec, "job.cfg", "/jobs", job, &set, set ? 1 : 0, &err)) {
        check_resolved(&spec);
        job_spec_clear(&spec);
    }
    free(text);
    return 0;
}

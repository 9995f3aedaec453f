#include "tests/coordinator/sample_search.h"

#include "jobs/identity.h"
#include "tests/support/suite.h"

#include <stdio.h>

static void open_text(struct sample_search *out, const char *text)
{
    struct error err;

    if (job_spec_parse(&out->spec, "job.cfg", "/jobs", text, NULL, 0, &err) ||
        search_new(&out->search, &out->spec, SAMPLE_LAYERS, &err)) {
        printf("\n  refused: %s", err.text);
        CU_FAIL_FATAL("refused");
    }
}

void sample_search_open_with(struct sample_search *out, const char *training,
                             const char *sweep)
{
    char text[4096];

    snprintf(text, sizeof text,
             "encoder = \"enc\"; tasks = ( { name = \"mrpc\"; data = \"a\"; } );\n"
             "training = { %s };\nsweep = { %s };\n",
             training, sweep);
    open_text(out, text);
}

void sample_search_open(struct sample_search *out, const char *sweep)
{
    sample_search_open_with(out, "", sweep);
}

void sample_search_close(struct sample_search *sample)
{
    search_free(sample->search);
    job_spec_clear(&sample->spec);
}

bool sample_search_next(struct sample_search *sample, struct settings *out)
{
    struct error err;
    int rc = search_next(sample->search, out, &err);

    if (rc < 0) {
        printf("\n  %s", err.text);
        CU_FAIL_FATAL("refused");
    }
    return rc == 0;
}

void sample_search_reopen(struct sample_search *out, const struct sample_search *from,
                          const struct settings *proposed, int count)
{
    struct error err;

    open_text(out, from->spec.text);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL(search_restore(out->search, &proposed[i], &err), 0);
}

bool sample_search_same(const struct settings *a, const struct settings *b)
{
    struct settings x, y;

    identity_settings(&x, a, SAMPLE_LAYERS);
    identity_settings(&y, b, SAMPLE_LAYERS);
    return digest_equal(identity_settings_key(&x), identity_settings_key(&y));
}

int sample_search_repeats(const struct settings *settings, int count)
{
    int repeats = 0;

    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (sample_search_same(&settings[i], &settings[j])) {
                repeats++;
                break;
            }
    return repeats;
}

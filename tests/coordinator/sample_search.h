/* Searches of small jobs, for tests. */
#ifndef TESTS_COORDINATOR_SAMPLE_SEARCH_H
#define TESTS_COORDINATOR_SAMPLE_SEARCH_H

#include "coordinator/search.h"

enum { SAMPLE_LAYERS = 6 };

struct sample_search {
    struct job_spec spec;
    struct search *search;
};

/* sweep: what stands inside of `sweep = { … };`. Ends the test where it is refused. */
void sample_search_open(struct sample_search *out, const char *sweep);
/* The same with settings of training before it. */
void sample_search_open_with(struct sample_search *out, const char *training,
                             const char *sweep);
void sample_search_close(struct sample_search *sample);

/* False at the end; ends the test at an error. */
bool sample_search_next(struct sample_search *sample, struct settings *out);
/* The same kind of search anew, with these proposals restored. */
void sample_search_reopen(struct sample_search *out, const struct sample_search *from,
                          const struct settings *proposed, int count);

/* Whether two configurations would be one to a search. */
bool sample_search_same(const struct settings *a, const struct settings *b);
/* How many of them are equal to one before. */
int sample_search_repeats(const struct settings *settings, int count);

#endif

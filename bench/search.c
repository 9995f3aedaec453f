/* A job's search alone, for scripts that evaluate what it proposes, and its speed.
 *
 *   search JOB.cfg [path=value]...
 *
 * reads lines: `next` is answered by `PROPOSAL name=value …`, a setting for each axis,
 * or `end`; `tell PROPOSAL SCORE EPOCHS` by nothing.
 *
 *   search --time COUNT JOB.cfg [path=value]...
 *
 * prints the processor time of a proposal once COUNT are told (the median of 20),
 * scores being a bowl in the middle of the space with noise; the job must have room for
 * them. */
#include "coordinator/search.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS = 12, TIMED = 20 };

static void must(int rc, const struct error *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "search: %s\n", err->text);
    exit(1);
}

static void print_proposal(const struct job_spec *spec, int64_t number,
                           const struct settings *settings)
{
    char text[SETTINGS_PATH];

    printf("%" PRId64, number);
    for (int a = 0; a < spec->sweep.axis_count; a++) {
        const struct setting *s = spec->sweep.axes[a].setting;

        setting_format(text, sizeof text, s, setting_get(s, settings));
        printf(" %s=%s", s->name, text);
    }
    printf("\n");
    fflush(stdout);
}

static void serve(const struct job_spec *spec, struct search *search)
{
    struct settings settings;
    struct error err;
    char line[256];
    int64_t count = 0, proposal;
    double score;
    int epochs, rc;

    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "tell %" SCNd64 " %lf %d", &proposal, &score, &epochs) == 3) {
            search_tell(search, proposal, score, epochs);
            continue;
        }
        if (strcmp(line, "next\n") != 0) {
            fprintf(stderr, "search: no request: %s", line);
            exit(1);
        }
        must(rc = search_next(search, &settings, &err), &err);
        if (rc == 0)
            print_proposal(spec, count++, &settings);
        else
            printf("end\n");
        fflush(stdout);
    }
}

/* Higher towards the middle of each axis. */
static double bowl(const struct job_spec *spec, const struct settings *settings)
{
    double sum = 0;

    for (int a = 0; a < spec->sweep.axis_count; a++) {
        const struct job_axis *axis = &spec->sweep.axes[a];
        double value = setting_get(axis->setting, settings).number, at;

        if (axis->count)
            at = value != axis->values[0].number;
        else if (axis->log)
            at = log(value / axis->min) / log(axis->max / axis->min);
        else
            at = (value - axis->min) / (axis->max - axis->min);
        sum -= (at - 0.5) * (at - 0.5);
    }
    return sum + 0.01 * rand() / RAND_MAX;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double propose_and_tell(const struct job_spec *spec, struct search *search,
                               int64_t number)
{
    struct settings settings;
    struct error err;
    double took;
    clock_t begun = clock();
    int rc;

    must(rc = search_next(search, &settings, &err), &err);
    took = (double)(clock() - begun) / CLOCKS_PER_SEC;
    if (rc) {
        fprintf(stderr, "search: the space is used up\n");
        exit(1);
    }
    search_tell(search, number, bowl(spec, &settings), 1);
    return took;
}

/* Those told before are of a random search: nobody waits for thousands of proposals. */
static void measure(struct job_spec *spec, struct search *search, int64_t count)
{
    struct search *random;
    struct settings settings;
    struct error err;
    double times[TIMED];

    spec->sweep.search = SEARCH_RANDOM;
    must(search_new(&random, spec, LAYERS, &err), &err);
    for (int64_t i = 0; i < count; i++) {
        must(search_next(random, &settings, &err), &err);
        must(search_restore(search, &settings, &err), &err);
        search_tell(search, i, bowl(spec, &settings), 1);
    }
    search_free(random);
    spec->sweep.search = SEARCH_TPE;
    for (int i = 0; i < TIMED; i++)
        times[i] = propose_and_tell(spec, search, count + i);
    qsort(times, TIMED, sizeof *times, by_size);
    printf("%d axes, %" PRId64 " told: %.3f ms a proposal, at most %.3f\n",
           spec->sweep.axis_count, count, 1e3 * times[TIMED / 2],
           1e3 * times[TIMED - 1]);
}

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);

    if (!file || !text) {
        fprintf(stderr, "search: %s: cannot be read\n", path);
        exit(1);
    }
    text[fread(text, 1, (1 << 20) - 1, file)] = 0;
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    bool timed = argc > 3 && !strcmp(argv[1], "--time");
    int first = timed ? 3 : 1;
    struct job_spec spec;
    struct search *search;
    struct error err;

    if (argc <= first) {
        fprintf(stderr, "usage: search [--time COUNT] JOB.cfg [path=value]...\n");
        return 2;
    }
    char *text = slurp(argv[first]);
    must(job_spec_parse(&spec, argv[first], "/", text,
                        (const char *const *)&argv[first + 1], argc - first - 1, &err),
         &err);
    must(search_new(&search, &spec, LAYERS, &err), &err);
    if (timed)
        measure(&spec, search, atoll(argv[2]));
    else
        serve(&spec, search);
    search_free(search);
    job_spec_clear(&spec);
    free(text);
    return 0;
}
